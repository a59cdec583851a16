"""Small files into compressed segments: what several processes do side by side in a backup.

An archive is one gzip stream, but deflate can be cut: segments that were compressed apart, each
ending on a whole byte, follow one another in a stream as pigz makes it
(https://zlib.net/pigz/pigz.pdf), and the checksum of the whole is put together from theirs.

It owns what a member of a small file looks like. What needs a decision (a large file, one with
several names, one that changed while it was read, or is gone) is left out of the segments: the
writer looks at it.
"""

from __future__ import annotations

import os
import stat
import zlib
from typing import Any, Final, NamedTuple, Protocol

from isal import isal_zlib

from core.archive.tar.header import (
    BLOCK,
    DIRECTORY,
    REGULAR,
    SYMLINK,
    XATTR_PREFIX,
    Fields,
    HeaderWriter,
)
from core.archive.tree.accounts import AccountNames
from core.archive.tree.selection import Selection, Status
from core.archive.tree.xattrs import read_attributes
from core.archive.workers.batch_reader import SmallFiles

SMALL: Final = 4 << 20
"""Files up to here, in bytes, are read whole, so that what is written of them is consistent."""
_SEGMENT: Final = 1 << 20  # bytes before compression, after which a segment is closed
FASTEST_ZLIB_LEVEL: Final = 4  # 0 to 3 are igzip's, 4 to 9 zlib's
FILE_MODE: Final = 0o1777
DIRECTORY_MODE: Final = 0o3777
PADDING: Final = tuple(bytes(-size % BLOCK) for size in range(BLOCK))
_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long


class Segment(NamedTuple):
    """Members as raw deflate that ends on a whole byte, to be put into a stream at any place."""

    deflated: bytes
    crc: int  # of what they are when inflated
    size: int  # of the same, in bytes
    members: int
    content_bytes: int

    @property
    def entries(self) -> int:
        """How many entries of its batch it stands for."""
        return self.members

    @property
    def held(self) -> int:
        """Bytes that it takes."""
        return len(self.deflated)


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


class Packer(SmallFiles[Segment]):
    """Makes segments of batches."""

    largest = SMALL

    def __init__(self, selection: Selection, level: int) -> None:
        super().__init__(selection)
        self._level = level
        self._members = MemberWriter()
        self._pieces: list[bytes] = []
        self._size = 0
        self._count = 0
        self._content_bytes = 0

    def _known(self, entry: tuple[bytes, ...]) -> None:
        self._add(entry[0], b"")

    def _file(self, path: bytes, fd: int, status: os.stat_result, content: bytes) -> bool | None:
        if os.fstat(fd).st_mtime_ns != status.st_mtime_ns:
            return True
        mode, size = status.st_mode & FILE_MODE, status.st_size
        self._add(self._members.head(path, status, REGULAR, mode, size=size, fd=fd), content)
        return None

    def _other(self, path: bytes, name: bytes, fd: int) -> bool | None:
        status = os.lstat(name, dir_fd=fd)
        if not stat.S_ISLNK(status.st_mode):
            return False
        link = os.readlink(name, dir_fd=fd)
        self._add(self._members.head(path, status, SYMLINK, 0o777, link=link), b"")
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

    def _is_full(self) -> bool:
        return self._size >= _SEGMENT

    def _gathered(self) -> Segment | None:
        if not self._pieces:
            return None
        content = b"".join(self._pieces)
        compressing = compressor(self._level)
        deflated = compressing.compress(content) + cut(compressing)
        segment = Segment(
            deflated, isal_zlib.crc32(content), len(content), self._count, self._content_bytes
        )
        self._pieces.clear()
        self._size = self._count = self._content_bytes = 0
        return segment
