"""The process that runs one job: `python -I -m core job:run ID`.

It takes the store's lock, tells its starter that it has it, runs the operation (or recovers the one
that a dead runner left), and puts down how it ended. It prints nothing: its stream is all that is
watched.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import FrameType

from core.account.ids import name_of
from core.account.opened import opened
from core.errors import JobInterrupted, MagerewindError, StoreLeftClosed
from core.events import Failed, JobBegan, JobEnded, Noted, Outcome
from core.jobs.directory import JobDirectory, find_job, prepare_state_directory
from core.jobs.listing import (
    has_begun,
    has_ended,
    interrupted_error,
    list_jobs,
    prune,
    summarize,
)
from core.jobs.lock import Holder, acquire, boot_id, process_start
from core.jobs.login import login_note
from core.jobs.second_lock import hold_var
from core.jobs.stream import StreamWriter
from core.journal import Journal
from core.magento.store import Store, find_store
from core.operations import closing, job_files, work
from core.operations.context import Cancellation, JobContext
from core.operations.done import Done
from core.operations.records import Begin, End, TakenUp, begin_of
from core.operations.requests import Request, command_line
from core.waiting import interruptible


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job ended."""

    outcome: Outcome
    exit_code: int
    message: str = ""
    undo_kept: bool = False


def user_name() -> str:
    """Return the account that runs this, with who asked for it: root, or who called sudo."""
    how = opened()
    if how is not None:
        return how.user
    name = name_of(os.geteuid())
    caller = os.environ.get("SUDO_USER")
    return f"{name} (sudo {caller})" if caller and caller != name else name


class _Starter:
    """The other end of the pipe on which the starter waits."""

    def __init__(self, fd: int | None) -> None:
        self._fd = fd

    def answer(self, error: MagerewindError | None = None) -> None:
        """Say once that the job has begun, or why it cannot."""
        if self._fd is None:
            return
        fd, self._fd = self._fd, None
        row: dict[str, str | None] = {}
        if error is not None:
            row = {
                "error": type(error).__name__,
                "message": error.message,
                "hint": error.hint,
            }
        with suppress(OSError):  # a starter that is gone does not stop a job
            os.write(fd, json.dumps(row).encode())
        os.close(fd)


