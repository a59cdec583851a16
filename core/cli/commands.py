"""The headless commands: find the store, ask the client, show its answer.

No work is done here; jobs do it. A command returns its exit code, or raises MagerewindError, which
`main` shows as one line and a hint.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from core.cli.configured import Configuration
from core.cli.console import Console
from core.cli.interruptions import Interruptions
from core.cli.parser import CommandLine
from core.errors import (
    MagerewindError,
    PreflightRefused,
)
from core.events import Operation
from core.magento.store import Store, find_store_here
from core.text import numbers
from core.text.lines import note, plain, success, warning

if TYPE_CHECKING:
    from core.config.job_settings import JobSettings
    from core.config.load import Effective
    from core.jobs.client import Client
    from core.jobs.directory import JobDirectory
    from core.jobs.listing import JobSummary
    from core.operations.findings import Finding
    from core.operations.requests import Request
    from core.operations.rollback_plan import RollbackPlan


class CommandSession(Struct, frozen=True, kw_only=True):
    """The context of a command."""

    line: CommandLine
    console: Console
    interruptions: Interruptions
    environ: Mapping[str, str]
    configuration: Configuration
    clock: Callable[[], float] = time.time

    def store(self, *, for_rollback: bool = True) -> Store:
        """Return the store that is meant. For a rollback, var/backups alone is enough."""
        return find_store_here(root=self.line.root, for_rollback=for_rollback)

    def writable_store(self, *, for_rollback: bool = True) -> Store:
        """Return the store, when this account may work on it.

        Raises StoreUnreadable, ForeignState.
        """
        from core.operations.job_files import planted_state  # noqa: PLC0415 - as in `client`
        from core.operations.read_only import refuse_unwritable  # noqa: PLC0415 - as above

        store = self.store(for_rollback=for_rollback)
        planted = planted_state(store)
        if planted is not None:
            raise planted
        refuse_unwritable(store)
        return store

    def settings(self, store: Store) -> Effective:
        """Return the configuration of a store. Raises InvalidConfig, UsageError."""
        return self.configuration.settings(self.line, store.root)

    def around(self, store: Store, operation: Operation) -> JobSettings:
        """Return the configured settings around a job. Raises as `settings`."""
        from core.config.job_settings import settings_of_job  # noqa: PLC0415 - only for jobs

        return settings_of_job(self.settings(store), operation, store.root)

    def refuse_unreadable(self, store: Store, operation: Operation) -> None:
        """Raise, before a plan and a question, the errors that would prevent the job's start."""
        from core.config.job_settings import refuse_unreadable  # noqa: PLC0415 - as above

        if not self.line.dry_run:
            refuse_unreadable(self.around(store, operation), self.environ)

    def client(self, store: Store) -> Client:
        """Return the jobs of the store."""
        from core.jobs.client import Client  # noqa: PLC0415 - a look into a backup needs no jobs

        return Client(store, environ=self.environ, clock=self.clock)

    def warn_of_interrupted(self, client: Client, *, besides: str = "") -> JobSummary | None:
        """Say on stderr when a job of this store was interrupted, and return it.

        Nothing is said of the job `besides`.
        """
        try:
            interrupted = client.interrupted()
        except MagerewindError as failure:  # such as another account's jobs
            self.console.say(warning(f"The jobs of this store cannot be seen. {failure.message}"))
            return None
        if interrupted is not None and interrupted.job_id != besides:
            from core.jobs.listing import interrupted_error  # noqa: PLC0415 - as above

            why = interrupted_error(interrupted, host=client.host)
            self.console.say(warning(why.message), note(why.hint or ""))
        return interrupted

    def refuse_interrupted(self, client: Client) -> None:
        """Raise JobInterrupted before a long plan instead of after it."""
        from core.jobs.listing import interrupted_error  # noqa: PLC0415 - as above

        interrupted = client.interrupted()
        if interrupted is not None:
            raise interrupted_error(interrupted, host=client.host)

    def refuse_while_running(self, client: Client) -> None:
        """Raise JobRunning while a job works on this store."""
        from core.jobs.lock import job_running  # noqa: PLC0415 - as above

        running = client.running()
        if running is not None:
            raise job_running(
                running.job_id,
                running.operation,
                user=running.user,
                since_s=running.began_s,
                pid=running.pid,
                host=running.host,
            )

    def require_answerable(self) -> None:
        """Refuse a question that can neither be put nor is answered, before any work."""
        if not self.line.yes and not self.line.may_ask:
            raise PreflightRefused(
                f"{self.line.command} asks before it changes anything, and no question may be put.",
                hint="--yes answers it.",
            )

    def agreed(self, question: str) -> bool:
        """Return whether a person, or --yes, says yes."""
        if self.line.yes:
            return True
        if self.console.ask(question):
            return True
        self.console.say(note("Nothing was changed."))
        return False

    def start(
        self,
        client: Client,
        request: Request,
        *,
        plan: RollbackPlan | None = None,
        told: Iterable[Finding] = (),
    ) -> int:
        """Start a job with the configured settings around it, and follow it to its end."""
        settings = self.around(client.store, request.operation)
        job = client.start(request, plan=plan, settings=settings)
        self.configuration.started = True
        return self.follow(client, job, told=told)

    def follow(
        self,
        client: Client,
        job: JobDirectory,
        *,
        after_seq: int = -1,
        cancels: bool = True,
        told: Iterable[Finding] = (),
    ) -> int:
        """Follow a job to its end, or only name it where it was to be detached.

        Findings `told` before the start are not repeated.
        """
        if self.line.detach:
            if self.console.as_json:
                self.console.print_json({"type": "JobStarted", "job_id": job.job_id})
            else:
                self.console.print(job.job_id)
            self.console.say(note(f"magerewind job:attach {job.job_id} shows the job."))
            return 0
        from core.cli.following import ConsoleFollower  # noqa: PLC0415 - as above

        follower = ConsoleFollower(
            client,
            self.console,
            self.interruptions,
            verbose=self.line.verbose,
            cancels=cancels,
            told=[(finding.code, finding.message) for finding in told],
        )
        return follower.follow(job.job_id, after_seq=after_seq)


