"""The interface of the command line and the application: start, follow, cancel and recover jobs.

Nothing here does any work on the store: it makes a job's directory, starts its runner as a process
of its own, and reads its stream.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from core import errors
from core.durable import translate
from core.errors import DiskFull, JobError, JobNotFound, MagerewindError, NothingToUndo
from core.events import Report, Stamped, no_report
from core.jobs.directory import (
    JobDirectory,
    create_job,
    find_job,
    job_directories,
    new_job_id,
    remove_job,
)
from core.jobs.inherited import descriptors_for_runner, words_for_runner
from core.jobs.listing import JobSummary, has_begun, interrupted_error, list_jobs
from core.jobs.lock import Holder, is_alive, read_holder
from core.jobs.old_jobs import forgotten
from core.jobs.stream import EventStream
from core.jobs.var_lock import var_is_held
from core.magento.store import Store, refuse_stranger, shown
from core.operations import job_files
from core.operations.requests import BackupRequest, Request, RollbackRequest, UndoRequest
from core.owned_files import LARGE
from core.program import command_of

# The needs of plans and checks (archives, the database) are imported where they are made: a
# command that starts or lists jobs is done before that would be loaded.
if TYPE_CHECKING:
    from core.config.job_settings import JobSettings
    from core.operations.health import StoreHealth
    from core.operations.lost_jobs import LostJobs
    from core.operations.preflight import BackupPreflight, StoreFacts
    from core.operations.rollback_plan import RollbackPlan
    from core.operations.undo_plan import UndoPlan

RUNNER: Final = (*command_of("core"), "job:run")
_LETTING_GO_S: Final = 5.0
_AT_THE_END_S: Final = 0.01
_PROBE: Final = "probe"
_PROBE_BYTES: Final = 65536
_LAST_BYTES: Final = 4096  # of a log, in which its last line is looked for


class Client:
    """The jobs of one store. `runner` is the command line that runs one; tests give their own."""

    def __init__(
        self,
        store: Store,
        *,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        runner: Sequence[str] = RUNNER,
    ) -> None:
        self.store = store
        self.environ = environ
        self.clock = clock
        self._runner = tuple(runner)
        self.host = socket.gethostname()

    # Questions of the front ends before a start.

    def examine(self) -> StoreFacts:
        """Return the known facts of the store. Never raises for a database that is down."""
        from core.operations import preflight  # noqa: PLC0415 - as said above

        return preflight.examine(self.store, environ=self.environ)

    def health(self) -> StoreHealth:
        """Return the broken parts of the store; a dead database takes its time. Never raises."""
        from core.operations import health  # noqa: PLC0415 - as said above

        return health.look_at(self.store, environ=self.environ)

    def preflight_backup(self, request: BackupRequest) -> BackupPreflight:
        """Return the obstacles of a backup, and estimates."""
        from core.operations import preflight  # noqa: PLC0415 - as said above

        return preflight.preflight_backup(self.store, request, environ=self.environ)

    def plan_rollback(
        self, request: RollbackRequest, *, report: Report = no_report
    ) -> RollbackPlan:
        """Return the changes and obstacles of a rollback. Leaves nothing on disk."""
        from core.operations import rollback_plan  # noqa: PLC0415 - as said above

        plan = rollback_plan.plan_rollback(
            self.store, request, environ=self.environ, report=report, now_s=self.clock()
        )
        if plan.changes_nothing:
            return plan
        older = tuple(
            job_files.OlderUndo(
                job_id=job.job_id,
                operation=job.operation,
                began_s=job.began_s,
                bytes=job.undo_bytes,
            )
            for job in self.jobs()
            if job.undo_kept
        )
        return replace(plan, older=older)

    def plan_undo(self, request: UndoRequest, *, report: Report = no_report) -> UndoPlan:
        """Return the changes of an undo. Raises NothingToUndo."""
        from core.operations import undo_plan  # noqa: PLC0415 - as said above

        job = find_job(self.store, request.job_id)
        if job.undo() is None:
            raise NothingToUndo(f"Job {job.job_id} keeps no undo.")
        return undo_plan.plan_undo(
            self.store, job.directory, job.job_id, partial=request.partial, report=report
        )

    # Jobs.

    def start(
        self,
        request: Request,
        *,
        plan: RollbackPlan | None = None,
        settings: JobSettings | None = None,
    ) -> JobDirectory:
        """Start a job; return when its runner holds the store. Raises the runner's own error.

        `settings`: the configured hooks and receivers. Raises SecretUnreadable as well.
        `plan`: the confirmed fingerprint; the runner compares it with its own plan.
        """
        refuse_stranger(self.store)
        if settings is not None:
            from core.config.job_settings import refuse_unreadable  # noqa: PLC0415 - as said above

            refuse_unreadable(settings, self.environ)
        interrupted = self.interrupted()
        if interrupted is not None:
            raise interrupted_error(interrupted, host=self.host)
        job_id = new_job_id(self.clock(), secrets.token_bytes(2))
        with self._told_where_it_is_full():
            job = create_job(self.store, job_id, request)
            try:
                if settings is not None and not settings.is_empty:
                    job.directory.write(job_files.SETTINGS, settings.to_json())
                if plan is not None:
                    from core.operations.confirmed_plan import write_confirmed  # noqa: PLC0415 - as said above

                    write_confirmed(plan, job.directory, now_s=self.clock())
                self._spawn(job)
            except MagerewindError:
                if not has_begun(job.records()):
                    remove_job(job)  # it never began
                raise
        return job

    @contextmanager
    def _told_where_it_is_full(self) -> Iterator[None]:
        """Say that `var` is full, not which of the files of a job could not be written there."""
        try:
            yield
        except DiskFull as error:
            raise DiskFull(
                f"The job could not be started: no space is left in {shown(self.store.var)}.",
                hint="Free some space there, then run it again.",
            ) from error

    def recover(self, *, from_host: str | None = None) -> JobDirectory:
        """Take up the interrupted job; return when its runner holds the store."""
        summary = self.interrupted()
        if summary is not None and summary.foreign:
            raise interrupted_error(summary, host=self.host)
        if summary is None:
            running = self.running()
            raise JobNotFound(
                "No job was interrupted: there is nothing to recover."
                if running is None
                else f"Job {running.job_id} is running; it was not interrupted."
            )
        job = JobDirectory(self.store, summary.job_id)
        with self._told_where_it_is_full():
            self._spawn(job, *(("--from-host", from_host) if from_host else ()))
        return job

    def _spawn(self, job: JobDirectory, *arguments: str) -> None:
        ready, answer = os.pipe()
        log = self._open_log(job)
        command = [
            *self._runner,
            job.job_id,
            "--root",
            self.store.root,
            "--ready-fd",
            str(answer),
            *words_for_runner(),
            *arguments,
        ]
        try:
            process = subprocess.Popen(
                command,
                cwd="/",
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                pass_fds=(answer, *descriptors_for_runner()),
                start_new_session=True,
            )
        except OSError as error:
            os.close(ready)
            raise translate(error, "starting the job") from error
        finally:
            os.close(answer)
            os.close(log)
        # Collects the exit status, so that no zombie stays while the application is open.
        threading.Thread(target=process.wait, daemon=True).start()
        with os.fdopen(ready, "rb") as pipe:
            content = pipe.read()
        _raise_answer(content, job)

    def _open_log(self, job: JobDirectory) -> int:
        try:
            return job.file(job_files.LOG).open(os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        except OSError as error:
            raise translate(error, f"opening {job.log_path}") from error

    def cancel(self, job_id: str | None = None) -> JobSummary:
        """Ask a running job (the running one, if none is named) to stop."""
        summary = self.running()
        if job_id is not None:
            job_id = find_job(self.store, job_id).job_id
        if summary is None or job_id not in (None, summary.job_id):
            raise JobNotFound("No such job is running." if job_id else "No job is running.")
        job = JobDirectory(self.store, summary.job_id)
        holder = read_holder(self.store)
        job.directory.write(job_files.CANCEL, b"")
        if holder is not None and holder.job_id == job.job_id and is_alive(holder, self.host):
            with suppress(ProcessLookupError, PermissionError):
                os.kill(holder.pid, signal.SIGTERM)
        return summary

    def cancel_asked(self, job_id: str) -> bool:
        """Tell whether somebody has asked a job to stop. Raises JobError."""
        with suppress(JobNotFound):
            return find_job(self.store, job_id).directory.has(job_files.CANCEL)
        return False

    def jobs(self) -> tuple[JobSummary, ...]:
        """Return all jobs, newest first."""
        return list_jobs(self.store)

    def running(self) -> JobSummary | None:
        """Return the job that holds the store now."""
        holder = read_holder(self.store)
        if holder is None:
            return None
        return next((job for job in self.jobs() if job.running), None)

    def interrupted(self) -> JobSummary | None:
        """Return the job that died half way, if there is one.

        One whose state is not this account's comes first, since it stops everything.
        """
        interrupted = [job for job in self.jobs() if job.interrupted]
        return next((job for job in interrupted if job.foreign), next(iter(interrupted), None))

    def lost(self) -> LostJobs:
        """Return the jobs whose memory is gone, by their traces. Never raises."""
        from core.operations import lost_jobs  # noqa: PLC0415 - as said above

        return lost_jobs.find_lost(self.store, environ=self.environ)

    def forgotten(self) -> int:
        """Return how many jobs ran on this store and are listed no more."""
        return forgotten(self.store)

    def undoable(self) -> JobSummary | None:
        """Return the newest job whose undo is kept."""
        return next((job for job in self.jobs() if job.undo_kept), None)

    def find(self, job_id: str | None = None) -> JobDirectory:
        """Return a job by id; without one the running, else the newest."""
        if job_id is not None:
            return find_job(self.store, job_id)
        running = self.running()
        if running is not None:
            return JobDirectory(self.store, running.job_id)
        newest = next((job for job in job_directories(self.store)), None)
        if newest is None:
            raise JobNotFound("No job has run on this store yet.")
        return newest

    def holder(self) -> Holder | None:
        """Return who holds the store."""
        return read_holder(self.store)

    # Following.

    def stream(self, job_id: str) -> EventStream:
        """Return the stream of a job, from its first event."""
        return EventStream(JobDirectory(self.store, job_id).events)

    def is_over(self, job_id: str) -> bool:
        """Tell whether no process works on this job any more."""
        holder = read_holder(self.store)
        if holder is None and not os.path.isdir(JobDirectory(self.store, job_id).path):
            return not var_is_held(self.store)  # its memory was removed, its runner may live
        return holder is None or holder.job_id != job_id

    def follow(
        self, job_id: str, *, interval_s: float = 0.1, sleep: Callable[[float], None] = time.sleep
    ) -> Iterator[Stamped]:
        """Yield a job's events from the first to the last, as they come.

        Ends when the job has ended, or when its runner is gone without an end.
        """
        stream = self.stream(job_id)
        job = JobDirectory(self.store, job_id)
        waited_s = 0.0
        try:
            while True:
                events = stream.poll()
                yield from events
                if events:
                    waited_s = 0.0
                    continue
                if stream.ended is not None and self.is_over(job_id):
                    return
                if self.is_over(job_id):
                    # The last event comes just after the lock has been let go.
                    ended = stream.ended is None and job.has_result()
                    waited_s += interval_s
                    if waited_s > (_LETTING_GO_S if ended else 2 * interval_s):
                        return
                # The rest of a runner's work after its last event takes milliseconds.
                sleep(interval_s if stream.ended is None else min(interval_s, _AT_THE_END_S))
        finally:
            stream.close()

    def result_of(self, job_id: str) -> JobSummary:
        """Return the present state of a job."""
        found = next((job for job in self.jobs() if job.job_id == job_id), None)
        if found is None:
            raise JobNotFound(f"There is no job {job_id}.")
        return found


def _raise_answer(content: bytes, job: JobDirectory) -> None:
    """Raise the error of the runner's answer, unless it began."""
    if not content:
        _try_to_write(job)
        raise JobError(f"The job could not be started: {_last_line(job)}")
    row = json.loads(content)
    if not row:
        return
    kind = getattr(errors, str(row["error"]), JobError)
    if not (isinstance(kind, type) and issubclass(kind, MagerewindError)):
        kind = JobError
    raise kind(str(row["message"]), hint=row["hint"])


def _try_to_write(job: JobDirectory) -> None:
    """Raise the error that kept a runner from its last event: DiskFull, StorageError."""
    try:
        job.directory.write(_PROBE, bytes(_PROBE_BYTES))
    finally:
        with suppress(OSError):
            job.directory.remove(_PROBE)


def _last_line(job: JobDirectory) -> str:
    try:
        content = job.file(job_files.LOG).read(limit=LARGE)
    except (OSError, MagerewindError):
        return "no reason known"
    lines = content[-_LAST_BYTES:].decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no reason known"


__all__ = ["RUNNER", "Client", "EventStream", "JobSummary"]
