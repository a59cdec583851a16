"""An undo: what the last rollback set aside becomes live again, and what is live goes aside.

It deletes nothing, so it can itself be undone; the store is closed only for the renames.
"""

from __future__ import annotations

import contextlib

from core.archive.plan.plan_file import FilePlan
from core.archive.restore.undo import undo_plan
from core.database.server.connection import schema_lock
from core.database.swap.undo import undo_tables
from core.events import Kind, RollbackStarted, Step, StepsPlanned, step_key
from core.held import Directory, StateFile
from core.magento.settings import DatabaseConnection
from core.operations import closing, ending
from core.operations.connection_file import keep_connection, kept_connection, needed_connection
from core.operations.context import JobContext
from core.operations.database_part import DatabasePart, job_mark
from core.operations.done import Done
from core.operations.findings import refuse, say_findings
from core.operations.job_files import DEFINITIONS, plan_of, sibling
from core.operations.lost import refuse_unfinished
from core.operations.parts import Part, begin_moving, parts_of
from core.operations.release import undoable_kinds
from core.operations.requests import UndoRequest
from core.operations.undo_plan import undo_findings


def planned_steps(kinds: tuple[Kind, ...]) -> tuple[str, ...]:
    """Return the steps of an undo of these kinds, in order."""
    return (
        step_key(Step.CHECK),
        step_key(Step.CLOSE),
        *(step_key(Step.SWAP, kind) for kind in kinds),
        step_key(Step.COMMIT),
        *(step_key(Step.FORWARD, kind) for kind in kinds if kind is Kind.DB),
        step_key(Step.FLUSH),
        step_key(Step.OPEN),
        step_key(Step.REMOVE),
    )


def run_undo(context: JobContext, request: UndoRequest) -> Done:
    """Put the store back as it was before a rollback. Raises what made it impossible."""
    undone = sibling(context.directory, request.job_id)
    kinds, findings = undoable_kinds(context.store, undone)
    context.emit(StepsPlanned(steps=planned_steps(kinds)))
    context.journal.append("undo", job_id=request.job_id)
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
                _make_ready(context, undone, parts)
            closing.close(context)
            for kind in kinds:
                context.emit(
                    RollbackStarted(
                        kind=kind, file_name=f"undo of {request.job_id}", path=undone.path
                    )
                )
            begin_moving(context, parts)
            for part in parts:
                part.swap(context)
            ending.commit(context)
        except BaseException as error:
            ending.end_by_reverting(context, parts, error)
            raise
        return ending.forward(
            context, parts, flush=request.flush, replaces=request.job_id, strict=request.strict
        )


def _make_ready(
    context: JobContext,
    undone: Directory,
    parts: tuple[Part, ...],
) -> None:
    plans: dict[Kind, FilePlan] = {}
    for part in parts:
        if isinstance(part, DatabasePart):
            part.staged = undo_tables(
                needed_connection(context),
                context.journal,
                job_id=context.job_id,
                mark=job_mark(context),
                definitions_path=StateFile(undone, DEFINITIONS),
            )
        else:
            staged = undo_plan(
                plan_of(context.store, undone, part.kind),
                plan_of(context.store, context.directory, part.kind),
                job_id=context.job_id,
            )
            plans[part.kind] = staged.plan
    refuse(undo_findings(context.store, plans))
