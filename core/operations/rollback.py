"""A rollback: plan, stage the files, close, load the database beside, swap, commit, open.

Before the commit any failure reverts everything; after it the job only goes forward. The store is
opened by one of the two ends in `commit_or_revert`, never as cleanup.
"""

from __future__ import annotations

import contextlib

from core.events import (
    Kind,
    RollbackStarted,
    Step,
    StepsPlanned,
    step_key,
)
from core.operations import closing, commit_or_revert
from core.operations.backup_origin import refuse_unasked
from core.operations.chosen_files import chosen_findings
from core.operations.confirmed_plan import ConfirmedPlan, read_confirmed
from core.operations.connection_file import keep_connection
from core.operations.context import JobContext
from core.operations.file_findings import file_findings
from core.operations.findings import refuse, say_findings
from core.operations.further_findings import further_findings
from core.operations.incomplete_archive import absence_findings
from core.operations.lost_jobs import refuse_unfinished
from core.operations.nothing_differs import nothing_finding
from core.operations.parts import Part, begin_moving, file_plans, parts_of
from core.operations.records import ConsumersRan, FromElsewhere
from core.operations.requests import RollbackRequest
from core.operations.results import OperationResult
from core.operations.rollback_job import RollbackJob
from core.operations.sources import Sources, gather


def planned_steps(request: RollbackRequest) -> tuple[str, ...]:
    """Return the steps of such a rollback, in order."""
    files = [kind for kind in request.kinds if kind is not Kind.DB]
    database = [Kind.DB] if Kind.DB in request.kinds else []
    return (
        step_key(Step.CHECK),
        *(step_key(Step.FETCH, kind) for kind in database if request.repository is not None),
        *(step_key(Step.PLAN, kind) for kind in request.kinds),
        *(step_key(Step.FETCH, kind) for kind in files if request.repository is not None),
        *(step_key(Step.STAGE, kind) for kind in files),
        *(step_key(Step.LOAD, kind) for kind in database if request.load_open),
        step_key(Step.CLOSE),
        *(step_key(Step.RECHECK, kind) for kind in files),
        *(step_key(Step.LOAD, kind) for kind in database if not request.load_open),
        *(step_key(Step.RECHECK, kind) for kind in database),
        *(step_key(Step.SWAP, kind) for kind in request.kinds),
        step_key(Step.COMMIT),
        *(step_key(Step.FORWARD, kind) for kind in database),
        step_key(Step.FLUSH),
        step_key(Step.OPEN),
        step_key(Step.REMOVE),
    )


def run_rollback(context: JobContext, request: RollbackRequest) -> OperationResult:
    """Roll back to the chosen backups. Raises the error of a failure, the store reverted."""
    context.emit(StepsPlanned(steps=planned_steps(request)))
    with context.step(Step.CHECK):
        sources = gather(context.store, request, environ=context.environ)
        surroundings = further_findings(context.store, request, sources, context.clock())
        say_findings(context, (*sources.findings, *surroundings))
        refuse((*sources.findings, *surroundings))
        if not request.from_elsewhere and request.confirmed_plan is None:
            refuse_unasked(sources.elsewhere)
        if sources.elsewhere and Kind.DB in request.kinds:
            context.journal.write(FromElsewhere())
        if any(finding.code == "processes" for finding in surroundings):
            context.journal.write(ConsumersRan())
        if sources.connection is not None:
            context.connection = sources.connection
            keep_connection(context.directory, sources.connection)
    parts = parts_of(request.kinds)
    with contextlib.ExitStack() as locks:
        if sources.connection is not None:
            from core.database.server.connection import schema_lock  # noqa: PLC0415 - as said above

            locks.enter_context(schema_lock(sources.connection))
            refuse_unfinished(sources.connection, context.store)
        try:
            shown = read_confirmed(context.directory)
            sources = _with_dump(context, sources, request, shown)
            job = RollbackJob(context=context, request=request, sources=sources, shown=shown)
            _plan(job, parts)
            if all(part.changes_nothing for part in parts):
                return _leave_as_it_is(context, parts, request)
            for part in parts:
                part.prepare(job)
            closing.close(context)
            _complete(job, parts)
            begin_moving(context, parts)
            for part in parts:
                part.swap(context)
            commit_or_revert.commit(context)
        except BaseException as error:
            commit_or_revert.end_by_reverting(context, parts, error)
            raise
        return commit_or_revert.forward(
            context, parts, flush=request.flush, replaces=None, strict=request.strict
        )


def _with_dump(
    context: JobContext, sources: Sources, request: RollbackRequest, shown: ConfirmedPlan | None
) -> Sources:
    """Fetch the needed parts of the dump of a set in a repository, if there is space for it."""
    backup = sources.backups.get(Kind.DB)
    if sources.remote is None or backup is None:
        return sources
    from core.operations.remote_load import bring_dump  # noqa: PLC0415 - few need it

    if shown is not None:
        shown.check_sources(sources)
    known = None if shown is None else shown.kept_at(context.clock())
    with context.step(Step.FETCH, Kind.DB, total_bytes=backup.size_bytes) as report:
        return bring_dump(context, sources, request, known, report)


def _leave_as_it_is(
    context: JobContext, parts: tuple[Part, ...], request: RollbackRequest
) -> OperationResult:
    """End a rollback that would change nothing: the store stays open, an older undo is kept."""
    done = (step_key(Step.CHECK), step_key(Step.FETCH, Kind.DB))
    plans = tuple(step_key(Step.PLAN, kind) for kind in request.kinds)
    steps = (one for one in planned_steps(request) if one in (*done, *plans))
    context.emit(StepsPlanned(steps=tuple(steps)))
    say_findings(context, [nothing_finding()])
    if context.connection is not None:
        from core.operations.leftovers import drop_leftovers  # noqa: PLC0415 - as said above

        drop_leftovers(context, context.connection)
    commit_or_revert.clear_up(context, parts)
    return OperationResult(strict=request.strict)


def _plan(job: RollbackJob, parts: tuple[Part, ...]) -> None:
    """Plan all, while the store is open. Raises PreflightRefused, PlanChanged."""
    context = job.context
    for part in parts:
        part.plan(job)
    if job.shown is not None and job.sources.fetched is None:
        job.shown.check_sources(job.sources)
    plans = file_plans(parts)
    findings = [
        *chosen_findings(context.store, job.request, job.sources, plans),
        *absence_findings(context.store, job.request, job.sources, plans),
        *file_findings(context.store, plans),
    ]
    remote = job.sources.remote
    if remote is not None:
        from core.operations.remote_sources import space_findings  # noqa: PLC0415 - few need it

        findings += space_findings(context.store, remote, plans)
    say_findings(context, findings)
    refuse(findings)


def _complete(job: RollbackJob, parts: tuple[Part, ...]) -> None:
    """With the store closed: look again at the files, load the database beside."""
    for part in parts:
        backup = job.sources.backups[part.kind]
        started = RollbackStarted(
            kind=part.kind,
            file_name=backup.name.text,
            path=backup.path,
            only=job.request.only_of(part.kind),
        )
        job.context.emit(started)
        part.recheck(job)
        part.load(job)
