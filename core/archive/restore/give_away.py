"""Gives the new entries of a rollback to the other accounts of the store, through the keeper.

Files are given in the stage: the directories that they lie in are ours there, so that they can
still be moved and removed. Directories are given after the commit, each after its entries: one
that belongs to another account can only be moved with its help, and nothing may depend on that as
long as the rollback might be reverted.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from core import durable
from core.account.client import keeper
from core.account.open_via_helper import account_of, look, open_to_read
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanPlace
from core.archive.plan.rows import Action, PlanRow
from core.archive.restore.flush import FLUSHED_ONE_BY_ONE, FileSystemFlush
from core.archive.restore.stages import UnitPaths
from core.archive.restore.write_entry import Ownership
from core.archive.tree.open_directories import OPEN_DIRECTORY, OPEN_FILE, OpenDirectories
from core.archive.tree.stat_records import storable_inode

_GATE: Final = b"gate"
_PASSING: Final = b"passing"
_BATCH: Final = 64
_NAMES_KEPT: Final = 1000


class OwnerTransfer:
    """Gives the files of open stages to their wanted owners."""

    def __init__(
        self,
        plan: PlanFile,
        stages: Mapping[int, OpenDirectories],
        paths: UnitPaths,
        ownership: Ownership,
        *,
        flush: bool,
    ) -> None:
        self._plan = plan
        self._stages = stages
        self._paths = paths
        self._ownership = ownership
        self._flush = flush
        self._open: dict[tuple[int, int], list[int]] = {}

    def give_files(self, after: int) -> None:
        """Give all files that lie in the stages. Raises OSError, StorageError."""
        if keeper() is None:
            return
        try:
            for row in self._plan.written_of(stat.S_IFREG, after):
                gift = None if row.link_then is not None else self._ownership.given(row)
                if gift is None:
                    continue
                fd, name = self._place(row)
                waiting = self._open.setdefault(gift, [])
                waiting.append(_opened(name, fd))
                if len(waiting) >= _BATCH:
                    self._give(gift)
            for gift in list(self._open):
                self._give(gift)
        finally:
            for waiting in self._open.values():
                _close(waiting)

    def make_links(self, after: int, made: Callable[[PlanRow, int, bytes], None]) -> None:
        """Make the symbolic links of others, which `make` has left out."""
        if keeper() is None:
            return
        for row in self._plan.written_of(stat.S_IFLNK, after):
            gift = self._ownership.given(row)
            if gift is not None:
                self._make_link(row, gift)
                made(row, *self._place(row))

    def _make_link(self, row: PlanRow, gift: tuple[int, int]) -> None:
        here = keeper()
        account = None if here is None else here.helper_of(*gift)
        fd, name = self._place(row)
        target = row.link_then or b""
        if account is None:  # ours, with a group that only a file could be given to
            moment = row.mtime_then * 1_000_000_000
            os.symlink(target, name, dir_fd=fd)
            os.utime(name, ns=(moment, moment), dir_fd=fd, follow_symlinks=False)
            return
        with _gate(self._stages[row.region].top) as gate:
            account.symlink(gate, _PASSING, target, row.mtime_then)
            os.rename(_PASSING, name, src_dir_fd=gate, dst_dir_fd=fd)

    def _place(self, row: PlanRow) -> tuple[int, bytes]:
        way = self._paths.components(row)
        return self._stages[row.region].go(way[:-1]), way[-1]

    def _give(self, gift: tuple[int, int]) -> None:
        waiting = self._open[gift]
        here = keeper()
        if here is None or not waiting:
            return
        here.give(waiting, *gift)
        if self._flush:
            for fd in waiting:
                with contextlib.suppress(OSError):  # without rights: the file system's flush does
                    durable.fsync(fd)
        _close(waiting)


def _opened(name: bytes, fd: int) -> int:
    try:
        return os.open(name, OPEN_FILE, dir_fd=fd)
    except PermissionError:  # not even its owner may read it
        return look(name, fd)


def _close(fds: list[int]) -> None:
    while fds:
        os.close(fds.pop())


@contextlib.contextmanager
def _gate(stage: int) -> Iterator[int]:
    """Have a directory in a stage that another account can make something in, by descriptor."""
    os.mkdir(_GATE, 0o700, dir_fd=stage)
    try:
        fd = os.open(_GATE, OPEN_DIRECTORY, dir_fd=stage)
        try:
            os.fchmod(fd, 0o777)  # no other account gets past the stage
            yield fd
        finally:
            os.close(fd)
    finally:
        with contextlib.suppress(OSError):
            os.rmdir(_GATE, dir_fd=stage)


def link_as_owner(name: bytes, source: int, stage: int, target: int, other: bytes) -> None:
    """Make one more name of another account's file, which the kernel lets only that account.

    Raises PermissionError where we cannot work as it.
    """
    fd = look(name, source)
    try:
        account = account_of(os.fstat(fd))
        if account is None:
            raise PermissionError(name)
        with _gate(stage) as gate:
            account.link(fd, gate, _PASSING)
            os.rename(_PASSING, other, src_dir_fd=gate, dst_dir_fd=target)
    finally:
        os.close(fd)


def give_directories(plan_path: PlanPlace) -> tuple[str, ...]:
    """Give directories that a rollback has made to their wanted owners.

    To be called after the commit; may be run again. Return the paths of those that stay ours,
    since no keeper is there. Raises OSError, StorageError.
    """
    left: list[str] = []
    with PlanFile(plan_path, only_read=True) as plan:
        facts = plan.facts
        if facts.borrowed:
            return ()  # an undo brings back entries that were given already
        root, prefix = facts.root, facts.prefix
        ownership = Ownership(root)
        rows = [row for row in plan.directories(backwards=True) if ownership.is_foreign(row)]
        flush = len(rows) <= FLUSHED_ONE_BY_ONE
        with contextlib.ExitStack() as stack:
            flushes = [] if flush else [FileSystemFlush(one.root) for one in plan.regions()]
            for whole in flushes:
                stack.enter_context(contextlib.closing(whole))
            live = stack.enter_context(OpenDirectories(root))
            for row in rows:
                path = row.path[len(prefix) :]
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    if not _give_directory(live, path, row, ownership, flush=flush):
                        left.append(os.fsdecode(row.path))
            for path, _, uid, gid in reversed(facts.parents):
                row = PlanRow(0, path, Action.ADD, 0, 0, uid_then=uid, gid_then=gid)
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    if ownership.is_foreign(row) and not _give_directory(
                        live, row.path, row, ownership, flush=flush
                    ):
                        left.append(os.fsdecode(path))
            for whole in flushes:
                whole.finish()
    return tuple(left[:_NAMES_KEPT])


def _give_directory(
    live: OpenDirectories, path: bytes, row: PlanRow, ownership: Ownership, *, flush: bool
) -> bool:
    """Give one directory; tell whether it has its wanted owner."""
    above, name = live.parent_of(path)
    fd = open_to_read(name, OPEN_DIRECTORY, above)
    try:
        status = os.fstat(fd)
        if status.st_uid != os.geteuid():
            return True
        if row.unit is None and storable_inode(status.st_ino) != row.ino_staged:
            return True  # replaced since
        here, gift = keeper(), ownership.given(row)
        if here is None or gift is None:
            return False
        here.give([fd], *gift)
        if flush:
            durable.fsync(fd)
    finally:
        os.close(fd)
    return True
