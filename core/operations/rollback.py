"""A rollback: plan, stage the files, close, load the database beside, swap, commit, open.

It reads like its documentation. Before the commit any failure reverts everything; after it, only
forward. The store is opened by one of the two ends in `ending`, never as cleanup.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from core.archive.plan.plan_file import FilePlan
from core.archive.restore.recheck import Refreshed, refresh_files
from core.archive.restore.stage import StagedFiles, stage_files
from core.errors import MagerewindError, PlanChanged
from core.events import (
    Kind,
    Noted,
    RollbackPlanned,
    RollbackStarted,
    Step,
    StepsPlanned,
    step_key,
)
from core.operations import closing, ending
from core.operations.absence import absence_findings
from core.operations.connection_file import keep_connection
from core.operations.context import JobContext
from core.operations.done import Done
from core.operations.elsewhere import refuse_unasked
from core.operations.findings import Finding, refuse, say_findings
from core.operations.job_files import plan_of
from core.operations.lost import refuse_unfinished
from core.operations.parts import FilesPart, Part, begin_moving, parts_of
from core.operations.requests import RollbackRequest
from core.operations.rollback_plan import (
    file_findings,
    plan_database,
    plan_kind,
    surrounding_findings,
)
from core.operations.shown import Shown, read_shown
from core.operations.sources import Sources, gather

if TYPE_CHECKING:  # of a database: whoever starts a rollback of files waits for what is imported
    from core.database.load.server_check import DumpCheck
    from core.operations.database_part import DatabasePart

_NAMED: Final = 50


@dataclass(slots=True, kw_only=True)
class _Staging:
    """What has been made ready before the swap."""

    plans: dict[Kind, FilePlan]
    staged: dict[Kind, StagedFiles]
    check: DumpCheck | None = None


def planned_steps(request: RollbackRequest) -> tuple[str, ...]:
    """Return the steps of such a rollback, in order."""
    files = [kind for kind in request.kinds if kind is not Kind.DB]
    database = [Kind.DB] if Kind.DB in request.kinds else []
    return (
        step_key(Step.CHECK),
        *(step_key(Step.PLAN, kind) for kind in request.kinds),
        *(step_key(Step.STAGE, kind) for kind in files),
        step_key(Step.CLOSE),
        *(step_key(Step.RECHECK, kind) for kind in files),
        *(step_key(Step.LOAD, kind) for kind in database),
        *(step_key(Step.SWAP, kind) for kind in request.kinds),
        step_key(Step.COMMIT),
        *(step_key(Step.FORWARD, kind) for kind in database),
        step_key(Step.FLUSH),
        step_key(Step.OPEN),
        step_key(Step.REMOVE),
    )


def run_rollback(context: JobContext, request: RollbackRequest) -> Done:
    """Roll back to the chosen backups. Raises what made it impossible, the store reverted."""
    context.emit(StepsPlanned(steps=planned_steps(request)))
    with context.step(Step.CHECK):
        sources = gather(context.store, request, environ=context.environ)
        surroundings = surrounding_findings(context.store, request, sources, context.clock())
        say_findings(context, (*sources.findings, *surroundings))
        refuse((*sources.findings, *surroundings))
        if not request.from_elsewhere and request.confirmed_plan is None:
            refuse_unasked(sources.elsewhere)
        if sources.elsewhere and Kind.DB in request.kinds:
            context.journal.append("elsewhere")
        if any(finding.code == "processes" for finding in surroundings):
            context.journal.append("consumers")
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
            staging = _make_ready(context, request, sources)
            closing.close(context)
            _complete(context, request, sources, staging, parts)
            begin_moving(context, parts)
            for part in parts:
                part.swap(context)
            ending.commit(context)
        except BaseException as error:
            ending.end_by_reverting(context, parts, error)
            raise
        return ending.forward(
            context, parts, flush=request.flush, replaces=None, strict=request.strict
        )


def _make_ready(context: JobContext, request: RollbackRequest, sources: Sources) -> _Staging:
    """Plan all and stage the files while the store is open."""
    staging = _Staging(plans={}, staged={})
    shown = read_shown(context.directory)
    for kind in request.kinds:
        if kind is not Kind.DB:
            staging.plans[kind] = _plan_files(context, request, sources, kind, shown)
    if Kind.DB in request.kinds:
        staging.check = _plan_database(context, request, sources)
    if shown is not None:
        shown.check_sources(sources)
    findings = [
        *absence_findings(context.store, request, sources, staging.plans),
        *file_findings(context.store, staging.plans),
    ]
    say_findings(context, findings)
    refuse(findings)
    for kind, plan in staging.plans.items():
        with context.step(Step.STAGE, kind, total_bytes=plan.bytes_to_write) as report:
            context.journal.append("stage", kind=kind.value)
            staging.staged[kind] = stage_files(plan, job_id=context.job_id, report=report)
    return staging


def _plan_files(
    context: JobContext,
    request: RollbackRequest,
    sources: Sources,
    kind: Kind,
    shown: Shown | None,
) -> FilePlan:
    backup = sources.backups[kind]
    with context.step(Step.PLAN, kind, total_bytes=backup.size_bytes) as report:
        plan = plan_kind(
            context.store,
            request,
            sources,
            kind,
            plan_of(context.store, context.directory, kind),
            report,
            put_aside=True,
        )
    context.emit(
        RollbackPlanned(
            kind=kind,
            identical=plan.identical,
            added=plan.added,
            changed=plan.changed,
            removed=plan.removed,
            mode_only=plan.mode_only,
            bytes_to_write=plan.bytes_to_write,
        )
    )
    if shown is not None:
        meanwhile = shown.changed_since(kind, plan)
        _tell_changes(
            context, kind, names=meanwhile.names, too_many=meanwhile.too_many, of=meanwhile.of
        )
    return plan


def _tell_changes(
    context: JobContext, kind: Kind, *, names: tuple[str, ...], too_many: bool, of: int
) -> None:
    """Name what an open shop changed since the plan was shown; refuse where it is too much."""
    if not names:
        return
    if too_many:
        raise PlanChanged(
            f"{len(names)} of {of} entries of {kind} changed since the plan was made: "
            f"{', '.join(names[:5])}",
            hint="Look at a new plan: run the rollback again.",
        )
    context.emit(
        Noted(
            code="changed-meanwhile",
            message=f"{len(names)} entries of {kind} changed meanwhile, and are taken in:",
            names=names[:_NAMED],
        )
    )


def _plan_database(context: JobContext, request: RollbackRequest, sources: Sources) -> DumpCheck:
    backup = sources.backups[Kind.DB]
    findings: list[Finding] = []
    with context.step(Step.PLAN, Kind.DB, total_bytes=backup.size_bytes) as report:
        plan = plan_database(request, sources, report, findings)
        say_findings(context, findings)
        refuse(findings)
    check, server = plan.check, plan.server
    context.emit(
        RollbackPlanned(
            kind=Kind.DB,
            identical=0,
            added=len(server.added) if server is not None else 0,
            changed=len(server.replaced) if server is not None else len(check.tables),
            removed=len(server.removed) if server is not None else 0,
            mode_only=0,
            bytes_to_write=check.content_bytes,
        )
    )
    return check


def _complete(
    context: JobContext,
    request: RollbackRequest,
    sources: Sources,
    staging: _Staging,
    parts: tuple[Part, ...],
) -> None:
    """With the store closed: look again at the files, load the database beside."""
    for part in parts:
        backup = sources.backups[part.kind]
        context.emit(RollbackStarted(kind=part.kind, file_name=backup.name.text, path=backup.path))
        if isinstance(part, FilesPart):
            _look_again(context, part.kind, staging)
        elif staging.check is None:
            raise MagerewindError("The dump was not checked.")
        else:
            cast("DatabasePart", part).load(
                context,
                backup,
                staging.check,
                map_collations=request.map_collations,
                partial=request.partial,
            )


def _look_again(context: JobContext, kind: Kind, staging: _Staging) -> None:
    with context.step(Step.RECHECK, kind) as report:
        refreshed: Refreshed = refresh_files(staging.staged[kind], report=report)
    staging.staged[kind] = refreshed.staged
    _tell_changes(
        context,
        kind,
        names=refreshed.changed,
        too_many=refreshed.too_many,
        of=refreshed.of,
    )
