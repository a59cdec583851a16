"""Words, numbers and signs of the screens: pure functions from values to text.

Every text that comes from outside goes through `core.text.printable` in `clean`, the one way from
texts of a store to a terminal; nothing here is markup. Signs come from a `Glyphs`, so that a
terminal without Unicode gets ASCII; a sign is always beside a word.
"""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import Final

from msgspec import Struct
from rich.cells import cell_len, set_cell_size
from textual.content import Content

from core.events import Kind, Operation, Outcome
from core.jobs.listing import JobSummary
from core.text import numbers
from core.text.printable import printable

size = numbers.short_size
duration = numbers.short_duration
short_age = numbers.short_age

Part = str | tuple[str, str] | Content
"""Text, or text with a style. The text is shown as it is: never markup."""


class Glyphs(Struct, frozen=True, kw_only=True):
    """The signs of one terminal."""

    ok: str
    running: str
    waiting: str
    failed: str
    warning: str
    dash: str
    ellipsis: str
    crumb: str
    dot: str
    full: str
    empty: str
    on: str
    off: str
    arrow: str
    day_full: str
    day_part: str
    day_damaged: str
    day_none: str
    opened: str
    shut: str
    kept: str


UNICODE: Final = Glyphs(
    ok="✓",
    running="▶",
    waiting="·",
    failed="✗",
    warning="!",
    dash="—",
    ellipsis="…",
    crumb="»",
    dot="·",
    full="━",
    empty="─",
    on="[x]",
    off="[ ]",
    arrow="→",
    day_full="█",
    day_part="▄",
    day_damaged="x",
    day_none="·",
    opened="▾",
    shut="▸",
    kept="◆",
)
ASCII: Final = Glyphs(
    ok="*",
    running=">",
    waiting=".",
    failed="x",
    warning="!",
    dash="-",
    ellipsis="~",
    crumb=">",
    dot="-",
    full="#",
    empty="-",
    on="[x]",
    off="[ ]",
    arrow="->",
    day_full="#",
    day_part="+",
    day_damaged="x",
    day_none=".",
    opened="v",
    shut=">",
    kept="#",
)

