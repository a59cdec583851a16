"""The commands that start a job: backup, rollback, undo, discard.

Obstacles of a start are found, and questions are asked, before the job exists.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import structs

from core.cli.backup_request import backup_request
from core.cli.commands import CommandSession, age_of
from core.cli.repositories import refuse_mixed, wanted_of
from core.cli.rollback_request import rollback_request, undo_request
from core.cli.store_view import finding_lines
from core.errors import NothingToUndo, UsageError
from core.events import Kind, Operation, Report
from core.jobs.client import Client
from core.jobs.listing import JobSummary
from core.operations.findings import Finding, Level
from core.operations.requests import BackupRequest, DiscardRequest
from core.text import numbers
from core.text.lines import NAMES_SHOWN, error, note, plain

# Plans, and their views, are imported where they are asked for: a backup starts without them.
if TYPE_CHECKING:
    from core.archive.plan.summary import FilePlan
    from core.operations.rollback_plan import RollbackPlan

NO_BACKUP_KIND = "Not enough information provided to take backup."
NO_ROLLBACK_KIND = "Not enough information provided to roll back."
ROLLBACK_QUESTION = "You are about to remove current code and/or database tables. Are you sure?"


def _say_findings(session: CommandSession, findings: Iterable[Finding]) -> None:
    shown = None if session.line.verbose else NAMES_SHOWN
    for finding in findings:
        session.console.say(*finding_lines(finding, shown=shown))


def _stops(findings: Iterable[Finding]) -> bool:
    return any(finding.level is Level.STOP for finding in findings)


def backup_command(session: CommandSession) -> int:
    """`setup:backup`."""
    dry_run = session.line.dry_run
    look = session.store if dry_run else session.writable_store
    store = look(for_rollback=False)
    effective = session.settings(store)
    if not effective.settings.kinds:
        session.console.say(error(NO_BACKUP_KIND), note("Choose --code, --media or --db."))
        return 1
    request = backup_request(session.line, effective, session.environ)
    client = session.client(store)
    if dry_run:
        return _preview_backup(session, client, request)
    session.refuse_interrupted(client)
    return session.start(client, request)


def _preview_backup(session: CommandSession, client: Client, request: BackupRequest) -> int:
    from core.cli.backup_view import backup_json, backup_lines  # noqa: PLC0415 - as said above

    session.warn_of_interrupted(client)
    preflight = client.preflight_backup(request)
    if session.console.as_json:
        session.console.print_json(backup_json(preflight))
    else:
        session.console.print(*backup_lines(preflight, request))
    _say_findings(session, preflight.findings)
    return 1 if _stops(preflight.findings) else 0


def _ready(session: CommandSession) -> Client:
    """Return the store's jobs, when a question can be answered and no other job is in the way."""
    if session.line.dry_run:
        client = session.client(session.store())
        session.warn_of_interrupted(client)
        return client
    session.require_answerable()
    client = session.client(session.writable_store())
    session.refuse_interrupted(client)
    session.refuse_while_running(client)
    return client


def _planning(session: CommandSession) -> Report:
    width = shutil.get_terminal_size().columns

    def report(done_bytes: int, _items: int, current: str) -> None:
        session.console.progress(
            f"Checking and comparing: {numbers.size(done_bytes)}  {current}", width=width
        )

    return report


def rollback_command(session: CommandSession) -> int:
    """`setup:rollback`."""
    line = session.line
    named = (line.code_file, line.media_file, line.db_file)
    refuse_mixed(line)
    if named == (None, None, None) and line.backup_set is None:
        session.console.say(
            error(NO_ROLLBACK_KIND), note("Choose --code-file, --media-file or --db-file.")
        )
        return 1
    client = _ready(session)
    session.refuse_unreadable(client.store, Operation.ROLLBACK)
    effective = session.settings(client.store)
    wanted = wanted_of(line, client.store, effective, session.environ)
    request = rollback_request(
        line,
        effective.settings,
        wanted.files,
        repository=wanted.repository,
        store=wanted.store,
    )
    if line.yes and not line.dry_run and (line.quiet or line.as_json):
        # No person is there to see a plan, and the job makes its own.
        return session.start(client, request)
    plan = client.plan_rollback(request, report=_planning(session))
    session.console.end_progress()
    _show_rollback(session, plan)
    if _stops(plan.findings):
        return 1
    if line.dry_run or plan.changes_nothing:
        return 0
    from core.operations import backup_origin  # noqa: PLC0415 - as said above
    from core.operations.incomplete_archive import question_warnings  # noqa: PLC0415

    if line.yes and not line.from_elsewhere:
        backup_origin.refuse_unasked(plan.elsewhere)

    if not session.agreed(f"{question_warnings(plan.findings)} {ROLLBACK_QUESTION}".strip()):
        return 1
    confirmed = structs.replace(request, confirmed_plan=plan.fingerprint)
    return session.start(client, confirmed, plan=plan, told=plan.findings)


