"""Numbers as words: sizes, times, ages and counts as both front ends show them.

The engine states bytes and seconds; only here, at the edge, do they become text, through humanize.
"""

from __future__ import annotations

import datetime as dt
import math
import time
from typing import Final

import humanize


def size(size_bytes: float) -> str:
    """Return bytes as a person reads them: `103.0 MB`."""
    return humanize.naturalsize(size_bytes, format="%.1f")


def short_size(size_bytes: float | None) -> str:
    """Return bytes in a narrow column: `103.0 MB`, `12 B`; `?` where they are not known."""
    if size_bytes is None:
        return "?"
    return size(size_bytes).replace("Bytes", "B").replace("Byte", "B")


def rate(bytes_per_s: float) -> str:
    """Return a rate: `61.2 MB/s`."""
    return f"{size(bytes_per_s)}/s"


def count(number: int) -> str:
    """Return a count with its thousands apart: `109,000`."""
    return humanize.intcomma(number)


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a count with its noun: `1 file`, `109,000 files`."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def of_all(shown: int, forgotten: int) -> str:
    """Return how many jobs are shown: `1 job`, `50 of 213 jobs`."""
    if not forgotten:
        return counted(shown, "job")
    return f"{count(shown)} of {counted(shown + forgotten, 'job')}"


def clock(seconds: float) -> str:
    """Return a running time that does not change its width: `0:02:41`."""
    whole = max(0, math.floor(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def duration(seconds: float) -> str:
    """Return a time span in words: `1.6 seconds`, `2 minutes and 41 seconds`."""
    if seconds < 10:
        return f"{seconds:.1f} seconds"
    return humanize.precisedelta(dt.timedelta(seconds=round(seconds)), format="%d")


def short_duration(seconds: float | None) -> str:
    """Return a time span in a narrow column: `0:05`, `12:58`, `1:02:03`; `?` if not known."""
    if seconds is None:
        return "?"
    whole = max(0, int(seconds))
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def roughly(seconds: float) -> str:
    """Return a time span as an estimate: `3 minutes`."""
    return humanize.naturaldelta(dt.timedelta(seconds=math.ceil(seconds)))


_UNITS: Final = ("day", "hour", "minute", "second")
_MONTH: Final = 30  # days, about
_YEAR: Final = 365


def _passed(then_s: float, now_s: float) -> tuple[int, int, int, int]:
    """Return the whole days since a moment, and the hours, minutes and seconds beyond them.

    The one way to round an age: down, as a clock does. A moment to come has passed 0.
    """
    seconds = max(0, math.floor(now_s - then_s))
    return seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60, seconds % 60


def is_to_come(then_s: float, now_s: float) -> bool:
    """Tell whether a moment is in the future, and not by the error of a clock."""
    return then_s > now_s + 60


def age(then_s: float, now_s: float) -> str:
    """Return how long ago a moment was: `3 hours ago`; a moment to come is `in the future`.

    It is the largest unit of `short_age`.
    """
    if is_to_come(then_s, now_s):
        return "in the future"
    passed = _passed(then_s, now_s)
    if passed[0] >= _YEAR:
        years, months = passed[0] // _YEAR, passed[0] % _YEAR // _MONTH
        rest = f", {counted(months, 'month')}" if months else ""
        return f"{counted(years, 'year') if rest else _a(years, 'year')}{rest} ago"
    if passed[0] >= _MONTH:
        return f"{_a(passed[0] // _MONTH, 'month')} ago"
    found = ((number, unit) for number, unit in zip(passed, _UNITS, strict=True) if number)
    number, unit = next(found, (0, "second"))
    return f"{_a(number, unit)} ago"


def _a(number: int, unit: str) -> str:
    if number != 1:
        return counted(number, unit)
    return f"{'an' if unit == 'hour' else 'a'} {unit}"


_LONG_AGO = 1000  # days


def short_age(then_s: float, now_s: float) -> str:
    """Return how long ago in a narrow column: `18 min`, `3 h 5 m`, `1 d 8 h`, `34 d`, `5 y`."""
    if is_to_come(then_s, now_s):
        return "to come"
    days, hours, minutes, _seconds = _passed(then_s, now_s)
    if days >= _LONG_AGO:
        return f"{days * 4 // 1461} y"
    if days:
        return f"{days} d {hours} h" if days < 10 and hours else f"{days} d"
    if hours:
        return f"{hours} h {minutes} m" if hours < 10 and minutes else f"{hours} h"
    return f"{minutes} min" if minutes else "now"


def zone() -> str:
    """Return the name of the local time zone: `CET/CEST`, `UTC`."""
    return "/".join(dict.fromkeys(time.tzname if time.daylight else time.tzname[:1]))


def moment(then_s: float, *, named: bool = False) -> str:
    """Return a moment in the local time of the machine: `2026-11-23 03:36:40`.

    `named`: with its zone, where no other line names that.
    """
    try:
        local = dt.datetime.fromtimestamp(then_s, dt.UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return str(int(then_s))
    return local.strftime("%Y-%m-%d %H:%M:%S %Z" if named else "%Y-%m-%d %H:%M:%S")


def iso(then_s: float) -> str | None:
    """Return a moment as ISO 8601 in local time with its zone; None where no calendar has it."""
    try:
        local = dt.datetime.fromtimestamp(then_s, dt.UTC).astimezone()
    except (OverflowError, ValueError, OSError):
        return None
    return local.isoformat(timespec="seconds")


def percent(part: float, whole: float | None) -> str:
    """Return a share: `31 %`; nothing while the whole is unknown, and 100 % only at the end."""
    if not whole or whole < 0:
        return ""
    return f"{min(100, max(0, math.floor(100 * part / whole)))} %"
