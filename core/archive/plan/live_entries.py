"""The live side of a comparison, in walk order, read ahead by a worker pool.

It turns the pool's parts back into single entries where these must be examined, and skips whole
parts whose bytes the archive already has.
"""

from __future__ import annotations

import bisect
import errno
import itertools
import os
import stat
from collections.abc import Callable, Iterator
from typing import Final, Self

from core.account.open_via_helper import lstat
from core.archive.plan.read_ahead_worker import LONGEST, ReadAheadPart, read_ahead_pool
from core.archive.tar.header import BLOCK, DIRECTORY, HeaderReader
from core.archive.tar.member_writer import DIRECTORY_MODE, MemberWriter
from core.archive.tar.verify import InOrder
from core.archive.tree.mounts import mounts_below
from core.archive.tree.open_directories import OpenDirectories
from core.archive.tree.selection import Found, Problem, Run, Selection, Status, runs
from core.archive.tree.stat_records import end_of_records, parse_record, record_of
from core.archive.workers.batch_reader import LeftOut
from core.archive.workers.pool import OrderedWork, Task
from core.archive.workers.walk_batches import Batches
from core.closeable import Closeable
from core.errors import StorageError

_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long


class _LiveBatches(Batches[ReadAheadPart]):
    """The walk over a selection, for the read-ahead pool."""

    def __init__(self, selection: Selection, problem: Problem, *, contents: bool) -> None:
        super().__init__()
        self._selection = selection
        self._problem = problem
        self._contents = contents
        self._members = MemberWriter()
        self._device = os.stat(selection.root).st_dev
        self._mounts = {selection.prefix + path for path in mounts_below(selection.root)}
        self._is_plain = True
        self._leads = selection.leading() or (lambda _path: False)

    def _runs(self) -> Iterator[Run]:
        return runs(self._selection, problem=self._problem, skipped=self._skipped)

    def _skipped(self, path: bytes) -> None:
        paths, status = self._notes.get(self._entries - 1, ([], None))
        if paths and status is None:  # a directory may hold very many
            paths.append(path)
            return
        self._notes[self._entries] = [path], None
        self._known(path, b"")

    def _directory(self, prefix: bytes, fd: int) -> None:
        path, status = prefix[:-1], os.fstat(fd)
        self._notes[self._entries] = [path], status
        # Where another file system begins, all that comes is looked at closely.
        self._is_plain &= status.st_dev == self._device and path not in self._mounts
        # Directories above the chosen paths are looked at closely too: they are not compared at
        # all.
        if not self._is_plain or len(path) > LONGEST or self._leads(path):
            self._known(path, b"")
            return
        head = b""
        if self._contents:
            mode = status.st_mode & DIRECTORY_MODE
            head = self._members.head(path, status, DIRECTORY, mode)
        self._known(path, head, record_of(path, status))


class LiveParts(Closeable):
    """The parts that a pool has read, one by one, with the data to make entries of them.

    `waited` is called while nothing comes: an error of it ends the wait. With `since_ns` no content
    is read (`core.archive.plan.read_ahead_worker.read_ahead_pool`).
    """

    def __init__(
        self,
        selection: Selection,
        *,
        problem: Problem,
        waited: Callable[[], None],
        skipped: Callable[[bytes], None] = lambda _path: None,
        since_ns: int = 0,
    ) -> None:
        self._problem = problem
        self._skipped = skipped
        self._waited = waited
        self._start = len(selection.prefix)
        walk = iter(_LiveBatches(selection, problem, contents=not since_ns))
        self._open_directories = OpenDirectories(selection.root)
        self._pool = read_ahead_pool(selection, since_ns=since_ns)
        self._parts = OrderedWork(self._pool, walk).parts()

    def close(self) -> None:
        """End the pool."""
        self._open_directories.close()
        self._pool.close()

    def __iter__(self) -> Iterator[LivePart | Found]:
        """Yield parts, and entries that were left out of them."""
        task: Task[ReadAheadPart] | None = None
        at = 0  # entries of the task before the part
        starts: list[int] = []
        for now, part in self._parts:
            if now is not task:
                task, at = now, 0
                starts = [0, *itertools.accumulate(len(entries) for _, entries in task.batch)]
            if part is None:
                self._waited()
            elif isinstance(part, LeftOut):
                found = self._left_out(task, at, part)
                at += 1
                if found is not None:
                    yield found
            else:
                yield LivePart(task, at, part, starts)
                at += part.entries

    def _left_out(self, task: Task[ReadAheadPart], at: int, part: LeftOut) -> Found | None:
        """Look at an entry that the pool has left out."""
        if at in task.notes:
            paths, status = task.notes[at]
            if status is not None:
                return Found(paths[0], b".", -1, status, b"")
            for path in paths:
                self._skipped(path)
            return None
        prefix, entries = task.batch[part.group]
        name = entries[part.place]
        assert isinstance(name, bytes)  # noqa: S101 - what is known is in the notes
        path = prefix + name.removesuffix(b"/")
        try:
            fd, name = self._open_directories.parent_of(path[self._start :])
            looked = lstat(name, fd)
            if stat.S_ISDIR(looked.st_mode):  # since it was listed
                raise FileNotFoundError(errno.ENOENT, "replaced by a directory")
        except OSError as error:
            self._problem(path, error)
            return None
        return Found(path, name, fd, looked)


