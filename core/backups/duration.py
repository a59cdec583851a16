"""Spans of the calendar as restic writes them, such as `1y5m7d2h`: parsed, shown, subtracted.

Weeks may be written too, and are seven days.

A month or a year is no fixed number of seconds, so that a span is counted back from a moment, by
the wall clock of a time zone.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Final

from msgspec import Struct

_PART: Final = re.compile(r"([0-9]{1,6})([ymwdh])", re.ASCII)
_WHOLE: Final = re.compile(r"(?:[0-9]{1,6}[ymwdh])+", re.ASCII)
_MONTHS: Final = 12
_SHOWN: Final = 40  # letters of a wrong word


class Duration(Struct, frozen=True, kw_only=True):
    """A span of years, months, days and hours; none is negative."""

    years: int = 0
    months: int = 0
    days: int = 0
    hours: int = 0

    def __bool__(self) -> bool:
        """Return whether it is any time at all."""
        return any((self.years, self.months, self.days, self.hours))

    def __str__(self) -> str:
        parts = zip((self.years, self.months, self.days, self.hours), "ymdh", strict=True)
        return "".join(f"{number}{unit}" for number, unit in parts if number) or "0h"

    def before(self, moment_s: float, zone: dt.tzinfo | None = None) -> float:
        """Return the moment this long before `moment_s`, both in unix seconds.

        Years, months and days are counted on the calendar of `zone` (None: of this machine): the
        hour of the day stays, and the 31st of a month of 30 days is the first of the next one. A
        moment before the calendar's beginning is minus infinity.
        """
        then = dt.datetime.fromtimestamp(moment_s, zone)
        months = then.year * _MONTHS + then.month - 1 - self.years * _MONTHS - self.months
        year, month = divmod(months, _MONTHS)
        if year < 1:
            return float("-inf")
        try:
            first = then.replace(year=year, month=month + 1, day=1)
            day = first + dt.timedelta(days=then.day - 1 - self.days)
            return day.timestamp() - self.hours * 3600
        except (OverflowError, ValueError):
            return float("-inf")


def excerpt(text: str) -> str:
    """Return the beginning of a word that is wrong, for a message of one line."""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def parse_duration(text: str) -> Duration:
    """Return the span that `text` names. Raises ValueError with one line."""
    cleaned = text.strip()
    if not _WHOLE.fullmatch(cleaned):
        raise ValueError(f"a duration is written as 30d or 1y5m7d2h, not {excerpt(text)!r}")
    found: dict[str, int] = {}
    for number, unit in _PART.findall(cleaned):
        found[unit] = found.get(unit, 0) + int(number)
    return Duration(
        years=found.get("y", 0),
        months=found.get("m", 0),
        days=found.get("d", 0) + 7 * found.get("w", 0),
        hours=found.get("h", 0),
    )
