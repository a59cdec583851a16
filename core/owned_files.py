"""Files and directories of ours: of the effective account, closed to every other account.

A store's `var` is often writable for the web server's account, so a name in it says nothing about
who made its target. Everything here opens relative to a directory descriptor, follows no
link, waits for nothing (a pipe, a device), and then looks at the opened file: a regular file or a
real directory, of this account, closed to all others, with one name, and not too large. Anything
else is refused by name with `ForeignState`, and is never taken for something that is missing.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import stat
from typing import Final

from core.errors import ForeignState, StorageError

SMALL: Final = 4 << 20
"""The most bytes of a file of state that describes something."""
LARGE: Final = 256 << 20
"""The most bytes of a file of state that has a line or an item for each of many things."""
UNLIMITED: Final = 1 << 62
"""Of files that are read in pieces."""
FILE_MODE: Final = 0o600
MANIFEST_MODE: Final = 0o644  # others may read it: they only must not write
DIRECTORY_MODE: Final = 0o2700  # the set-group-id bit is inherited from `var`

_FLAGS: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_KINDS: Final = {
    stat.S_IFLNK: "is a link",
    stat.S_IFIFO: "is a pipe",
    stat.S_IFSOCK: "is a socket",
    stat.S_IFCHR: "is a device",
    stat.S_IFBLK: "is a device",
    stat.S_IFDIR: "is a directory",
    stat.S_IFREG: "is not a directory",
}
_NO_SUCH_KIND: Final = frozenset(
    {errno.ELOOP, errno.ENXIO, errno.ENODEV, errno.EISDIR, errno.ENOTDIR, errno.EACCES, errno.EPERM}
)


def account_name(uid: int) -> str:
    """Return the name of an account, its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def why_foreign(
    status: os.stat_result, *, directory: bool, limit: int = UNLIMITED, mode: int | None = None
) -> str:
    """Return why something is not ours, as words after its name; empty for one of ours.

    `mode` are the bits that it may have: 0600 for files and 2700 for directories by default.
    """
    kind, wanted = stat.S_IFMT(status.st_mode), stat.S_IFDIR if directory else stat.S_IFREG
    if kind != wanted:
        return _KINDS.get(kind, "is no file")
    if status.st_uid != os.geteuid():
        return f"belongs to {account_name(status.st_uid)}, not to {account_name(os.geteuid())}"
    allowed = (DIRECTORY_MODE if directory else FILE_MODE) if mode is None else mode
    bits = stat.S_IMODE(status.st_mode)
    if bits & ~allowed:
        return f"is open to other accounts (mode {bits:04o})"
    if directory:
        return ""
    if status.st_nlink > 1:
        return "has a second name (a hard link)"
    if status.st_size > limit:
        return f"is larger than {limit >> 20} MiB"
    return ""


def foreign(what: str, reason: str) -> ForeignState:
    """Return the error for state that is not believed. `what` names it."""
    return ForeignState(
        f"{what} {reason}: nothing of it is used, and no job starts.",
        hint="Look at it; what is not a job's of this account, move out of var/.magerewind.",
        reason=reason,
    )


def _open(name: str | bytes, flags: int, *, what: str, dir_fd: int | None, mode: int) -> int:
    try:
        return os.open(name, flags | _FLAGS, mode, dir_fd=dir_fd)
    except OSError as error:
        if error.errno not in _NO_SUCH_KIND:
            raise
        # Opening it does not tell its type.
        status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        reason = why_foreign(status, directory=bool(flags & os.O_DIRECTORY))
        if not reason:
            raise
        raise foreign(what, reason) from None


def open_file(
    name: str | bytes,
    *,
    what: str,
    dir_fd: int | None = None,
    flags: int = os.O_RDONLY,
    limit: int = UNLIMITED,
    mode: int = FILE_MODE,
) -> int:
    """Return a descriptor of a file of ours; `what` names it in an error.

    Raises FileNotFoundError, ForeignState, and OSError for a refusal of the disk.
    """
    fd = _open(name, flags, what=what, dir_fd=dir_fd, mode=FILE_MODE)
    return _checked(fd, what, directory=False, limit=limit, mode=mode)


def open_directory(
    name: str | bytes, *, what: str, dir_fd: int | None = None, mode: int = DIRECTORY_MODE
) -> int:
    """Return a descriptor of a directory of ours. Raises as `open_file`."""
    fd = _open(name, os.O_RDONLY | os.O_DIRECTORY, what=what, dir_fd=dir_fd, mode=0)
    return _checked(fd, what, directory=True, limit=UNLIMITED, mode=mode)


def _checked(fd: int, what: str, *, directory: bool, limit: int, mode: int) -> int:
    """Return the descriptor, closed where the file is not ours."""
    try:
        reason = why_foreign(os.fstat(fd), directory=directory, limit=limit, mode=mode)
        if reason:
            raise foreign(what, reason)
    except BaseException:
        os.close(fd)
        raise
    return fd


def read_all(fd: int, limit: int, *, what: str) -> bytes:
    """Return the contents of a file from its start. Raises ForeignState beyond `limit` bytes."""
    pieces, taken = list[bytes](), 0
    while piece := os.pread(fd, min(1 << 20, limit + 1 - taken), taken):
        pieces.append(piece)
        taken += len(piece)
        if taken > limit:
            raise foreign(what, f"is larger than {limit >> 20} MiB")
    return b"".join(pieces)


def open_regular(path: str | bytes, *, dir_fd: int | None = None) -> int:
    """Return a descriptor of a regular file of any account, no link. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | _FLAGS, dir_fd=dir_fd)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "It is not a regular file", os.fsdecode(path))
    return fd


def read_plain_file(path: str | bytes, limit: int, *, dir_fd: int | None = None) -> bytes:
    """Return the content of a regular file of any account, at most `limit` bytes of it.

    For entries of the store, which are not ours: links are followed, pipes and devices are not
    read. Raises OSError.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", os.fsdecode(path))
        pieces, left = list[bytes](), limit
        while left and (piece := os.read(fd, min(1 << 20, left))):
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(fd)


def open_followed(root: str, *names: str, trusted: frozenset[int]) -> int:
    """Return a descriptor of a directory below `root`, by its components.

    A component may be a link only where one of the `trusted` accounts, root or this account made
    it: others that may write above it could otherwise lead us anywhere. Raises StorageError for
    such a link, OSError for a missing entry or one that is no directory.
    """
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    shown = root
    for name in names:
        shown = os.path.join(shown, name)
        try:
            below = _follow(name, fd, shown, trusted | {0, os.geteuid()})
        finally:
            os.close(fd)
        fd = below
    return fd


def _follow(name: str, above: int, shown: str, trusted: frozenset[int]) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    with contextlib.suppress(NotADirectoryError):
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=above)
    link = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)
    try:
        status = os.fstat(link)
        if not stat.S_ISLNK(status.st_mode):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), shown)
        if status.st_uid not in trusted:
            raise StorageError(
                f"{shown} is a link of {account_name(status.st_uid)}'s, and is not followed.",
                hint="Make it a link of the store's owner, or a directory.",
            )
        return os.open(os.readlink("", dir_fd=link), flags, dir_fd=above)
    finally:
        os.close(link)
