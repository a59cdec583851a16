"""Loads the tables of a dump that are not kept, in one or several passes: for rollback and undo."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Protocol

from core.backups.catalog import Backup, find_backup
from core.backups.manifest import Manifest
from core.database.load.dump_check import DumpCheck
from core.database.load.load import load_beside
from core.database.load.offline_check import check_dump
from core.database.schema.marker import JobMark
from core.database.schema.swap_file import StagedTables, Swap
from core.errors import BackupNotFound, InvalidBackupName, NothingToUndo
from core.events import Kind, Step
from core.magento.store import Store
from core.magento.trusted_paths import resolved
from core.operations.connection_file import needed_connection
from core.operations.context import JobContext
from core.operations.records import kinds_of
from core.operations.requests import RollbackRequest


class AnyLoader(Protocol):
    """A way to load tables of the dump of a job."""

    def load(self, before: StagedTables | None, kept: frozenset[str]) -> StagedTables:
        """Add to staged tables those of the dump that are not to stay."""

    def check(self) -> DumpCheck:
        """Return the check of the dump; it may take as long as reading it."""


class Loader:
    """Loads the dump of a rollback, which was checked."""

    def __init__(
        self,
        context: JobContext,
        path: str,
        check: DumpCheck,
        request: RollbackRequest,
        manifest: Manifest | None,
    ) -> None:
        self._context, self._path, self._check = context, path, check
        self._request = request
        self._rows = manifest.rows if manifest is not None else None

    def check(self) -> DumpCheck:
        """Return the check that was made for the plan."""
        return self._check

    def load(self, before: StagedTables | None, kept: frozenset[str]) -> StagedTables:
        """Add to staged tables those of the dump that are not to stay."""
        context, rows = self._context, self._rows
        there = set() if before is None else {one.name for one in before.tables}
        total = None
        if rows:
            total = sum(rows.get(name, 0) for name in {*self._check.tables} - kept - there)
        with context.step(
            Step.LOAD,
            Kind.DB,
            total_bytes=os.path.getsize(self._path),
            total_items=total,
        ) as report:
            return load_beside(
                self._path,
                self._check,
                needed_connection(context),
                job_id=context.job_id,
                journal=context.journal,
                report=report,
                expected_rows=rows,
                map_collations=self._request.map_collations,
                partial=self._request.others_stay,
                mark=job_mark(context),
                kept=kept,
                before=before,
            )


class UndoLoader:
    """Loads tables that stayed in a rollback and changed since, from the dump equal to them."""

    def __init__(self, context: JobContext, backup: Backup, stayed: frozenset[str]) -> None:
        self._context, self._backup, self._stayed = context, backup, stayed
        self._path = backup.path
        self._checked: DumpCheck | None = None

    def make_ready(self, _changed: Collection[str]) -> None:
        """Read the dump, before the store is closed. Raises DamagedBackup."""
        self.check()

    def check(self) -> DumpCheck:
        """Read the dump whole, once. Raises DamagedBackup."""
        if self._checked is None:
            settings, manifest = needed_connection(self._context), self._backup.manifest
            self._checked = check_dump(
                self._backup.path,
                sha256=manifest.sha256 if manifest is not None else "",
                table_prefix=settings.table_prefix,
                schema=settings.schema,
            )
        return self._checked

    def load(self, before: StagedTables | None, kept: frozenset[str]) -> StagedTables:
        """Add to staged tables those that stayed in the rollback and are not to stay now."""
        if before is not None and not self._stayed - kept - {one.name for one in before.tables}:
            return before
        check = self.check()
        others = {*check.tables, *check.sequences} - (self._stayed - kept)
        manifest = self._backup.manifest
        context = self._context
        with context.step(Step.LOAD, Kind.DB, total_bytes=self._backup.size_bytes) as report:
            return load_beside(
                self._path,
                check,
                needed_connection(context),
                job_id=context.job_id,
                journal=context.journal,
                report=report,
                expected_rows=manifest.rows if manifest is not None else None,
                kept=others,
                before=before,
            )


def needed_backup(store: Store, swap: Swap) -> Backup:
    """Return the backup that the tables which stayed in a swap were equal to.

    Raises NothingToUndo, with the way to undo the rest, where it is gone or another file.
    """
    source = swap.source
    name = source.name if source is not None else ""
    try:
        backup = find_backup(store.backups, name, Kind.DB)
    except (BackupNotFound, InvalidBackupName):
        raise _without(f"The backup {name} is gone", swap.kept) from None
    manifest = backup.manifest
    if source is None or manifest is None or manifest.sha256 != source.sha256:
        raise _without(f"{name} is not the backup any more that was rolled back to", swap.kept)
    return backup


def _without(what: str, kept: Collection[str]) -> NothingToUndo:
    return NothingToUndo(
        f"{what}. The undo needs it for the tables that stayed in the rollback ({len(kept)}).",
        hint="job:undo --partial leaves these tables as they are now, and undoes the rest.",
    )


def loaded_bytes(check: DumpCheck, kept: Collection[str]) -> int:
    """Return the bytes of a dump without the rows of the tables that stay."""
    return check.content_bytes - sum(one.row_bytes for one in check.contents if one.name in kept)


def job_mark(context: JobContext) -> JobMark:
    """Return the marks of a job in the schema."""
    return JobMark(
        job_id=context.job_id,
        var=resolved(context.store.var),
        host=context.host,
        kinds=tuple(kind.value for kind in kinds_of(context.journal)),
    )
