"""The changes and obstacles of a rollback, shown before the question is asked.

The plan is made while the store is open and writes nothing into it: the lists of files lie in a
temporary directory that goes with the plan. The runner makes the plan again, and compares; a plan
from a listing is handed to it.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field
from msgspec.structs import replace

from core.archive.plan.plan_files import plan_files
from core.archive.plan.plan_location import PlanPlace
from core.archive.plan.summary import FilePlan
from core.archive.tree.selection import Selection
from core.backups.catalog import Backup
from core.backups.manifest import identity_of
from core.directories import Directory
from core.errors import Cancelled, MagerewindError, PreflightRefused, UsageError
from core.events import Kind, Report, no_report
from core.magento.settings import DatabaseConnection
from core.magento.store import Store
from core.operations.chosen_files import chosen_findings, start_of
from core.operations.file_findings import file_findings
from core.operations.findings import (
    Finding,
    Level,
    from_error,
    note,
    refuse,
    stop,
    warn,
)
from core.operations.further_findings import further_findings
from core.operations.incomplete_archive import absence_findings
from core.operations.job_files import OlderUndo, plan_name
from core.operations.nothing_differs import nothing_differs, nothing_finding
from core.operations.preflight import space_of
from core.operations.requests import RollbackRequest
from core.operations.selections import selection_of
from core.operations.sources import Sources, excluded, gather, resolve_only

if TYPE_CHECKING:  # of a database: the start of a rollback of files waits for imports
    from core.contents.table_rows import RowTotals
    from core.database.compare.compare import Compared
    from core.database.load.dangling import Dangling
    from core.database.load.server_check import DumpCheck, ServerCheck
    from core.operations.chosen_tables import ChosenTables
    from core.operations.difference import Difference
    from core.operations.excluded_tables import LeftTables
    from core.operations.lost_rows import LostRows

_NOTED: Final = frozenset({"own-tables"})  # of the findings of a dump


class DatabasePlan(Struct, frozen=True, kw_only=True):
    """The changes of the database's part."""

    check: DumpCheck
    server: ServerCheck | None
    losses: LostRows | None
    chosen: ChosenTables | None = None  # where not all tables are asked for
    left: LeftTables | None = None  # where some stay as they are
    difference: Difference | None = None  # None where the server was not asked
    counted: Mapping[str, RowTotals] = field(default_factory=dict)  # of tables that differ
    unchanged: bool = False  # every table, view, trigger, routine and event is as in the dump

    @property
    def ties(self) -> tuple[Dangling, ...]:
        """The foreign keys between tables that are rolled back and tables that stay as asked."""
        return tuple(tie for one in (self.chosen, self.left) if one is not None for tie in one.ties)


