"""Runs the operation of a request; only its module is imported, to keep the start short."""

# ruff: noqa: PLC0415

from __future__ import annotations

from core.backups.names import parse_name
from core.directories import Directory
from core.events import Kind
from core.magento.store import Store
from core.operations.context import JobContext
from core.operations.job_files import sibling, undo_kinds
from core.operations.requests import (
    BackupRequest,
    DiscardRequest,
    DrillRequest,
    RepairRequest,
    Request,
    RollbackRequest,
    UndoRequest,
)
from core.operations.results import OperationResult


def kinds_of(store: Store, directory: Directory, request: Request) -> tuple[Kind, ...]:
    """Return the kinds that a job of this request works on. Raises NothingToUndo.

    `directory` is the job's own.
    """
    match request:
        case BackupRequest() | RollbackRequest():
            return request.kinds
        case UndoRequest():
            from core.operations.release_root import undoable_kinds

            return undoable_kinds(store, sibling(directory, request.job_id))[0]
        case DiscardRequest(orphans=True):
            return ()
        case DiscardRequest():
            return undo_kinds(sibling(directory, request.job_id))
        case RepairRequest():
            return ()
        case DrillRequest():
            named = {name.kind for name in map(parse_name, request.names) if name is not None}
            return tuple(kind for kind in Kind if kind in named)


def run(context: JobContext, request: Request) -> OperationResult:
    """Run the operation. Raises the error that ended it, the store then as before."""
    match request:
        case BackupRequest():
            from core.operations.backup import run_backup

            return run_backup(context, request)
        case RollbackRequest():
            from core.operations.rollback import run_rollback

            return run_rollback(context, request)
        case UndoRequest():
            from core.operations.undo import run_undo

            return run_undo(context, request)
        case DiscardRequest(orphans=True):
            from core.operations.orphans import run_discard_orphans

            return run_discard_orphans(context, request)
        case DiscardRequest():
            from core.operations.discard import run_discard

            return run_discard(context, request)
        case RepairRequest():
            from core.operations.repair import run_repair

            return run_repair(context, request)
        case DrillRequest():
            from core.operations.drill import run_drill

            return run_drill(context, request)
