"""The process that runs one job: `python -I -m core job:run ID`.

It takes the store's lock, tells its starter that it has it, runs the operation (or recovers the one
that a dead runner left), and puts down how it ended. It prints nothing: its stream is all that is
watched.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from core.account.ids import name_of
from core.account.switch_record import account_switch
from core.cancellation import interruptible
from core.errors import JobInterrupted, MagerewindError, StoreLeftClosed
from core.events import Event, Failed, JobBegan, JobEnded, Noted, Outcome, RecoveryBegan
from core.jobs.directory import JobDirectory, find_job, prepare_state_directory
from core.jobs.facts import JobFacts
from core.jobs.listing import has_begun, has_ended, interrupted_error, list_jobs, summarize
from core.jobs.lock import Holder, acquire, boot_id, process_start
from core.jobs.login import login_note
from core.jobs.old_jobs import forget_old_jobs
from core.jobs.runner_process import Starter, prepare_process
from core.jobs.stream import EventStream, StreamWriter
from core.jobs.var_lock import lock_var
from core.journal import Journal
from core.magento.store import Store, find_store
from core.operations import closing, dispatch_operation, job_files
from core.operations.context import Cancellation, JobContext
from core.operations.equal_command import command_line
from core.operations.records import Begin, End, RecoveryStarted, begin_of
from core.operations.requests import Request
from core.operations.results import JobResult, OperationResult
from core.silence import heard_by

if TYPE_CHECKING:
    from core.jobs.hooks_and_notifications import HooksAndNotifications


def user_name() -> str:
    """Return the account that runs this, with who asked for it: root, or who called sudo."""
    how = account_switch()
    if how is not None:
        return how.user
    name = name_of(os.geteuid())
    caller = os.environ.get("SUDO_USER")
    return f"{name} (sudo {caller})" if caller and caller != name else name


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
        self._around: HooksAndNotifications | None = None

    def run(self, *, ready_fd: int | None = None, from_host: str | None = None) -> int:
        """Run or recover the job; return its exit code."""
        starter = Starter(ready_fd)
        prepare_process(lambda: self.cancellation)
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
            held = lock_var(job.store)
            _refuse_interrupted(job.store, job, self.host)
            journal = self._journal(request, from_host)
            recovering = len(journal.records) > 1 or not has_begun(journal.records)
            stream = StreamWriter(job.events, clock=self.clock)
        except MagerewindError as error:
            lock.release()
            _close(held)
            starter.answer(error)
            return error.exit_code
        facts = self._facts()
        context = self._context(journal, stream, facts)
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
        recovering = journal.has(RecoveryStarted) or recovering
        self._look_around(context, request, facts, recovering=recovering)
        ending = self._work(context, request, recovering=recovering)
        self._finish(context, ending, began_s)
        self._tell(context, ending, began_s)
        lock.release()
        stream.emit(self._ended(journal, ending, began_s))
        stream.close()
        journal.close()
        _close(held)  # last: where the rest is removed, watchers see by it that more may come
        return ending.exit_code

    def _facts(self) -> JobFacts:
        root = self.job.store.root
        return JobFacts(store=os.path.basename(root), root=root, host=self.host, user=user_name())

    def _ended(self, journal: Journal, ending: JobResult, began_s: float) -> JobEnded:
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
            journal.write(RecoveryStarted(host=self.host, pid=os.getpid(), at_s=self.clock()))
            return journal
        journal = Journal.create(file)
        journal.write(
            Begin(
                operation=request.operation,
                kinds=dispatch_operation.kinds_of(self.job.store, self.job.directory, request),
                host=self.host,
                boot_id=boot_id(),
                pid=os.getpid(),
                user=user_name(),
                began_s=self.clock(),
                root=self.job.store.root,
            )
        )
        return journal

    def _context(self, journal: Journal, stream: StreamWriter, facts: JobFacts) -> JobContext:
        def emit(event: Event) -> None:
            facts.see(event)
            stream.emit(event)

        self.cancellation = Cancellation(
            self.job.file(job_files.CANCEL), clock=self.clock, emit=stream.emit
        )
        return JobContext(
            store=self.job.store,
            job_id=self.job.job_id,
            directory=self.job.directory,
            journal=journal,
            emit=emit,
            cancellation=self.cancellation,
            clock=self.clock,
            environ=self.environ,
            host=self.host,
            user=user_name(),
        )

    def _look_around(
        self, context: JobContext, request: Request, facts: JobFacts, *, recovering: bool
    ) -> None:
        """Load the hooks and receivers of this job as they were configured at its start."""
        begin = begin_of(context.journal.records)
        began_s, kinds = (self.clock(), ()) if begin is None else (begin.began_s, begin.kinds)
        if not self.job.directory.has(job_files.SETTINGS):
            return
        from core.jobs.hooks_and_notifications import hooks_and_notifications_of  # noqa: PLC0415 - most jobs have none

        if recovering:
            for stamped in EventStream(self.job.events).poll():
                facts.see(stamped.event)
        self._around = hooks_and_notifications_of(context, facts, request.operation, kinds, began_s)

    def _work(self, context: JobContext, request: Request, *, recovering: bool) -> JobResult:
        """Do the work, and the steps after it with the store open again."""
        began_s = self.clock()
        done: OperationResult | None = None

        try:
            with interruptible(context.cancellation), heard_by(context.note_silence):
                done = self._operate(context, request, recovering=recovering)
            ending = _ending(context, done)
        except MagerewindError as error:
            ending = _failure(context, error)
        except Exception as error:  # noqa: BLE001 - the last line of defence of a store
            with suppress(OSError):  # a full disk
                print(f"{type(error).__name__}: {error}", file=sys.stderr)  # noqa: T201 - the job's log
                _trace(error)
            ending = _failure(
                context,
                MagerewindError(
                    f"An unexpected error ({type(error).__name__}) ended the job.",
                    hint=f"The job's log has more: {self.job.log_path}",
                ),
            )
        if self._around is not None:
            elapsed_s, closed_s = self._times(context, began_s)
            self._around.end(ending, elapsed_s=elapsed_s, closed_s=closed_s)
            ending = ending if done is None else _ending(context, done)
        return ending

    def _operate(
        self, context: JobContext, request: Request, *, recovering: bool
    ) -> OperationResult:
        """Run the operation, or recover it. Raises the error that ended it."""
        around = self._around
        if not recovering:
            self._announce(context, request)
            if around is not None:
                around.begin()
            return dispatch_operation.run(context, request)
        from core.operations import recovery  # noqa: PLC0415 - most jobs need none

        worked = None
        if around is not None:
            around.end_left_over_hook()
            worked = around.worked
        if worked is None:
            return recovery.recover(context, request)
        context.emit(
            RecoveryBegan(way="forward", host=context.host, user=context.user, pid=os.getpid())
        )
        return OperationResult(
            outcome=worked.outcome,
            exit_code=worked.exit_code,
            message=worked.message,
            undo_kept=worked.undo_kept,
        )

    def _times(self, context: JobContext, began_s: float) -> tuple[float, float]:
        """Return how long the job has worked, and how long the store was closed, in seconds."""
        now_s = self.clock()
        closed_s = closing.closed_seconds(context.journal.records, now_s)
        return max(0.0, now_s - began_s), closed_s

    def _tell(self, context: JobContext, ending: JobResult, began_s: float) -> None:
        """Tell others of the end, which is on disk by now."""
        if self._around is not None:
            elapsed_s, closed_s = self._times(context, began_s)
            self._around.tell(ending, elapsed_s=elapsed_s, closed_s=closed_s)

    def _announce(self, context: JobContext, request: Request) -> None:
        begin = begin_of(context.journal.records)
        began_s = begin.began_s if begin is not None else self.clock()
        context.emit(
            JobBegan(
                job_id=self.job.job_id,
                operation=request.operation,
                kinds=dispatch_operation.kinds_of(self.job.store, self.job.directory, request),
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

    def _finish(self, context: JobContext, ending: JobResult, began_s: float) -> None:
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
            forget_old_jobs(self.job.store)


def _close(fd: int | None) -> None:
    if fd is not None:
        os.close(fd)


def _trace(error: BaseException) -> None:
    """Write the traceback without the values of any variable."""
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        print(f"  {code.co_filename}:{trace.tb_lineno} {code.co_name}", file=sys.stderr)  # noqa: T201
        trace = trace.tb_next


def _ending(context: JobContext, done: OperationResult) -> JobResult:
    outcome = done.outcome
    if outcome is Outcome.DONE and context.warned:
        outcome = Outcome.WARNINGS
    strict = outcome is Outcome.WARNINGS and done.strict
    return JobResult(
        outcome=outcome,
        exit_code=1 if strict else done.exit_code,
        message=done.message,
        undo_kept=done.undo_kept,
    )


def _failure(context: JobContext, error: MagerewindError) -> JobResult:
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
    return JobResult(outcome=outcome, exit_code=error.exit_code, message=error.message)


def main(
    job_id: str,
    *,
    root: str,
    ready_fd: int | None,
    from_host: str | None,
    environ: Mapping[str, str],
) -> int:
    """Run the job of that id in the store at `root` and return its exit code."""
    starter = Starter(ready_fd)
    try:
        store = find_store(root, root=root, for_rollback=True)
        job = find_job(store, job_id)
    except MagerewindError as error:
        starter.answer(error)
        return error.exit_code
    return Runner(job, environ=environ).run(ready_fd=ready_fd, from_host=from_host)
