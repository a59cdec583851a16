"""Processes beside this one that work on batches of a walk, and the way of batches to and fro.

It owns which of them gets a batch, that nothing waits for itself (a child is given no more than
fits into its pipe), and the order in which what came of them is taken. It decides nothing about
files. A child that dies is no failure: what it was dealt is done here.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import marshal
import os
import select
import subprocess
import sys
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any, Final, Generic, TypeVar, cast

from core.archive.tree.selection import Selection
from core.archive.workers import child
from core.archive.workers.batch_reader import Gatherer, Group, LeftOut, Part

_LENGTH: Final = 4
_CREDIT: Final = 1 << 31  # in a length: no batch follows, it is memory that is free again
_PIPE: Final = 1 << 20
_CHILDREN: Final = 3  # more than this one process cannot walk for
# So that a child never waits for the next one, whatever this process is busy with meanwhile.
_DEALT: Final = 4
_PATIENCE_MS: Final = 200  # a child that somebody has stopped must not keep us from a cancellation
_END: Final = marshal.dumps(())
_PENDING: Final = 16  # batches between the first that is not taken yet and the last that is dealt

Made = TypeVar("Made", bound=Part)
Notes = dict[int, tuple[list[bytes], os.stat_result | None]]
"""What the walk knows of some entries of a batch, by their number: the path of a directory and how
it looked; or paths that are left out there."""


class Task(Generic[Made]):
    """A batch, and what came of it so far that was not taken yet. Its notes stay here."""

    __slots__ = ("batch", "done", "notes", "parts", "source", "taken")

    def __init__(self, batch: list[Group], notes: Notes | None = None) -> None:
        self.batch = batch
        self.notes = {} if notes is None else notes
        self.parts: deque[Made | LeftOut] = deque()
        self.taken = 0  # entries whose parts have been taken
        self.done = False
        self.source: Iterator[Made | LeftOut] | None = None  # where it is worked on here


class Hand(ABC, Generic[Made]):
    """One process and the batches that it was dealt, in order."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.tasks: deque[tuple[Task[Made], int]] = deque()
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        assert self.process.stdout is not None  # noqa: S101
        self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        for pipe in (self._in, self._out):
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
        os.set_blocking(self._out, False)
        self._answer = bytearray()  # as far as it has come
        self._gone = False
        # A page may be used for a few bytes only.
        self._room = fcntl.fcntl(self._in, fcntl.F_GETPIPE_SZ) // 2
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)

    @abstractmethod
    def made(self, values: tuple[Any, ...]) -> Made:
        """Return the part that a child's values stand for."""

    def deal(self, task: Task[Made]) -> bool:
        """Give it a batch, unless it has enough. Raises OSError when it is gone."""
        if len(self.tasks) >= _DEALT:
            return False
        words = marshal.dumps(task.batch)
        if len(words) > self._room:
            return False
        message = len(words).to_bytes(_LENGTH, "little") + words
        self._room -= len(message)
        self.tasks.append((task, len(message)))
        self._tell(message)
        return True

    def free(self, size: int) -> None:
        """Tell it that so much of the memory that both share can be used again."""
        if self._gone:  # it needs none, and its descriptors may be somebody else's by now
            return
        with contextlib.suppress(OSError):
            self._tell((_CREDIT | size).to_bytes(_LENGTH, "little"))

    def _tell(self, message: bytes) -> None:
        while message:
            message = message[os.write(self._in, message) :]

    def wants(self) -> bool:
        """Tell whether it could have a batch."""
        return len(self.tasks) < _DEALT

    def has_answer(self, patience_ms: int = 0) -> bool:
        """Tell whether there is something to receive."""
        return bool(self.tasks) and bool(self._poll.poll(patience_ms))

    def receive(self) -> int | None:
        """Take its next part in; return its bytes, or None where it has not come whole yet.

        Never waits: a child may be stopped in the middle of a part. Raises OSError when there will
        be no more.
        """
        if not self._has(_LENGTH):
            return None
        end = _LENGTH + int.from_bytes(self._answer[:_LENGTH], "little")
        if not self._has(end):
            return None
        # Written by a child of our own, of the same interpreter, into a pipe that nobody else has.
        values = marshal.loads(memoryview(self._answer)[_LENGTH:end])  # noqa: S302
        self._answer = bytearray()
        task, length = self.tasks[0]
        if not values:
            task.done = True
            self.tasks.popleft()
            self._room += length
            return 0
        part = LeftOut(*values) if len(values) == len(LeftOut._fields) else self.made(values)
        task.parts.append(part)
        return part.held

    def _has(self, size: int) -> bool:
        """Tell whether so much of an answer has come, and no more: the rest stays in the pipe."""
        while len(self._answer) < size:
            try:
                piece = os.read(self._out, size - len(self._answer))
            except BlockingIOError:
                return False
            if not piece:
                raise BrokenPipeError
            self._answer += piece
        return True

    def close(self) -> None:
        """End it, whatever it does."""
        self._gone = True
        child.stop(self.process)


