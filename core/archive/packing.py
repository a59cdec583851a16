"""Small files into compressed segments: what several processes do side by side in a backup.

An archive is one gzip stream, but deflate can be cut: segments that were compressed apart, each
ending on a whole byte, follow one another in a stream as pigz makes it
(https://zlib.net/pigz/pigz.pdf), and the checksum of the whole is put together from theirs. So the
process that walks deals out batches of names, and whoever is free looks, reads, builds the members
and compresses them; no content of a file goes through a pipe.

It owns a batch's form, and what a member of a small file looks like. What needs a decision (a large
file, one with several names, one that changed while it was read, or is gone) is left out of the
segments and named by its place in the batch: the writer looks at it.
"""

from __future__ import annotations

import os
import stat
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from isal import isal_zlib

from core.archive.attributes import read_attributes
from core.archive.descent import OPEN_FILE, Descent
from core.archive.header import (
    BLOCK,
    DIRECTORY,
    REGULAR,
    SYMLINK,
    XATTR_PREFIX,
    Fields,
    HeaderWriter,
)
from core.archive.members import Selection, Status
from core.archive.owners import AccountNames
from core.errors import StorageError

SMALL: Final = 4 << 20
"""Files up to here, in bytes, are read whole, so that what is written of them is consistent."""
_SEGMENT: Final = 1 << 20  # bytes before compression, after which a segment is closed
FASTEST_ZLIB_LEVEL: Final = 4  # 0 to 3 are igzip's, 4 to 9 zlib's
FILE_MODE: Final = 0o1777
_TYPE_AND_SET_ID: Final = 0o176000
DIRECTORY_MODE: Final = 0o3777
PADDING: Final = tuple(bytes(-size % BLOCK) for size in range(BLOCK))
_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long

Group: TypeAlias = tuple[bytes, list[bytes | tuple[bytes]]]
"""Entries of one directory, whose member path (empty or with a slash at its end) comes first: names
that are no directories, and tuples with the bytes of members that are there already."""


class Segment(NamedTuple):
    """Members as raw deflate that ends on a whole byte, to be put into a stream at any place."""

    deflated: bytes
    crc: int  # of what they are when inflated
    size: int  # of the same, in bytes
    members: int
    content_bytes: int


class LeftOut(NamedTuple):
    """An entry that the writer must look at, by its group and its place there."""

    group: int
    place: int
    changed: bool = False
    """Whether it changed while it was read."""


Part: TypeAlias = Segment | LeftOut


def entries_of(part: Part) -> int:
    """Return how many entries of its batch a part stands for."""
    return part.members if isinstance(part, Segment) else 1


class Compressor(Protocol):
    """Of zlib or of ISA-L: both have the same form."""

    def compress(self, content: bytes, /) -> bytes:
        """Take the next bytes and return what came out."""

    def flush(self, mode: int = ..., /) -> bytes:
        """Return what is left."""


def compressor(level: int) -> Compressor:
    """Return what makes raw deflate at one of our levels."""
    maker: Any = isal_zlib if level < FASTEST_ZLIB_LEVEL else zlib
    made: Compressor = maker.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return made


def cut(compressing: Compressor) -> bytes:
    """Return what is left of a segment, up to a whole byte."""
    return compressing.flush(zlib.Z_SYNC_FLUSH)


class MemberWriter:
    """Builds what stands before the content of a member."""

    def __init__(self) -> None:
        self._headers = HeaderWriter()
        self._names = AccountNames()
        self._owners: dict[tuple[int, int], tuple[bytes, bytes]] = {}

    def head(
        self,
        path: bytes,
        status: os.stat_result | Status,
        kind: int,
        mode: int,
        *,
        size: int = 0,
        link: bytes = b"",
        fd: int = -1,
    ) -> bytes:
        """Return all blocks of a header; `fd` is where its extended attributes are."""
        name = path + b"/" if kind == DIRECTORY else path
        uid, gid = status.st_uid, status.st_gid
        owner = self._owners.get((uid, gid))
        if owner is None:
            owner = self._names.user(uid), self._names.group(gid)
            self._owners[(uid, gid)] = owner
        fields = (
            name, mode, uid, gid, size, status.st_mtime_ns // 1_000_000_000, kind, link, *owner,
        )  # fmt: skip
        header = self._headers.build(_new(Fields, fields))
        attributes = read_attributes(fd) if fd >= 0 else None
        if not attributes:
            return header
        records = {XATTR_PREFIX + key: value for key, value in attributes.items()}
        return self._headers.pax(name, records) + header


