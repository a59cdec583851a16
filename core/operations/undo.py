"""An undo: makes the entries that the last rollback set aside live, and sets the live ones aside.

It deletes nothing, so it can itself be undone; the store is closed only for the renames.
"""

from __future__ import annotations

import contextlib

from core.database.server.connection import schema_lock
from core.events import Kind, RollbackStarted, Step, StepsPlanned, step_key
from core.magento.settings import DatabaseConnection
from core.operations import closing, commit_or_revert
from core.operations.connection_file import keep_connection, kept_connection
from core.operations.context import JobContext
from core.operations.findings import refuse, say_findings
from core.operations.job_files import sibling
from core.operations.lost_jobs import refuse_unfinished
from core.operations.parts import begin_moving, file_plans, parts_of
from core.operations.records import UndoBegun
from core.operations.release_root import undoable_kinds
from core.operations.requests import UndoRequest
from core.operations.results import OperationResult
from core.operations.undo_plan import undo_findings


def planned_steps(kinds: tuple[Kind, ...]) -> tuple[str, ...]:
    """Return the steps of an undo of these kinds, in order."""
    return (
        step_key(Step.CHECK),
        step_key(Step.CLOSE),
        *(step_key(Step.RECHECK, kind) for kind in kinds if kind is Kind.DB),
        *(step_key(Step.SWAP, kind) for kind in kinds),
        step_key(Step.COMMIT),
        *(step_key(Step.FORWARD, kind) for kind in kinds if kind is Kind.DB),
        step_key(Step.FLUSH),
        step_key(Step.OPEN),
        step_key(Step.REMOVE),
    )


def run_undo(context: JobContext, request: UndoRequest) -> OperationResult:
    """Put the store back as it was before a rollback. Raises the error that made it impossible."""
    undone = sibling(context.directory, request.job_id)
    kinds, findings = undoable_kinds(context.store, undone)
    context.emit(StepsPlanned(steps=planned_steps(kinds)))
    context.journal.write(UndoBegun(job_id=request.job_id))
    say_findings(context, findings)
    connection: DatabaseConnection | None = None
    if Kind.DB in kinds:
        connection = context.connection = kept_connection(undone)
        keep_connection(context.directory, connection)
    parts = parts_of(kinds)
    with contextlib.ExitStack() as locks:
        if connection is not None:
            locks.enter_context(schema_lock(connection))
            refuse_unfinished(connection, context.store)
        try:
            with context.step(Step.CHECK):
                for part in parts:
                    part.prepare_undo(context, undone, request)
                refuse(undo_findings(context.store, file_plans(parts)))
            closing.close(context)
            for kind in kinds:
                context.emit(
                    RollbackStarted(
                        kind=kind, file_name=f"undo of {request.job_id}", path=undone.path
                    )
                )
            for part in parts:
                part.complete_undo(context)
            begin_moving(context, parts)
            for part in parts:
                part.swap(context)
            commit_or_revert.commit(context)
        except BaseException as error:
            commit_or_revert.end_by_reverting(context, parts, error)
            raise
        return commit_or_revert.forward(
            context, parts, flush=request.flush, replaces=request.job_id, strict=request.strict
        )
