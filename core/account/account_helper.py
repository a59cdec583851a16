"""A process that became another account of the store, and does the calls that the owner cannot.

The owner moves, writes and removes; it only lacks a look into what is closed to it, and the leave
to work in directories of the other account. So there are few verbs, each about a descriptor in the
store: look at a name in a directory, open, set mode or ACL of this account's own files, and make
a link of its own. The kernel checks each as this account; its own addition is that nothing outside
the store is touched.
"""

from __future__ import annotations

import errno
import os
import pwd
import stat
from typing import Final

from core.account.packets import KeeperRequest, Verb
from core.account.store_boundary import StoreBoundary

ACCESS: Final = "system.posix_acl_access"
_LONGEST_NAME: Final = 255
_LARGEST_ACL: Final = 4096
_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


def become(uid: int, gid: int) -> None:
    """Become an account with all its groups, for good. Raises OSError."""
    try:
        entry = pwd.getpwuid(uid)
        groups = os.getgrouplist(entry.pw_name, entry.pw_gid)
    except KeyError:
        groups = []
    os.setgroups([group for group in {gid, *groups} if group])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    if 0 in {*os.getresuid(), *os.getresgid(), *os.getgroups()}:
        raise PermissionError(errno.EPERM, "still root")


class Account:
    """The calls that are made for the owner as another account."""

    def __init__(self, bounds: StoreBoundary) -> None:
        self._bounds = bounds
        self._uid, self._gid = os.geteuid(), os.getegid()
        self._links_are_safe = _protected_hardlinks()

    def answer(self, request: KeeperRequest, descriptors: list[int]) -> tuple[int, int | None]:
        """Carry out one request. Raises OSError."""
        if not descriptors or not all(self._bounds.holds(fd) for fd in descriptors):
            return errno.EPERM, None
        match request.verb, descriptors:
            case Verb.LOOK, [directory]:
                return 0, os.open(_checked(request.name), _LOOK, dir_fd=directory)
            case Verb.OPEN, [fd]:
                return 0, self._open(fd)
            case Verb.MODE, [fd]:
                self._set_mode(fd, request.mode)
            case Verb.ACL, [fd]:
                self._set_acl(fd, request.value)
            case Verb.LINK, [fd, directory]:
                self._link(fd, directory, _checked(request.name))
            case Verb.SYMLINK, [directory]:
                self._symlink(directory, request)
            case _:
                return errno.EPERM, None
        return 0, None

    def _status(self, fd: int, *, own: bool = True) -> os.stat_result:
        """Return the status of a file or directory; refuse one that must not be touched."""
        status = os.fstat(fd)
        is_file = stat.S_ISREG(status.st_mode)
        # Without that protection the owner could have linked any file of this account's.
        linked = is_file and status.st_nlink > 1 and not self._links_are_safe
        if linked or not (is_file or stat.S_ISDIR(status.st_mode)):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        if own and status.st_uid != self._uid:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        return status

    def _open(self, fd: int) -> int:
        self._status(fd, own=False)
        return os.open(_way(fd), _READ)

    def _set_mode(self, fd: int, mode: int) -> None:
        status = self._status(fd)
        allowed = 0o3777 if stat.S_ISDIR(status.st_mode) else 0o1777
        os.chmod(_way(fd), mode & allowed)

    def _set_acl(self, fd: int, acl: bytes) -> None:
        status = self._status(fd)
        if not stat.S_ISDIR(status.st_mode) or not 0 < len(acl) <= _LARGEST_ACL:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        os.setxattr(_way(fd), ACCESS, acl)

    def _link(self, fd: int, directory: int, name: bytes) -> None:
        if not stat.S_ISREG(self._status(fd).st_mode):
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        os.link(_way(fd), name, dst_dir_fd=directory, follow_symlinks=True)

    def _symlink(self, directory: int, request: KeeperRequest) -> None:
        name, moment = _checked(request.name), request.mtime_s * 1_000_000_000
        os.symlink(request.value, name, dir_fd=directory)
        os.chown(name, -1, self._gid, dir_fd=directory, follow_symlinks=False)
        os.utime(name, ns=(moment, moment), dir_fd=directory, follow_symlinks=False)


def _way(fd: int) -> bytes:
    """Return the path to exactly the file of a descriptor, also of one opened with O_PATH."""
    return b"/proc/self/fd/%d" % fd


def _checked(name: bytes) -> bytes:
    """Return a name if it is one, and no way. Raises PermissionError."""
    if not name or len(name) > _LONGEST_NAME or name in {b".", b".."} or set(name) & {0, 0x2F}:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
    return name


def _protected_hardlinks() -> bool:
    try:
        with open("/proc/sys/fs/protected_hardlinks", "rb") as file:
            return file.read(8).strip() != b"0"
    except OSError:
        return False
