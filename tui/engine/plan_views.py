"""The engine's findings before a start, as the screens' values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.archive.plan.summary import FilePlan
from core.database.load.server_check import ServerCheck
from core.events import Kind
from core.operations.findings import Finding
from core.operations.lost_rows import LostRows
from core.operations.preflight import BackupPreflight
from core.operations.rollback_plan import DatabasePlan, RollbackPlan
from core.operations.table_plans import TablePlan, table_plans
from core.operations.undo_plan import UndoPlan
from tui.engine.views import (
    BackupCheckView,
    DatabasePlanView,
    EstimateView,
    FilesPlanView,
    PlanView,
)

EXAMPLES = 8
# About how much a second while the store is closed, on a machine of today: entries that are looked
# at again, entries that are exchanged; and the seconds of a flush of the caches.
LOOKED_AT_IN_S: Final = 100_000
EXCHANGED_IN_S: Final = 10_000
FLUSH_S: Final = 2.0

_LOSSES = ("losses", "losses-unknown")


def _without(findings: Iterable[Finding], *codes: str) -> tuple[Finding, ...]:
    """Return the findings without those that the screen says in its own way."""
    return tuple(finding for finding in findings if finding.code not in codes)


def backup_check_view(found: BackupPreflight) -> BackupCheckView:
    """Return the findings before a backup. The screen judges the space for the chosen kinds."""
    return BackupCheckView(
        findings=_without(found.findings, "space"),
        estimates={
            kind: EstimateView(
                items=estimate.items,
                size_bytes=estimate.content_bytes,
                backup_bytes=estimate.file_bytes,
                elapsed_s=estimate.seconds,
            )
            for kind, estimate in found.estimates.items()
        },
        free_bytes=found.free_bytes,
        needed_bytes=found.needed_bytes,
    )


def _files_view(plan: FilePlan) -> FilesPlanView:
    totals = []
    for directory in plan.by_directory:
        entries = directory.added + directory.changed + directory.removed + directory.mode_only
        totals.append((directory.path, entries, directory.bytes_to_write))
    examples = []
    for entry in plan.entries():
        examples.append(f"{entry.action.value} {entry.path}")
        if len(examples) >= EXAMPLES:
            break
    return FilesPlanView(
        identical=plan.identical,
        added=plan.added,
        changed=plan.changed,
        removed=plan.removed,
        mode_only=plan.mode_only,
        bytes_to_write=plan.bytes_to_write,
        directories=tuple(sorted(totals, key=lambda total: (-total[1], total[0]))),
        examples=tuple(examples),
    )


def _lost(losses: LostRows | None) -> tuple[tuple[str, int], ...]:
    if losses is None:
        return ()
    counts = (("orders", losses.orders), ("customers", losses.customers))
    return tuple((what, number) for what, number in counts if number)


def _database_view(plan: DatabasePlan, rows_then: int | None) -> DatabasePlanView:
    server: ServerCheck | None = plan.server
    if server is None:
        return DatabasePlanView(
            replaced=len(plan.check.tables), added=0, aside=0, size_bytes=plan.check.content_bytes
        )
    return DatabasePlanView(
        replaced=len(server.replaced),
        added=len(server.added),
        aside=len(server.removed),
        rows_now=sum(server.rows_now.values()) if server.rows_now else None,
        rows_then=rows_then,
        server_needed=server.space_needed,
        server_free=server.space_free,
        aside_names=server.removed,
        added_names=server.added,
        changed_names=server.changed,
        same=len(plan.difference.kept) if plan.difference is not None else 0,
        differing_names=plan.difference.of("differs") if plan.difference is not None else (),
        size_bytes=(
            plan.check.content_bytes if plan.difference is None else plan.difference.loaded_bytes
        ),
    )


def _closed_s(plan: RollbackPlan) -> float | None:
    """Return for how many seconds the store is closed, about; None where nothing tells."""
    seconds = FLUSH_S if plan.request.flush else 0.5
    for files in plan.files.values():
        changes = files.added + files.changed + files.removed + files.mode_only
        seconds += (files.identical + changes) / LOOKED_AT_IN_S + changes / EXCHANGED_IN_S
    if plan.request.db_file is not None:
        difference = plan.database.difference if plan.database is not None else None
        if difference is None:
            return None
        seconds += difference.closed_s(load_open=plan.request.load_open)
    return seconds


def plan_view(plan: RollbackPlan) -> PlanView:
    """Return the changes of a rollback. Lost rows are numbers of their own, not a finding."""
    database, lost, needed = None, _lost(None), plan.bytes_to_write
    tables: tuple[TablePlan, ...] = ()
    uncounted: tuple[str, ...] = ()
    order_numbers: tuple[str, ...] = ()
    if plan.database is not None:
        manifest = plan.backups[Kind.DB].manifest
        rows = sum(manifest.rows.values()) if manifest is not None and manifest.rows else None
        database = _database_view(plan.database, rows)
        tables = table_plans(plan.database, manifest.rows if manifest is not None else None)
        losses = plan.database.losses
        lost = _lost(losses)
        uncounted = losses.uncounted if losses is not None else ()
        order_numbers = losses.order_numbers if losses is not None else ()
        server: ServerCheck | None = plan.database.server
        needed += server.space_needed if server is not None else 0
    return PlanView(
        fingerprint=plan.fingerprint,
        findings=_without(plan.findings, *_LOSSES),
        files={kind: _files_view(files) for kind, files in plan.files.items()},
        database=database,
        tables=tables,
        lost=lost,
        uncounted=uncounted,
        order_numbers=order_numbers,
        closed_s=_closed_s(plan),
        env_keys=plan.env_keys,
        needed_bytes=needed,
        free_bytes=plan.free_bytes,
        changes_nothing=plan.changes_nothing,
        older=plan.older,
    )


def undo_view(plan: UndoPlan) -> PlanView:
    """Return the changes of an undo."""
    return PlanView(
        fingerprint="",
        findings=_without(plan.findings, *_LOSSES),
        files={kind: _files_view(files) for kind, files in plan.files.items()},
        lost=_lost(plan.losses),
        uncounted=plan.losses.uncounted if plan.losses is not None else (),
        order_numbers=plan.losses.order_numbers if plan.losses is not None else (),
        database_aside=Kind.DB in plan.kinds,
        changes_nothing=plan.changes_nothing,
    )
