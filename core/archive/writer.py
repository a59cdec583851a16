"""Writes a selection of the live tree as a gzip'd tar that GNU tar, bsdtar, 7-Zip and Magento read.

It owns what happens when files change under its hands: the archive stays valid whatever they do,
and each such file is named. It knows nothing of file names in var/backups, manifests or fsync.
"""

from __future__ import annotations

import errno
import itertools
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from core.archive.ahead import walker
from core.archive.attributes import read_attributes
from core.archive.descent import is_gone
from core.archive.header import (
    BLOCK,
    DIRECTORY,
    HARD_LINK,
    REGULAR,
    SYMLINK,
    XATTR_PREFIX,
    Fields,
    HeaderWriter,
)
from core.archive.members import Found, Selection, unreadable
from core.archive.owners import AccountNames
from core.archive.stream import GzipWriter
from core.durable import translate
from core.events import Report, Warned, no_report

_WHOLE: Final = 1 << 20  # files up to here are read before their header is written
_PIECE: Final = 1 << 20
_TRIES: Final = 3
_OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_END_BLOCKS: Final = bytes(12 * BLOCK)  # as many as Magento writes
_REPORT_EVERY: Final = 256  # members
_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long
_PADDING: Final = tuple(bytes(-size % BLOCK) for size in range(BLOCK))


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSummary:
    """What was written.

    `content_bytes` is the sum of the sizes of files, `excluded` the patterns that were in force
    besides Magento's lists.
    """

    members: int
    content_bytes: int
    archive_bytes: int
    sha256: str
    warnings: tuple[Warned, ...] = ()
    excluded: tuple[str, ...] = ()


@dataclass(slots=True)
class _Noticed:
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