def _settle_process(cancellation_of: Callable[[], Cancellation | None]) -> None:
    """Survive the terminal, and turn requests to stop into a cancellation."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        cancellation = cancellation_of()
        if cancellation is None:
            os._exit(130)  # nothing has begun
        cancellation.request()

    os.umask(0o077)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    # The data of a job are millions of short-lived values and next to no cycles.
    gc.freeze()
    gc.set_threshold(100_000)
    # Passwords live in this process: no core file may hold them.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _refuse_interrupted(store: Store, job: JobDirectory, host: str) -> None:
    for summary in list_jobs(store):
        if summary.interrupted and summary.job_id != job.job_id:
            raise interrupted_error(summary, host=host)


def _check_host(job: JobDirectory, host: str, from_host: str | None) -> None:
    summary = summarize(job, None)
    if summary is not None and summary.host not in (host, from_host):
        raise interrupted_error(summary, host=host)


class Runner:
    """One job in this process."""

    def __init__(
        self,
        job: JobDirectory,
        *,
        environ: Mapping[str, str],
        clock: Callable[[], float] = time.time,
        host: str | None = None,
    ) -> None:
        self.job = job
        self.environ = environ
        self.clock = clock
        self.host = host or socket.gethostname()
        self.cancellation: Cancellation | None = None

    def run(self, *, ready_fd: int | None = None, from_host: str | None = None) -> int:
        """Run or recover the job; return its exit code."""
        starter = _Starter(ready_fd)
        _settle_process(lambda: self.cancellation)
        job = self.job
        try:
            request = job.request()
            jobs = job.directory.parent or prepare_state_directory(job.store)
            lock = acquire(job.store, self._holder(request), state=jobs.parent)
        except MagerewindError as error:
            starter.answer(error)
            return error.exit_code
        held: int | None = None
        try:
            held = hold_var(job.store)
            _refuse_interrupted(job.store, job, self.host)
            journal = self._journal(request, from_host)
            recovering = len(journal.records) > 1 or not has_begun(journal.records)
            stream = StreamWriter(job.events, clock=self.clock)
        except MagerewindError as error:
            lock.release()
            _close(held)
            starter.answer(error)
            return error.exit_code
        context = self._context(journal, stream)
        try:
            if not recovering:
                context.keep_reserve()
        except MagerewindError as error:
            self._finish(context, _failure(context, error), self.clock())
            lock.release()
            _close(held)
            starter.answer(error)
            return error.exit_code
        starter.answer()
        began_s = self.clock()
        ending = self._work(context, request, recovering=journal.has(TakenUp) or recovering)
        self._finish(context, ending, began_s)
        lock.release()
        stream.emit(self._ended(journal, ending, began_s))
        stream.close()
        journal.close()
        _close(held)  # last: where the rest is removed, watchers see by it that more may come
        return ending.exit_code

    def _ended(self, journal: Journal, ending: Ending, began_s: float) -> JobEnded:
        return JobEnded(
            outcome=ending.outcome,
            exit_code=ending.exit_code,
            elapsed_s=max(0.0, self.clock() - began_s),
            closed_s=closing.closed_seconds(journal.records, self.clock()),
            undo_kept=ending.undo_kept,
        )

    def _holder(self, request: Request) -> Holder:
        return Holder(
            job_id=self.job.job_id,
            operation=request.operation.value,
            host=self.host,
            boot_id=boot_id(),
            pid=os.getpid(),
            started=process_start(os.getpid()),
            user=user_name(),
            since_s=self.clock(),
        )

    def _journal(self, request: Request, from_host: str | None) -> Journal:
        file = self.job.journal
        if file.exists():
            journal = Journal.resume(file)
            if has_ended(journal.records):
                raise JobInterrupted(f"Job {self.job.job_id} has ended; there is nothing to do.")
            _check_host(self.job, self.host, from_host)
            journal.write(TakenUp(host=self.host, pid=os.getpid(), at_s=self.clock()))
            return journal
        journal = Journal.create(file)
        journal.write(
            Begin(
                operation=request.operation,
                kinds=work.kinds_of(self.job.store, self.job.directory, request),
                host=self.host,
                boot_id=boot_id(),
                pid=os.getpid(),
                user=user_name(),
                began_s=self.clock(),
                root=self.job.store.root,
            )
        )
        return journal

    def _context(self, journal: Journal, stream: StreamWriter) -> JobContext:
        self.cancellation = Cancellation(
            self.job.file(job_files.CANCEL), clock=self.clock, emit=stream.emit
        )
        return JobContext(
            store=self.job.store,
            job_id=self.job.job_id,
            directory=self.job.directory,
            journal=journal,
            emit=stream.emit,
            cancellation=self.cancellation,
            clock=self.clock,
            environ=self.environ,
            host=self.host,
            user=user_name(),
        )

    def _work(self, context: JobContext, request: Request, *, recovering: bool) -> Ending:
        try:
            with interruptible(context.cancellation):
                if recovering:
                    from core.operations import recovery  # noqa: PLC0415 - most jobs need none

                    return _ending(context, recovery.recover(context, request))
                self._announce(context, request)
                return _ending(context, work.run(context, request))
        except MagerewindError as error:
            return _failure(context, error)
        except Exception as error:  # noqa: BLE001 - the last line of defence of a store
            with suppress(OSError):  # a full disk
                print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the job's log
                _trace(error)
            return _failure(
                context,
                MagerewindError(
                    f"An unexpected error ({type(error).__name__}) ended the job.",
                    hint=f"The job's log has more: {self.job.log_path}",
                ),
            )

    def _announce(self, context: JobContext, request: Request) -> None:
        begin = begin_of(context.journal.records)
        began_s = begin.began_s if begin is not None else self.clock()
        context.emit(
            JobBegan(
                job_id=self.job.job_id,
                operation=request.operation,
                kinds=work.kinds_of(self.job.store, self.job.directory, request),
                timestamp=int(began_s),
                root=self.job.store.root,
                host=self.host,
                user=context.user,
                pid=os.getpid(),
                command=command_line(request),
                note=getattr(request, "note", ""),
            )
        )
        note = login_note()
        if note is not None:
            context.emit(Noted(code="killed-at-logout", message=note))

    def _finish(self, context: JobContext, ending: Ending, began_s: float) -> None:
        """Record the end, so that the job never counts as an interrupted one."""
        closed = ending.outcome is Outcome.CLOSED
        result = {
            "outcome": ending.outcome.value,
            "exit_code": ending.exit_code,
            "message": ending.message,
            "elapsed_s": max(0.0, self.clock() - began_s),
            "closed_s": closing.closed_seconds(context.journal.records, self.clock()),
            "closed_store": closed,
        }
        context.free_reserve()
        with suppress(MagerewindError):
            # A store that stays closed has not ended: job:recover takes it up again.
            if not closed:
                context.journal.write(End(outcome=ending.outcome))
            context.directory.write(job_files.RESULT, json.dumps(result).encode())
        with suppress(MagerewindError, OSError):
            prune(self.job.store)


def _close(fd: int | None) -> None:
    if fd is not None:
        os.close(fd)


def _trace(error: BaseException) -> None:
    """Write where it happened, without the values of any variable."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        print(f"  {code.co_filename}:{trace.tb_lineno} {code.co_name}", file=sys.stderr)  # noqa: T201
        trace = trace.tb_next


def _ending(context: JobContext, done: Done) -> Ending:
    outcome = done.outcome
    if outcome is Outcome.DONE and context.warned:
        outcome = Outcome.WARNINGS
    strict = outcome is Outcome.WARNINGS and done.strict
    return Ending(
        outcome=outcome,
        exit_code=1 if strict else done.exit_code,
        message=done.message,
        undo_kept=done.undo_kept,
    )


def _failure(context: JobContext, error: MagerewindError) -> Ending:
    context.emit(
        Failed(
            error=type(error).__name__,
            message=error.message,
            hint=error.hint,
            exit_code=error.exit_code,
        )
    )
    outcome = Outcome.FAILED
    if isinstance(error, StoreLeftClosed):
        outcome = Outcome.CLOSED
    elif error.exit_code == 130:
        outcome = Outcome.CANCELLED
    return Ending(outcome=outcome, exit_code=error.exit_code, message=error.message)


def main(
    job_id: str,
    *,
    root: str,
    ready_fd: int | None,
    from_host: str | None,
    environ: Mapping[str, str],
) -> int:
    """Run the job of that id in the store at `root` and return its exit code."""
    starter = _Starter(ready_fd)
    try:
        store = find_store(root, root=root, for_rollback=True)
        job = find_job(store, job_id)
    except MagerewindError as error:
        starter.answer(error)
        return error.exit_code
    return Runner(job, environ=environ).run(ready_fd=ready_fd, from_host=from_host)
