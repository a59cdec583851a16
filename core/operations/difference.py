"""The database as a difference: which tables of a dump stay, and which are loaded and swapped.

The live tables are compared with the digests of the dump's index while the store is open. The
result is a plan, not a proof: with the store closed the kept tables are held and compared again.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from core.backups.catalog import Backup
from core.backups.index import open_index
from core.database.compare.choose_kept import cluster_reason, kept_tables, may_hold
from core.database.compare.compare import Compared, Verdict, compare_tables
from core.database.compare.questions import other_rendering
from core.database.index.read_index import DumpIndex
from core.database.load.dump_check import DumpCheck
from core.database.schema.broken_tables import broken_tables
from core.database.schema.names import owner_of
from core.database.schema.other_stores import other_stores
from core.database.schema.table_names import base_tables
from core.database.server.connection import connect
from core.database.server.obstacles import lock_problem
from core.errors import Cancelled, MagerewindError
from core.events import Kind, Report, no_report
from core.magento.settings import DatabaseConnection
from core.operations.chosen_tables import matching_tables
from core.operations.findings import Finding, note, warn
from core.operations.requests import RollbackRequest

if TYPE_CHECKING:
    from core.operations.remote_sources import Remote

WHOLE: Final = "--whole was chosen"
# Bytes of dump a second, measured with two connections on two processors; a machine of today is
# rarely slower, and the numbers only tell which of two ways keeps the store closed for longer.
LOADED_IN_S: Final = 40_000_000
COMPARED_IN_S: Final = 350_000_000


class Difference(Struct, frozen=True, kw_only=True):
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
def dump_index(backup: Backup, remote: Remote | None = None) -> Iterator[DumpIndex | str]:
    """Give the index of a dump that its manifest vouches for, or the reason why there is none.

    That of a set elsewhere is in its manifest.
    """
    if remote is not None:
        from core.operations.remote_dump import remote_index  # noqa: PLC0415 - few need it

        with remote_index(remote.part(Kind.DB)) as found:
            yield found
        return
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


def compare_with_live(
    request: RollbackRequest,
    backup: Backup,
    settings: DatabaseConnection,
    *,
    remote: Remote | None = None,
    known: Collection[str] | None = None,
    report: Report = no_report,
) -> Compared:
    """Compare the live tables with the index of a dump, which itself was not read yet.

    `known` are the tables that a comparison of just now found to be the same. An obstacle to the
    comparison is the reason of the result. Raises Cancelled (from `report`).
    """
    if request.whole:
        return Compared(reason=WHOLE)
    if request.from_schema:
        return Compared(reason="names in it stand for another schema")
    try:
        with dump_index(backup, remote) as index:
            if isinstance(index, str):
                return Compared(reason=index)
            with connect(settings) as connection:
                live = set(base_tables(connection)) - broken_tables(connection).keys()
                names = [name for name in index.tables if name in live]
                names = _asked_for(request, names, settings.table_prefix)
                if lock_problem(connection, names) is not None:
                    return Compared(reason="another connection has locked tables")
                reason = other_rendering(index, connection) or cluster_reason(connection)
            if reason is not None:
                return Compared(reason=reason)
            if known is None:
                return compare_tables(index, settings, names, report=report)
            same = {name: Verdict.SAME for name in names if name in known}
            return Compared(verdicts={**dict.fromkeys(names, Verdict.DIFFERS), **same})
    except Cancelled:
        raise
    except MagerewindError as error:
        return Compared(reason=error.message.rstrip("."))


def _asked_for(request: RollbackRequest, names: list[str], prefix: str) -> list[str]:
    """Return those of some tables that a request is about."""
    if request.only_table and not request.with_related:
        names = list(matching_tables(request.only_table, names, prefix)[0])
    if request.exclude_table:
        left = set(matching_tables(request.exclude_table, names, prefix)[0])
        names = [name for name in names if name not in left]
    return names


def difference_of(
    check: DumpCheck, found: Compared, settings: DatabaseConnection, *, partial: bool
) -> Difference:
    """Return the plan for the tables of a dump that was checked. Raises DatabaseError."""
    with connect(settings) as connection:
        live = set(base_tables(connection)) - broken_tables(connection).keys()
        others = other_stores(connection)
        ours = {name for name in live if owner_of(name) is None and name not in others}
        leaving = () if partial else ours - {*check.tables, *check.stays}
        same = found.same & {*check.tables}
        kept = kept_tables(connection, check, same, leaving)
        sizes = connection.query(
            "SELECT TABLE_NAME, IFNULL(DATA_LENGTH, 0) + IFNULL(INDEX_LENGTH, 0)"
            " FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        )
        going = {name for name in check.tables if name not in kept} | {*leaving}
        sizes_then = {one.name: one.row_bytes for one in check.contents}
        kept_bytes = sum(sizes_then[name] for name in kept)
        return Difference(
            kept=tuple(name for name in check.tables if name in kept),
            loaded=tuple(name for name in check.tables if name not in kept),
            verdicts={name: one for name, one in found.verdicts.items() if name in check.tables},
            reason=found.reason,
            held=may_hold(connection),
            undo_bytes=sum(int(size) for name, size in sizes if name in going),
            loaded_bytes=sum(sizes_then.values()) - kept_bytes,
            kept_bytes=kept_bytes,
        )


def difference_findings(difference: Difference) -> list[Finding]:
    """Return findings on the limits of a comparison."""
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