_HALF_YEARS: Final = (
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    ("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)
MONTHS: Final = (*_HALF_YEARS[0], *_HALF_YEARS[1])

OUTCOME_WORDS: Final = {
    Outcome.DONE: "DONE",
    Outcome.WARNINGS: "DONE, with warnings",
    Outcome.FAILED: "FAILED",
    Outcome.CANCELLED: "CANCELLED",
    Outcome.REVERTED: "REVERTED",
    Outcome.CLOSED: "STORE LEFT CLOSED",
}
OUTCOME_STYLES: Final = {
    Outcome.DONE: "$text-success",
    Outcome.WARNINGS: "$text-warning",
    Outcome.FAILED: "$text-error",
    Outcome.CANCELLED: "$text-warning",
    Outcome.REVERTED: "$text-warning",
    Outcome.CLOSED: "$text-error",
}
OPERATION_WORDS: Final = {
    Operation.BACKUP: "Backup",
    Operation.ROLLBACK: "Rollback",
    Operation.UNDO: "Undo",
    Operation.DISCARD: "Discard of an undo",
    Operation.REPAIR: "Repair",
    Operation.DRILL: "Restore drill",
    Operation.UNKNOWN: "Unknown job",
}

OPERATION_SHORT: Final = {
    Operation.BACKUP: "Backup",
    Operation.ROLLBACK: "Rollback",
    Operation.UNDO: "Undo",
    Operation.DISCARD: "Discard",
    Operation.REPAIR: "Repair",
    Operation.DRILL: "Drill",
    Operation.UNKNOWN: "Unknown",
}


def clean(text: str) -> str:
    """Return the text with everything visible that a terminal could obey."""
    return printable(text)


def assemble(*parts: Part) -> Content:
    """Return one line of styled text from parts that are taken literally."""
    return Content.assemble(*(part for part in parts if part))


def lines(rows: list[Content]) -> Content:
    """Return the rows as one content."""
    return Content("\n").join(rows)


def fit(text: str, width: int, glyphs: Glyphs) -> str:
    """Return the text in exactly `width` cells: padded, or cut at the end with a sign."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    if width <= 1:
        return set_cell_size(text, max(0, width))
    return set_cell_size(text, width - 1) + glyphs.ellipsis


def fold(text: str, width: int) -> list[str]:
    """Return the whole text in rows of at most `width` cells, broken between words."""
    return [row.plain.rstrip() for row in Content(text).wrap(max(8, width))] or [""]


def fit_end(text: str, width: int, glyphs: Glyphs) -> str:
    """Return the text in at most `width` cells, cut at the beginning: the end of a path tells."""
    if cell_len(text) <= width:
        return text
    tail = text[-width:] if width > 0 else ""
    while cell_len(tail) >= width and tail:
        tail = tail[1:]
    return glyphs.ellipsis + tail


def right(text: str, width: int) -> str:
    """Return the text at the right of `width` cells."""
    return " " * max(0, width - cell_len(text)) + text


def count(number: int | None) -> str:
    """Return a number with separators."""
    return "?" if number is None else numbers.count(number)


def plural(number: int, one: str, many: str | None = None) -> str:
    """Return `1 file`, `2 files`."""
    return numbers.counted(number, one, many)


def age(then_s: float, now_s: float) -> str:
    """Return how long ago, as `3 hours ago`."""
    return "just now" if 0 <= now_s - then_s < 10 else numbers.age(then_s, now_s)


def column_size(size_bytes: int | None) -> str:
    """Return bytes in six cells: `612 MB`, `5.6 GB`, `12 B`; a dash for nothing there."""
    if size_bytes is None:
        return "-"
    value, units = float(size_bytes), ["B", "kB", "MB", "GB", "TB", "PB"]
    while value >= 999.5 and len(units) > 1:
        value, units = value / 1000, units[1:]
    whole = units[0] == "B" or value >= 9.95
    return f"{value:.0f} {units[0]}" if whole else f"{value:.1f} {units[0]}"


_FIRST_S: Final = -62_000_000_000
_LAST_S: Final = 253_300_000_000


def moment(then_s: float, zone: tzinfo | None) -> datetime:
    """Return a moment in a zone; one outside of the years 5 to 9996 becomes the nearest of them.

    The number in a file's name may be any.
    """
    then_s = min(max(then_s, _FIRST_S), _LAST_S)
    return datetime.fromtimestamp(then_s, tz=UTC).astimezone(zone)


def when(then_s: float, now_s: float, zone: tzinfo | None) -> str:
    """Return a moment in twelve cells: `27 Nov 11:38`, or with its year after eleven months."""
    at = moment(then_s, zone)
    month = MONTHS[at.month - 1]
    if abs(now_s - then_s) > 330 * 86400:
        return f"{at.day:2d} {month}  {at.year:04d}"
    return f"{at.day:2d} {month} {at.hour:02d}:{at.minute:02d}"


def clock_time(then_s: float, zone: tzinfo | None, *, seconds: bool = False) -> str:
    """Return the time of day: `11:38`, `11:38:07`."""
    return moment(then_s, zone).strftime("%H:%M:%S" if seconds else "%H:%M")


def local_time(when_s: float, zone: tzinfo | None, *, seconds: bool = False) -> str:
    """Return the local time as 2026-11-23 00:04."""
    return moment(when_s, zone).strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def zone_name(zone: tzinfo | None) -> str:
    """Return the name of the time zone of all times that are shown; None is the machine's."""
    return numbers.zone() if zone is None else zone.tzname(None) or str(zone)


def began_time(job: JobSummary, zone: tzinfo | None) -> str:
    """Return when a job began, in as many cells whether or not its journal tells."""
    return f"{'unreadable':<16}" if job.unreadable else local_time(job.began_s, zone)


def kinds_text(kinds: tuple[Kind, ...]) -> str:
    """Return the kinds in columns of their own, a dash for a missing one."""
    return " ".join(
        kind.value if kind in kinds else "-".ljust(len(kind.value)) for kind in Kind
    ).rstrip()


def bar(share: float, width: int, glyphs: Glyphs) -> str:
    """Return a bar of `width` cells; `share` is 0 to 1."""
    full = round(max(0.0, min(1.0, share)) * width)
    return glyphs.full * full + glyphs.empty * (width - full)


def job_outcome(job: JobSummary) -> str:
    """Return how a job ended, or that it has not."""
    if job.running:
        return "running"
    if job.unreadable:
        return "UNREADABLE"
    if job.interrupted:
        return "INTERRUPTED"
    return "?" if job.outcome is None else OUTCOME_WORDS[job.outcome]
