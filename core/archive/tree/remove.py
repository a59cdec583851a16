"""Removes and measures the trees of our own places, however deep, without following a link."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from core.archive.tree.open_directories import Descent
from core.durable import fsync, fsync_directory, translate
from core.events import Report, no_report


def _children(fd: int) -> list[bytes]:
    return [os.fsencode(name) for name in os.listdir(fd)]


def entries(
    directory: bytes, *, dir_fd: int | None = None
) -> Iterator[tuple[int, bytes, os.stat_result, bool]]:
    """Yield (descriptor of the directory above, name, status, leaving) for all below a directory.

    Directories come twice: before what is in them, and once more (`leaving`) after it. What is
    mounted below is named, and not entered.
    """
    with Descent(directory, dir_fd=dir_fd) as descent:
        device = os.fstat(descent.fd).st_dev
        ways: list[tuple[list[bytes], bytes]] = [(_children(descent.fd), b"")]
        while ways:
            names, inside = ways[-1]
            if not names:
                ways.pop()
                if ways:
                    descent.pop()
                    yield descent.fd, inside, os.lstat(inside, dir_fd=descent.fd), True
                continue
            name = names.pop()
            status = os.lstat(name, dir_fd=descent.fd)
            yield descent.fd, name, status, False
            if not stat.S_ISDIR(status.st_mode):
                continue
            if status.st_dev != device:
                yield descent.fd, name, status, True
                continue
            descent.push(name)
            ways.append((_children(descent.fd), name))


def remove_tree(directory: bytes, *, dir_fd: int | None = None, report: Report = no_report) -> int:
    """Remove a directory of ours and all in it; return the bytes freed. Gone already is as good.

    What is mounted in it stays, and is an error.
    """
    freed = removed = 0
    try:
        _open_up(directory, os.lstat(directory, dir_fd=dir_fd), dir_fd)
        for fd, name, status, leaving in entries(directory, dir_fd=dir_fd):
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
        os.rmdir(directory, dir_fd=dir_fd)
        if dir_fd is None:
            fsync_directory(os.path.dirname(directory))
        else:
            fsync(dir_fd)
    except FileNotFoundError:
        return freed
    except OSError as error:
        raise translate(error, f"removing {os.fsdecode(directory)}") from error
    report(freed, removed, "")
    return freed


def _open_up(name: bytes, status: os.stat_result, fd: int | None) -> None:
    """Let an owner remove what is in a directory that forbids even that, as extracted ones may.

    Of the directory itself, which nobody may have put in the place of another: modes are changed by
    a descriptor, which a directory that is closed to its owner cannot give.
    """
    if os.geteuid() == 0 or status.st_mode & 0o700 == 0o700 or not stat.S_ISDIR(status.st_mode):
        return
    opened = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    try:
        os.chmod(f"/proc/self/fd/{opened}", 0o700)
    finally:
        os.close(opened)


def tree_bytes(directory: bytes, *, dir_fd: int | None = None) -> int:
    """Return how many bytes on disk a directory of ours holds; 0 when it is not there."""
    total = 0
    with contextlib.suppress(FileNotFoundError):
        for _, _, status, leaving in entries(directory, dir_fd=dir_fd):
            total += 0 if leaving else status.st_blocks * 512
    return total


def remove_if_empty(directory: bytes, *, dir_fd: int | None = None) -> None:
    """Remove a directory that has nothing in it."""
    with contextlib.suppress(OSError):
        os.rmdir(directory, dir_fd=dir_fd)
