"""Removes and measures the trees of our own places, however deep, without following a link."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from core.account.open_via_helper import account_of, look, lstat
from core.archive.tree.open_directories import OpenDirectories
from core.durable import fsync, translate
from core.errors import StoreUnreadable
from core.events import Report, no_report
from core.magento.trusted_paths import open_trusted_directory


def _children(fd: int) -> list[bytes]:
    return [os.fsencode(name) for name in os.listdir(fd)]


def entries(
    directory: bytes, *, dir_fd: int | None = None
) -> Iterator[tuple[int, bytes, os.stat_result, bool]]:
    """Yield (descriptor of the directory above, name, status, leaving) for all below a directory.

    Directories come twice: before their entries, and once more (`leaving`) after them. A mount
    below is named, and not entered.
    """
    with OpenDirectories(directory, dir_fd=dir_fd) as open_directories:
        device = os.fstat(open_directories.fd).st_dev
        ways: list[tuple[list[bytes], bytes]] = [(_children(open_directories.fd), b"")]
        while ways:
            names, inside = ways[-1]
            if not names:
                ways.pop()
                if ways:
                    open_directories.pop()
                    yield open_directories.fd, inside, lstat(inside, open_directories.fd), True
                continue
            name = names.pop()
            status = lstat(name, open_directories.fd)
            yield open_directories.fd, name, status, False
            if not stat.S_ISDIR(status.st_mode):
                continue
            if status.st_dev != device:
                yield open_directories.fd, name, status, True
                continue
            open_directories.push(name)
            ways.append((_children(open_directories.fd), name))


def remove_tree(directory: bytes, *, dir_fd: int | None = None, report: Report = no_report) -> int:
    """Remove a directory of ours and all in it; return the bytes freed. Gone already is as good.

    A mount in it stays, and is an error.
    """
    try:
        if dir_fd is not None:
            return _remove(directory, dir_fd, report)
        above, name = os.path.split(directory)
        parent = open_trusted_directory(above)
        try:
            return _remove(name, parent, report)
        finally:
            os.close(parent)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise translate(error, f"removing {os.fsdecode(directory)}") from error


def _remove(directory: bytes, parent: int, report: Report) -> int:
    freed = removed = 0
    try:
        _open_up(directory, os.lstat(directory, dir_fd=parent), parent)
        for fd, name, status, leaving in entries(directory, dir_fd=parent):
            if leaving:
                os.rmdir(name, dir_fd=fd)
            elif stat.S_ISDIR(status.st_mode):
                _open_up(name, status, fd)
            else:
                os.unlink(name, dir_fd=fd)
                if status.st_nlink <= 1:
                    freed += status.st_blocks * 512
            removed += 1
            if removed % 256 == 0:
                report(freed, removed, os.fsdecode(name))
        os.rmdir(directory, dir_fd=parent)
        fsync(parent)
    except FileNotFoundError:
        return freed
    report(freed, removed, "")
    return freed


def _open_up(name: bytes, status: os.stat_result, fd: int) -> None:
    """Permit the removal of a directory's entries where its mode forbids it, as extracted ones may.

    One of another account's is opened up by that account, where we can work as it. Modes are
    changed by a descriptor, since another directory could be put under the name.
    """
    if not stat.S_ISDIR(status.st_mode) or os.geteuid() == 0:
        return
    account = None if os.geteuid() == status.st_uid else account_of(status)
    if account is not None:
        opened = look(name, fd)
        try:
            account.set_mode(opened, 0o777)  # no other account gets past the entries we remove
        finally:
            os.close(opened)
    elif status.st_mode & 0o700 != 0o700:
        opened = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            os.chmod(f"/proc/self/fd/{opened}", 0o700)
        finally:
            os.close(opened)


def tree_bytes(directory: bytes, *, dir_fd: int | None = None) -> int:
    """Return how many bytes on disk a directory of ours holds; 0 when it is not there."""
    total = 0
    with contextlib.suppress(FileNotFoundError, PermissionError):
        for _, _, status, leaving in entries(directory, dir_fd=dir_fd):
            total += 0 if leaving else status.st_blocks * 512
    return total


def remove_if_empty(directory: bytes, *, dir_fd: int | None = None) -> None:
    """Remove a directory that has nothing in it; the way to it leads through no stranger's link."""
    with contextlib.suppress(OSError, StoreUnreadable):
        if dir_fd is not None:
            os.rmdir(directory, dir_fd=dir_fd)
            return
        above, name = os.path.split(directory)
        parent = open_trusted_directory(above)
        try:
            os.rmdir(name, dir_fd=parent)
        finally:
            os.close(parent)
