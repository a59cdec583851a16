"""Processes beside this one that pack batches of a backup, and the way of batches to and fro.

It owns which of them gets a batch, and that nothing waits for itself: a child is given no more than
fits into its pipe. It decides nothing about files. A child that dies is no failure: what it was
dealt is packed here.
"""

from __future__ import annotations

import contextlib
import fcntl
import io
import marshal
import os
import select
import sys
import threading
from collections import deque
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Final, cast

from core.archive import children
from core.archive.members import Selection
from core.archive.packing import Group, LeftOut, Packer, Part, Segment, entries_of

_LENGTH: Final = 4
_PIPE: Final = 1 << 20
_CHILDREN: Final = 3  # more than this one process cannot walk for
# So that a child never waits for the next one, whatever this process is busy with meanwhile.
_DEALT: Final = 4
_PATIENCE_MS: Final = 200  # a child that somebody has stopped must not keep us from a cancellation
_END: Final = marshal.dumps(())


class Task:
    """A batch, and what came of it so far that was not taken yet."""

    __slots__ = ("batch", "done", "parts", "source", "taken")

    def __init__(self, batch: list[Group]) -> None:
        self.batch = batch
        self.parts: deque[Part] = deque()
        self.taken = 0  # entries whose parts have been taken
        self.done = False
        self.source: Iterator[Part] | None = None  # where it is packed here


class _Child:
    """One process and the batches that it was dealt, in order."""

    def __init__(self, selection: Selection, level: int) -> None:
        self.process = children.start(__name__, selection, talk=True, level=level)
        self.tasks: deque[tuple[Task, int]] = deque()
        assert self.process.stdin is not None  # noqa: S101 - for the type checker
        assert self.process.stdout is not None  # noqa: S101
        self._in, self._out = self.process.stdin.fileno(), self.process.stdout.fileno()
        for pipe in (self._in, self._out):
            with contextlib.suppress(OSError):
                fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)
        # A page may be used for a few bytes only.
        self._room = fcntl.fcntl(self._in, fcntl.F_GETPIPE_SZ) // 2
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)

    def deal(self, task: Task) -> bool:
        """Give it a batch, unless it has enough. Raises OSError when it is gone."""
        if len(self.tasks) >= _DEALT:
            return False
        words = marshal.dumps(task.batch)
        if len(words) > self._room:
            return False
        message = len(words).to_bytes(_LENGTH, "little") + words
        self._room -= len(message)
        self.tasks.append((task, len(message)))
        while message:
            message = message[os.write(self._in, message) :]
        return True

    def wants(self) -> bool:
        return len(self.tasks) < _DEALT

    def has_answer(self, patience_ms: int = 0) -> bool:
        return bool(self.tasks) and bool(self._poll.poll(patience_ms))

    def receive(self) -> int:
        """Take its next part in; return its bytes. Raises OSError when there will be none."""
        size = int.from_bytes(self._exactly(_LENGTH), "little")
        # Written by a child of our own, of the same interpreter, into a pipe that nobody else has.
        part = marshal.loads(self._exactly(size))  # noqa: S302
        task, length = self.tasks[0]
        if not part:
            task.done = True
            self.tasks.popleft()
            self._room += length
            return 0
        whole = Segment(*part) if len(part) == len(Segment._fields) else LeftOut(*part)
        task.parts.append(whole)
        return _size(whole)

    def _exactly(self, size: int) -> bytes:
        content = children.exactly(self._out, size)
        if len(content) != size:
            raise BrokenPipeError
        return content


