"""Distributes batches of a walk to worker processes and returns the results in order.

It chooses the worker of a batch, and owns the order of the results. A worker is given no more than
fits into its pipe, so no process waits for itself. It decides nothing about files. A worker that
dies is no failure: this process does its batches.
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
from core.archive.workers.batch_reader import BatchPart, BatchReader, Group, LeftOut

_CREDIT: Final = 1 << 31  # in a length: no batch follows, it is memory that is free again
_PIPE: Final = 1 << 20
_CHILDREN: Final = 3  # more than this one process cannot walk for
# So that a worker never waits for the next one, however busy this process is meanwhile.
_ASSIGNED: Final = 4
_PATIENCE_MS: Final = 200  # a stopped worker must not keep us from a cancellation
_END: Final = child.framed(())
_PENDING: Final = (
    16  # batches between the first that is not taken yet and the last that is assigned
)

Made = TypeVar("Made", bound=BatchPart)
Notes = dict[int, tuple[list[bytes], os.stat_result | None]]
"""The walk's facts of some entries of a batch, by their number: the path of a directory and how
it looked; or paths that are left out there."""


class Task(Generic[Made]):
    """A batch and its unconsumed results. Its notes stay in this process."""

    __slots__ = ("batch", "done", "notes", "parts", "source", "taken")

    def __init__(self, batch: list[Group], notes: Notes | None = None) -> None:
        self.batch = batch
        self.notes = {} if notes is None else notes
        self.parts: deque[Made | LeftOut] = deque()
        self.taken = 0  # entries whose parts have been taken
        self.done = False
        self.source: Iterator[Made | LeftOut] | None = None  # where it is worked on here


class Worker(ABC, Generic[Made]):
    """One worker process and its batches, in order."""

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
        """Return the part that a worker's values describe."""

    def assign(self, task: Task[Made]) -> bool:
        """Assign it a batch, unless it has enough. Raises OSError when the process is gone."""
        if len(self.tasks) >= _ASSIGNED:
            return False
        message = child.framed(task.batch)
        if len(message) > self._room + child.LENGTH:
            return False
        self._room -= len(message)
        self.tasks.append((task, len(message)))
        self._tell(message)
        return True

    def free(self, size: int) -> None:
        """Tell it how many bytes of the shared memory can be used again."""
        if self._gone:  # it needs none, and its descriptors may be reused by now
            return
        with contextlib.suppress(OSError):
            self._tell((_CREDIT | size).to_bytes(child.LENGTH, "little"))

    def _tell(self, message: bytes) -> None:
        while message:
            message = message[os.write(self._in, message) :]

    def wants(self) -> bool:
        """Tell whether it could have a batch."""
        return len(self.tasks) < _ASSIGNED

    def has_answer(self, patience_ms: int = 0) -> bool:
        """Tell whether there is something to receive."""
        return bool(self.tasks) and bool(self._poll.poll(patience_ms))

    def receive(self) -> int | None:
        """Take its next part in; return its bytes, or None where it has not come whole yet.

        Never waits: a worker may be stopped in the middle of a part. Raises OSError when there will
        be no more.
        """
        if not self._has(child.LENGTH):
            return None
        end = child.LENGTH + int.from_bytes(self._answer[: child.LENGTH], "little")
        if not self._has(end):
            return None
        # Written by a process of our own, of the same interpreter, into a pipe of ours.
        values = marshal.loads(memoryview(self._answer)[child.LENGTH : end])  # noqa: S302
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
        """End it, in any state."""
        self._gone = True
        child.stop(self.process)