class LivePart:
    """Entries that follow one another, as the pool has looked at them."""

    def __init__(
        self, task: Task[ReadAheadPart], first: int, looked: ReadAheadPart, starts: list[int]
    ) -> None:
        self.entries = looked.entries
        self.records = looked.records
        self.fresh = looked.fresh
        self._looked = looked
        self._notes = task.notes
        self._first = first
        self._groups = task.batch
        self._starts = starts  # of the groups, in entries

    def content(self) -> bytes:
        """Return the members that an archive would hold of them; once."""
        return self._looked.content()

    def ends(self) -> memoryview:
        """Return where the members of each end in the content."""
        return self._looked.ends

    def status_of(self, index: int) -> os.stat_result | None:
        """Return how an entry looked, if it is a directory."""
        note = self._notes.get(self._first + index)
        return None if note is None else note[1]

    def path(self, index: int) -> bytes:
        """Return the path of an entry."""
        at = self._first + index
        if at in self._notes:
            return self._notes[at][0][0]
        group = bisect.bisect_right(self._starts, at) - 1
        prefix, entries = self._groups[group]
        name = entries[at - self._starts[group]]
        assert isinstance(name, bytes)  # noqa: S101 - what is known is in the notes
        return prefix + name.removesuffix(b"/")

    def paths(self) -> list[bytes]:
        """Return the paths of all entries."""
        paths: list[bytes] = []
        at, end = self._first, self._first + self.entries
        group = bisect.bisect_right(self._starts, at) - 1
        while at < end:
            prefix, entries = self._groups[group]
            start = self._starts[group]
            for entry in entries[at - start : end - start]:
                if isinstance(entry, bytes):
                    paths.append(prefix + entry.removesuffix(b"/"))
                else:
                    paths += self._notes[at][0]
                at += 1
            group += 1
        return paths


class Live:
    """The entries of a live tree, with contents of small files: an iterator of `Found`.

    `record` gets the text of `core.archive.tree.stat_records` for them, `waited` is called while
    nothing comes: an error of it ends the wait.
    """

    def __init__(
        self,
        selection: Selection,
        *,
        problem: Problem,
        skipped: Callable[[bytes], None],
        record: Callable[[bytes], None],
        waited: Callable[[], None],
    ) -> None:
        self._record = record
        self._live = LiveParts(selection, problem=problem, skipped=skipped, waited=waited)
        self._parts = iter(self._live)
        self._headers = HeaderReader()
        self._next: Found | None = None
        self._part: LivePart | None = None
        self._index = self._begin = 0
        self._records = self._record_at = 0  # how many were passed over, and where they end
        self._content = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._live.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Found:
        if not self._has_part():
            found, self._next = self._next, None
            if found is None:
                raise StopIteration
            return found
        return self._entry()

    def _has_part(self) -> bool:
        """Have a part of which something is left; if there is none, the parts left out follow."""
        while self._part is None and self._next is None:
            part = next(self._parts, None)
            if part is None:
                return False
            if isinstance(part, Found):
                self._next = part
                self._record(record_of(part.path, part.status))
            else:
                self._part = part
                self._content = part.content()
                self._index = self._begin = self._records = self._record_at = 0
                self._record(part.records)
        return self._part is not None

    def _go_to(self, part: LivePart, index: int) -> None:
        if index == part.entries:
            self._part = None
            return
        self._index, self._begin = index, part.ends()[index - 1]

    def pass_same(self, members: InOrder) -> int:
        """Pass over entries on both sides as long as the archive has them as the same bytes.

        Return how many; the next entry differs in something, which may not matter.
        """
        passed = 0
        while self._has_part():
            part = self._part
            assert part is not None  # noqa: S101 - for the type checker
            # Of one that is the same as a whole nothing has to be copied. Else steps that double
            # find the differences: each copies and compares, so where much differs they are short.
            if self._index == 0 and self._passes(part, members, part.entries):
                passed += part.entries
                continue
            begin, step = self._index, 1
            while self._part is part and self._passes(
                part, members, min(self._index + step, part.entries)
            ):
                step *= 2
            while self._part is part and step > 1:  # it is among the next `step`
                step //= 2
                self._passes(part, members, min(self._index + step, part.entries))
            passed += (part.entries if self._part is None else self._index) - begin
            if self._part is part:
                break
        return passed

    def _passes(self, part: LivePart, members: InOrder, end: int) -> bool:
        """Go on behind the entries before `end`, if the archive has them as the same bytes."""
        begin, last = self._index, end - 1
        content = self._content
        if begin or end < part.entries:
            content = content[self._begin : part.ends()[last]]
        if not members.passes(
            content, part.path(begin), part.path(last),
            count=end - begin, directory=part.status_of(last) is not None,
        ):  # fmt: skip
            return False
        self._go_to(part, end)
        return True

    def _entry(self) -> Found:
        """Return the next entry of the part, taken apart."""
        part = self._part
        assert part is not None  # noqa: S101 - for the type checker
        end = part.ends()[self._index]
        at = end_of_records(part.records, self._record_at, self._index - self._records)
        path, look, _ = parse_record(part.records, at)
        self._records, self._record_at = self._index, at
        if path != part.path(self._index):
            raise StorageError(f"{os.fsdecode(path)} was looked at out of its turn.")
        known = part.status_of(self._index)
        if known is not None:
            found = Found(path, b".", -1, known, b"")
        else:
            inode, device, size, mtime_ns, ctime_ns = look
            content = end - size - -size % BLOCK
            head = self._headers.parse(self._content[content - BLOCK : content])
            mode = stat.S_IFREG | head.mode
            status = Status(
                mode, inode, device, 1, head.uid, head.gid, size, mtime_ns, ctime_ns
            )  # fmt: skip
            found = _new(Found, (path, b"", -1, status, self._content[content : content + size]))
        self._go_to(part, self._index + 1)
        return found