class _Writer:
    """The state of one archive that is being written."""

    def __init__(self, selection: Selection, out: GzipWriter, report: Report) -> None:
        self.selection = selection
        self.noticed = _Noticed()
        self.members = 0
        self.content_bytes = 0
        self._out = out
        self._report = report
        self._headers = HeaderWriter()
        self._names = AccountNames()
        self._links: dict[tuple[int, int], bytes] = {}
        self._parts: list[bytes] = []
        self._gathered = 0

    def write(self) -> None:
        """Write all members and the end."""
        with walker(self.selection, attributes=True) as walk:
            for found in itertools.chain(self._above(), walk(problem=self._problem)):
                self._entry(found)
        self._put(_END_BLOCKS)
        self._hand_over()
        self._report(self.content_bytes, self.members, "")

    def _entry(self, found: Found) -> None:
        mode = found.status.st_mode
        if stat.S_ISREG(mode):
            self._file(found)
        elif stat.S_ISDIR(mode):
            self._directory(found)
        elif stat.S_ISLNK(mode):
            self._symlink(found)
        else:
            self.noticed.special.append(os.fsdecode(found.path))
        if self.members % _REPORT_EVERY == 0:
            self._report(self.content_bytes, self.members, os.fsdecode(found.path))

    def _above(self) -> Iterator[Found]:
        """Yield the directories that stand above the selection in the archive."""
        prefix = self.selection.prefix.rstrip(b"/")
        fd = os.open(self.selection.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            status = os.fstat(fd)
            for end in [at for at, byte in enumerate(prefix + b"/") if byte == 0x2F and prefix]:
                yield Found(prefix[:end], b".", fd, status)
        finally:
            os.close(fd)

    def _problem(self, path: bytes, error: OSError) -> None:
        if not is_gone(error):
            raise unreadable(path, error) from error
        self.noticed.vanished.append(os.fsdecode(path))

    def _put(self, content: bytes) -> None:
        self._parts.append(content)
        self._gathered += len(content)
        if self._gathered >= _PIECE:
            self._hand_over()

    def _hand_over(self) -> None:
        content = b"".join(self._parts)
        self._parts.clear()
        self._gathered = 0
        try:
            self._out.write(content)
        except OSError as error:  # here, so that it is not taken for one of reading a file
            raise translate(error, "writing the archive") from error

    def _header(
        self, found: Found, kind: int, *, size: int = 0, link: bytes = b"", mode: int, fd: int = -1
    ) -> None:
        status = found.status
        name = found.path + b"/" if kind == DIRECTORY else found.path
        attributes = read_attributes(fd) if fd >= 0 else None
        if attributes:
            records = {XATTR_PREFIX + key: value for key, value in attributes.items()}
            self._put(self._headers.pax(name, records))
        uid, gid, names = status.st_uid, status.st_gid, self._names
        fields = (
            name, mode, uid, gid, size, status.st_mtime_ns // 1_000_000_000, kind, link,
            names.user(uid), names.group(gid),
        )  # fmt: skip
        self._put(self._headers.build(_new(Fields, fields)))
        self.members += 1

    def _directory(self, found: Found) -> None:
        self._header(found, DIRECTORY, mode=found.status.st_mode & 0o3777, fd=found.dir_fd)

    def _symlink(self, found: Found) -> None:
        try:
            target = found.content
            if target is None:
                target = os.readlink(found.name, dir_fd=found.dir_fd)
        except OSError as error:
            if error.errno == errno.EINVAL:
                error = FileNotFoundError(errno.ENOENT, "no longer a link")
            self._problem(found.path, error)
            return
        self._header(found, SYMLINK, link=target, mode=0o777)

    def _hard_link(self, found: Found) -> bool:
        """Write a second name of a file as a link to its first. False: it is the first."""
        key = (found.status.st_dev, found.status.st_ino)
        first = self._links.setdefault(key, found.path)
        if first is found.path:
            return False
        self._header(found, HARD_LINK, link=first, mode=found.status.st_mode & 0o1777)
        return True

    def _file(self, found: Found) -> None:
        status = found.status
        if status.st_nlink > 1 and self._hard_link(found):
            return
        mode = status.st_mode
        if mode & 0o6000:
            self.noticed.stripped.append(os.fsdecode(found.path))
        if found.content is not None:
            self._whole(found, found.content)
            return
        try:
            fd = os.open(found.name, _OPEN_FILE, dir_fd=found.dir_fd)
        except OSError as error:
            self._problem(found.path, error)
            return
        try:
            if status.st_size <= _WHOLE:
                self._small_file(found, fd)
            else:
                self._large_file(found, fd)
        except OSError as error:
            raise translate(error, f"reading {os.fsdecode(found.path)}") from error
        finally:
            os.close(fd)

    def _small_file(self, found: Found, fd: int) -> None:
        """Read a file whole, then write its header: what is written is always consistent."""
        status = found.status
        content = os.read(fd, status.st_size + 1)
        after = os.fstat(fd)
        if (
            after.st_mtime_ns != status.st_mtime_ns
            or after.st_size != len(content)
            or after.st_ino != status.st_ino
        ):
            content, found = self._read_again(found, fd)
        self._whole(found, content, fd)

    def _whole(self, found: Found, content: bytes, fd: int = -1) -> None:
        """Write a file of which all is at hand; `fd` is for its extended attributes."""
        size = len(content)
        self._header(found, REGULAR, size=size, mode=found.status.st_mode & 0o1777, fd=fd)
        self._put(content)
        self._put(_PADDING[size % BLOCK])
        self.content_bytes += size

    def _read_again(self, found: Found, fd: int) -> tuple[bytes, Found]:
        """Read a file that changed: code up to twice more, until it holds still."""
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
        self._header(found, REGULAR, size=size, mode=found.status.st_mode & 0o1777, fd=fd)
        done = 0
        for piece in _pieces(fd, size):
            done += len(piece)
            self._put(piece)
            self._report(self.content_bytes + done, self.members, os.fsdecode(found.path))
        after = os.fstat(fd)
        if done < size or after.st_size != size or after.st_mtime_ns != found.status.st_mtime_ns:
            self.noticed.changed.append(os.fsdecode(found.path))
        while done < size:
            gap = bytes(min(_PIECE, size - done))
            done += len(gap)
            self._put(gap)
        self._put(_PADDING[size % BLOCK])
        self.content_bytes += size


def _pieces(fd: int, size: int) -> Iterator[bytes]:
    """Yield the next `size` bytes of a file, or fewer when it ends before."""
    while size > 0:
        piece = os.read(fd, min(_PIECE, size))
        if not piece:
            return
        size -= len(piece)
        yield piece


def write_archive(
    selection: Selection, fd: int, *, level: int | None = None, report: Report = no_report
) -> ArchiveSummary:
    """Write a selection to `fd` as a gzip'd tar; nothing is fsynced.

    `report` gets bytes of content and members. Raises StoreUnreadable for a file that the account
    may not read, StorageError and DiskFull, and whatever `report` raises.
    """
    try:
        out = GzipWriter(fd, level)
        try:
            writer = _Writer(selection, out, report)
            writer.write()
            out.close()
        except BaseException:
            out.abandon()
            raise
    except OSError as error:
        raise translate(error, "writing the archive") from error
    return ArchiveSummary(
        members=writer.members,
        content_bytes=writer.content_bytes,
        archive_bytes=out.size,
        sha256=out.sha256,
        warnings=writer.noticed.warnings(),
        excluded=selection.exclude,
    )
