"""Finds sets whose time contradicts the order in which they were made.

Each set gets a number when it is made, one more than the highest there is. A set of a higher number
and an earlier time shows that the clock was off, but not for which of the two. A time is trusted if
it is part of every longest increasing sequence of times; the rest is in doubt:

number   1  2  3  4  5  6
day      1  2 30  3  4  5      the third was made by a clock that was ahead
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence

from core.backups.manifest import find_manifest
from core.backups.names import parse_name
from core.directories import Directory


def next_sequence(backups: Directory, timestamp: int) -> int:
    """Return the number of the set of this timestamp. Raises StorageError."""
    highest = 0
    for name in backups.names():
        parsed = parse_name(name)
        if parsed is None or parsed.timestamp == timestamp:
            continue
        manifest = find_manifest(backups, name).manifest
        highest = max(highest, 0 if manifest is None else manifest.sequence)
    return highest + 1


def times_in_doubt(sets: Iterable[tuple[int, int]]) -> frozenset[int]:
    """Return the times, of pairs of number and time, that contradict the order of the numbers.

    Sets without a number (0), and copies, which share one, say nothing.
    """
    pairs = set(sets)
    shared = Counter(number for number, _ in pairs)
    times = [time for number, time in sorted(pairs) if number > 0 and shared[number] == 1]
    ending = _lengths(times)
    beginning = _lengths([-time for time in reversed(times)])[::-1]
    longest = max(ending, default=0)
    places = Counter(
        end for end, begin in zip(ending, beginning, strict=True) if end + begin - 1 == longest
    )
    return frozenset(
        time
        for time, end, begin in zip(times, ending, beginning, strict=True)
        if end + begin - 1 < longest or places[end] > 1
    )


def _lengths(times: Sequence[int]) -> list[int]:
    """Return for each time the length of the longest rising row that ends with it."""
    lasts: list[int] = []  # the smallest last time of a row of each length
    found: list[int] = []
    for time in times:
        place = bisect_left(lasts, time)
        lasts[place : place + 1] = [time]
        found.append(place + 1)
    return found


__all__ = ["next_sequence", "times_in_doubt"]
