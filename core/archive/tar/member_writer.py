"""Builds the part before the content of a member: header, and blocks of extended attributes.

It owns which bits of a mode an archive keeps. It reads no content.
"""

from __future__ import annotations

import os
from typing import Final

from core.archive.tar.header import BLOCK, DIRECTORY, XATTR_PREFIX, Fields, HeaderWriter
from core.archive.tree.accounts import AccountNames
from core.archive.tree.selection import Status
from core.archive.tree.xattrs import read_attributes

FILE_MODE: Final = 0o1777
DIRECTORY_MODE: Final = 0o3777
PADDING: Final = tuple(bytes(-size % BLOCK) for size in range(BLOCK))
_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long


Facts = tuple[bytes, int, int, tuple[int, int, bytes, bytes], int, int, bytes]
"""Path, type, mode, owner (numbers of account and group, their names), size, time of the last
change in nanoseconds, and link target of a member."""


class MemberWriter:
    """Builds the part before the content of a member."""

    def __init__(self) -> None:
        self.last: Facts = (b"", 0, 0, (0, 0, b"", b""), 0, 0, b"")
        """The facts of the last header, for an index."""
        self._headers = HeaderWriter()
        self._names = AccountNames()
        self._owners: dict[tuple[int, int], tuple[int, int, bytes, bytes]] = {}

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
            owner = uid, gid, self._names.user(uid), self._names.group(gid)
            self._owners[(uid, gid)] = owner
        mtime_ns = status.st_mtime_ns
        self.last = (path, kind, mode, owner, size, mtime_ns, link)
        fields = (
            name, mode, uid, gid, size, mtime_ns // 1_000_000_000, kind, link, *owner[2:],
        )  # fmt: skip
        header = self._headers.build(_new(Fields, fields))
        attributes = read_attributes(fd) if fd >= 0 else None
        if not attributes:
            return header
        records = {XATTR_PREFIX + key: value for key, value in attributes.items()}
        return self._headers.pax(name, records) + header
