"""Calendar events of systemd: checked, and those that cron can express turned into its fields.

The supported form is `[WEEKDAYS] [*-MONTH-DAY] HOUR:MINUTE` with lists, ranges and steps, and the
words `hourly`, `daily`, `weekly`, `monthly`, `yearly`. Any other form is left to systemd's parser.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

_WORDS: Final = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
}
_WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DATE: Final = re.compile(r"(?:\*-)?([^-\s]+)-([^-\s]+)")
_TIME: Final = re.compile(r"([^:\s]+):([^:\s]+)(?::0{1,2})?")
_SEARCHED_DAYS: Final = 366 * 5


class Times(Struct, frozen=True, kw_only=True):
    """Moments by the wall clock. Each field holds the matching values; Monday is weekday 0."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def after(self, moment: dt.datetime) -> Iterator[dt.datetime]:
        """Yield the moments after this one, as naive local times."""
        day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        for _ in range(_SEARCHED_DAYS):
            if day.day in self.days and day.month in self.months and day.weekday() in self.weekdays:
                for hour in sorted(self.hours):
                    for minute in sorted(self.minutes):
                        found = day.replace(hour=hour, minute=minute)
                        if found > moment:
                            yield found
            day += dt.timedelta(days=1)

    @property
    def cron(self) -> str | None:
        """The five fields of cron; None for days of the month that must be weekdays too."""
        days, weekdays = len(self.days) < 31, len(self.weekdays) < 7
        if days and weekdays:  # cron takes either
            return None
        return " ".join(
            (
                _field(self.minutes, range(60)),
                _field(self.hours, range(24)),
                _field(self.days, range(1, 32)),
                _field(self.months, range(1, 13)),
                _field(frozenset((day + 1) % 7 for day in self.weekdays), range(7)),
            )
        )


def _field(numbers: frozenset[int], every: range) -> str:
    return "*" if numbers == frozenset(every) else ",".join(map(str, sorted(numbers)))


def _numbers(text: str, every: range) -> frozenset[int]:
    """Return the numbers of one field. Raises ValueError."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step = part.partition("/")
        first, dots, last = span.partition("..")
        if not dots:
            first, dash, last = span.partition("-") if span != "*" else ("*", "", "")
            dots = dash
        start = every.start if first == "*" else int(first)
        end = every.stop - 1 if first == "*" or slash else start
        stop = int(last) if dots else end
        chosen = range(start, stop + 1, int(step) if slash else 1)
        if not chosen or chosen[0] not in every or chosen[-1] not in every:
            raise ValueError(text)
        found.update(chosen)
    return frozenset(found)


def _weekdays(text: str) -> frozenset[int]:
    found: set[int] = set()
    for part in text.lower().split(","):
        first, dots, last = part.replace("-", "..").partition("..")
        start = _WEEKDAYS.index(first[:3])
        stop = _WEEKDAYS.index(last[:3]) if dots else start
        if stop < start:
            raise ValueError(part)
        found.update(range(start, stop + 1))
    return frozenset(found)


def parse_times(text: str) -> Times | None:
    """Return the moments of a calendar event, None for one that is not understood here."""
    words = _WORDS.get(text.strip().lower(), text).split()
    weekdays, months, days = frozenset(range(7)), frozenset(range(1, 13)), frozenset(range(1, 32))
    hours, minutes = frozenset({0}), frozenset({0})
    try:
        if words and words[0][0].isalpha():
            weekdays = _weekdays(words.pop(0))
        if words and (date := _DATE.fullmatch(words[0])):
            months, days = _numbers(date[1], range(1, 13)), _numbers(date[2], range(1, 32))
            words.pop(0)
        if words and (time := _TIME.fullmatch(words[0])):
            hours, minutes = _numbers(time[1], range(24)), _numbers(time[2], range(60))
            words.pop(0)
    except (ValueError, IndexError):
        return None
    if words or not text.strip():
        return None
    return Times(minutes=minutes, hours=hours, days=days, months=months, weekdays=weekdays)


def interval_s(times: Times, now: dt.datetime) -> float:
    """Return the longest time between two of the next moments, in seconds; 0 where there are none.

    `now` is naive local time.
    """
    found: list[dt.datetime] = []
    for moment in times.after(now):
        found.append(moment)
        if len(found) > 8:
            break
    pauses = [(b - a).total_seconds() for a, b in itertools.pairwise(found)]
    return max(pauses, default=0.0)
