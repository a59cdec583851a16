"""Between the screens and the engine: questions in threads of their own, and followed jobs.

Three rules, each from a measurement: the engine never waits for the screen (a terminal that is not
read blocks the event loop, and would block a caller into it); the screen never waits for the engine
(a dead database may take its whole time limit to say so); and the application never waits for a
thread at its end (`App.run` joins Textual's own thread workers, so these are daemon threads).
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Generic, Protocol, TypeVar

from msgspec import Struct

from core.events import Kind, Report, Stamped
from core.jobs.listing import JobSummary
from core.jobs.state import JobState, advance
from core.operations.health import StoreHealth
from core.operations.requests import BackupRequest, Request, RollbackRequest, UndoRequest
from core.text.lines import Line, lines_of
from tui.engine.inside_port import Insides
from tui.engine.pace import Pace
from tui.engine.plan_port import PlannedFiles
from tui.engine.stream_port import Stream
from tui.engine.views import (
    BackupCheckView,
    BackupsView,
    BackupView,
    ChangedPart,
    DatabaseView,
    LostView,
    NewerView,
    PlanView,
    SetView,
    SpaceView,
    StorePaths,
    StoreView,
)

T = TypeVar("T")

LOG_LINES: Final = 5000  # a longer log is read in the job's directory
MAX_EVENTS_A_POLL: Final = 20_000  # about 0.2 s of folding; the rest comes with the next poll


class LogLine(Struct, frozen=True, kw_only=True):
    """A line of a job's log, and its time in unix seconds."""

    line: Line
    when_s: float


