"""The speed of a job, second by second, and its longest parts: a fold over its events."""

from __future__ import annotations

from collections import defaultdict, deque
from typing import Final

from core.events import Kind, Progressed, Stamped, Step, StepEnded, step_key

COLUMN_S: Final = 2.0  # of the chart
_COLUMNS: Final = 240
_NAMES: Final = 5000
_DEPTH: Final = 3  # directories of a path that tell where the time went


class Pace:
    """Bytes in each stretch of `COLUMN_S`, and the time that each table or directory took."""

    def __init__(self) -> None:
        self._columns: deque[tuple[int, int]] = deque(maxlen=_COLUMNS)  # number, bytes
        self._done: dict[str, int] = {}
        self._last: tuple[str, str, float] | None = None  # step, name, since when
        self._spent: defaultdict[str, float] = defaultdict(float)

    def take(self, stamped: Stamped) -> None:
        """Take in one event."""
        event = stamped.event
        if isinstance(event, Progressed):
            key = step_key(event.step, event.kind)
            self._moved(stamped.time_s, event.done_bytes - self._done.get(key, 0))
            self._done[key] = event.done_bytes
            self._worked(key, _name_of(event), stamped.time_s)
        elif isinstance(event, StepEnded):
            self._worked(step_key(event.step, event.kind), "", stamped.time_s)

    def _moved(self, time_s: float, moved: int) -> None:
        """Spread the moved bytes over the stretches since the last event with a number."""
        number = int(time_s / COLUMN_S)
        first = min(number, self._columns[-1][0]) if self._columns else number
        first = max(first, number - _COLUMNS)
        share = max(0, moved) // (number - first + 1)
        for at in range(first, number + 1):
            known = self._columns.pop()[1] if self._columns and self._columns[-1][0] == at else 0
            self._columns.append((at, known + share))

    def _worked(self, key: str, name: str, time_s: float) -> None:
        if self._last is not None and self._last[0] == key and self._last[1]:
            before = self._last[1]
            if before in self._spent or len(self._spent) < _NAMES:
                self._spent[before] += max(0.0, time_s - self._last[2])
        self._last = (key, name, time_s)

    def rates(self, columns: int) -> tuple[float, ...]:
        """Return bytes a second of the last `columns` stretches that are over, oldest first."""
        if len(self._columns) < 2:
            return ()
        by_number = dict(self._columns)
        last = self._columns[-1][0]  # which is not over
        first = max(self._columns[0][0], last - columns)
        return tuple(by_number.get(number, 0) / COLUMN_S for number in range(first, last))

    @property
    def slowest(self) -> tuple[str, float] | None:
        """The table or directory that took longest, and how many seconds."""
        if not self._spent:
            return None
        name = max(self._spent, key=lambda one: self._spent[one])
        return name, self._spent[name]


def _name_of(event: Progressed) -> str:
    """Return the table, or the directory of a file, that is worked on."""
    if event.step is Step.VERIFY:
        return ""  # one file from end to end
    if event.kind is Kind.DB:
        return event.current
    return "/".join(event.current.split("/")[:-1][:_DEPTH])