class Crew(Generic[Made]):
    """All who work: this process, and children as far as there are cores for them."""

    def __init__(
        self,
        selection: Selection,
        here: Gatherer[Made],
        hire: Callable[[], Hand[Made]],
        *,
        most: int,
    ) -> None:
        self.held = 0
        """Bytes of parts that were not taken yet."""
        self.most = most
        """How many may be held; more come only for what is first."""
        self._here = here
        self._hands: list[Hand[Made]] = []
        if child.is_worthwhile(selection):
            cores = len(os.sched_getaffinity(0))
            # No more processes for this account, or no memory: one does as well, in more time.
            with contextlib.suppress(OSError):
                for _ in range(min(_CHILDREN, cores - 1)):
                    self._hands.append(hire())

    def wants(self) -> bool:
        """Tell whether a child could be dealt a batch."""
        return any(hand.wants() for hand in self._hands)

    def deal(self, task: Task[Made]) -> None:
        """Give a batch to the child that has least to do; where none can have it, it is ours."""
        for hand in sorted(self._hands, key=lambda hand: len(hand.tasks)):
            try:
                if hand.deal(task):
                    return
            except OSError:
                self._bury(hand)
        self.keep(task)

    def keep(self, task: Task[Made]) -> None:
        """Have a batch worked on here, a `step` at a time."""
        # Of a child that died, some of it may have come. By entries, not by parts: where a file
        # changed since then, the parts would be others.
        seen = task.taken + sum(part.entries for part in task.parts)
        task.source = self._here.pack(task.batch, skip=seen)

    def step(self, task: Task[Made]) -> None:
        """Go on with a batch: make its next part here, or wait for it to come, but not for long."""
        if task.source is not None:
            part = next(task.source, None)
            if part is None:
                task.done = True
            else:
                task.parts.append(part)
                self.held += part.held
            return
        hand = self._whose(task)
        if hand is None:
            self.keep(task)
        elif hand.has_answer(_PATIENCE_MS):
            self._receive(hand)

    def is_elsewhere(self, task: Task[Made]) -> bool:
        """Tell whether a child is to work on a batch."""
        return self._whose(task) is not None

    def _whose(self, task: Task[Made]) -> Hand[Made] | None:
        for hand in self._hands:
            if any(dealt is task for dealt, _ in hand.tasks):
                return hand
        return None

    def collect(self) -> None:
        """Take what the children have ready, as long as no more is held than may be."""
        for hand in list(self._hands):
            while self.held < self.most and hand.has_answer() and self._receive(hand):
                pass

    def _receive(self, hand: Hand[Made]) -> bool:
        """Take in what a child has sent; tell whether that was all of a part."""
        try:
            size = hand.receive()
        except OSError:
            self._bury(hand)
            return False
        self.held += size or 0
        return size is not None

    def take(self, task: Task[Made]) -> Made | LeftOut:
        """Take the next part that has come of a batch."""
        part = task.parts.popleft()
        task.taken += part.entries
        self.held -= part.held
        return part

    def _bury(self, hand: Hand[Made]) -> None:
        """Go on without a child; what it was dealt will be ours, in its turn."""
        self._hands.remove(hand)
        hand.close()

    def close(self) -> None:
        """End the children, whatever they do."""
        self._here.close()
        for hand in self._hands:
            hand.close()
        self._hands.clear()


