"""The extent of a store, seen from a process of root: its places, and the owners of its files.

A descriptor comes from the store's owner, who may have opened it anywhere, in a mount namespace of
its own too. So it counts as the store's only when the kernel names a path below one of the store's
places for it, in a mount that this process has itself.

The accounts of a store are those that own something in it. They are found by a walk, as far as it
takes to find the one that is asked about.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Iterator
from typing import Final, NamedTuple

OPEN_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LOOK: Final = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_MOUNT: Final = re.compile(rb"^mnt_id:\s*(\d+)", re.MULTILINE)
_LINKED: Final = (b"pub/media", b"var")  # places that may be a link out of the root
_OWN_PREFIX: Final = b".magerewind"
_DEEPEST: Final = 100  # levels
_LONGEST_WALK_S: Final = 300.0
_MOST_IDS: Final = 1000


def path_of(fd: int) -> bytes:
    """Return the path that the kernel has for a descriptor."""
    return os.readlink(b"/proc/self/fd/%d" % fd)


def _mount_of(fd: int) -> int:
    with open(f"/proc/self/fdinfo/{fd}", "rb") as file:
        match = _MOUNT.search(file.read(4096))
    return int(match[1]) if match else -1


class _Mount(NamedTuple):
    """A mount that this process has itself."""

    number: int
    path: bytes
    kind: bytes


def _mounts() -> dict[int, _Mount]:
    found = {}
    with open("/proc/self/mountinfo", "rb") as file:
        for line in file:
            words = line.split(b" ")
            kind = words[words.index(b"-") + 1]
            found[int(words[0])] = _Mount(int(words[0]), words[4], kind)
    return found


class StoreBoundary:
    """The places of a store: its root, and the targets of `pub/media` and `var`.

    A link counts when it and the directory behind it are the owner's: others who can make links in
    `pub` must not widen the store. File systems that an ordinary account can mount (FUSE) never
    count: they name whatever owners they like.
    """

    def __init__(self, root_fd: int, owner: int) -> None:
        self.roots = [os.open(b".", _LOOK, dir_fd=root_fd)]
        for name in _LINKED:
            with contextlib.suppress(OSError):
                link = os.stat(name, dir_fd=root_fd, follow_symlinks=False)
                if not stat.S_ISLNK(link.st_mode) or link.st_uid != owner:
                    continue
                fd = os.open(name, _LOOK, dir_fd=root_fd)
                self.roots.append(fd)
                if os.fstat(fd).st_uid != owner or path_of(fd) == b"/":
                    os.close(self.roots.pop())
        self._mounts = _mounts()
        self.devices = {os.fstat(fd).st_dev for fd in self.roots}
        for mount in self._mounts.values():
            if self._is_below(mount.path) and not mount.kind.startswith(b"fuse"):
                with contextlib.suppress(OSError):
                    self.devices.add(os.lstat(mount.path).st_dev)

    def _is_below(self, path: bytes) -> bool:
        places = (path_of(root) for root in self.roots)
        return any(path == place or path.startswith(place + b"/") for place in places)

    def holds(self, fd: int) -> bool:
        """Tell whether an open file or directory lies in the store. Raises OSError."""
        if os.fstat(fd).st_dev not in self.devices:
            return False
        return _mount_of(fd) in self._mounts and self._is_below(path_of(fd))


class Accounts:
    """The ids that own something in a store."""

    def __init__(self, bounds: StoreBoundary) -> None:
        self._uids: set[int] = set()
        self._gids: set[int] = set()
        self._walk = _owners(bounds)

    def owns_files(self, uid: int, gid: int) -> bool:
        """Tell whether both own something; 0 is never looked for and never answered."""
        while uid not in {0, *self._uids} or gid not in {0, *self._gids}:
            found = next(self._walk, None)
            if found is None or len(self._uids) + len(self._gids) > _MOST_IDS:
                return False
            self._uids.add(found[0])
            self._gids.add(found[1])
        return True


def _owners(bounds: StoreBoundary) -> Iterator[tuple[int, int]]:
    """Yield account and group of everything in a store, as long as the walk may take."""
    until_s = time.monotonic() + _LONGEST_WALK_S
    for root in bounds.roots:
        status = os.fstat(root)
        yield status.st_uid, status.st_gid
        with contextlib.suppress(OSError):
            ways = [_Level(os.open(b".", OPEN_DIRECTORY, dir_fd=root))]
            while ways and time.monotonic() < until_s:
                level = ways[-1]
                yield from level.take()
                name = level.directories.pop() if level.directories else None
                if name is None:
                    os.close(ways.pop().fd)
                elif len(ways) < _DEEPEST:
                    below = _descend(level.fd, name, bounds)
                    ways += [] if below is None else [_Level(below)]


def _descend(fd: int, name: bytes, bounds: StoreBoundary) -> int | None:
    try:
        below = os.open(name, OPEN_DIRECTORY, dir_fd=fd)
    except OSError:
        return None
    if os.fstat(below).st_dev in bounds.devices:
        return below
    os.close(below)
    return None


class _Level:
    """An open directory of the walk, and which of its directories are to come."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.directories: list[bytes] = []
        self._taken = False

    def take(self) -> Iterator[tuple[int, int]]:
        """Yield the owners of its entries, each once."""
        if self._taken:
            return
        self._taken = True
        with contextlib.suppress(OSError), os.scandir(self.fd) as entries:
            for entry in entries:
                name = os.fsencode(entry.name)
                if name.startswith(_OWN_PREFIX):  # stages and asides are not live
                    continue
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat(follow_symlinks=False)
                    yield status.st_uid, status.st_gid
                    if stat.S_ISDIR(status.st_mode):
                        self.directories.append(name)
