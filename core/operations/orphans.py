"""Leftovers of forgotten jobs: tables and directories that no undo knows of.

They may be the only copy of live data, so they are deleted only on request.
"""

from __future__ import annotations

import os

from core.archive.tree.remove import remove_tree
from core.errors import ConnectionFailed, JobInterrupted, NothingToUndo
from core.events import Noted, Report, Step, StepsPlanned, Warned, step_key
from core.magento.settings import DatabaseConnection
from core.operations.context import JobContext
from core.operations.lost_jobs import (
    RECOVER,
    LostJob,
    LostJobs,
    default_settings,
    find_lost,
    is_half_done,
)
from core.operations.requests import DiscardRequest
from core.operations.results import OperationResult


def orphans_of(traces: LostJobs) -> tuple[LostJob, ...]:
    """Return the jobs of which only leftovers are there, newest first.

    Raises JobInterrupted for one that left something half done, ConnectionFailed where the schema
    could not be looked at, NothingToUndo when nothing is left over.
    """
    if traces.problem is not None:
        raise ConnectionFailed(f"What jobs have left is not known: {traces.problem}")
    half = next((job for job in traces.jobs if is_half_done(job)), None)
    if half is not None:
        raise JobInterrupted(
            f"Job {half.job_id} left the store half done, and its memory is gone.",
            hint=f"{RECOVER} shows what can be done and asks.",
        )
    if not traces.jobs:
        raise NothingToUndo("Nothing is left over.")
    return traces.jobs


def run_discard_orphans(context: JobContext, request: DiscardRequest) -> OperationResult:
    """Remove the leftovers. The store stays as it is; may be run again after a crash."""
    context.emit(StepsPlanned(steps=(step_key(Step.CHECK), step_key(Step.REMOVE))))
    with context.step(Step.CHECK):
        jobs = orphans_of(find_lost(context.store, environ=context.environ))
        tables = any(job.tables is not None for job in jobs)
        settings = default_settings(context.store, context.environ) if tables else None
    with context.step(Step.REMOVE) as report:
        for job in jobs:
            for place in job.places:
                remove_tree(os.fsencode(place.path), report=report)
            if job.tables is not None and settings is not None:
                _drop(context, settings, job.tables.short, report)
            context.emit(Noted(code="orphans", message=f"What job {job.job_id} left is removed."))
    return OperationResult(strict=request.strict)


def _drop(context: JobContext, settings: DatabaseConnection, short: str, report: Report) -> None:
    from core.database.server.connection import schema_lock  # noqa: PLC0415 - loads the driver
    from core.database.swap.undo import drop_orphans  # noqa: PLC0415

    with schema_lock(settings):
        kept = drop_orphans(settings, short, report=report)
    if kept:
        message = "Old tables that a foreign key of another table refers to stay:"
        context.say(Warned(code="aside-tables-kept", message=message, names=kept))
