"""The last thirty days as a strip: each with a full set, a part, a damaged set, or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from textual.content import Content

from core.events import Kind
from tui.engine.views import BAD, SetView
from tui.render import text
from tui.render.text import Glyphs, assemble

DAYS: Final = 30
_WIDE: Final = 2 * DAYS - 1


class Day(StrEnum):
    """The best set of one day, or that there was none; damaged only where nothing else was."""

    FULL = "full"
    PART = "part"
    DAMAGED = "damaged"
    NONE = "none"


_STYLES: Final = {
    Day.FULL: "$text-success",
    Day.PART: "$text-accent",
    Day.DAMAGED: "bold $text-error",
    Day.NONE: "$foreground-muted",
}
_ORDER: Final = (Day.FULL, Day.PART, Day.DAMAGED)


def state_of(one: SetView) -> Day:
    """Return the role of a set for its day."""
    if one.health in BAD:
        return Day.DAMAGED
    several = any(backup.kind is None for backup in one.backups)
    return Day.FULL if several or len(one.kinds) == len(Kind) else Day.PART


def day_states(sets: Sequence[SetView], now_s: float, zone: tzinfo | None) -> tuple[Day, ...]:
    """Return the state of each of the last thirty days of the local calendar, today last."""
    today = datetime.fromtimestamp(now_s, tz=UTC).astimezone(zone).date()
    found: dict[int, Day] = {}
    for one in sets:
        day = text.moment(one.timestamp, zone).date()
        ago = (today - day).days
        if 0 <= ago < DAYS:
            states = (found.get(ago), state_of(one))
            found[ago] = next(state for state in _ORDER if state in states)
    return tuple(found.get(ago, Day.NONE) for ago in range(DAYS - 1, -1, -1))


def strip_line(states: Sequence[Day], width: int, glyphs: Glyphs) -> Content:
    """Return the strip: a cell a day, with a blank between where there is room."""
    signs = {
        Day.FULL: glyphs.day_full,
        Day.PART: glyphs.day_part,
        Day.DAMAGED: glyphs.day_damaged,
        Day.NONE: glyphs.day_none,
    }
    gap = " " if width >= _WIDE else ""
    return assemble(*((f"{signs[state]}{gap}", _STYLES[state]) for state in states))


def dates_line(now_s: float, zone: tzinfo | None, width: int) -> Content:
    """Return the dates below the strip: its first day, its middle, today."""
    step = 2 if width >= _WIDE else 1
    today = datetime.fromtimestamp(now_s, tz=UTC).astimezone(zone).date()
    line = ""
    for ago in (DAYS - 1, DAYS // 2 - 1, 0):
        day = today - timedelta(days=ago)
        words = f"{day.day} {text.MONTHS[day.month - 1]}"
        at = (DAYS - 1 - ago) * step
        if ago == 0:
            at = max(len(line) + 1, at + 1 - len(words))
        line = f"{line:<{at}}{words}"
    return assemble((line, "$foreground-muted"))


def newest_line(sets: Sequence[SetView], now_s: float) -> Content:
    """Return how old the newest set is that holds everything and was read again."""
    good = [
        one.timestamp
        for one in sets
        if state_of(one) is Day.FULL and one.health in ("verified", "sound")
    ]
    if not good:
        return assemble(("no full set has been read again", "$text-warning"))
    return assemble("newest verified full set: ", (text.age(max(good), now_s), "bold"))


def legend(glyphs: Glyphs) -> str:
    """Return the meaning of the signs."""
    return (
        f"{glyphs.day_full} full  {glyphs.day_part} a part  "
        f"{glyphs.day_damaged} damaged  {glyphs.day_none} none"
    )
