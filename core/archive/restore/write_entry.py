"""Makes the entries to restore, as files in a stage that no other account can write to.

Everything is opened relative to the descriptor of a directory that was made here, and no link is
followed, so that no archive can write outside, with any names. It owns owners, modes,
times, extended attributes and holes; it knows nothing of where the files go afterwards.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from typing import Final, NamedTuple

from core.account.client import keeper
from core.archive.plan.rows import PlanRow
from core.archive.tree.accounts import own_groups
from core.durable import fsync

_CREATE: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_USER: Final = b"user."
_HOLE: Final = bytes(4096)
_REFUSED: Final = frozenset({errno.EPERM, errno.ENOTSUP, errno.EACCES, errno.EINVAL})


class Ownership:
    """Whom extracted entries are given to."""

    def __init__(self, root: bytes) -> None:
        status = os.stat(root)
        self._default = status.st_uid, status.st_gid
        self._is_root = os.geteuid() == 0
        self._own = os.geteuid(), os.getegid()
        self._groups = own_groups()
        self._keeper = keeper()

    def of(self, row: PlanRow) -> tuple[int, int]:
        """Return account and group for an entry; -1 leaves that of a new file.

        As root: the archive's when it exists here, else that of the replaced entry, else the root's
        owner, who also gets files that would stay with root by accident. Otherwise the same of
        groups, as far as the account is in them: a web server reads by them.
        """
        if not self._is_root:
            wanted = (row.gid_then, row.gid_now, self._default[1])
            return -1, next((one for one in wanted if one in self._groups), -1)
        uid, gid = self._wanted(row)
        return (uid, gid) if (uid, gid) != self._own else (-1, -1)

    def given(self, row: PlanRow) -> tuple[int, int] | None:
        """Return the account that the keeper is to give a new entry to; None for no gift."""
        here = self._keeper
        if here is None:
            return None
        uid, gid = self._wanted(row)
        if uid != self._own[0] and not here.may(uid=uid):
            uid = self._own[0]
        if gid not in self._groups and not here.may(gid=gid):
            gid = next((one for one in (row.gid_now, self._default[1]) if one in self._groups), -1)
        if uid == self._own[0] and (gid in self._groups or gid == -1):
            return None
        return uid, self._own[1] if gid == -1 else gid

    def is_foreign(self, row: PlanRow) -> bool:
        """Return whether an entry is to get another owner, by a plan made with a keeper."""
        if self._is_root:
            return False
        if self._keeper is not None:
            return self.given(row) is not None
        uid, gid = row.uid_then, row.gid_then
        return uid not in {None, self._own[0]} or (gid is not None and gid not in self._groups)

    def _wanted(self, row: PlanRow) -> tuple[int, int]:
        uid, gid = row.uid_then, row.gid_then
        if uid is None:
            uid = row.uid_now or self._default[0]
        if gid is None:
            gid = row.gid_now or self._default[1]
        return uid, gid


def mode_of(row: PlanRow) -> int:
    """Return the mode for an entry; where the archive does not say, that of the replaced entry."""
    if row.type_then == stat.S_IFDIR:
        if row.mode_then is not None:
            return row.mode_then
        return (row.mode_now if row.type_now == stat.S_IFDIR else None) or 0o755
    if row.mode_then is None:
        return row.mode_now or 0o644
    return row.mode_then & 0o1777


class EntryMetadata(NamedTuple):
    """The metadata of an entry, set once it is written; -1 leaves a new file's owner or group."""

    uid: int
    gid: int
    mode: int
    mtime_s: int


def metadata_of(row: PlanRow, ownership: Ownership) -> EntryMetadata:
    """Return the metadata for an entry."""
    return EntryMetadata(*ownership.of(row), mode_of(row), row.mtime_then)


def apply_metadata(
    fd: int, how: EntryMetadata, *, xattrs: dict[bytes, bytes] | None = None, exact: bool = False
) -> None:
    """Give an open file or directory its owner, mode, time and attributes.

    The order keeps them all: an ordinary account sets `user.*` while the mode lets it write; a
    change of owner takes capabilities away, and one of the mode changes an ACL. `exact`: it has its
    mode already, and no owner may lose bits of it.
    """
    if xattrs:
        _set_xattrs(fd, {name: value for name, value in xattrs.items() if name.startswith(_USER)})
    if how.uid != -1 or how.gid != -1:
        os.fchown(fd, how.uid, how.gid)
    if not exact:
        os.fchmod(fd, how.mode)
    moment = how.mtime_s * 1_000_000_000
    os.utime(fd, ns=(moment, moment))
    if xattrs:
        others = {name: value for name, value in xattrs.items() if not name.startswith(_USER)}
        _set_xattrs(fd, others)


def write_file(
    fd: int,
    name: bytes,
    size: int,
    pieces: Iterable[bytes],
    how: EntryMetadata,
    *,
    xattrs: dict[bytes, bytes] | None,
    flush: bool,
    exact: bool = False,
) -> None:
    """Make a regular file in an open directory. Runs of NUL become holes.

    `exact`: this process takes nothing off the mode of a new file (its umask is 0, and the
    directory has no default ACL), so the mode need not be set once more.
    """
    exact = exact and not xattrs
    out = os.open(name, _CREATE, how.mode if exact else 0o600, dir_fd=fd)
    try:
        holes = False
        for piece in pieces:
            # Most hold none, and to look for so many NULs at any place takes longer than to write.
            if 0 in piece[len(_HOLE) - 1 :: len(_HOLE)] and _HOLE in piece:
                _write_with_holes(out, piece)
                holes = True
            else:
                _write(out, piece)
        if holes:
            os.ftruncate(out, size)
        # Where ACLs of a network's file system are inherited, it may be another one.
        exact = exact and os.fstat(out).st_mode & 0o7777 == how.mode
        apply_metadata(out, how, xattrs=xattrs, exact=exact)
        if flush:
            fsync(out)
    finally:
        os.close(out)


def _write(fd: int, piece: bytes) -> None:
    written = os.write(fd, piece)
    while written < len(piece):
        written += os.write(fd, memoryview(piece)[written:])


def _write_with_holes(fd: int, piece: bytes) -> None:
    size = len(_HOLE)
    for at in range(0, len(piece), size):
        block = piece[at : at + size]
        if block == _HOLE:
            os.lseek(fd, size, os.SEEK_CUR)
        else:
            _write(fd, block)


def _set_xattrs(fd: int, xattrs: dict[bytes, bytes]) -> None:
    """Set extended attributes, as far as they are taken."""
    for name, value in xattrs.items():
        try:
            os.setxattr(fd, name, value)
        except OSError as error:
            if error.errno not in _REFUSED:
                raise


def make_symlink(fd: int, name: bytes, target: bytes, how: EntryMetadata) -> None:
    """Make a symbolic link in an open directory."""
    os.symlink(target, name, dir_fd=fd)
    if how.uid != -1 or how.gid != -1:
        os.chown(name, how.uid, how.gid, dir_fd=fd, follow_symlinks=False)
    moment = how.mtime_s * 1_000_000_000
    os.utime(name, ns=(moment, moment), dir_fd=fd, follow_symlinks=False)


def make_directory(fd: int, name: bytes) -> None:
    """Make a directory in an open one, closed to everybody else until all is in it."""
    os.mkdir(name, 0o700, dir_fd=fd)
