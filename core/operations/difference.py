"""The database as a difference: which tables of a dump stay, and which are loaded and swapped.

The live tables are compared with the digests of the dump's index while the store is open. The
result is a plan, not a proof: with the store closed the kept tables are held and compared again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from core.backups.catalog import Backup
from core.backups.index import open_index
from core.database.compare.compare import Compared, Verdict, compare_tables
from core.database.compare.keeping import kept_tables, may_hold
from core.database.index.read_index import DumpIndex
from core.database.load.dump_check import DumpCheck
from core.database.schema.broken_tables import broken_tables
from core.database.schema.table_names import base_tables
from core.database.server.connection import connect
from core.events import Report, no_report
from core.magento.settings import DatabaseConnection
from core.operations.findings import Finding, note, warn
from core.operations.requests import RollbackRequest

WHOLE: Final = "--whole was chosen"
# Bytes of dump a second, measured with two connections on two processors; a machine of today is
# rarely slower, and what counts is which of two ways keeps the store closed for longer.
LOADED_IN_S: Final = 40_000_000
COMPARED_IN_S: Final = 350_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """The plan for the tables of a dump. `kept` and `loaded` are in the order of the dump.

    `verdicts`: the result of the comparison for each table that is live and in the dump. `reason`:
    why nothing was compared, empty where it was. `held`: the kept tables can be locked while they
    are compared again. `undo_bytes`: the size of the tables that go aside, by the server;
    `loaded_bytes` and `kept_bytes`: the rows of the others in the dump.
    """

    kept: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    reason: str = ""
    held: bool = True
    undo_bytes: int = 0
    loaded_bytes: int = 0
    kept_bytes: int = 0

    def closed_s(self, *, load_open: bool) -> float:
        """Return for how long the store is closed, about; of the database alone."""
        load = 0.0 if load_open else self.loaded_bytes / LOADED_IN_S
        return 1.0 + load + self.kept_bytes / COMPARED_IN_S

    def of(self, verdict: str) -> tuple[str, ...]:
        """Return the tables with this verdict, by name."""
        return tuple(sorted(name for name, one in self.verdicts.items() if one == verdict))

    @property
    def fingerprint(self) -> str:
        """Names the choice of tables."""
        return f"kept {' '.join(sorted(self.kept))} loaded {' '.join(sorted(self.loaded))}"


@contextlib.contextmanager
def dump_index(backup: Backup) -> Iterator[DumpIndex | str]:
    """Give the index of a dump that its manifest vouches for, or the reason why there is none."""
    fd = open_index(backup)
    if isinstance(fd, str):
        yield fd
        return
    try:
        try:
            index: DumpIndex | str = DumpIndex(fd)
        except ValueError as error:
            index = f"its index is damaged: {error}"
        yield index
    finally:
        os.close(fd)


def find_difference(
    backup: Backup,
    check: DumpCheck,
    settings: DatabaseConnection,
    *,
    partial: bool,
    whole: bool,
    report: Report = no_report,
) -> Difference:
    """Compare the live tables with a dump. Raises DatabaseError, Cancelled (from `report`)."""
    with connect(settings) as connection:
        live = set(base_tables(connection)) - broken_tables(connection).keys()
        found = Compared(reason=WHOLE)
        if not whole:
            with dump_index(backup) as index:
                names = [name for name in check.tables if name in live]
                if isinstance(index, str):
                    found = Compared(reason=index)
                elif not check.trusted:
                    found = Compared(reason="it is not the dump of its manifest")
                else:
                    found = compare_tables(index, settings, names, report=report)
        leaving = () if partial else live - {*check.tables, *check.stays}
        kept = kept_tables(connection, check, found.same, leaving)
        sizes = connection.query(
            "SELECT TABLE_NAME, IFNULL(DATA_LENGTH, 0) + IFNULL(INDEX_LENGTH, 0)"
            " FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        )
        going = {name for name in check.tables if name not in kept} | {*leaving}
        sizes_then = {one.name: one.row_bytes for one in check.contents}
        kept_bytes = sum(sizes_then[name] for name in kept)
        return Difference(
            loaded_bytes=sum(sizes_then.values()) - kept_bytes,
            kept_bytes=kept_bytes,
            kept=tuple(name for name in check.tables if name in kept),
            loaded=tuple(name for name in check.tables if name not in kept),
            verdicts=found.verdicts,
            reason=found.reason,
            held=may_hold(connection),
            undo_bytes=sum(int(size) for name, size in sizes if name in going),
        )


class Comparing:
    """A comparison that is made when it is called; `found` holds its result."""

    def __init__(
        self,
        request: RollbackRequest,
        backup: Backup,
        check: DumpCheck,
        settings: DatabaseConnection,
        report: Report,
    ) -> None:
        self._request, self._backup, self._check = request, backup, check
        self._settings, self._report = settings, report
        self.found: Difference | None = None

    def __call__(self) -> tuple[str, ...]:
        """Compare, and return the tables that stay."""
        self.found = find_difference(
            self._backup,
            self._check,
            self._settings,
            partial=self._request.others_stay,
            whole=self._request.whole,
            report=self._report,
        )
        return self.found.kept


def difference_findings(difference: Difference) -> list[Finding]:
    """Return what limits a comparison."""
    found: list[Finding] = []
    if difference.reason and difference.reason != WHOLE:
        message = "The tables cannot be compared with this dump, so all of it is loaded: "
        found.append(note("not-compared", f"{message}{difference.reason}."))
    elif difference.kept and not difference.held:
        message = (
            "This account may not lock tables. So the tables that stay are compared once more just"
            " before the commit, and not held meanwhile."
        )
        found.append(warn("not-held", message, hint="Grant LOCK TABLES on the schema to it."))
    return found
