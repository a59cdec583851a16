"""Lets the store's owner into directories of other accounts, for as long as a swap takes.

To move an entry one must be allowed to write in its old directory, in its new one and, for a
directory, in itself. Where one of these belongs to another account of the store, that account adds
the owner to its ACL, through the keeper; a sticky one is closed to everybody else meanwhile. Their
modes are in the plan before any is touched, and are set again after the swap, or after the revert:
the plan and a keeper are enough for that.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from core.account.client import keeper
from core.account.open_via_helper import account_of, look
from core.archive.plan.plan_facts import MOVABLE, Admitted
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanPlace
from core.archive.plan.rows import PlanRow
from core.archive.tree.open_directories import OPEN_DIRECTORY, OpenDirectories, is_gone
from core.archive.tree.remove import entries
from core.archive.tree.stat_records import storable_inode

ACCESS: Final = "system.posix_acl_access"
_HEAD: Final = struct.pack("<I", 2)
_ENTRY: Final = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 1, 2, 4, 8, 16, 32
_NOBODY: Final = 0xFFFFFFFF
_NAMES_KEPT: Final = 1000


class ClosedDirectory(NamedTuple):
    """A directory of another account that the swap of a plan has to work in.

    `unit` is the number of the unit whose top it is, None for a directory that stays in place. `fd`
    is valid until the iterator advances.
    """

    path: bytes
    unit: int | None
    fd: int
    status: os.stat_result


def is_closed(fd: int) -> bool:
    """Tell whether a directory of another account keeps us from moving its entries."""
    if os.geteuid() in {0, os.fstat(fd).st_uid}:
        return False
    return not os.access(b".", os.W_OK | os.X_OK, dir_fd=fd, effective_ids=True)


def is_stuck(fd: int, *owners: int | None) -> bool:
    """Tell whether a sticky directory of another account keeps entries of others in it."""
    status, own = os.fstat(fd), os.geteuid()
    if not status.st_mode & stat.S_ISVTX or own in {0, status.st_uid}:
        return False
    return not {None, own}.issuperset(owners)


def can_be_opened(fd: int) -> bool:
    """Tell whether such a directory's account can let us in."""
    return keeper() is not None and account_of(os.fstat(fd)) is not None and _has_acls(fd)


def _has_acls(fd: int) -> bool:
    try:
        os.getxattr(_way(fd), ACCESS)
    except OSError as error:
        return error.errno == errno.ENODATA
    return True


class DirectoryLocations:
    """Where the directories of a plan's units can be: live, in their stage or set aside."""

    def __init__(self, plan: PlanFile, live: OpenDirectories) -> None:
        self._plan = plan
        self._live = live
        self._prefix = plan.facts.prefix
        self._regions = {region.id: region for region in plan.regions()}
        self.unreachable: list[bytes] = []
        """Directories of units that cannot even be looked into, as far as `closed` has come."""

    def closed(self) -> Iterator[ClosedDirectory]:
        """Yield the directories that keep us from moving units forward or back."""
        last: bytes | None = None
        for row in self._plan.moved_units():
            parent = row.path.rpartition(b"/")[0]
            if parent != last:
                for found in self._closed_parent(parent, row):
                    last = parent  # told; else the next entry may be stuck in it
                    yield found
            if stat.S_IFDIR in {row.type_now, row.type_then}:
                yield from self._closed_unit(row)

    def _closed_parent(self, path: bytes, row: PlanRow) -> Iterator[ClosedDirectory]:
        relative = path[len(self._prefix) :]
        try:
            fd = self._live.go(relative.split(b"/") if relative else [])
        except OSError as error:
            if isinstance(error, PermissionError):
                self.unreachable.append(path)
            elif not is_gone(error):
                raise
            return
        if is_closed(fd) or is_stuck(fd, row.uid_now, row.uid_then):
            yield ClosedDirectory(path, None, fd, os.fstat(fd))

    def _closed_unit(self, row: PlanRow) -> Iterator[ClosedDirectory]:
        for fd in self._opened(row.path, row.id or 0, row.region, {row.ino_now, row.ino_staged}):
            if is_closed(fd):
                yield ClosedDirectory(row.path, row.id, fd, os.fstat(fd))

    def _opened(
        self, path: bytes, unit: int | None, region: int | None, inodes: set[int | None]
    ) -> Iterator[int]:
        """Yield the found ones of some inodes, opened, at the places that an entry can have."""
        with contextlib.ExitStack() as stack:
            places: list[tuple[int, bytes]] = []
            with contextlib.suppress(OSError):
                above, name = self._live.parent_of(path[len(self._prefix) :])
                places.append((above, name or b"."))
            if unit is not None and region is not None:
                for place in self._regions[region][2:]:
                    with contextlib.suppress(OSError):
                        fd = os.open(place, OPEN_DIRECTORY)
                        stack.callback(os.close, fd)
                        places.append((fd, b"%d" % unit))
            for above, name in places:
                try:
                    fd = look(name, above)
                except OSError:
                    continue
                try:
                    status = os.fstat(fd)
                    if stat.S_ISDIR(status.st_mode) and storable_inode(status.st_ino) in inodes:
                        yield fd
                finally:
                    os.close(fd)

    def find(self, path: bytes, unit: int | None, inode: int) -> Iterator[int]:
        """Yield a directory that is known by its inode, opened, if it is there."""
        region = None
        if unit is not None:
            row = self._plan.row_of(unit)
            region = None if row is None else row.region
        yield from self._opened(path, unit, region, {inode})