class WorkerPool(Generic[Made]):
    """The workers of one task: this process, and others as far as there are cores for them."""

    def __init__(
        self,
        selection: Selection,
        here: BatchReader[Made],
        start_worker: Callable[[], Worker[Made]],
        *,
        most: int,
    ) -> None:
        self.held = 0
        """Bytes of parts that were not taken yet."""
        self.most = most
        """How many may be held; more come only for the first in order."""
        self._here = here
        self._workers: list[Worker[Made]] = []
        if child.is_worthwhile(selection):
            cores = len(os.sched_getaffinity(0))
            # No more processes for this account, or no memory: one does as well, in more time.
            with contextlib.suppress(OSError):
                for _ in range(min(_CHILDREN, cores - 1)):
                    self._workers.append(start_worker())

    def wants(self) -> bool:
        """Tell whether a worker could take a batch."""
        return any(worker.wants() for worker in self._workers)

    def assign(self, task: Task[Made]) -> None:
        """Assign a batch to the worker with the fewest; where none can take it, keep it here."""
        for worker in sorted(self._workers, key=lambda worker: len(worker.tasks)):
            try:
                if worker.assign(task):
                    return
            except OSError:
                self._drop(worker)
        self.keep(task)

    def keep(self, task: Task[Made]) -> None:
        """Do a batch in this process, one part a `step`."""
        # Some results of a dead worker may have come. Entries are counted, not parts: where a file
        # changed since then, the parts would be others.
        seen = task.taken + sum(part.entries for part in task.parts)
        task.source = self._here.pack(task.batch, skip=seen)

    def step(self, task: Task[Made]) -> None:
        """Go on with a batch: make its next part here, or wait a moment for it."""
        if task.source is not None:
            part = next(task.source, None)
            if part is None:
                task.done = True
            else:
                task.parts.append(part)
                self.held += part.held
            return
        worker = self._whose(task)
        if worker is None:
            self.keep(task)
        elif worker.has_answer(_PATIENCE_MS):
            self._receive(worker)

    def is_elsewhere(self, task: Task[Made]) -> bool:
        """Tell whether a worker has this batch."""
        return self._whose(task) is not None

    def _whose(self, task: Task[Made]) -> Worker[Made] | None:
        for worker in self._workers:
            if any(assigned is task for assigned, _ in worker.tasks):
                return worker
        return None

    def collect(self) -> None:
        """Take the results that are ready, as far as they may be held."""
        for worker in list(self._workers):
            while self.held < self.most and worker.has_answer() and self._receive(worker):
                pass

    def _receive(self, worker: Worker[Made]) -> bool:
        """Read from a worker; tell whether a part is complete."""
        try:
            size = worker.receive()
        except OSError:
            self._drop(worker)
            return False
        self.held += size or 0
        return size is not None

    def take(self, task: Task[Made]) -> Made | LeftOut:
        """Take the next result of a batch."""
        part = task.parts.popleft()
        task.taken += part.entries
        self.held -= part.held
        return part

    def _drop(self, worker: Worker[Made]) -> None:
        """Go on without a worker; its batches are done here, in their turn."""
        self._workers.remove(worker)
        worker.close()

    def close(self) -> None:
        """End the workers, in any state."""
        self._here.close()
        for worker in self._workers:
            worker.close()
        self._workers.clear()


class OrderedWork(Generic[Made]):
    """The batches of a walk, done by a pool, and their results in the order of the walk."""

    def __init__(self, pool: WorkerPool[Made], walk: Iterator[Task[Made]]) -> None:
        self._pool = pool
        self._walk = walk
        self._pending: deque[Task[Made]] = deque()  # in the order of the walk

    def parts(self) -> Iterator[tuple[Task[Made], Made | LeftOut | None]]:
        """Yield each part with its batch; none when it was waited for, so that one may give up."""
        while (task := self._first()) is not None:
            if not task.parts:
                self._work(task)
            yield task, self._pool.take(task) if task.parts else None

    def assign(self) -> None:
        """Assign batches to the workers, and take their results."""
        self._pool.collect()
        while self._pool.wants() and len(self._pending) < _PENDING:
            task = self._next()
            if task is None:
                return
            self._pool.assign(task)

    def _first(self) -> Task[Made] | None:
        """Return the batch that is next."""
        self.assign()
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
        """Do one part: of the first batch, or of another while a worker has the first."""
        pool = self._pool
        if pool.held < pool.most and pool.is_elsewhere(first):
            ours = next((t for t in self._pending if t.source is not None and not t.done), None)
            if ours is None and len(self._pending) < _PENDING and (ours := self._next()):
                pool.keep(ours)
            if ours is not None:
                pool.step(ours)
                return
        pool.step(first)


def batches(words: io.BufferedReader, freed: Callable[[int], None]) -> Iterator[list[Group]]:
    """Yield, in a worker, the batches of the parent: read at once, so that the parent never waits.

    `freed` gets the bytes of the shared memory that can be used again, from another thread, and a
    negative number at the end.
    """
    queue: SimpleQueue[list[Group] | None] = SimpleQueue()

    def read() -> None:
        try:
            while len(length := words.read(child.LENGTH)) == child.LENGTH:
                size = int.from_bytes(length, "little")
                if size & _CREDIT:
                    freed(size ^ _CREDIT)
                    continue
                content = words.read(size)
                if len(content) != size:
                    break
                queue.put(marshal.loads(content))  # noqa: S302 - written by the parent
        except Exception:  # noqa: BLE001, S110 - a lack of memory, say: the parent then does all of it
            pass
        queue.put(None)
        freed(-1)

    threading.Thread(target=read, daemon=True).start()
    while (batch := queue.get()) is not None:
        yield batch


def serve(
    gatherer: BatchReader[Made],
    values_of: Callable[[Made], tuple[Any, ...]],
    freed: Callable[[int], None] = lambda _size: None,
) -> None:
    """Be a worker: batches from standard input, their parts to standard output."""
    out = sys.stdout.buffer

    def send(message: bytes) -> None:
        out.write(message)
        out.flush()  # the parent must not wait for the rest of it while this waits for the parent

    with contextlib.suppress(BrokenPipeError):
        for batch in batches(cast("io.BufferedReader", sys.stdin.buffer), freed):
            for part in gatherer.pack(batch):
                values = tuple(part) if isinstance(part, LeftOut) else values_of(part)
                send(child.framed(values))
            send(_END)
