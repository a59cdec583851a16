"""Resolves a path step by step and reports which account controls each step.

Each directory is opened in its parent by a descriptor that allows only inspection (`O_PATH`). A
link is read through its own descriptor and followed by this module. So the result is the entry that
was checked, even if entries are renamed meanwhile.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from typing import Final

from msgspec import Struct

from core.account.ids import is_private_group, name_of
from core.closeable import Closeable

_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_LINKS: Final = 40  # as the kernel
_OTHERS: Final = 0o022  # an ACL with write permission shows in the group's bits


class WalkStep(Struct, frozen=True, kw_only=True):
    """A directory, a link or a file that a walk came to."""

    path: str
    status: os.stat_result

    @property
    def is_link(self) -> bool:
        """Return whether it is a symbolic link."""
        return stat.S_ISLNK(self.status.st_mode)


class WalkedPlace(Struct, frozen=True, kw_only=True):
    """A directory on the physical path to the end, or the end itself; `fd` allows only looking.

    `passed` is how many steps the walk had made when it was there.
    """

    path: str
    fd: int
    passed: int

    @property
    def status(self) -> os.stat_result:
        """Return its status from the kernel."""
        return os.fstat(self.fd)


class Walk(Closeable):
    """The way to an absolute path. Raises the OSError of the step that cannot be made.

    `places` is the physical chain from `/` to the end, `passed` every step in its order.
    """

    def __init__(self, path: str) -> None:
        self.passed: list[WalkStep] = []
        self.places: list[WalkedPlace] = []
        self._fds: list[int] = []
        self._links = 0
        try:
            self._to_top()
            self._go(path)
        except BaseException:
            self.close()
            raise

    @property
    def end(self) -> WalkedPlace:
        """Return where the path leads."""
        return self.places[-1]

    def _to_top(self) -> None:
        fd = os.open("/", _LOOK | os.O_DIRECTORY)
        self._fds.append(fd)
        self.places.clear()
        self._arrive("/", fd, os.fstat(fd))

    def _arrive(self, path: str, fd: int, status: os.stat_result) -> None:
        self.passed.append(WalkStep(path=path, status=status))
        self.places.append(WalkedPlace(path=path, fd=fd, passed=len(self.passed)))

    def _go(self, path: str) -> None:
        left = path.split("/")[::-1]
        while left:
            name = left.pop()
            if name in ("", "."):
                continue
            if name == "..":
                if len(self.places) > 1:
                    self.places.pop()
                continue
            target = self._step(name)
            if target is not None:
                left += target.split("/")[::-1]
                if target.startswith("/"):
                    self._to_top()

    def _step(self, name: str) -> str | None:
        """Go to the entry of this name; return the target instead when it is a link."""
        here = self.places[-1]
        path = os.path.join(here.path, name)
        fd = os.open(name, _LOOK, dir_fd=here.fd)
        self._fds.append(fd)
        status = os.fstat(fd)
        if not stat.S_ISLNK(status.st_mode):
            self._arrive(path, fd, status)
            return None
        self.passed.append(WalkStep(path=path, status=status))
        self._links += 1
        if self._links > _LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        target = os.readlink("", dir_fd=fd)
        if not target:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        return target

    def close(self) -> None:
        """Close all descriptors."""
        for fd in self._fds:
            with suppress(OSError):
                os.close(fd)
        self._fds.clear()


def distrust(step: WalkStep, uid: int) -> str | None:
    """Return why a step of the way is not the account's or root's alone; None when it is.

    Root's directories that others may only add to (the sticky `/tmp`) are passed.
    """
    status = step.status
    if status.st_uid not in (0, uid):
        owner = name_of(status.st_uid)
        whose = f"is a link of {owner}'s" if step.is_link else f"belongs to {owner}"
        return f"{step.path} {whose}"
    if not _is_open(step):
        return None
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX and status.st_uid == 0:
        return None
    if not status.st_mode & 0o002 and is_private_group(status.st_gid, status.st_uid):
        return None
    return _open_to_others(step)


def open_to_all(path: str) -> str | None:
    """Return what of the way to a program every account may exchange or write; None for nothing.

    Raises OSError.
    """
    with Walk(path) as walk:
        for step in walk.passed:
            mode = step.status.st_mode
            sticky = stat.S_ISDIR(mode) and mode & stat.S_ISVTX
            if mode & 0o002 and not step.is_link and not sticky:
                return f"every account may write to {step.path}"
    return None


def distrust_of_root(path: str, *, below: str) -> str | None:
    """Return why the entry at `path` is not root's alone; None when it is, or is absent.

    The end, and every step that is `below` this directory or is it, must not even be a directory
    that others may add to. Raises OSError for a place that may not be looked at.
    """
    try:
        with Walk(path) as walk:
            steps = walk.passed
    except (FileNotFoundError, NotADirectoryError):
        return None
    top = below.rstrip("/") + "/"
    strict = [step for step in steps if f"{step.path}/".startswith(top)]
    return next(filter(None, (distrust(step, 0) for step in steps)), None) or next(
        (_open_to_others(step) for step in (*strict, steps[-1]) if _is_open(step)), None
    )


def _is_open(step: WalkStep) -> bool:
    return not step.is_link and bool(step.status.st_mode & _OTHERS)


def _open_to_others(step: WalkStep) -> str:
    return f"others may write to {step.path} ({stat.S_IMODE(step.status.st_mode):o})"
