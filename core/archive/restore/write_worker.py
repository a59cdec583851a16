"""Entries of a stage, made by a process beside this one.

Of a rollback that writes thousands of files, most of the time goes into opening, writing, settling
and closing each, and one process does that for one file at a time. So where there is a second core,
a child makes files and links as far as it has time, and gives directories their metadata
once all is in them. Contents lie in memory that both share, their metadata go through a
pipe, and an answer comes back for each batch.

It owns the child, that memory and the two forms. The child knows only the stages: it makes files in
directories that are there, opened step by step without following links, settles such directories,
and does nothing else. One that dies is an error: its unfinished entries are of no use, and the
stage goes.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import mmap
import os
import select
import signal
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from core.archive.restore.write_entry import Settled, make_symlink, settle, write_file
from core.archive.tar.header import DIRECTORY, REGULAR, SYMLINK
from core.archive.tree.open_directories import OpenDirectories
from core.archive.workers import child
from core.errors import StorageError

SMALL: Final = 1 << 20
"""Files up to here, in bytes, are given to a child."""
_BATCH: Final = 1 << 18
_SLOT: Final = _BATCH + SMALL
_SLOTS: Final = 4
_PIPE: Final = 1 << 20
_ENTRY: Final = 2000  # bytes that could be written in the time that an entry takes besides, about
_PATIENCE_MS: Final = 200
_PR_SET_PDEATHSIG: Final = 1

# type, name (of a directory: none), where its content begins in the slot, size, uid, gid, mode,
# mtime in s; attributes of a file or directory, target of a link
_Entry = tuple[
    int, bytes, int, int, int, int, int, int, dict[bytes, bytes] | None, bytes
]  # fmt: skip
_Group = tuple[int, list[bytes], list[_Entry]]
"""Entries of one directory: the number of its stage, and the way there."""


class WriteWorker:
    """The child that makes files, seen from this process."""

    def __init__(self, stages: Mapping[int, int]) -> None:
        """Start it. `stages` are the descriptors of stages by their numbers."""
        self._process, self._slots = child.start_sharing(
            __name__, None, _SLOTS * _SLOT, inherited=tuple(stages.values()), parent=os.getpid()
        )
        assert self._process.stdin is not None  # noqa: S101 - for the type checker
        assert self._process.stdout is not None  # noqa: S101
        self._in, self._out = self._process.stdin, self._process.stdout.fileno()
        with contextlib.suppress(OSError):  # room for its messages, also while it is stopped
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, _PIPE)
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._batch: list[_Group] = []
        self._at = 0  # bytes of the current slot that are taken
        self._weight = 0
        self._sent = 0
        self._answered = 0
        try:
            self._send(dict(stages))
        except BaseException:
            self.close()
            raise

    def has_time(self) -> bool:
        """Tell whether another entry can be given to the child without waiting for it."""
        if self._batch:
            return True
        while self._sent > self._answered and self._poll.poll(0):
            self._answer()
        return self._sent - self._answered < _SLOTS - 1

    def give_link(
        self, stage: int, way: list[bytes], name: bytes, target: bytes, how: Settled
    ) -> None:
        """Have a symbolic link made; only while it has time."""
        self._add(stage, way, (SYMLINK, name, 0, 0, *how, None, target), 0)

    def give_file(
        self,
        stage: int,
        way: list[bytes],
        name: bytes,
        content: bytes,
        how: Settled,
        xattrs: dict[bytes, bytes] | None,
    ) -> None:
        """Have a small file made; only while it has time.

        Raises OSError for an entry before it that could not be made, and StorageError when the
        child is gone, as all of these do.
        """
        begin, size = self._sent % _SLOTS * _SLOT + self._at, len(content)
        self._slots[begin : begin + size] = content
        self._add(stage, way, (REGULAR, name, self._at, size, *how, xattrs, b""), size)

    def give_directory(
        self, stage: int, way: list[bytes], how: Settled, xattrs: dict[bytes, bytes] | None
    ) -> None:
        """Have a directory settled that is there; only while it has time."""
        self._add(stage, way, (DIRECTORY, b"", 0, 0, *how, xattrs, b""), 0)

    def _add(self, stage: int, way: list[bytes], entry: _Entry, size: int) -> None:
        if not self._batch or self._batch[-1][0] != stage or self._batch[-1][1] != way:
            self._batch.append((stage, way, []))
        self._batch[-1][2].append(entry)
        self._at += size
        self._weight += size + _ENTRY
        *_, xattrs, _ = entry
        if xattrs:  # which go through the pipe
            self._weight += sum(map(len, xattrs)) + sum(map(len, xattrs.values()))
        if self._weight >= _BATCH:
            self._hand_over()

    def _hand_over(self) -> None:
        if self._batch:
            self._send(self._batch)
            self._sent += 1
            self._batch, self._at, self._weight = [], 0, 0

    def _send(self, words: Any) -> None:  # noqa: ANN401 - any value that can be sent
        try:
            self._in.write(child.framed(words))
            self._in.flush()
        except BrokenPipeError:
            while self._answered < self._sent:  # it may have said why
                self._answer()
            raise self._ended() from None

    def _answer(self) -> None:
        """Take the answer for a batch: nothing, or the error that ended it."""
        answer = child.exactly(self._out, child.LENGTH)
        if len(answer) != child.LENGTH:
            raise self._ended()
        code = int.from_bytes(answer, "little")
        if code:
            raise OSError(code, os.strerror(code))
        self._answered += 1

    def _ended(self) -> StorageError:
        return StorageError(
            "The process that writes the stage ended too early.",
            hint="Was it killed, or is there no memory left? Try it again.",
        )

    def finish(self, waited: Callable[[], None]) -> None:
        """Wait until all is made. Raises OSError for a failed entry, and the errors of `waited`.

        That is called while nothing comes: of a child that somebody has stopped, nothing does.
        """
        self._hand_over()
        while self._answered < self._sent:
            if self._poll.poll(_PATIENCE_MS):
                self._answer()
            else:
                waited()

    def close(self) -> None:
        """End the child, in any state."""
        child.stop(self._process)
        self._slots.close()


def _make(group: _Group, stages: dict[int, OpenDirectories], slot: memoryview) -> None:
    stage, way, entries = group
    fd = stages[stage].go(way)
    for kind, name, at, size, uid, gid, mode, mtime_s, xattrs, target in entries:
        how = Settled(uid, gid, mode, mtime_s)
        if kind == DIRECTORY:
            settle(fd, how, xattrs=xattrs)
        elif kind == SYMLINK:
            make_symlink(fd, name, target, how)
        else:
            content = (bytes(slot[at : at + size]),)
            write_file(fd, name, size, content, how, xattrs=xattrs, flush=False, exact=True)


def _die_with(parent: int) -> None:
    """See that nothing is written any more once the parent is gone, and somebody tidies up."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def main() -> None:
    """Be the child: batches from standard input, an answer for each to standard output."""
    _, words = child.told()
    _die_with(words["parent"])
    os.umask(0)  # no other account gets into a stage, so files may have their mode at once
    slots = memoryview(mmap.mmap(words["memory"], _SLOTS * _SLOT))
    places: dict[int, int] = child.receive(sys.stdin.buffer) or {}
    code, number = 0, 0
    with contextlib.ExitStack() as stack, contextlib.suppress(BrokenPipeError):
        stages = {
            one: stack.enter_context(OpenDirectories(b".", dir_fd=fd)) for one, fd in places.items()
        }
        while not code and (batch := child.receive(sys.stdin.buffer)) is not None:
            begin = number % _SLOTS * _SLOT
            try:
                for group in batch:
                    _make(group, stages, slots[begin : begin + _SLOT])
            except OSError as error:
                code = error.errno or 5
            number += 1
            sys.stdout.buffer.write(code.to_bytes(child.LENGTH, "little"))
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
    os._exit(0)  # nothing to clean up, and a closed pipe is no error
