"""The queue of the writers of a load.

A free writer takes, in this order:
    small tables and keys                           first: they hold up the reader
    the large table that this writer alone fills, while it has rows
    the table without a writer that takes longest
    of all, the one that takes longest              two writers on a table beat an idle one

Two connections that fill one table wait for each other. Of a large table only the positions of its
row statements are queued, so only their number is limited.
"""

from __future__ import annotations

import threading
from collections import deque

from msgspec import Struct, field

from core.database.load.batches import Batch, Finishing, RowStatement


class _Large(Struct):
    """A large table: its statements that wait, and the cost of those that nobody has taken."""

    left: float
    per_byte: float
    rows: deque[RowStatement] = field(default_factory=deque)


class WorkQueue:
    """Work for several takers, by numbers of their own. Any thread may call anything.

    `size`: how many pieces of other work may wait; `batch`: bytes of rows for one transaction.
    """

    def __init__(self, size: int, batch: int) -> None:
        self._size, self._batch = size, batch
        self._waiting: deque[Batch | Finishing] = deque()
        self._large: dict[str, _Large] = {}
        self._at: dict[int, str] = {}  # the large table of each taker
        self._changed = threading.Condition()
        self._unfinished = 0
        self._ended = False
        self.pending = 0  # bytes of statements of large tables that are not written yet

    def put(self, work: Batch | Finishing, timeout: float) -> bool:
        """Add work; tell whether there was room for it in time."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self._waiting) < self._size, timeout):
                return False
            self._waiting.append(work)
            self._unfinished += 1
            self._changed.notify_all()
            return True

    def note(self, row: RowStatement, table_bytes: int, cost: int) -> None:
        """Add a statement of a large table, which has so many bytes of rows.

        `cost` is the time that they take, in any unit that is the same for all tables.
        """
        with self._changed:
            new = _Large(cost, cost / max(1, table_bytes))
            large = self._large.setdefault(row.staged, new)
            large.rows.append(row)
            self._unfinished += 1
            self.pending += row.size
            self._changed.notify_all()

    def end(self) -> None:
        """Let takers have what is there, and then nothing."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def take(self, taker: int, timeout: float) -> Batch | Finishing | None:
        """Return work for a taker; None where there is none in time, or ever."""
        with self._changed:
            self._changed.wait_for(lambda: self._is_any() or self._ended, timeout)
            if self._waiting:
                work = self._waiting.popleft()
                self._changed.notify_all()
                return work
            table = self._table_for(taker)
            if table is None:
                return None
            self._at[taker] = table
            return self._rows_of(self._large[table])

    def _is_any(self) -> bool:
        return bool(self._waiting) or any(one.rows for one in self._large.values())

    def _table_for(self, taker: int) -> str | None:
        """Return the large table of which a taker gets rows."""
        ready = {name: one for name, one in self._large.items() if one.rows}
        own = self._at.get(taker)
        others = {table for number, table in self._at.items() if number != taker}
        if own in ready and own not in others:
            return own
        alone = {name: one for name, one in ready.items() if name not in others}
        return max(alone or ready, key=lambda name: ready[name].left, default=None)

    def _rows_of(self, large: _Large) -> Batch:
        batch = Batch()
        while large.rows and batch.size < self._batch:
            batch.add(large.rows.popleft())
        large.left -= batch.size * large.per_byte
        return batch

    def done(self, work: Batch | Finishing) -> None:
        """Note that work which was taken is done."""
        with self._changed:
            noted = [row for row in work.rows if row.at] if isinstance(work, Batch) else []
            self._unfinished -= len(noted) or 1
            self.pending -= sum(row.size for row in noted)
            self._changed.notify_all()

    def is_over(self) -> bool:
        """Tell whether takers have no more to wait for."""
        with self._changed:
            return self._ended and not self._is_any()

    def wait(self, timeout: float) -> bool:
        """Wait until everything is done; tell whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._unfinished, timeout)