class Engine(Protocol):
    """All questions of the screens. Calls may take long unless said otherwise.

    Errors are `core.errors.MagerewindError`s. All calls are made from threads.
    """

    root: str
    host: str
    name: str  # typed to confirm: the last component of the root, else the host
    read_only: bool  # the person asked only to look
    switchable: bool  # the application can be left for another configured store

    @property
    def defaults(self) -> BackupRequest:
        """The backup that the configuration asks for. Immediate."""
        ...

    @property
    def planned(self) -> PlannedFiles:
        """The files of the plan that was made last. Immediate."""
        ...

    @property
    def inside(self) -> Insides:
        """The inside of backups. Immediate."""
        ...

    @property
    def places(self) -> StorePaths:
        """Where to see that a job begins or ends."""
        ...

    def store(self) -> StoreView:
        """Return the facts in the files of the store."""
        ...

    def database(self) -> DatabaseView:
        """Return where the database is and how large; a dead one takes its time."""
        ...

    def space(self) -> SpaceView:
        """Return the room on the file system of `var`."""
        ...

    def backups(self) -> BackupsView:
        """Return the contents of `var/backups`."""
        ...

    def jobs(self) -> tuple[JobSummary, ...]:
        """Return the jobs, newest first."""
        ...

    def start(self, request: Request) -> str:
        """Start a job and return its id when it holds the store's lock."""
        ...

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop."""
        ...

    def recover(self) -> str:
        """Start the recovery of the interrupted job and return its id."""
        ...

    def lost(self) -> tuple[LostView, ...]:
        """Return the jobs whose memory is gone, newest first."""
        ...

    def stream(self, job_id: str) -> Stream:
        """Return the events of a job from its beginning."""
        ...

    def log_tail(self, job_id: str) -> tuple[tuple[float, str], ...]:
        """Return the last lines of a job's log with their times, in unix seconds."""
        ...

    def command(self, request: Request) -> str:
        """Return the equal command line. Immediate."""
        ...

    def log_path(self, job_id: str) -> str:
        """Return the directory with the job's complete record. Immediate."""
        ...

    def check_backup(self, request: BackupRequest) -> BackupCheckView:
        """Return the facts known before a backup."""
        ...

    def plan(self, request: RollbackRequest | UndoRequest, report: Report) -> PlanView:
        """Return the changes of a rollback or an undo. Takes seconds to minutes."""
        ...

    def rollback_to(self, files: Mapping[Kind, str]) -> RollbackRequest:
        """Return the rollback to these backups, one at least, as the configuration asks for it."""
        ...

    def undo_of(self, job_id: str) -> UndoRequest:
        """Return the undo of a job, as the configuration asks for it."""
        ...

    def verify(self, backup: BackupView, report: Report) -> tuple[str, ...]:
        """Read a backup from end to end; return its warnings. Raises DamagedBackup."""
        ...

    def needed(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return those of these files in var/backups that are needed, with what needs each."""
        ...

    def delete(self, names: Sequence[str]) -> None:
        """Delete backups and unfinished files; none of them where one is needed."""
        ...

    def changed(self, backup: BackupView, stop: Callable[[], bool]) -> ChangedPart:
        """Return estimated changes of the files of code or media since; seconds at most."""
        ...

    def newer(self, timestamp: int) -> NewerView:
        """Return the orders and customers that came after a moment; a dead database raises."""
        ...

    def write_note(self, one: SetView, note: str) -> None:
        """Write another note for a set."""
        ...

    def mark(self, one: SetView, *, keep: bool) -> None:
        """Mark a set, so that pruning leaves it, or take the mark off."""
        ...

    def forgotten(self) -> int:
        """Return how many jobs ran that are listed no more."""
        ...

    def health(self) -> StoreHealth:
        """Return the broken parts of the store; a dead database takes its time."""
        ...

    def open_store(self) -> None:
        """Turn maintenance mode off."""
        ...

    def close(self) -> None:
        """Release the resources of a plan. Quick."""
        ...

    def closed(self) -> bool:
        """Return whether maintenance mode is on. Quick."""
        ...


class Messages(Protocol):
    """Says something in passing. Texts may hold anything; they are made printable."""

    def complain(self, error: Exception) -> None:
        """Show an error."""
        ...

    def refuse(self, reason: str) -> None:
        """Say why something cannot be done now."""
        ...

    def tell(self, words: str) -> None:
        """Show a result."""
        ...


class TimeLimit(Exception):
    """A question exceeded its time limit."""


class QuestionThreads:
    """Questions in daemon threads, whose answers come back to the event loop.

    `done` gets the value or the exception, exactly once and on the event loop; nothing comes back
    after `close`. `limit_s` gives up waiting, not the thread: it ends with its own time limits.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self.open = 0  # answers still awaited

    def ask(
        self,
        work: Callable[[], T],
        done: Callable[[T | Exception], None],
        *,
        limit_s: float | None = None,
    ) -> None:
        """Run `work` in a background thread and call `done` with its result or error."""
        context = contextvars.copy_context()
        answered = False
        self.open += 1

        def answer(value: T | Exception) -> None:
            nonlocal answered
            if answered or self._closed:
                return
            answered = True
            self.open -= 1
            if limit is not None:
                limit.cancel()
            done(value)

        def run() -> None:
            value: T | Exception
            try:
                value = work()
            except Exception as error:  # noqa: BLE001 - the answer is the exception
                value = error
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
                self._loop.call_soon_threadsafe(answer, value, context=context)

        limit = (
            None
            if limit_s is None
            else self._loop.call_later(limit_s, answer, TimeLimit(), context=context)
        )
        threading.Thread(target=run, daemon=True, name="question").start()

    def handed(self, each: Callable[[T], object]) -> Callable[[T], None]:
        """Return a function for repeated calls by a thread: `each` gets the values on the loop."""
        context = contextvars.copy_context()

        def take(value: T) -> None:
            if not self._closed:
                each(value)

        def hand(value: T) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
                self._loop.call_soon_threadsafe(take, value, context=context)

        return hand

    def close(self) -> None:
        """Let no answer come back any more."""
        self._closed = True


class Latest(Generic[T]):
    """A question that is asked again and again: the newest answer wins.

    `value` is the answer that is shown, None before the first. Answers may overtake each other: an
    older one never replaces a newer one. With `last_only` each question differs from the one before
    it: `begin` drops the value, and only the answer to the last question counts.
    """

    def __init__(self, *, last_only: bool = False) -> None:
        self.value: T | Exception | None = None
        self._last_only = last_only
        self._asked = self._answered = 0

    @property
    def pending(self) -> bool:
        """Whether the answer to the last question is still to come."""
        return self._answered < self._asked

    def begin(self) -> Callable[[], bool]:
        """Begin a question; return the test whether a newer one has begun. Any thread may test."""
        self._asked += 1
        number = self._asked
        if self._last_only:
            self.value = None
        return lambda: number < self._asked

    def ask(
        self,
        questions: QuestionThreads,
        work: Callable[[], T],
        changed: Callable[[T | Exception], None],
        *,
        limit_s: float | None = None,
        begun: bool = False,
    ) -> None:
        """Run `work` in a background thread; call `changed` with its answer unless it is outdated.

        `begun`: the caller has called `begin` for this question.
        """
        if not begun:
            self.begin()
        number = self._asked

        def answer(value: T | Exception) -> None:
            if number < (self._asked if self._last_only else self._answered):
                return
            self._answered = number
            self.value = value
            changed(value)

        questions.ask(work, answer, limit_s=limit_s)


class Follower:
    """One job as it is now: its state, and the last lines of its log.

    `poll` folds the new events and returns whether there were any. At most `LOG_LINES` lines are
    kept; `written` counts all of them, so that a view knows which ones it has not shown.
    """

    def __init__(self, engine: Engine, job_id: str) -> None:
        self.job_id = job_id
        self.state = JobState()
        self.lines: deque[LogLine] = deque(maxlen=LOG_LINES)
        self.pace = Pace()
        self.written = 0
        self.ended = False
        self.cancel_asked = False  # by anybody, whether or not the job has answered
        self._engine = engine
        self._stream: Stream | None = None
        self._waiting: deque[Stamped] = deque()

    def poll(self) -> bool:
        """Take in the new events."""
        if self._stream is None:
            self._stream = self._engine.stream(self.job_id)
        if len(self._waiting) < MAX_EVENTS_A_POLL and not self.ended:
            self._waiting.extend(self._stream.poll())
            self.cancel_asked = self._stream.cancel_asked
        if not self._waiting:
            changed = self.ended != self._stream.ended
            self.ended = self._stream.ended
            return changed
        taken = [self._waiting.popleft() for _ in range(min(MAX_EVENTS_A_POLL, len(self._waiting)))]
        for stamped in taken:
            self.state = advance(self.state, stamped)
            self.pace.take(stamped)
            for line in lines_of(stamped.event, self.state):
                self.lines.append(LogLine(line=line, when_s=stamped.time_s))
                self.written += 1
        self.ended = self._stream.ended and not self._waiting
        return True

    def since(self, written: int) -> list[LogLine]:
        """Return the lines after the first `written` ones, as far as they are kept."""
        fresh = min(self.written - written, len(self.lines))
        return list(self.lines)[len(self.lines) - fresh :] if fresh > 0 else []
