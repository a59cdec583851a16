"""Repairs a store after a lost job, by the traces of that job.

Only acts that the traces prove safe are done. Asides are never deleted here: they may be the only
copy of live entries.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

from core.archive.tree.remove import remove_if_empty, remove_tree
from core.errors import ConnectionFailed, MagerewindError
from core.events import (
    Failed,
    Kind,
    MaintenanceDisabled,
    Noted,
    Outcome,
    Report,
    Step,
    StepsPlanned,
    Warned,
    step_key,
)
from core.magento.maintenance import maintenance_state, open_store
from core.magento.settings import DatabaseConnection
from core.operations.context import JobContext
from core.operations.lost_jobs import (
    LostJob,
    LostVerdict,
    default_settings,
    find_lost,
    verdict_of,
)
from core.operations.records import End
from core.operations.requests import RepairRequest
from core.operations.results import OperationResult

CLOSED = 20
_MESSAGES = {
    LostVerdict.OLD: "the store is as it was before it.",
    LostVerdict.BACK: "the old tables are back, the store is as it was before it.",
    LostVerdict.NEW: "its work is done, and the store is the new one.",
    LostVerdict.DONE: "it had ended, and nothing of the store was changed.",
}


def run_repair(context: JobContext, request: RepairRequest) -> OperationResult:
    """Do the acts that the traces of a lost job prove right. Raises the error that prevents them.

    May be run again after a crash at any point: it looks at the traces anew.
    """
    steps = (step_key(Step.CHECK), step_key(Step.REVERT), step_key(Step.REMOVE))
    context.emit(StepsPlanned(steps=(*steps, step_key(Step.OPEN))))
    context.cancellation.forbid()
    with context.step(Step.CHECK):
        job = _lost_job(context, request.job_id)
    if job is None:
        return OperationResult(
            message=f"Nothing is left of job {request.job_id}.", strict=request.strict
        )
    verdict = verdict_of(job)
    settings = default_settings(context.store, context.environ) if job.tables else None
    with _schema_held(settings):
        if settings is not None:
            with context.step(Step.REVERT, Kind.DB):
                _mend_tables(context, job, verdict, settings)
        with context.step(Step.REMOVE) as report:
            _remove_places(job, report)
    if verdict is LostVerdict.UNKNOWN:
        return _left_as_it_is(context, job)
    _open(context, job)
    message = f"Job {job.job_id} is over: {_MESSAGES[verdict]}"
    context.emit(Noted(code="repaired", message=message))
    return OperationResult(message=message, strict=request.strict)


def _lost_job(context: JobContext, job_id: str) -> LostJob | None:
    traces = find_lost(context.store, environ=context.environ)
    job = next((one for one in traces.jobs if one.job_id == job_id), None)
    if traces.problem is not None:
        raise ConnectionFailed(f"What is left of job {job_id} cannot be told: {traces.problem}")
    return job


@contextlib.contextmanager
def _schema_held(settings: DatabaseConnection | None) -> Iterator[None]:
    with contextlib.ExitStack() as locks:
        if settings is not None:
            from core.database.server.connection import schema_lock  # noqa: PLC0415 - loads the driver

            locks.enter_context(schema_lock(settings))
        yield


def _mend_tables(
    context: JobContext, job: LostJob, verdict: LostVerdict, settings: DatabaseConnection
) -> None:
    """Put tables back, bring them to their end, or drop those that only wait."""
    from core.database.load.staging import drop_staging  # noqa: PLC0415
    from core.database.schema.marker import read_swap  # noqa: PLC0415
    from core.database.server.connection import connect  # noqa: PLC0415 - loads the driver
    from core.database.swap.after_commit import bring_to_end  # noqa: PLC0415
    from core.database.swap.swap import take_back  # noqa: PLC0415

    tables = job.tables
    if tables is None or tables.phase == "done":
        return
    if verdict in {LostVerdict.BACK, LostVerdict.NEW} and tables.phase in {"swapping", "committed"}:
        with connect(settings) as connection:
            swap = read_swap(connection, tables.short)
        if swap is None:
            raise MagerewindError(f"What job {job.job_id} did to the tables is not written down.")
        if verdict is LostVerdict.BACK:
            take_back(settings, swap, tables.short)
        else:
            context.say(*bring_to_end(settings, swap, lambda _step: None))
    elif not tables.renamed and not (tables.phase is None and tables.aside):
        drop_staging(settings, tables.short)


def _remove_places(job: LostJob, report: Report) -> None:
    """Remove prepared entries; an aside goes when it is empty."""
    for place in job.places:
        path = os.fsencode(place.path)
        if place.is_aside:
            remove_if_empty(path)
        else:
            remove_tree(path, report=report)


def _open(context: JobContext, job: LostJob) -> None:
    """Turn maintenance mode off, if that job turned it on."""
    state = maintenance_state(context.store)
    ours = state.mark is not None and state.mark.job_id == job.job_id
    with context.step(Step.OPEN):
        if ours:
            open_store(context.store)
        if state.on:
            context.emit(MaintenanceDisabled(skipped=not ours))


def _left_as_it_is(context: JobContext, job: LostJob) -> OperationResult:
    """Say that the store cannot be proven whole, and end.

    It does not count as interrupted: no recovery could do more, and a rollback, which can, must be
    able to start.
    """
    asides = [place.path for place in job.places if place.is_aside]
    if asides:
        message = "What was live before is here, under numbers, and is not touched:"
        context.say(Warned(code="aside-kept", message=message, names=tuple(asides)))
    on = maintenance_state(context.store).on
    message = f"Which files job {job.job_id} moved cannot be told without its memory."
    hint = (
        "A rollback makes every file what the backup has. Then turn maintenance mode off: "
        "bin/magento maintenance:disable"
    )
    failed = Failed(
        error="StoreLeftClosed",
        message=f"{message} The store {'stays closed' if on else 'is open'}.",
        hint=hint,
        exit_code=CLOSED if on else 1,
    )
    context.emit(failed)
    context.journal.write(End(outcome=Outcome.CLOSED))
    outcome = Outcome.CLOSED if on else Outcome.FAILED
    return OperationResult(outcome=outcome, exit_code=failed.exit_code, message=failed.message)
