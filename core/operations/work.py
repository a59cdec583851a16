"""Which operation a request asks for."""

from __future__ import annotations

import os

from core.events import Kind
from core.operations.backup import run_backup
from core.operations.context import JobContext
from core.operations.discard import run_discard, undo_kinds
from core.operations.done import Done
from core.operations.requests import (
    BackupRequest,
    DiscardRequest,
    Request,
    RollbackRequest,
    UndoRequest,
)
from core.operations.rollback import run_rollback
from core.operations.undo import run_undo


def kinds_of(jobs_directory: str, request: Request) -> tuple[Kind, ...]:
    """Return the kinds that a job of this request works on. Raises NothingToUndo."""
    match request:
        case BackupRequest() | RollbackRequest():
            return request.kinds
        case UndoRequest() | DiscardRequest():
            return undo_kinds(os.path.join(jobs_directory, request.job_id))


def run(context: JobContext, request: Request) -> Done:
    """Run the operation. Raises what ended it, the store then as it was before."""
    match request:
        case BackupRequest():
            return run_backup(context, request)
        case RollbackRequest():
            return run_rollback(context, request)
        case UndoRequest():
            return run_undo(context, request)
        case DiscardRequest():
            return run_discard(context, request)
