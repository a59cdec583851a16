"""Plans the undo of a finished rollback: a reverse plan, which the same swap carries out.

The entries set aside become the stage of the undo, and the live ones go to an aside of its own,
so that nothing is deleted and an undo can itself be undone.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Final

from core.account.client import keeper
from core.account.open_via_helper import account_of, lstat
from core.archive.plan.closed_directories import blocked
from core.archive.plan.plan_facts import PlanStep
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanPlace
from core.archive.plan.rows import Action, PlanRow, Region
from core.archive.plan.summary import summary_of
from core.archive.plan.unwritable import unwritable
from core.archive.restore.places import StagePlaces
from core.archive.restore.stage import StagedFiles
from core.archive.tree.accounts import own_groups
from core.archive.tree.mounts import place_pair
from core.archive.tree.open_directories import OpenDirectories, is_gone
from core.archive.tree.remove import entries
from core.archive.tree.stat_records import storable, storable_inode
from core.durable import translate
from core.errors import NothingToUndo, PlanChanged, StoreUnreadable

_NAMES_KEPT: Final = 1000
_CARRIED: Final = (
    "archive", "sha256", "given_sha256", "members", "kind", "root", "prefix", "ignored", "exclude",
    "state", "ordered", "began_ns", "only", "chosen",
)  # fmt: skip
_REVERSED: Final = {Action.ADD: Action.REMOVE, Action.REMOVE: Action.ADD}


class _Reverse:
    """Reverses the rows of a finished plan, against the live tree of now."""

    def __init__(self, old: PlanFile, new: PlanFile, stack: contextlib.ExitStack) -> None:
        self._old = old
        self._new = new
        self._prefix = old.facts.prefix
        self._root = old.facts.root
        self._places = stack.enter_context(StagePlaces(old))
        self._live = stack.enter_context(OpenDirectories(self._root))
        self._regions = {region.id: region for region in old.regions()}
        self._since_ns = old.facts.swapped_ns
        self._gone: set[int] = set()
        self.newer: list[str] = []
        self.unrestorable: list[str] = []

    def turn(self) -> None:
        """Fill the new plan."""
        for row in self._old.units():
            if row.action is Action.MODE:
                self._mode(row)
            else:
                self._unit(row)
        for row in self._old.rows_below_units():
            if row.unit not in self._gone:
                self._new.copy(_swapped(row))

    def _status(self, row: PlanRow) -> os.stat_result | None:
        relative = row.path[len(self._prefix) :]
        try:
            fd, name = self._live.parent_of(relative) if relative else (self._live.go([]), b".")
        except OSError as error:
            if not is_gone(error):
                raise _not_seen(row.path, error) from error
            gone = os.fsdecode(row.path)
            raise PlanChanged(f"The directory of {gone} is gone since the rollback.") from error
        try:
            return lstat(name, fd)
        except OSError as error:
            if is_gone(error):
                return None
            raise _not_seen(row.path, error) from error

    def _mode(self, row: PlanRow) -> None:
        status = self._status(row)
        if status is None or storable_inode(status.st_ino) != row.ino_now:
            return  # replaced since: the present entry was not touched by the rollback
        turned = _swapped(row)._replace(
            ino_now=storable_inode(status.st_ino),
            mode_now=status.st_mode & 0o7777,
            uid_now=status.st_uid,
            gid_now=status.st_gid,
        )
        if not self._may_own(turned, status):  # an older version changed owners in place, as root
            self._name(row.path, "owner or group")
            turned = turned._replace(uid_then=None, gid_then=None)
        if os.geteuid() not in {0, status.st_uid} and account_of(status) is None:
            self._name(row.path, "mode of another account's file")
        else:
            self._new.copy(turned)

    def _may_own(self, row: PlanRow, status: os.stat_result) -> bool:
        """Tell whether this account can set owner and group as a row has them."""
        if os.geteuid() == 0:
            return True
        uid = status.st_uid if row.uid_then is None else row.uid_then
        gid = status.st_gid if row.gid_then is None else row.gid_then
        if (uid, gid) == (status.st_uid, status.st_gid):
            return True
        return uid == status.st_uid == os.geteuid() and gid in own_groups()

    def _name(self, path: bytes, what: str) -> None:
        if len(self.unrestorable) < _NAMES_KEPT:
            self.unrestorable.append(f"{os.fsdecode(path)}: {what}")

    def _unit(self, row: PlanRow) -> None:
        status = self._status(row)
        if row.ino_now is not None:
            self._require_aside(row)
        elif status is None:
            self._gone.add(row.id or 0)
            return
        turned = _swapped(row)._replace(ino_staged=row.ino_now, ino_now=None, type_now=None)
        action = Action.ADD
        if status is not None:
            self._name_newer(row, status)
            action = Action.REMOVE if row.ino_now is None else Action.CHANGE
            turned = turned._replace(
                ino_now=storable_inode(status.st_ino),
                type_now=stat.S_IFMT(status.st_mode),
                mode_now=status.st_mode & 0o7777,
                size_now=status.st_size if stat.S_ISREG(status.st_mode) else 0,
                mtime_now=storable(status.st_mtime_ns),
            )
        self._new.copy(turned._replace(action=action))

    def _require_aside(self, row: PlanRow) -> None:
        aside = self._regions[row.region].aside
        try:
            above = self._places.open(aside)
            inode = storable_inode(os.lstat(b"%d" % (row.id or 0), dir_fd=above).st_ino)
        except OSError:
            inode = None
        if inode != row.ino_now:
            raise NothingToUndo(f"What was set aside of {os.fsdecode(row.path)} is not there.")

    def _name_newer(self, row: PlanRow, status: os.stat_result) -> None:
        """Name entries that are newer than the rollback and will be set aside by the undo."""
        if storable_inode(status.st_ino) != row.ino_staged:
            self._newer(row.path)
        elif not stat.S_ISDIR(status.st_mode):
            if status.st_mtime_ns > self._since_ns:
                self._newer(row.path)
        else:
            fd, name = self._live.parent_of(row.path[len(self._prefix) :])
            for path, inside in _files_below(name, fd, row.path):
                if inside.st_ctime_ns > self._since_ns or self._old.row_at(path) is None:
                    self._newer(path)

    def _newer(self, path: bytes) -> None:
        if len(self.newer) < _NAMES_KEPT:
            self.newer.append(os.fsdecode(path))


def _not_seen(path: bytes, error: OSError) -> StoreUnreadable | OSError:
    """Return the error for a live entry whose status cannot be read."""
    if not isinstance(error, PermissionError):
        return error
    mend = "mend owner or mode there" if keeper() is None else "Mend owner or mode there"
    hint = f"Run it as root, or {mend}." if keeper() is None else f"{mend}."
    return StoreUnreadable(f"Not enough permissions to look at {os.fsdecode(path)}.", hint=hint)


def _files_below(name: bytes, fd: int, path: bytes) -> Iterator[tuple[bytes, os.stat_result]]:
    """Yield the member paths and statuses of all below a directory that are no directories."""
    way: list[bytes] = []
    for _, inside, status, leaving in entries(name, dir_fd=fd):
        if leaving:
            way.pop()
        elif stat.S_ISDIR(status.st_mode):
            way.append(inside)
        else:
            yield b"/".join([path, *way, inside]), status


def _swapped(row: PlanRow) -> PlanRow:
    """Return a row with its two sides exchanged."""
    return row._replace(
        action=_REVERSED.get(row.action, row.action),
        content_at=None,
        type_then=row.type_now,
        mode_then=row.mode_now,
        size_then=row.size_now,
        mtime_then=row.mtime_now // 1_000_000_000,
        uid_then=row.uid_now,
        gid_then=row.gid_now,
        link_then=None,
        type_now=row.type_then,
        mode_now=row.mode_then,
        size_now=row.size_then,
        mtime_now=storable(row.mtime_then * 1_000_000_000),
        uid_now=row.uid_then,
        gid_now=row.gid_then,
    )


def undo_plan(plan_path: PlanPlace, new_plan_path: PlanPlace, *, job_id: str) -> StagedFiles:
    """Write the plan of the reverse of a finished rollback and return it, ready to be swapped.

    `newer` of the result names live files that are newer than the rollback and would be set aside.
    Raises NothingToUndo when the rollback is not finished or its aside is gone.
    """
    with (
        PlanFile(plan_path, only_read=True) as old,
        PlanFile.create(new_plan_path) as new,
        contextlib.ExitStack() as stack,
    ):
        facts = old.facts
        if facts.step is not PlanStep.SWAPPED:
            raise NothingToUndo("That rollback was never finished.")
        selection = facts.selection()
        label = f"{job_id}-{facts.kind}"
        new.set_regions(
            Region(r.id, r.root, r.aside, place_pair(r.root, selection.state, label)[1])
            for r in old.regions()
        )
        reverse = _Reverse(old, new, stack)
        try:
            reverse.turn()
        except OSError as error:
            raise translate(error, "looking at what the rollback changed") from error
        new.remember(**{name: getattr(facts, name) for name in _CARRIED})
        new.remember(
            job_id=job_id,
            step=PlanStep.STAGED,
            borrowed=True,
            undo_of=facts.job_id,
            newer=reverse.newer,
        )
        refused = dict.fromkeys([*unwritable(new, selection), *blocked(new)])
        new.remember(unwritable=list(refused), unrestorable=reverse.unrestorable)
        new.keep_sums()
        new.save()
        return StagedFiles(
            plan_path=new_plan_path, job_id=job_id, plan=summary_of(new), newer=tuple(reverse.newer)
        )
