"""The state of the entries of a live tree, and the members that an archive would hold of them.

Nearly all of an archive equals the live tree. So the process that reads a file builds the
member that our writer would have written of it, header and content, and the comparison finds many
of them in the archive at once, as the same bytes, where it would otherwise parse each member. A
difference is then examined; a wrong guess costs time only.

It owns the child that reads, the memory that both share, and the form of the messages in the pipe.
It decides nothing: an entry that is no small file, or had another size when read, is left out.
"""

from __future__ import annotations

import mmap
import os
import stat
import subprocess
import threading
from array import array
from typing import Any, Final

from core.archive.tar.header import BLOCK, REGULAR
from core.archive.tar.member_writer import FILE_MODE, PADDING, MemberWriter
from core.archive.tree.selection import Selection
from core.archive.tree.stat_records import is_exact, record_of
from core.archive.workers import child
from core.archive.workers.batch_reader import BatchReader, SmallFiles
from core.archive.workers.pool import Worker, WorkerPool, serve

SMALL: Final = 1 << 20
"""Files up to here, in bytes, are read before it is known whether that is needed."""
LONGEST: Final = 4096
"""Bytes of a path, from which on it is left out: each part has to fit into the memory."""
_PART: Final = 1 << 18  # bytes after which a part is closed
_RING: Final = 4 << 20
_HELD: Final = 4 << 20  # bytes that wait in this process for their turn


class ReadAheadPart:
    """Entries that follow one another.

    `records` is the text of `core.archive.tree.stat_records` for them, `fresh` whether one of them
    may have changed since a moment, `ends` the end of each one's members in the bytes that an
    archive would hold: that is taken once.
    """

    __slots__ = ("_content", "_place", "_worker", "ends", "entries", "fresh", "records")

    def __init__(
        self,
        entries: int,
        records: bytes,
        ends: bytes,
        *,
        fresh: bool,
        content: bytes = b"",
        worker: ReadAheadWorker | None = None,
        place: tuple[int, int, int] = (0, 0, 0),
    ) -> None:
        self.entries = entries
        self.records = records
        self.ends = memoryview(ends).cast("I")
        self.fresh = fresh
        self._content = content
        self._worker = worker
        self._place = place

    @property
    def held(self) -> int:
        """Bytes that it takes in the memory of the process that walks."""
        return len(self._content) + len(self.records)

    def content(self) -> bytes:
        """Return the bytes that an archive would hold; once."""
        if self._worker is None:
            return self._content
        at, size, taken = self._place
        content = self._worker.memory[at : at + size]
        self._worker.free(taken)
        return content


class _LiveReader(BatchReader[ReadAheadPart]):
    """Gathers the looks at entries."""

    def __init__(self, selection: Selection) -> None:
        super().__init__(selection)
        self._records: list[bytes] = []
        self._ends = array("I")
        self._pieces: list[bytes] = []
        self._size = 0
        self._fresh = False

    def _known(self, entry: tuple[bytes, ...]) -> bool | None:
        if len(entry) == 1:
            return False
        head, record = entry
        self._add(head, b"", record)
        return None

    def _add(self, head: bytes, content: bytes, record: bytes) -> None:
        size = len(content)
        if head:
            self._pieces.append(head)
            self._size += len(head)
            if size:
                self._pieces.append(content)
                self._pieces.append(PADDING[size % BLOCK])
                self._size += size + -size % BLOCK
        self._ends.append(self._size)
        self._records.append(record)

    def _is_full(self) -> bool:
        return self._size >= _PART

    def _gathered(self) -> ReadAheadPart | None:
        if not self._records:
            return None
        looked = ReadAheadPart(
            len(self._records), b"".join(self._records), self._ends.tobytes(),
            fresh=self._fresh, content=b"".join(self._pieces),
        )  # fmt: skip
        self._records.clear()
        self._pieces.clear()
        self._ends = array("I")
        self._size = 0
        self._fresh = False
        return looked