class Crew:
    """All who pack: this process, and children as far as there are cores for them."""

    def __init__(self, selection: Selection, level: int) -> None:
        self.held = 0
        """Bytes of parts that were not taken yet."""
        self._here = Packer(selection, level)
        self._children: list[_Child] = []
        if children.is_worthwhile(selection):
            cores = len(os.sched_getaffinity(0))
            # No more processes for this account, or no memory: one does as well, in more time.
            with contextlib.suppress(OSError):
                for _ in range(min(_CHILDREN, cores - 1)):
                    self._children.append(_Child(selection, level))

    def wants(self) -> bool:
        """Tell whether a child could be dealt a batch."""
        return any(child.wants() for child in self._children)

    def deal(self, task: Task) -> None:
        """Give a batch to the child that has least to do; where none can have it, it is ours."""
        for child in sorted(self._children, key=lambda child: len(child.tasks)):
            try:
                if child.deal(task):
                    return
            except OSError:
                self._bury(child)
        self.keep(task)

    def keep(self, task: Task) -> None:
        """Have a batch packed here, a `step` at a time."""
        # Of a child that died, some of it may have come. By entries, not by parts: where a file
        # changed since then, the parts would be others.
        seen = task.taken + sum(map(entries_of, task.parts))
        task.source = self._here.pack(task.batch, skip=seen)

    def step(self, task: Task) -> None:
        """Go on with a batch: pack its next part here, or wait for it to come, but not for long."""
        if task.source is not None:
            part = next(task.source, None)
            if part is None:
                task.done = True
            else:
                task.parts.append(part)
                self.held += _size(part)
            return
        child = self._whose(task)
        if child is None:
            self.keep(task)
        elif child.has_answer(_PATIENCE_MS):
            self._receive(child)

    def is_elsewhere(self, task: Task) -> bool:
        """Tell whether a child is to pack a batch."""
        return self._whose(task) is not None

    def _whose(self, task: Task) -> _Child | None:
        for child in self._children:
            if any(dealt is task for dealt, _ in child.tasks):
                return child
        return None

    def collect(self, limit: int) -> None:
        """Take what the children have ready, as long as no more than `limit` bytes are held."""
        for child in list(self._children):
            while self.held < limit and child in self._children and child.has_answer():
                self._receive(child)

    def _receive(self, child: _Child) -> None:
        try:
            self.held += child.receive()
        except OSError:
            self._bury(child)

    def take(self, task: Task) -> Part:
        """Take the next part that has come of a batch."""
        part = task.parts.popleft()
        task.taken += entries_of(part)
        self.held -= _size(part)
        return part

    def _bury(self, child: _Child) -> None:
        """Go on without a child; what it was dealt will be ours, in its turn."""
        self._children.remove(child)
        children.stop(child.process)

    def close(self) -> None:
        """End the children, whatever they do."""
        self._here.close()
        for child in self._children:
            children.stop(child.process)
        self._children.clear()


def _size(part: Part) -> int:
    return len(part.deflated) if isinstance(part, Segment) else 0


def _batches(words: io.BufferedReader) -> Iterator[list[Group]]:
    """Yield what the parent deals out: read at once, so that the parent never waits."""
    queue: SimpleQueue[list[Group] | None] = SimpleQueue()

    def read() -> None:
        while len(length := words.read(_LENGTH)) == _LENGTH:
            size = int.from_bytes(length, "little")
            content = words.read(size)
            if len(content) != size:
                break
            queue.put(marshal.loads(content))  # noqa: S302 - written by the parent
        queue.put(None)

    threading.Thread(target=read, daemon=True).start()
    while (batch := queue.get()) is not None:
        yield batch


def main() -> None:
    """Be a child: batches from standard input, their parts to standard output."""
    selection, words = children.told()
    out = sys.stdout.buffer

    def send(message: bytes) -> None:
        out.write(len(message).to_bytes(_LENGTH, "little"))
        out.write(message)

    packer = Packer(selection, words["level"])
    with contextlib.suppress(BrokenPipeError):
        for batch in _batches(cast("io.BufferedReader", sys.stdin.buffer)):
            for part in packer.pack(batch):
                send(marshal.dumps(tuple(part)))
            send(_END)
            out.flush()


if __name__ == "__main__":
    try:
        main()
    finally:
        os._exit(0)  # nothing to clean up, and a thread that may be waiting for more