def _show_rollback(session: CommandSession, plan: RollbackPlan) -> None:
    """Show a plan: on stdout where it was asked for, else beside the question on stderr."""
    from core.cli.plan_view import (  # noqa: PLC0415 - as said above
        TABLES_SHOWN,
        rollback_json,
        rollback_lines,
    )

    console = session.console
    shown = None if session.line.verbose else TABLES_SHOWN
    lines = rollback_lines(plan, session.clock(), shown=shown)
    if not session.line.dry_run:
        console.say(*map(note, lines))
    elif console.as_json:
        for row in rollback_json(plan):
            console.print_json(row)
    else:
        console.print(*lines)
        _print_entries(session, plan.files)
    _say_findings(session, plan.findings)


def _print_entries(session: CommandSession, plans: Mapping[Kind, FilePlan]) -> None:
    """Print every entry of a plan where all names are wanted, else how to get them."""
    from core.text.plan_list import entry_lines  # noqa: PLC0415 - as said above

    if not session.line.verbose:
        if any(plan.differs for plan in plans.values()):
            session.console.say(note("-v lists every entry."))
        return
    for text in entry_lines(plans):  # one by one: there may be a hundred thousand
        session.console.print(text)


def _kept_undo(session: CommandSession, client: Client) -> JobSummary:
    """Return the job whose undo is meant: the named one, or the newest that keeps one."""
    if session.line.job_id is None:
        newest = client.undoable()
        if newest is None:
            raise NothingToUndo("No finished rollback keeps an undo.")
        return newest
    named = client.find(session.line.job_id).job_id
    found = client.result_of(named)
    if not found.undo_kept:
        raise NothingToUndo(f"Job {named} keeps no undo.")
    return found


def undo_command(session: CommandSession) -> int:
    """`job:undo`."""
    from core.cli.plan_view import undo_json, undo_lines  # noqa: PLC0415 - as said above

    line = session.line
    client = _ready(session)
    job = _kept_undo(session, client)
    session.refuse_unreadable(client.store, Operation.UNDO)
    settings = session.settings(client.store).settings
    request = undo_request(line, settings, job.job_id)
    plan = client.plan_undo(request, report=_planning(session))
    session.console.end_progress()
    if not line.dry_run:
        session.console.say(*map(note, undo_lines(plan, job.operation, flush=request.flush)))
    elif session.console.as_json:
        for row in undo_json(plan):
            session.console.print_json(row)
    else:
        session.console.print(*undo_lines(plan, job.operation, flush=request.flush))
        _print_entries(session, plan.files)
    _say_findings(session, plan.findings)
    if _stops(plan.findings):
        return 1
    if line.dry_run or plan.changes_nothing:
        return 0
    when = age_of(job, session.clock())
    question = (
        f"You are about to put the store back as it was before the {job.operation} of {when}."
    )
    if not session.agreed(f"{question} Are you sure?"):
        return 1
    return session.start(client, request, told=plan.findings)


def discard_command(session: CommandSession) -> int:
    """`job:discard`."""
    client = _ready(session)
    if session.line.orphans:
        return _discard_orphans(session, client)
    job = _kept_undo(session, client)
    when = age_of(job, session.clock())
    freed = numbers.size(job.undo_bytes)
    question = f"You are about to give up the undo of the {job.operation} of {when} ({freed})."
    if not session.agreed(f"{question} Are you sure?"):
        return 1
    return session.start(client, DiscardRequest(job_id=job.job_id, strict=session.line.strict))


def _discard_orphans(session: CommandSession, client: Client) -> int:
    """Show the leftovers of forgotten jobs, ask, and start their removal."""
    from core.operations.lost_jobs import lost_findings  # noqa: PLC0415 - loads the database
    from core.operations.orphans import orphans_of  # noqa: PLC0415

    if session.line.job_id is not None:
        raise UsageError("job:discard takes a job or --orphans, not both.")
    traces = client.lost()
    if traces.problem is None and not traces.jobs:
        session.console.say(plain("Nothing is left over."))
        return 0
    jobs = orphans_of(traces)
    for finding in lost_findings(traces):
        session.console.say(*finding_lines(structs.replace(finding, hint=None), shown=None))
    size = numbers.size(sum(job.bytes for job in jobs))
    left = numbers.counted(len(jobs), "job")
    question = f"You are about to delete what {left} left ({size}); no undo needs it."
    if not session.agreed(f"{question} Are you sure?"):
        return 1
    request = DiscardRequest(orphans=True, strict=session.line.strict)
    return session.start(client, request)