class StatusReader(_LiveReader):
    """Looks at entries, and at nothing inside them."""

    def __init__(self, selection: Selection, since_ns: int) -> None:
        super().__init__(selection)
        self._since_ns = since_ns

    def _take(self, prefix: bytes, name: bytes, fd: int) -> bool | None:
        if fd < 0:
            return False
        name = name.removesuffix(b"/")
        try:
            status = os.lstat(name, dir_fd=fd)
        except OSError:
            return False
        if stat.S_ISDIR(status.st_mode):
            return False
        self._fresh |= status.st_ctime_ns >= self._since_ns
        self._add(b"", b"", record_of(prefix + name, status))
        return None


class MemberReader(_LiveReader, SmallFiles[ReadAheadPart]):
    """Looks at entries and reads small files; makes the bytes that an archive would hold."""

    largest = SMALL

    def __init__(self, selection: Selection) -> None:
        super().__init__(selection)
        self._members = MemberWriter()

    def _file(
        self,
        path: bytes,
        fd: int,  # noqa: ARG002
        status: os.stat_result,
        content: bytes,
    ) -> bool | None:
        if len(path) > LONGEST or not is_exact(status):
            return False
        mode, size = status.st_mode & FILE_MODE, status.st_size
        # Extended attributes are not compared: an entry that has any is therefore looked at
        # closely.
        head = self._members.head(path, status, REGULAR, mode, size=size)
        self._add(head, content, record_of(path, status))
        return None

    def _other(self, path: bytes, name: bytes, fd: int) -> bool | None:  # noqa: ARG002
        return False


class ReadAheadWorker(Worker[ReadAheadPart]):
    """A child that looks, and the memory that it shares."""

    def __init__(self, process: subprocess.Popen[bytes], memory: mmap.mmap) -> None:
        super().__init__(process)
        self.memory = memory

    def made(self, values: tuple[Any, ...]) -> ReadAheadPart:
        """Return the part that a child's values describe."""
        entries, records, ends, fresh, *place = values
        at, size, taken = place
        return ReadAheadPart(
            entries, records, ends, fresh=fresh, worker=self, place=(at, size, taken)
        )


class _Ring:
    """The child's side of the shared memory: used in turn, as it becomes free again."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._size = self._free = len(memory)
        self._at = 0
        self._changed = threading.Condition()
        self._ended = False

    def put(self, content: bytes) -> tuple[int, int, int]:
        """Put content in when there is room; return its place, its size and its room."""
        size = len(content)
        at = self._at if self._at + size <= self._size else 0
        taken = size if at == self._at else size + self._size - self._at
        with self._changed:
            while self._free < taken and not self._ended:
                self._changed.wait()
            if self._ended:
                raise BrokenPipeError
            self._free -= taken
        self._memory[at : at + size] = content
        self._at = at + size
        return at, size, taken

    def freed(self, size: int) -> None:
        """Take note that so much is free again; of less than nothing, that there is no more."""
        with self._changed:
            self._ended |= size < 0
            self._free += max(0, size)
            self._changed.notify()


def _looking(selection: Selection, since_ns: int) -> _LiveReader:
    return StatusReader(selection, since_ns) if since_ns else MemberReader(selection)


def read_ahead_pool(selection: Selection, *, since_ns: int = 0) -> WorkerPool[ReadAheadPart]:
    """Return a pool that looks at entries and reads small files.

    With `since_ns` nothing is read, and a part is `fresh` when the inode of something in it, no
    directory, changed then or later.
    """

    def start_worker() -> ReadAheadWorker:
        process, memory = child.start_sharing(__name__, selection, _RING, since_ns=since_ns)
        return ReadAheadWorker(process, memory)

    return WorkerPool(selection, _looking(selection, since_ns), start_worker, most=_HELD)


def main() -> None:
    """Be the child."""
    selection, words = child.told()
    ring = _Ring(mmap.mmap(words["memory"], 0))

    def values_of(part: ReadAheadPart) -> tuple[Any, ...]:
        place = ring.put(part.content())
        return part.entries, part.records, bytes(part.ends.cast("B")), part.fresh, *place

    serve(_looking(selection, words["since_ns"]), values_of, ring.freed)


if __name__ == "__main__":
    try:
        main()
    finally:
        os._exit(0)