class RollbackPlan(Struct, frozen=True, kw_only=True):
    """All that a person confirms. `fingerprint` names exactly this plan."""

    request: RollbackRequest
    findings: tuple[Finding, ...]
    backups: Mapping[Kind, Backup]
    files: Mapping[Kind, FilePlan]
    database: DatabasePlan | None
    env_keys: tuple[str, ...]
    environment: str  # fingerprint of the live env.php
    elsewhere: Mapping[str, tuple[str, ...]]  # as `Sources` has it
    free_bytes: int
    older: tuple[OlderUndo, ...] = ()  # the undos that go with this rollback, newest first
    scratch: tempfile.TemporaryDirectory[str] | None = None

    @property
    def changes_nothing(self) -> bool:
        """Whether nothing at all differs from the backups."""
        unchanged = self.database is not None and self.database.unchanged
        return nothing_differs(self.request.kinds, self.files, database_unchanged=unchanged)

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings that keep this rollback from its start."""
        return tuple(finding for finding in self.findings if finding.level is Level.STOP)

    @property
    def bytes_to_write(self) -> int:
        """How much the stages take."""
        return sum(plan.bytes_to_write for plan in self.files.values())

    @property
    def fingerprint(self) -> str:
        """Names this plan: request, archives, env.php, lists of files, tables that are loaded."""
        digest = hashlib.sha256()
        for kind in self.request.kinds:
            backup = self.backups[kind]
            digest.update(f"{kind} {backup.name.text} {backup.size_bytes}\n".encode())
            plan = self.files.get(kind)
            digest.update(f"{plan.fingerprint if plan is not None else ''}\n".encode())
        difference = self.database.difference if self.database is not None else None
        if difference is not None:
            digest.update(difference.fingerprint.encode("utf-8", "surrogateescape"))
        digest.update(self.environment.encode())
        request = self.request
        for asked in (request.only, request.only_table, request.exclude_table):
            digest.update("\0".join((*asked, "")).encode("utf-8", "surrogateescape"))
        tables = () if self.database is None else self.database.check.tables
        digest.update("\0".join(tables).encode("utf-8", "surrogateescape"))
        return digest.hexdigest()[:16]


def plan_rollback(
    store: Store,
    request: RollbackRequest,
    *,
    environ: Mapping[str, str],
    report: Report = no_report,
    now_s: float,
) -> RollbackPlan:
    """Return the changes of this rollback.

    Raises InvalidBackupName, BackupNotFound, NotInstalled, DamagedBackup, and PreflightRefused for
    chosen names that do not exist; every other reason to stop is among the findings.
    """
    sources = gather(store, request, environ=environ)
    scratch = tempfile.TemporaryDirectory(prefix="magerewind-plan-", ignore_cleanup_errors=True)
    findings = list(sources.findings)
    files: dict[Kind, FilePlan] = {
        kind: plan_kind(
            store, request, sources, kind, os.path.join(scratch.name, plan_name(kind)), report
        )
        for kind in request.kinds
        if kind is not Kind.DB
    }
    refuse(chosen_findings(store, request, sources, files))
    database = _planned_database(store, request, sources, report, findings, environ, scratch.name)
    if sources.remote is not None:
        from core.operations.remote_plan import remote_findings  # noqa: PLC0415 - few need it

        findings += remote_findings(
            store, sources, sources.remote, files, None if database is None else database.difference
        )
    findings += absence_findings(store, request, sources, files)
    findings += file_findings(store, files)
    findings += further_findings(store, request, sources, now_s)
    unchanged = database is not None and database.unchanged
    if nothing_differs(request.kinds, files, database_unchanged=unchanged):
        findings.append(nothing_finding())
    return RollbackPlan(
        request=request,
        findings=tuple(findings),
        backups=sources.backups,
        files=files,
        database=database,
        env_keys=sources.env_keys,
        environment=sources.environment_fingerprint,
        elsewhere=sources.elsewhere,
        free_bytes=space_of(store.state_directory)[0],
        scratch=scratch,
    )


def _planned_database(
    store: Store,
    request: RollbackRequest,
    sources: Sources,
    report: Report,
    findings: list[Finding],
    environ: Mapping[str, str],
    place: str,
) -> DatabasePlan | None:
    """Return the plan of a dump, with its counted rows; None where it has to be fetched for that.

    Of a set elsewhere, the definitions are written to the directory `place`.
    """
    if Kind.DB not in request.kinds:
        return None
    if sources.remote is not None:
        from core.operations.remote_dump import with_definitions  # noqa: PLC0415 - few need it

        with Directory.scratch(place) as directory:
            known = with_definitions(sources, directory)
        return None if known is None else plan_database(request, known, report, findings)
    from core.operations.row_counts import count_rows  # noqa: PLC0415 - as said above

    database = plan_database(request, sources, report, findings)
    backup = sources.backups[Kind.DB]
    counted = count_rows(database.check, database.difference, store, backup, environ=environ)
    return replace(database, counted=counted)


def selection_for(
    store: Store, request: RollbackRequest, sources: Sources, kind: Kind
) -> Selection:
    """Return the part of the tree that such a rollback compares."""
    selection = selection_of(store, kind, excluded(request, sources, sources.backups[kind]))
    chosen = resolve_only(request.only, store.root)
    return replace(selection, additive=request.partial, chosen=chosen)


def plan_kind(
    store: Store,
    request: RollbackRequest,
    sources: Sources,
    kind: Kind,
    plan: PlanPlace,
    report: Report,
    *,
    cache_contents: bool = False,
) -> FilePlan:
    """Verify an archive and compare it with the live tree. Raises DamagedBackup.

    With `cache_contents` a stage is to follow from this very plan.
    """
    backup = sources.backups[kind]
    manifest = backup.manifest
    selection = selection_for(store, request, sources, kind)
    chosen = selection.chosen
    if sources.remote is not None:
        return sources.remote.plan(kind, selection, plan, report)
    return plan_files(
        backup.path,
        selection,
        plan,
        report=report,
        sha256=manifest.sha256 if manifest is not None else None,
        members=manifest.members if manifest is not None else None,
        cache_contents=cache_contents,
        sound=manifest is not None and manifest.looked_at == identity_of(manifest),
        start=start_of(backup, chosen) if chosen else None,
    )


def plan_database(
    request: RollbackRequest,
    sources: Sources,
    report: Report,
    findings: list[Finding],
    *,
    known: Collection[str] | None = None,
) -> DatabasePlan:
    """Check a dump by itself and against the server. Raises DamagedBackup and StatementRefused.

    `known`: as for `compare_with_live`.
    """
    from core.database.compare.compare import Compared  # noqa: PLC0415
    from core.database.load.server_check import check_dump  # noqa: PLC0415 - as said above
    from core.operations.difference import compare_with_live  # noqa: PLC0415

    backup = sources.backups[Kind.DB]
    manifest = backup.manifest
    connection = sources.connection
    compared = Compared(reason="the database cannot be asked")
    if connection is not None:
        remote = sources.remote if sources.fetched is not None else None
        compared = compare_with_live(
            request, backup, connection, remote=remote, known=known, report=report
        )
    check = check_dump(
        backup.path,
        report=report,
        sha256=manifest.sha256 if manifest is not None else None,
        content_bytes=manifest.content_bytes if manifest is not None else None,
        table_prefix=connection.table_prefix if connection is not None else "",
        schema=connection.schema if connection is not None else None,
        from_schema=request.from_schema or "",
        passed_over=compared.same,
    )
    if sources.remote is not None and sources.fetched is not None:
        from core.operations.remote_dump import with_sizes  # noqa: PLC0415 - few need it

        check = with_sizes(check, sources.remote, sources.fetched)
    plan = DatabasePlan(check=check, server=None, losses=None, difference=None, chosen=None)
    if connection is not None:
        try:
            plan = _ask_server(request, backup, check, compared, connection, report)
        except (Cancelled, PreflightRefused, UsageError):
            raise
        except MagerewindError as error:
            findings.append(from_error("database", error))
    findings += _database_findings(plan)
    return plan


def _ask_server(
    request: RollbackRequest,
    backup: Backup,
    check: DumpCheck,
    compared: Compared,
    connection: DatabaseConnection,
    report: Report,
) -> DatabasePlan:
    from core.database.compare.same_objects import same_objects  # noqa: PLC0415 - as said above
    from core.database.load.kept_rows import keep_rows  # noqa: PLC0415
    from core.database.load.server_check import (  # noqa: PLC0415
        check_against_server,
        without_other_stores,
    )
    from core.operations.chosen_tables import choose_tables  # noqa: PLC0415
    from core.operations.difference import difference_of  # noqa: PLC0415
    from core.operations.excluded_tables import leave_tables  # noqa: PLC0415
    from core.operations.lost_rows import count_lost_rows  # noqa: PLC0415

    chosen: ChosenTables | None = None
    check = without_other_stores(check, connection)
    if request.only_table:
        chosen = choose_tables(request, check, connection, report)
        check = chosen.check
    left = leave_tables(request, check, connection, report) if request.exclude_table else None
    if left is not None:
        check = left.check
    if request.keep_stripped and backup.manifest is not None:
        check = keep_rows(check, backup.manifest.stripped, connection)
    difference = difference_of(check, compared, connection, partial=request.others_stay)
    server = check_against_server(
        check,
        connection,
        map_collations=request.map_collations,
        partial=request.others_stay,
        kept=difference.kept,
    )
    among = check.tables if request.only_table or request.exclude_table else None
    losses = count_lost_rows(connection, backup.name.timestamp, among=among)
    all_stay = not (server.replaced or server.added or server.removed or difference.loaded)
    return DatabasePlan(
        check=check,
        server=server,
        losses=losses,
        difference=difference,
        chosen=chosen,
        left=left,
        unchanged=all_stay
        and not (difference.reason or server.problems)
        and same_objects(check, connection, partial=request.others_stay),
    )


def _database_findings(plan: DatabasePlan) -> list[Finding]:
    from core.operations.chosen_tables import tie_findings  # noqa: PLC0415 - as said above
    from core.operations.difference import difference_findings  # noqa: PLC0415
    from core.operations.excluded_tables import left_findings  # noqa: PLC0415
    from core.operations.lost_rows import uncounted_findings  # noqa: PLC0415

    findings = _dump_findings(plan.check, plan.server)
    if plan.difference is not None:
        findings += difference_findings(plan.difference)
    if plan.left is not None:
        findings += left_findings(plan.left)
    losses = plan.losses
    if losses is not None:
        findings += uncounted_findings(losses)
    if losses is not None and losses.any:
        findings.append(
            warn(
                "losses",
                f"Newer than the backup, and lost by this rollback: {losses.words}.",
                names=[f"order {number}" for number in losses.order_numbers],
            )
        )
    return findings + (tie_findings(plan.chosen) if plan.chosen is not None else [])


def _dump_findings(check: DumpCheck, server: ServerCheck | None) -> list[Finding]:
    known = server or check  # the server check begins with the findings of the dump alone
    return [
        *(stop("dump", text) for text in known.problems if text in check.problems),
        *(stop("server", text) for text in known.problems if text not in check.problems),
        *(
            (note if one.code in _NOTED else warn)(one.code, one.message, names=one.names)
            for one in known.warnings
        ),
    ]