class Packer:
    """Makes segments of batches of entries of a selection."""

    def __init__(self, selection: Selection, level: int) -> None:
        self._root = selection.root
        self._start = len(selection.prefix)
        self._level = level
        self._members = MemberWriter()
        self._descent = Descent(self._root)
        self._pieces: list[bytes] = []
        self._size = 0
        self._count = 0
        self._content_bytes = 0

    def close(self) -> None:
        """Close the directories that are open."""
        self._descent.close()

    def pack(self, batch: list[Group], *, skip: int = 0) -> Iterator[Part]:
        """Yield the segments of a batch and, in their place, what was left out of them.

        `skip` entries at its beginning are passed over. Between two parts other batches may be
        packed.
        """
        for number, (prefix, entries) in enumerate(batch):
            fd = self._directory(prefix)
            for place, entry in enumerate(entries):
                if skip:
                    skip -= 1
                    continue
                if isinstance(entry, tuple):
                    self._add(entry[0], b"")
                    left_out = None
                else:
                    left_out = self._take(prefix, entry, fd)
                if left_out is None and self._size < _SEGMENT:
                    continue
                yield from self._segment()
                if left_out is not None:
                    yield LeftOut(number, place, left_out)
                fd = self._directory(prefix)  # another batch may have gone elsewhere meanwhile
        yield from self._segment()

    def _directory(self, prefix: bytes) -> int:
        """Return the descriptor of a directory, or -1 where there is none any more."""
        relative = prefix[self._start : -1]
        try:
            return self._descent.go(relative.split(b"/") if relative else [])
        except OSError:
            return -1
        except StorageError:  # moved while we were in it
            self._descent.close()
            self._descent = Descent(self._root)
            return -1

    def _take(self, prefix: bytes, name: bytes, fd: int) -> bool | None:
        """Take an entry in. Not None: it is left out, and whether that is for a change."""
        if fd < 0:
            return False
        try:
            status = os.lstat(name, dir_fd=fd)
            mode = status.st_mode
            if mode & _TYPE_AND_SET_ID == stat.S_IFREG:
                if status.st_nlink > 1 or status.st_size > SMALL:
                    return False
                return self._file(prefix + name, name, fd, status)
            if not stat.S_ISLNK(mode):
                return False
            link = os.readlink(name, dir_fd=fd)
        except OSError:
            return False
        self._add(self._members.head(prefix + name, status, SYMLINK, 0o777, link=link), b"")
        return None

    def _file(self, path: bytes, name: bytes, fd: int, status: os.stat_result) -> bool | None:
        size = status.st_size
        opened = os.open(name, OPEN_FILE, dir_fd=fd)
        try:
            content = os.read(opened, size + 1)
            after = os.fstat(opened)
            if (
                len(content) != size
                or after.st_mtime_ns != status.st_mtime_ns
                or after.st_ino != status.st_ino
            ):
                return True
            mode = status.st_mode & FILE_MODE
            head = self._members.head(path, status, REGULAR, mode, size=size, fd=opened)
        finally:
            os.close(opened)
        self._add(head, content)
        return None

    def _add(self, head: bytes, content: bytes) -> None:
        pieces, size = self._pieces, len(content)
        pieces.append(head)
        if size:
            pieces.append(content)
            pieces.append(PADDING[size % BLOCK])
        self._count += 1
        self._content_bytes += size
        self._size += size + len(head)

    def _segment(self) -> Iterator[Segment]:
        """Yield what was gathered, if anything."""
        if not self._pieces:
            return
        content = b"".join(self._pieces)
        compressing = compressor(self._level)
        deflated = compressing.compress(content) + cut(compressing)
        segment = Segment(
            deflated, isal_zlib.crc32(content), len(content), self._count, self._content_bytes
        )
        self._pieces.clear()
        self._size = self._count = self._content_bytes = 0
        yield segment
