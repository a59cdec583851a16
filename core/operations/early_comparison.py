"""The kept tables, compared under locks while the others are loaded.

    lock READ, once, the kept tables that stay locked READ until the commit
    another thread compares them with the dump       the load goes on in this one
    the load is done: wait for the comparison
    the final locks are taken; prove that the first ones stand; release them

A load of few tables does not use all processors, the making of keys only one. The comparison has
one connection until the load is done, so that it takes little from it: with two, both together took
a tenth longer. Tables that this finds to be the same were never without a lock since, so they need
no second comparison. Any obstacle means only that all tables are compared after the load.
"""

from __future__ import annotations

import threading
from collections.abc import Collection
from typing import Final

from core.database.compare.compare import compare_tables
from core.database.index.read_index import DumpIndex
from core.database.swap.table_locks import TableLocks, lock_while_loading
from core.errors import DatabaseError, MagerewindError
from core.events import Report
from core.magento.settings import DatabaseConnection

MOST_LOADED_BYTES: Final = 1 << 30
"""Rows to load up to which tables are locked meanwhile, about half a minute: programs that write
although the store is closed (cron) wait for these locks, and hold others while they do."""
LEAST_KEPT_BYTES: Final = 32 << 20
"""Rows that stay from which the comparison takes long enough to matter."""
_TICK_S: Final = 0.1


class _Stopped(Exception):
    """The comparison is not wanted any more."""


class EarlyComparison:
    """A comparison in another thread, and the locks under which it is made. Release it."""

    def __init__(self, locks: TableLocks, index: DumpIndex, settings: DatabaseConnection) -> None:
        self.locks = locks
        self._index, self._settings = index, settings
        self._same: frozenset[str] = frozenset()
        self._stop, self._hurry = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._compare, name="compare-early", daemon=True)
        self._thread.start()

    def _compare(self) -> None:
        try:
            found = compare_tables(
                self._index,
                self._settings,
                self.locks.read,
                report=self._go_on,
                hurry=self._hurry,
            )
        except (_Stopped, MagerewindError, OSError):
            return  # none is known to be the same
        self._same = found.same

    def _go_on(self, _bytes: int, _items: int, _current: str) -> None:
        if self._stop.is_set():
            raise _Stopped

    def wait(self, report: Report) -> None:
        """Return when the comparison is over; `report` is called meanwhile and may raise.

        From now on it uses all its connections.
        """
        self._hurry.set()
        while self._thread.is_alive():
            self._thread.join(_TICK_S)
            report(0, 0, "")

    def proven(self) -> frozenset[str]:
        """Return the tables that are the same and have been locked all the time; call `wait` first.

        Locks that others rely on from now on must be there already.
        """
        if not self.locks.connection.open:
            return frozenset()
        try:
            self.locks.prove()
        except DatabaseError:
            return frozenset()
        return self._same

    def release(self) -> None:
        """End the comparison and the locks; may be called again."""
        self._stop.set()
        self._thread.join()
        self.locks.release()


def begin_early(
    settings: DatabaseConnection,
    index: DumpIndex,
    kept: Collection[str],
    swapped: Collection[str],
) -> EarlyComparison | None:
    """Lock and compare kept tables from now on; None where they cannot be locked at once."""
    try:
        locks = lock_while_loading(settings, swapped, kept)
    except MagerewindError:
        return None
    return None if locks is None else EarlyComparison(locks, index, settings)
