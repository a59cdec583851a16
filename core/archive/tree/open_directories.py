"""Directories opened one below the other, never through a link, however deep they go.

Names are resolved against descriptors, so that a path longer than PATH_MAX works and no process can
turn a directory into a link between a look and an act. Only the lowest levels stay open (a tree
5,000 deep must not need 5,000 descriptors); a closed one is found again through "..", and must then
be the directory that it was.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from core.account.open_via_helper import open_to_read
from core.closeable import Closeable
from core.errors import StorageError
from core.magento.trusted_paths import open_trusted_directory

OPEN_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""For every expected file; opening one that has become a fifo must not wait."""
_OPEN_LEVELS: Final = 48


class OpenDirectories(Closeable):
    """The way from a root down to one directory; `fd` is that directory's descriptor."""

    def __init__(self, root: bytes, *, dir_fd: int | None = None) -> None:
        self._levels: list[bytes] = []
        self._known: list[tuple[int, int]] = []  # device and inode of the closed ones
        opened = (
            open_trusted_directory(root)
            if dir_fd is None
            else open_to_read(root, OPEN_DIRECTORY, dir_fd)
        )
        self._fds: list[int] = [opened]
        self._closed = 0  # how many of the upper descriptors are closed (the root's never is)
        self.fd = self._fds[0]

    @property
    def top(self) -> int:
        """The descriptor of the root, which stays open."""
        return self._fds[0]

    @property
    def depth(self) -> int:
        """How many levels below the root."""
        return len(self._levels)

    def push(self, name: bytes) -> None:
        """Go down into a directory. Raises OSError: ENOTDIR for a link or a file."""
        fd = open_to_read(name, OPEN_DIRECTORY, self.fd)
        self._levels.append(name)
        self._fds.append(fd)
        self.fd = fd
        if len(self._fds) - self._closed > _OPEN_LEVELS:
            self._close_uppermost()

    def _close_uppermost(self) -> None:
        self._closed += 1
        status = os.fstat(self._fds[self._closed])
        self._known.append((status.st_dev, status.st_ino))
        os.close(self._fds[self._closed])
        self._fds[self._closed] = -1

    def pop(self) -> None:
        """Go up one level."""
        below, above = self._fds[-1], self._fds[-2]
        if above < 0:  # a failure here leaves everything as it is
            above = os.open(b"..", OPEN_DIRECTORY, dir_fd=below)
            status = os.fstat(above)
            if (status.st_dev, status.st_ino) != self._known[-1]:
                os.close(above)
                raise StorageError("A directory was moved while it was being read.")
            self._known.pop()
            self._closed -= 1
            self._fds[-2] = above
        self._fds.pop()
        self._levels.pop()
        os.close(below)
        self.fd = above

    def go(self, components: list[bytes]) -> int:
        """Go to a directory by its components from the root and return its descriptor."""
        shared = 0
        for level, name in zip(self._levels, components, strict=False):
            if level != name:
                break
            shared += 1
        while len(self._levels) > shared:
            self.pop()
        for name in components[shared:]:
            self.push(name)
        return self.fd

    def parent_of(self, path: bytes) -> tuple[int, bytes]:
        """Return the descriptor of the directory of `path` and the last component."""
        directory, _, name = path.rpartition(b"/")
        return self.go(directory.split(b"/") if directory else []), name

    def close(self) -> None:
        """Close all descriptors."""
        for fd in self._fds:
            if fd >= 0:
                os.close(fd)
        self._fds = []
        self._levels = []


def is_gone(error: OSError) -> bool:
    """Tell whether an entry vanished, or became something else, between a look and an act."""
    return error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ESTALE}
