"""Looks at, and opens, files that may be closed to this account: itself, else through another one.

Without a keeper these are the calls of `os`, with their errors.
"""

from __future__ import annotations

import os
from typing import Final

from core.account.client import AccountHelper, keeper

_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC


def account_of(status: os.stat_result) -> AccountHelper | None:
    """Return the other account that owns something, where we may work as it."""
    here = keeper()
    return None if here is None else here.helper_of(status.st_uid, status.st_gid)


def look(name: bytes, dir_fd: int) -> int:
    """Return a descriptor without rights of a name in an open directory. Raises OSError."""
    try:
        return os.open(name, _LOOK, dir_fd=dir_fd)
    except PermissionError:
        if name == b".":
            return os.dup(dir_fd)
        account = account_of(os.fstat(dir_fd))
        if account is None:
            raise
        return account.look(dir_fd, name)


def lstat(name: bytes, dir_fd: int) -> os.stat_result:
    """Return how a name in an open directory looks. Raises OSError."""
    try:
        return os.lstat(name, dir_fd=dir_fd)
    except PermissionError:
        if keeper() is None:
            raise
        fd = look(name, dir_fd)
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)


def readlink(name: bytes, dir_fd: int) -> bytes:
    """Return where a symbolic link in an open directory leads. Raises OSError."""
    try:
        return os.readlink(name, dir_fd=dir_fd)
    except PermissionError:
        if keeper() is None:
            raise
        fd = look(name, dir_fd)
        try:
            return os.readlink(b"", dir_fd=fd)
        finally:
            os.close(fd)


def open_to_read(name: bytes, flags: int, dir_fd: int) -> int:
    """Open a file or directory in an open directory to read it. Raises OSError."""
    try:
        return os.open(name, flags, dir_fd=dir_fd)
    except PermissionError:
        if keeper() is None:
            raise
        fd = look(name, dir_fd)
        try:
            return _reopened(fd, flags)
        finally:
            os.close(fd)


def _reopened(fd: int, flags: int) -> int:
    """Open the file of an O_PATH descriptor, as the type that was seen."""
    # Through the descriptor: that there is no link was seen when it was made, and the way to it
    # is a link itself.
    try:
        return os.open(b"/proc/self/fd/%d" % fd, flags & ~os.O_NOFOLLOW)
    except PermissionError:
        account = account_of(os.fstat(fd))
        if account is None:
            raise
        return account.open(fd)


def is_readable(name: bytes, dir_fd: int) -> bool:
    """Tell whether a file or directory can be opened with another account's help."""
    if keeper() is None:
        return False
    try:
        os.close(open_to_read(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd))
    except OSError:
        return False
    return True
