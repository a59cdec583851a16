"""The kept tables of a job: locked, compared again, and loaded where they differ.

    where few bytes are to be loaded: compare under locks meanwhile     early_comparison
    up to three times:
        guard the new tables that others will refer to
        lock the kept tables, in a connection of its own
        compare them with the dump under these locks   but those that were compared meanwhile
                                                       nothing differs: the locks stay until the end
        unlock; load the differing ones beside

These tables were equal to the dump at the time of the plan, with the store open. Only the
comparison under the locks counts.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from msgspec.structs import replace

from core.database.compare.choose_kept import without_relatives
from core.database.compare.compare import compare_tables
from core.database.index.read_index import DumpIndex
from core.database.schema.read_tables import read_foreign_keys
from core.database.schema.swap_file import Source, StagedTables
from core.database.server.connection import connect
from core.database.server.dialect import one_line
from core.database.swap.guards import make_guards
from core.database.swap.swap import leaving_tables
from core.database.swap.table_locks import TableLocks, lock_kept_tables
from core.errors import SwapBlocked
from core.events import Report, no_report
from core.magento.settings import DatabaseConnection
from core.operations.early_comparison import EarlyComparison, begin_early

ROUNDS: Final = 3
_SHOWN: Final = 10


class KeptTables:
    """The tables of one job that are to stay, and the index that they are held against.

    `source` is the dump that they are equal to; without an index none of them is the same.
    """

    def __init__(
        self, names: Collection[str], *, source: Source | None, index: DumpIndex | None
    ) -> None:
        self.names = frozenset(names)
        self.source, self._index = source, index
        self.hold: TableLocks | None = None
        self.begun: EarlyComparison | None = None  # until the final locks are taken

    def begin(self, settings: DatabaseConnection, swapped: Collection[str]) -> None:
        """Compare while others are loaded, from now on, where that can be; `release` ends it."""
        if self._index is not None and self.names:
            self.begun = begin_early(settings, self._index, self.names, swapped)

    def lock_and_reload(
        self,
        settings: DatabaseConnection,
        staged: StagedTables,
        load: Callable[[StagedTables, frozenset[str]], StagedTables],
        report: Report = no_report,
    ) -> StagedTables:
        """Lock the kept tables; load those that changed; return the staged tables with them.

        `load` adds all tables that are no longer kept to the staged ones. Raises SwapBlocked where
        tables keep changing.
        """
        changed = frozenset[str]()
        for number in range(1, ROUNDS + 1):
            staged = replace(staged, kept=tuple(sorted(self.names)), source=self.source)
            known = self._lock(settings, staged, report)
            changed = self.names - known - self.same(settings, report, but=known)
            if not changed:
                return staged
            self.release()
            if number == ROUNDS:
                break
            self.leave(settings, staged, changed)
            staged = load(staged, self.names)
        names = ", ".join(one_line(name) for name in sorted(changed)[:_SHOWN])
        raise SwapBlocked(
            f"These tables keep changing, although the store is closed: {names}.",
            hint="Stop what writes to them (cron, queue consumers), or load all tables: --whole",
        )

    def _lock(
        self, settings: DatabaseConnection, staged: StagedTables, report: Report
    ) -> frozenset[str]:
        """Lock the tables; return those that need no comparison any more."""
        early = self.begun
        if early is None:
            self.hold = _hold(settings, staged)
            return frozenset()
        early.wait(report)
        self.hold = _hold(settings, staged, early.locks)
        known = frozenset[str]() if self.hold is None else early.proven() & self.hold.read
        self._end_begun()
        return known & self.names

    def _end_begun(self) -> None:
        early, self.begun = self.begun, None
        if early is not None:
            early.release()

    def leave(
        self, settings: DatabaseConnection, staged: StagedTables, changed: frozenset[str]
    ) -> None:
        """Take tables out of those that stay, on MySQL with all that keys tie to them."""
        self.names -= changed
        with connect(settings) as connection:
            if not connection.server.mariadb:
                swapped = {*(one.name for one in staged.tables), *changed}
                keys = read_foreign_keys(connection)
                self.names = without_relatives(self.names, swapped, keys)

    def same(
        self,
        settings: DatabaseConnection,
        report: Report = no_report,
        *,
        rows_only: bool = False,
        but: Collection[str] = (),
    ) -> frozenset[str]:
        """Return which of the tables are as in the dump, at this moment; not asked about `but`."""
        if self._index is None or not self.names - {*but}:
            return frozenset()
        hold = self.hold
        return compare_tables(
            self._index,
            settings,
            self.names - {*but},
            report=report,
            holder=None if hold is None else hold.connection,
            held=() if hold is None else hold.write,
            rows_only=rows_only,
        ).same

    def prove(self, settings: DatabaseConnection) -> None:
        """Raise unless the tables that stay are as in the dump now that the others are swapped."""
        if self.hold is not None:
            self.hold.prove()
            return
        changed = self.names - self.same(settings, rows_only=True)
        if changed:
            names = ", ".join(one_line(name) for name in sorted(changed)[:_SHOWN])
            raise SwapBlocked(
                f"These tables changed although the store is closed: {names}.",
                hint="Stop what writes to them (cron, queue consumers), or load all tables:"
                " --whole",
            )

    def release(self) -> None:
        """Let others write to the tables again."""
        self._end_begun()
        if self.hold is not None:
            self.hold.release()
            self.hold = None


def _hold(
    settings: DatabaseConnection, staged: StagedTables, standing: TableLocks | None = None
) -> TableLocks | None:
    """Guard the new tables, then lock those that stay, some of which may be locked already."""
    with connect(settings) as connection:
        leaving = leaving_tables(connection, staged, whole=staged.whole)
    make_guards(settings, staged.short, staged.tables, leaving)
    outside = {(one.key.schema, one.key.referenced) for one in staged.wanted.foreign_keys}
    return lock_kept_tables(
        settings,
        {*(one.name for one in staged.tables), *leaving},
        staged.kept,
        outside={one for one in outside if one[0]},
        standing=standing,
    )
