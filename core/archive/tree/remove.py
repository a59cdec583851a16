"""Removes and measures the trees of our own places, however deep, without following a link."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator

from core.account.reach import account_of, look, lstat
from core.archive.tree.open_directories import Descent
from core.durable import fsync, translate
from core.events import Report, no_report
from core.magento.owned import open_directory


def _children(fd: int) -> list[bytes]:
    return [os.fsencode(name) for name in os.listdir(fd)]


def entries(
    directory: bytes, *, dir_fd: int | None = None
) -> Iterator[tuple[int, bytes, os.stat_result, bool]]:
    """Yield (descriptor of the directory above, name, status, leaving) for all below a directory.

    Directories come twice: before what is in them, and once more (`leaving`) after it.
    """
    with Descent(directory, dir_fd=dir_fd) as descent:
        ways: list[tuple[list[bytes], bytes]] = [(_children(descent.fd), b"")]
        while ways:
            names, inside = ways[-1]
            if not names:
                ways.pop()
                if ways:
                    descent.pop()
                    yield descent.fd, inside, lstat(inside, descent.fd), True
                continue
            name = names.pop()
            status = lstat(name, descent.fd)
            yield descent.fd, name, status, False
            if stat.S_ISDIR(status.st_mode):
                descent.push(name)
                ways.append((_children(descent.fd), name))


def remove_tree(directory: bytes, *, report: Report = no_report) -> int:
    """Remove a directory of ours and all in it; return the bytes freed. Gone already is as good."""
    freed = removed = 0
    above, itself = os.path.split(directory)
    try:
        parent = open_directory(above)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise translate(error, f"removing {os.fsdecode(directory)}") from error
    try:
        _open_up(itself, os.lstat(itself, dir_fd=parent), parent)
        for fd, name, status, leaving in entries(directory):
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
        os.rmdir(itself, dir_fd=parent)
        fsync(parent)
    except FileNotFoundError:
        return freed
    except OSError as error:
        raise translate(error, f"removing {os.fsdecode(directory)}") from error
    finally:
        os.close(parent)
    report(freed, removed, "")
    return freed


def _open_up(name: bytes, status: os.stat_result, fd: int | None) -> None:
    """Let us remove what is in a directory that forbids even that, as extracted ones may.

    One of another account's is opened up by that account, where we can work as it.
    """
    own = os.geteuid() in {0, status.st_uid}
    account = None if own or fd is None else account_of(status)
    if account is not None and fd is not None:
        opened = look(name, fd)
        try:
            account.set_mode(opened, 0o777)  # nobody else gets past what we remove
        finally:
            os.close(opened)
    elif os.geteuid() != 0 and status.st_mode & 0o700 != 0o700:
        os.chmod(name, 0o700, dir_fd=fd)


def tree_bytes(directory: bytes) -> int:
    """Return how many bytes on disk a directory of ours holds; 0 when it is not there."""
    total = 0
    with contextlib.suppress(FileNotFoundError, PermissionError):
        for _, _, status, leaving in entries(directory):
            total += 0 if leaving else status.st_blocks * 512
    return total


def remove_if_empty(directory: bytes) -> None:
    """Remove a directory that has nothing in it."""
    with contextlib.suppress(OSError):
        os.rmdir(directory)