@contextlib.contextmanager
def admitted(plan: PlanFile, live: OpenDirectories) -> Iterator[None]:
    """Gain access to all directories that the swap of a plan needs; restore their modes after it.

    After an error they stay open to us, for the revert. Raises OSError, StorageError.
    """
    grounds = DirectoryLocations(plan, live)
    if keeper() is not None:
        _admit(plan, grounds)
    yield
    if keeper() is not None:
        restore_admitted(plan, live)


def _admit(plan: PlanFile, grounds: DirectoryLocations) -> None:
    known = list(plan.facts.admitted)
    inodes = {one.inode for one in known}
    for path, unit, fd, status in grounds.closed():
        inode = storable_inode(status.st_ino)
        if inode not in inodes:
            inodes.add(inode)
            known.append(Admitted(path, unit, inode, status.st_mode & 0o7777, _acl_of(fd)))
    if not known:
        return
    plan.remember(admitted=known)
    plan.save()
    for one in known:
        for fd in grounds.find(one.path, one.unit, one.inode):
            if is_closed(fd) or os.fstat(fd).st_mode & stat.S_ISVTX:
                _let_in(fd, one)


def _let_in(fd: int, was: Admitted) -> None:
    account = account_of(os.fstat(fd))
    if account is None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), os.fsdecode(was.path))
    mode, acl = was.mode, was.acl
    if mode & stat.S_ISVTX:
        account.set_mode(fd, mode & 0o6700)
        acl = b""
        mode &= 0o6700
    account.set_acl(fd, with_user(acl or plain_acl(mode), os.geteuid()))


def restore_admitted(plan: PlanFile, live: OpenDirectories) -> tuple[str, ...]:
    """Restore the modes of directories from before the access was gained.

    Return the paths of those that cannot be, since no keeper is there.
    """
    known = plan.facts.admitted
    left: list[str] = []
    grounds = DirectoryLocations(plan, live)
    for was in reversed(known):
        for fd in grounds.find(was.path, was.unit, was.inode):
            account = account_of(os.fstat(fd))
            if account is None:
                left.append(os.fsdecode(was.path))
                continue
            account.set_acl(fd, was.acl or plain_acl(was.mode))
            account.set_mode(fd, was.mode)
    if known:
        plan.remember(admitted=())
        plan.save()
    return tuple(left[:_NAMES_KEPT])


def _way(fd: int) -> bytes:
    return b"/proc/self/fd/%d" % fd


def _acl_of(fd: int) -> bytes:
    try:
        return os.getxattr(_way(fd), ACCESS)
    except OSError:
        return b""


def plain_acl(mode: int) -> bytes:
    """Return the ACL that says no more than a mode does."""
    entries = ((_USER_OBJ, mode >> 6), (_GROUP_OBJ, mode >> 3), (_OTHER, mode))
    return _HEAD + b"".join(_ENTRY.pack(tag, bits & 7, _NOBODY) for tag, bits in entries)


def with_user(acl: bytes, uid: int) -> bytes:
    """Return an ACL that lets one more account do everything, and no other more than before."""
    entries = list(_ENTRY.iter_unpack(acl[len(_HEAD) :]))
    mask = next((bits for tag, bits, _ in entries if tag == _MASK), 7)
    kept = [
        (tag, bits & mask if tag in {_USER, _GROUP_OBJ, _GROUP} else bits, number)
        for tag, bits, number in entries
        if tag != _MASK and (tag, number) != (_USER, uid)
    ]
    whole = sorted([*kept, (_USER, 7, uid), (_MASK, 7, _NOBODY)], key=lambda e: (e[0], e[2]))
    return _HEAD + b"".join(_ENTRY.pack(*entry) for entry in whole)


def blocked(plan: PlanFile) -> tuple[str, ...]:
    """Return the directories of other accounts that no account here can open for us.

    Of a plan whose units are to be moved, in either direction: for an undo and a recovery, which
    must not begin a move that they could not finish.
    """
    names: dict[str, None] = {}
    with OpenDirectories(plan.facts.root) as live:
        grounds = DirectoryLocations(plan, live)
        for path, _unit, fd, _status in grounds.closed():
            if not can_be_opened(fd):
                names[os.fsdecode(path) or "."] = None
        names |= dict.fromkeys(map(os.fsdecode, grounds.unreachable))
    return tuple(names)[:_NAMES_KEPT]


def unremovable(directory: bytes) -> tuple[str, ...]:
    """Return the directories of other accounts below one of ours that we could not empty."""
    names: list[str] = []
    with contextlib.suppress(FileNotFoundError, PermissionError):
        for fd, name, status, leaving in entries(directory):
            if leaving or not stat.S_ISDIR(status.st_mode):
                continue
            opened = look(name, fd)
            try:
                stuck = is_stuck(opened, status.st_uid)
                if (stuck or is_closed(opened)) and account_of(status) is None:
                    names.append(os.fsdecode(name))  # the next one may already be out of reach
            finally:
                os.close(opened)
    return tuple(names[:_NAMES_KEPT])


def unmovable(plan_path: PlanPlace) -> tuple[str, ...]:
    """Return the directories of other accounts that keep a half-done swap from being reverted."""
    with PlanFile(plan_path, only_read=True) as plan:
        return blocked(plan) if plan.facts.step in MOVABLE else ()


def still_open(plan_path: PlanPlace) -> tuple[str, ...]:
    """Return the directories of other accounts that still let us in, for want of a keeper."""
    with PlanFile(plan_path, only_read=True) as plan:
        return tuple(os.fsdecode(was.path) or "." for was in plan.facts.admitted)
