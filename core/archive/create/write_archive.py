"""Writes a selection of the live tree as a gzip'd tar that GNU tar, bsdtar, 7-Zip and Magento read.

It owns the order of the archive and the handling of files that change meanwhile: the archive
stays valid in any case, and each such file is named. One process walks; small files are read
and compressed in batches, here and by others beside it (`core.archive.workers.pool`), and the
results of the batches are written in walk order. It knows nothing of file names in var/backups,
manifests or fsync.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import marshal
import os
import stat
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from core.account.open_via_helper import lstat, open_to_read, readlink
from core.archive.create.output import Output
from core.archive.create.pack_worker import SMALL, pack_pool
from core.archive.index.writer import ArchiveIndexWriter
from core.archive.tar.gzip import GzipWriter, Segment
from core.archive.tar.header import BLOCK, DIRECTORY, HARD_LINK, REGULAR, SYMLINK
from core.archive.tar.member_writer import DIRECTORY_MODE, FILE_MODE, PADDING, MemberWriter
from core.archive.tree.open_directories import OPEN_FILE, OpenDirectories, is_gone
from core.archive.tree.selection import Found, Run, Selection, runs, unreadable
from core.archive.workers.batch_reader import LeftOut
from core.archive.workers.pool import OrderedWork, Task
from core.archive.workers.walk_batches import Batches
from core.durable import translate
from core.events import Report, Warned, no_report

_PIECE: Final = 1 << 20
_TRIES: Final = 3
_END_BLOCKS: Final = bytes(12 * BLOCK)  # as many as Magento writes


class ArchiveSummary(Struct, frozen=True, kw_only=True):
    """The totals of a written archive.

    `content_bytes` is the sum of the sizes of files, `excluded` the patterns that were in force
    besides Magento's lists.
    """

    members: int
    content_bytes: int
    archive_bytes: int
    sha256: str
    index_sha256: str = ""  # of the root of its index, where one was written
    warnings: tuple[Warned, ...] = ()
    excluded: tuple[str, ...] = ()


class WarnedNames(Struct):
    """Names for the warnings."""

    changed: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)
    stripped: list[str] = field(default_factory=list)

    def warnings(self) -> tuple[Warned, ...]:
        """Return one warning for each sort of thing that was noticed."""
        sorts = (
            ("changed", "These files changed while they were read", self.changed),
            ("vanished", "These files vanished while the archive was written", self.vanished),
            ("special", "Sockets, fifos and devices are not kept", self.special),
            ("set_id", "Set-user-id and set-group-id bits of files are not kept", self.stripped),
        )
        return tuple(
            Warned(code=code, message=f"{text}: {len(names)}.", names=tuple(names))
            for code, text, names in sorts
            if names
        )


class ArchiveBatches(Batches[Segment]):
    """The walk over a selection, for the packing pool."""

    def __init__(self, selection: Selection, noticed: WarnedNames, members: MemberWriter) -> None:
        super().__init__()
        self._selection = selection
        self._noticed = noticed
        self._members = members

    def _runs(self) -> Iterator[Run]:
        return itertools.chain(self._above(), runs(self._selection, problem=self.problem))

    def _above(self) -> Iterator[Run]:
        """Yield the directories above the selection in the archive."""
        prefix = self._selection.prefix
        fd = os.open(self._selection.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for end in [at for at, byte in enumerate(prefix) if byte == 0x2F]:
                yield prefix[: end + 1], fd, None
        finally:
            os.close(fd)

    def problem(self, path: bytes, error: OSError) -> None:
        """Note a vanished entry. Raises the error that forbids the archive."""
        if not is_gone(error):
            raise unreadable(path, error) from error
        self._noticed.vanished.append(os.fsdecode(path))

    def _directory(self, prefix: bytes, fd: int) -> None:
        """Take in a directory, with any group last: it needs no more looking."""
        path, status = prefix[:-1], os.fstat(fd)
        head = self._members.head(path, status, DIRECTORY, status.st_mode & DIRECTORY_MODE, fd=fd)
        self._known(path, head, marshal.dumps(self._members.last))


class _Writer:
    """The state of one archive that is being written."""

    def __init__(self, selection: Selection, out: Output, report: Report) -> None:
        self.noticed = WarnedNames()
        self._start = len(selection.prefix)
        self._out = out
        self._report = report
        self._members = MemberWriter()
        self._links: dict[tuple[int, int], bytes] = {}
        self._batches = ArchiveBatches(selection, self.noticed, self._members)
        self._open_directories = OpenDirectories(selection.root)
        self._pool = pack_pool(selection, out.level, indexed=out.is_indexed)
        self._shift = OrderedWork(self._pool, iter(self._batches))
        self._current = ""  # where the last part came from, for reports

    def write(self) -> None:
        """Write all members and the end."""
        with contextlib.closing(self._open_directories), contextlib.closing(self._pool):
            for task, part in self._shift.parts():
                if part is not None:
                    self._part(task, part)
                # Also while only waiting: a report is where a job can be told to stop.
                self._report(self._out.content_bytes, self._out.members, self._current)
        self._out.put(_END_BLOCKS)
        self._report(self._out.content_bytes, self._out.members, "")

    def _part(self, task: Task[Segment], part: Segment | LeftOut) -> None:
        """Write the results of a batch."""
        prefix, entries = task.batch[part.group if isinstance(part, LeftOut) else 0]
        if isinstance(part, LeftOut):
            name = entries[part.place]
            assert isinstance(name, bytes)  # noqa: S101 - an entry that is there already is not left out
            self._current = os.fsdecode(prefix + name.removesuffix(b"/"))
            self._left_out(prefix, name.removesuffix(b"/"), changed=part.changed)
        else:
            self._current = os.fsdecode(prefix[:-1]) or self._current
            self._out.segment(part)

    def _left_out(self, prefix: bytes, name: bytes, *, changed: bool) -> None:
        """Write an entry that needs a decision."""
        path = prefix + name
        try:
            fd, name = self._open_directories.parent_of(path[self._start :])
            status = lstat(name, fd)
            mode = status.st_mode
            if stat.S_ISLNK(mode):
                link = _target(name, fd)
                head = self._members.head(path, status, SYMLINK, 0o777, link=link)
                self._out.member(head, self._members.last)
                return
            if stat.S_ISDIR(mode):
                raise FileNotFoundError(errno.ENOENT, "replaced by a directory")
            if not stat.S_ISREG(mode):
                self.noticed.special.append(os.fsdecode(path))
                return
            if status.st_nlink > 1 and self._hard_link(path, status):
                return
            opened = _open(name, fd)
        except OSError as error:
            self._batches.problem(path, error)
            return
        try:
            self._file(Found(path, name, fd, status), opened, changed=changed)
        except OSError as error:
            raise translate(error, f"reading {os.fsdecode(path)}") from error
        finally:
            os.close(opened)

    def _hard_link(self, path: bytes, status: os.stat_result) -> bool:
        """Write a second name of a file as a link to its first. False: it is the first."""
        first = self._links.get((status.st_dev, status.st_ino))
        if first is None:
            return False
        mode = status.st_mode & FILE_MODE
        head = self._members.head(path, status, HARD_LINK, mode, link=first)
        self._out.member(head, self._members.last)
        return True

    def _file(self, found: Found, fd: int, *, changed: bool) -> None:
        status = found.status
        if status.st_mode & 0o6000:
            self.noticed.stripped.append(os.fsdecode(found.path))
        if status.st_nlink > 1:
            self._links[(status.st_dev, status.st_ino)] = found.path
        if status.st_size <= SMALL:
            self._small_file(found, fd, changed=changed)
        else:
            self._large_file(found, fd)

    def _head(self, found: Found, fd: int, size: int) -> None:
        mode = found.status.st_mode & FILE_MODE
        head = self._members.head(found.path, found.status, REGULAR, mode, size=size, fd=fd)
        self._out.member(head, self._members.last)

    def _small_file(self, found: Found, fd: int, *, changed: bool) -> None:
        """Read a file whole, then write its header: the member is always consistent."""
        status = found.status
        content = os.read(fd, status.st_size + 1)
        after = os.fstat(fd)
        if (
            changed
            or after.st_mtime_ns != status.st_mtime_ns
            or after.st_size != len(content)
            or after.st_ino != status.st_ino
        ):
            content, found = self._read_again(found, fd)
        size = len(content)
        self._head(found, fd, size)
        self._out.put(content)
        self._out.put(PADDING[size % BLOCK])

    def _read_again(self, found: Found, fd: int) -> tuple[bytes, Found]:
        """Read a file that changed: code up to three times, until it holds still."""
        tries = _TRIES if found.path.endswith(b".php") else 1
        content = b""
        for _ in range(tries):
            before = os.fstat(fd)
            os.lseek(fd, 0, os.SEEK_SET)
            content = b"".join(_pieces(fd, before.st_size))
            found = found._replace(status=before)
            after = os.fstat(fd)
            if len(content) == after.st_size and before.st_mtime_ns == after.st_mtime_ns:
                break
        self.noticed.changed.append(os.fsdecode(found.path))
        return content, found

    def _large_file(self, found: Found, fd: int) -> None:
        """Stream a file: cut where it grew, filled up with NUL where it shrank."""
        size = found.status.st_size
        before = self._out.content_bytes
        self._head(found, fd, size)
        done = 0
        for piece in _pieces(fd, size):
            done += len(piece)
            self._out.put(piece)
            self._shift.assign()
            self._report(before + done, self._out.members, self._current)
        after = os.fstat(fd)
        if done < size or after.st_size != size or after.st_mtime_ns != found.status.st_mtime_ns:
            self.noticed.changed.append(os.fsdecode(found.path))
        while done < size:
            gap = bytes(min(_PIECE, size - done))
            done += len(gap)
            self._out.put(gap)
        self._out.put(PADDING[size % BLOCK])


def _target(name: bytes, fd: int) -> bytes:
    """Return the target of a link. Raises FileNotFoundError for one that is no link any more."""
    try:
        return readlink(name, fd)
    except OSError as error:
        if error.errno in {errno.EINVAL, errno.ENOENT}:
            raise FileNotFoundError(errno.ENOENT, "no longer a link") from None
        raise


def _open(name: bytes, fd: int) -> int:
    """Open a file. Raises FileNotFoundError for one that is no file any more."""
    opened = open_to_read(name, OPEN_FILE, fd)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise FileNotFoundError(errno.ENOENT, "no longer a file")
    return opened


def _pieces(fd: int, size: int) -> Iterator[bytes]:
    """Yield the next `size` bytes of a file, or fewer when it ends before."""
    while size > 0:
        piece = os.read(fd, min(_PIECE, size))
        if not piece:
            return
        size -= len(piece)
        yield piece


def write_archive(
    selection: Selection,
    fd: int,
    *,
    level: int | None = None,
    report: Report = no_report,
    index_fd: int = -1,
) -> ArchiveSummary:
    """Write a selection to `fd` as a gzip'd tar, and its index to `index_fd`; nothing is fsynced.

    `report` gets bytes of content and members. Raises StoreUnreadable for a file that the account
    may not read, StorageError and DiskFull, and any error of `report`.
    """
    try:
        gzip = GzipWriter(fd, level)
        try:
            out = Output(gzip, None if index_fd < 0 else ArchiveIndexWriter(index_fd))
            writer = _Writer(selection, out, report)
            writer.write()
            index_sha256 = out.finish()
        except BaseException:
            gzip.abandon()
            raise
    except OSError as error:
        raise translate(error, "writing the archive") from error
    return ArchiveSummary(
        members=out.members,
        content_bytes=out.content_bytes,
        archive_bytes=gzip.size,
        sha256=gzip.sha256,
        index_sha256=index_sha256,
        warnings=writer.noticed.warnings(),
        excluded=selection.exclude,
    )