class Shift(Generic[Made]):
    """A walk's batches, worked on by a crew, and what comes of them in the walk's order."""

    def __init__(self, crew: Crew[Made], walk: Iterator[Task[Made]]) -> None:
        self._crew = crew
        self._walk = walk
        self._pending: deque[Task[Made]] = deque()  # in the order of the walk

    def parts(self) -> Iterator[tuple[Task[Made], Made | LeftOut | None]]:
        """Yield each part with its batch; none when it was waited for, so that one may give up."""
        while (task := self._first()) is not None:
            if not task.parts:
                self._work(task)
            yield task, self._crew.take(task) if task.parts else None

    def deal(self) -> None:
        """Give the children enough to do, and take what they have done."""
        self._crew.collect()
        while self._crew.wants() and len(self._pending) < _PENDING:
            task = self._next()
            if task is None:
                return
            self._crew.deal(task)

    def _first(self) -> Task[Made] | None:
        """Return the batch that is next."""
        self.deal()
        while self._pending and self._pending[0].done and not self._pending[0].parts:
            self._pending.popleft()
        return self._pending[0] if self._pending else self._next()

    def _next(self) -> Task[Made] | None:
        """Walk on to the next batch."""
        task = next(self._walk, None)
        if task is not None:
            self._pending.append(task)
        return task

    def _work(self, first: Task[Made]) -> None:
        """Do something: of the first batch, or of another while a child is busy with that."""
        crew = self._crew
        if crew.held < crew.most and crew.is_elsewhere(first):
            ours = next((t for t in self._pending if t.source is not None and not t.done), None)
            if ours is None and len(self._pending) < _PENDING and (ours := self._next()):
                crew.keep(ours)
            if ours is not None:
                crew.step(ours)
                return
        crew.step(first)


def batches(words: io.BufferedReader, freed: Callable[[int], None]) -> Iterator[list[Group]]:
    """Yield, in a child, what the parent deals out: read at once, so that it never waits.

    `freed` gets how much of the memory that both share can be used again, from another thread, and
    a negative number when there is no more to come.
    """
    queue: SimpleQueue[list[Group] | None] = SimpleQueue()

    def read() -> None:
        try:
            while len(length := words.read(_LENGTH)) == _LENGTH:
                size = int.from_bytes(length, "little")
                if size & _CREDIT:
                    freed(size ^ _CREDIT)
                    continue
                content = words.read(size)
                if len(content) != size:
                    break
                queue.put(marshal.loads(content))  # noqa: S302 - written by the parent
        except Exception:  # noqa: BLE001, S110 - a lack of memory, say: the parent does it all then
            pass
        queue.put(None)
        freed(-1)

    threading.Thread(target=read, daemon=True).start()
    while (batch := queue.get()) is not None:
        yield batch


def serve(
    gatherer: Gatherer[Made],
    values_of: Callable[[Made], tuple[Any, ...]],
    freed: Callable[[int], None] = lambda _size: None,
) -> None:
    """Be a child: batches from standard input, their parts to standard output."""
    out = sys.stdout.buffer

    def send(message: bytes) -> None:
        out.write(len(message).to_bytes(_LENGTH, "little"))
        out.write(message)
        out.flush()  # the parent must not wait for the rest of it while this waits for the parent

    with contextlib.suppress(BrokenPipeError):
        for batch in batches(cast("io.BufferedReader", sys.stdin.buffer), freed):
            for part in gatherer.pack(batch):
                values = tuple(part) if isinstance(part, LeftOut) else values_of(part)
                send(marshal.dumps(values))
            send(_END)
