"""Fetches the dump of a set in a repository: before a rollback, and further parts for its loads.

fetch      definitions from the manifest; compare; fetch the rows of the tables that differ
load       a table that stayed and changed since: its rows are fetched, in bounds
undo       the same, of tables that changed after the rollback
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from msgspec.structs import replace

from core.backups.catalog import Backup
from core.database.load.dump_check import DumpCheck
from core.database.load.offline_check import check_dump
from core.database.schema.swap_file import StagedTables
from core.errors import NothingToUndo, RepositoryError, SwapBlocked
from core.events import Kind, Report, Step, no_report
from core.operations.connection_file import needed_connection
from core.operations.context import JobContext
from core.operations.database_load import Loader, UndoLoader
from core.operations.findings import megabytes, refuse
from core.operations.kept_elsewhere import PARTIAL
from core.operations.remote_dump import PartOfDump, part_with, with_definitions, write_part
from core.operations.remote_sources import Remote, fetch_dump, space_findings
from core.operations.requests import RollbackRequest
from core.operations.rollback_plan import plan_database
from core.operations.sources import Sources

LATE_BYTES: Final = 1 << 30
"""Bytes of the dump that are read with the store closed, at most."""


def bring_dump(
    context: JobContext,
    sources: Sources,
    request: RollbackRequest,
    known: Collection[str] | None,
    report: Report,
) -> Sources:
    """Return the sources with the needed part of the dump in the job's directory, or all of it.

    `known`: as for `plan_database`. Raises RepositoryError, StorageError, and as `plan_database`.
    """
    remote, backup, directory = sources.remote, sources.backups[Kind.DB], context.directory
    if remote is None:
        return sources
    found = with_definitions(sources, directory)
    difference = None
    if found is not None:
        difference = plan_database(request, found, no_report, [], known=known).difference
    part = None if difference is None else part_with(remote, difference.loaded)
    if difference is None or part is None:
        size_bytes = remote.part(Kind.DB).facts.size_bytes
        refuse(space_findings(context.store, remote, {}, dump_bytes=size_bytes))
        whole = fetch_dump(context, remote, backup, report)
        return replace(sources, backups={**sources.backups, Kind.DB: whole})
    fetched = write_part(remote, backup, part, directory, report)
    return replace(
        sources,
        backups={**sources.backups, Kind.DB: fetched},
        fetched=frozenset(difference.loaded),
        known=frozenset(difference.kept),
    )


def _late_part(remote: Remote, tables: Collection[str]) -> PartOfDump:
    part = part_with(remote, tables)
    if part is None:
        raise RepositoryError("The index of the dump cannot be used any more.")
    if part.read_bytes > LATE_BYTES:
        raise SwapBlocked(
            f"{len(tables)} tables changed meanwhile, and their rows would have to be fetched with "
            f"the store closed: up to {megabytes(part.read_bytes)}.",
            hint="Run it again; or with --whole, which fetches all before the store is closed.",
        )
    return part


def _of_part(check: DumpCheck, found: DumpCheck) -> DumpCheck:
    """Return a check, narrowed to the tables of a job, of another part of its dump."""
    contents = {one.name: one for one in found.contents}
    return replace(
        check,
        path=found.path,
        sha256=found.sha256,
        content_bytes=found.content_bytes,
        contents=tuple(contents[one.name] for one in check.contents),
    )


class _Parts:
    """Fetches parts of a dump into a job's directory, one in place of the other."""

    def __init__(self, context: JobContext, backup: Backup, from_schema: str = "") -> None:
        self._context, self._backup, self._from_schema = context, backup, from_schema

    def fetch(self, remote: Remote, tables: Collection[str]) -> tuple[Backup, DumpCheck]:
        """Fetch the rows of these tables; return the part and its check."""
        context = self._context
        settings, part = needed_connection(context), _late_part(remote, tables)
        with context.step(Step.FETCH, Kind.DB, total_bytes=part.read_bytes) as report:
            backup = write_part(remote, self._backup, part, context.directory, report)
        manifest = backup.manifest
        check = check_dump(
            backup.path,
            sha256=None if manifest is None else manifest.sha256,
            table_prefix=settings.table_prefix,
            schema=settings.schema,
            from_schema=self._from_schema,
        )
        return backup, check


class PartLoader(Loader):
    """Loads a part of a dump; what it lacks of tables that changed meanwhile is fetched."""

    def __init__(
        self,
        context: JobContext,
        backup: Backup,
        check: DumpCheck,
        request: RollbackRequest,
        remote: Remote,
        fetched: frozenset[str],
    ) -> None:
        super().__init__(context, backup.path, check, request, backup.manifest)
        self._parts = _Parts(context, backup, request.from_schema or "")
        self._remote, self._fetched = remote, fetched

    def load(self, before: StagedTables | None, kept: frozenset[str]) -> StagedTables:
        """Add to staged tables those of the dump that are not to stay."""
        there = frozenset() if before is None else {one.name for one in before.tables}
        needed = {one.name for one in self._check.contents} - kept - there
        if not needed <= self._fetched:
            backup, check = self._parts.fetch(self._remote, needed)
            self._path, self._check = backup.path, _of_part(self._check, check)
            self._fetched = frozenset(needed)
        return super().load(before, kept)


class PartUndoLoader(UndoLoader):
    """Loads tables that stayed in a rollback from elsewhere and changed since.

    `find` asks the repository for the set, when a table has changed.
    """

    def __init__(
        self,
        context: JobContext,
        backup: Backup,
        stayed: frozenset[str],
        find: Callable[[], Remote],
    ) -> None:
        super().__init__(context, backup, stayed)
        self._parts, self._find = _Parts(context, backup), find
        self._remote: Remote | None = None
        self._fetched: frozenset[str] = frozenset()

    def make_ready(self, changed: Collection[str]) -> None:
        """Fetch the rows of tables. Raises RepositoryError, NothingToUndo."""
        try:
            if self._remote is None:
                self._remote = self._found()
            backup, self._checked = self._parts.fetch(self._remote, changed)
        except RepositoryError as error:
            raise type(error)(
                f"{len(changed)} tables that stayed in the rollback have changed since, and the "
                f"dump that they were equal to cannot be had: {error.message}",
                hint=PARTIAL,
            ) from error
        self._path, self._fetched = backup.path, frozenset(changed)

    def _found(self) -> Remote:
        remote, manifest = self._find(), self._backup.manifest
        if manifest is None or remote.part(Kind.DB).facts.sha256 != manifest.sha256:
            raise NothingToUndo(
                f"The set in {remote.chosen.repository} is not the one any more that was rolled "
                "back to.",
                hint=PARTIAL,
            )
        return remote

    def load(self, before: StagedTables | None, kept: frozenset[str]) -> StagedTables:
        """Add to staged tables those that stayed in the rollback and are not to stay now."""
        there = frozenset() if before is None else {one.name for one in before.tables}
        needed = self._stayed - kept - there
        if needed and not needed <= self._fetched:
            self.make_ready(needed)
        return super().load(before, kept)