def list_command(session: CommandSession) -> int:
    """`info:backups:list`."""
    from core.backups.catalog import list_backups  # noqa: PLC0415 - as above
    from core.cli.copies import StoreCopies  # noqa: PLC0415 - as above
    from core.cli.listing import listing_json, listing_lines  # noqa: PLC0415 - as above
    from core.operations.remote import seen_everywhere  # noqa: PLC0415 - as above

    store = session.store()
    session.warn_of_interrupted(session.client(store))
    listing = list_backups(store.backups)
    copies = StoreCopies(seen_everywhere(store))
    if session.console.as_json:
        for row in listing_json(listing, copies):
            session.console.print_json(row)
    else:
        session.console.print(*listing_lines(listing, session.clock(), copies))
    return 0


def jobs_command(session: CommandSession) -> int:
    """`job:list`."""
    from core.cli.listing import job_json, job_lines  # noqa: PLC0415 - as above

    client = session.client(session.store())
    session.warn_of_interrupted(client)
    jobs = client.jobs()
    if session.console.as_json:
        for job in jobs:
            session.console.print_json(job_json(job))
    else:
        session.console.print(*job_lines(jobs, session.clock(), forgotten=client.forgotten()))
    return 0


def attach_command(session: CommandSession) -> int:
    """`job:attach`."""
    client = session.client(session.store())
    job = client.find(session.line.job_id)
    session.warn_of_interrupted(client, besides=job.job_id)  # its own end is said below
    return session.follow(client, job, cancels=False)


def cancel_command(session: CommandSession) -> int:
    """`job:cancel`."""
    client = session.client(session.writable_store())
    session.warn_of_interrupted(client)
    cancelled = client.cancel(session.line.job_id)
    if session.console.as_json:
        session.console.print_json({"type": "CancelAsked", "job_id": cancelled.job_id})
    session.console.say(plain(f"Asked job {cancelled.job_id} ({cancelled.operation}) to cancel."))
    session.console.say(note(f"magerewind job:attach {cancelled.job_id} shows how it ends."))
    return 0


def recover_command(session: CommandSession) -> int:
    """`job:recover`."""
    client = session.client(session.writable_store())
    if session.line.without_memory:
        return _repair(session, client)
    interrupted = client.interrupted()
    if interrupted is None and client.running() is None:
        return _look_for_lost(session, client)
    seen = -1
    if interrupted is not None:
        stream = client.stream(interrupted.job_id)
        while events := stream.poll():
            seen = events[-1].seq
        stream.close()
    job = client.recover(from_host=session.line.from_host)
    code = session.follow(client, job, after_seq=seen)
    if code == 0 and not session.line.detach:
        session.console.say(success(f"Job {job.job_id} is recovered."))
    return code


def _look_for_lost(session: CommandSession, client: Client) -> int:
    """Say that there is nothing to recover, unless a job's memory is gone."""
    from core.cli.store_view import finding_lines  # noqa: PLC0415 - as above
    from core.operations.lost_jobs import lost_findings  # noqa: PLC0415 - loads the database

    traces = client.lost()
    if traces.problem is not None:
        session.console.say(warning(f"What lost jobs may have left is not known: {traces.problem}"))
    for finding in lost_findings(traces):
        session.console.say(*finding_lines(finding, shown=None))
    if traces.urgent is not None:
        return 1
    session.console.say(plain("No job was interrupted: there is nothing to recover."))
    return 0


def _repair(session: CommandSession, client: Client) -> int:
    """Show the traces of a job whose memory is gone, ask, and start the repair."""
    from core.cli.store_view import finding_lines  # noqa: PLC0415 - as above
    from core.operations.lost_jobs import LostJobs, lost_findings  # noqa: PLC0415 - loads the database
    from core.operations.requests import RepairRequest  # noqa: PLC0415

    session.refuse_interrupted(client)
    session.refuse_while_running(client)
    traces = client.lost()
    if traces.problem is not None:
        raise PreflightRefused(f"What lost jobs have left is not known: {traces.problem}")
    job = traces.urgent or next((one for one in traces.jobs if one.places), None)
    if job is None:
        session.console.say(plain("No job has lost its memory: there is nothing to recover."))
        return 0
    for finding in lost_findings(LostJobs(jobs=(job,))):
        lines = finding_lines(replace(finding, hint=None), shown=None)
        session.console.say(*lines)
    session.require_answerable()
    question = f"You are about to do what is right by what is left of job {job.job_id}."
    if not session.agreed(f"{question} Are you sure?"):
        return 1
    request = RepairRequest(job_id=job.job_id, strict=session.line.strict)
    return session.start(client, request)


Command = Callable[[CommandSession], int]


def age_of(job: JobSummary, now_s: float) -> str:
    """Return when a job began, for a question about it."""
    return f"{numbers.moment(job.began_s, named=True)}, {numbers.age(job.began_s, now_s)}"
