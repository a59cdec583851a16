"""Moves staged entries to their places and the live ones aside; brings them back; undoes it later.

Recovery decides by inode, never by name: by name, a repeated `live -> aside` would bury the
original under the new file. For each unit the plan holds the inode of the live entry and of the
staged one, so that the entry at the live path tells how far the unit is, and every function
here may be run again after a crash at any point. No record is written for a single rename.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Final

from core import durable
from core.account.open_via_helper import account_of, lstat, open_to_read
from core.archive.plan.closed_directories import admitted
from core.archive.plan.plan_facts import MOVABLE, PlanStep
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanPlace, plan_location
from core.archive.plan.rows import PlanRow, Region
from core.archive.restore.flush import FLUSHED_ONE_BY_ONE, FileSystemFlush
from core.archive.restore.places import StagePlaces
from core.archive.restore.stage import StagedFiles
from core.archive.restore.stages import refuse_unstaged
from core.archive.tree.open_directories import OPEN_DIRECTORY, OpenDirectories, is_gone
from core.archive.tree.remove import remove_if_empty
from core.archive.tree.stat_records import storable_inode
from core.durable import translate
from core.errors import MagerewindError, PlanChanged, StorageError, StoreLeftClosed
from core.events import Report, no_report

_OPEN_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NAMES_KEPT: Final = 1000


def _inode(name: bytes, fd: int) -> int | None:
    try:
        return storable_inode(lstat(name, fd).st_ino)
    except OSError as error:
        if is_gone(error):
            return None
        raise


class _SwapPlaces:
    """The live tree and the places of one plan, open while units move."""

    def __init__(self, plan: PlanFile, stack: contextlib.ExitStack) -> None:
        self.prefix = plan.facts.prefix
        self.live = stack.enter_context(OpenDirectories(plan.facts.root))
        self._regions = {region.id: region for region in plan.regions()}
        self._places = stack.enter_context(StagePlaces(plan))
        self._used: dict[int, None] = {}  # in the order of their first use
        self._stack = stack

    def place(self, path: bytes) -> int:
        """Return the descriptor of a stage or aside."""
        fd = self._places.open(path)
        self._used[fd] = None
        return fd

    def region(self, row: PlanRow) -> Region:
        """Return the region of a unit."""
        return self._regions[row.region]

    def in_place(self, path: bytes, row: PlanRow) -> int | None:
        """Return the inode of a unit in a stage or aside, None when it is not there."""
        try:
            fd = self.place(path)
        except FileNotFoundError:
            return None
        return _inode(b"%d" % (row.id or 0), fd)

    def live_parent(self, row: PlanRow) -> tuple[int, bytes]:
        """Return the descriptor of the directory of a unit's live place, and its name there."""
        return self.live.parent_of(row.path[len(self.prefix) :])

    def flush_places(self) -> None:
        """Bring the stages' and asides' own entries to disk."""
        for fd in self._used:
            durable.fsync(fd)

    def watch(self) -> list[FileSystemFlush]:
        """Return the flush of the file systems of all regions, opened before the first change."""
        roots: dict[int, bytes] = {}
        for region in self._regions.values():
            with contextlib.suppress(FileNotFoundError):  # one of which nothing is planned may go
                roots[os.stat(region.root).st_dev] = region.root
        return [
            self._stack.enter_context(contextlib.closing(FileSystemFlush(root)))
            for root in roots.values()
        ]


def _move(source: int, name: bytes, target: int, other: bytes) -> None:
    """Rename; an owner opens directories that are closed to writing, as Magento advises, for it."""
    try:
        durable.rename_noreplace(name, other, source_fd=source, target_fd=target)
    except PermissionError:
        with contextlib.ExitStack() as stack:
            for fd in (source, target):
                stack.enter_context(_opened_up(fd))
            if stat.S_ISDIR(os.lstat(name, dir_fd=source).st_mode):
                moved = os.open(name, OPEN_DIRECTORY, dir_fd=source)
                stack.callback(os.close, moved)
                stack.enter_context(_opened_up(moved))
            durable.rename_noreplace(name, other, source_fd=source, target_fd=target)


@contextlib.contextmanager
def _opened_up(directory: int) -> Iterator[None]:
    """Let a directory's owner write in it for a moment."""
    mode = stat.S_IMODE(os.fstat(directory).st_mode)
    os.fchmod(directory, mode | 0o300)
    try:
        yield
    finally:
        os.fchmod(directory, mode)


def _set_mode(opened: int, mode: int) -> None:
    """Set the mode of an open entry, with the rights of its owner."""
    try:
        os.fchmod(opened, mode)
    except PermissionError:
        account = account_of(os.fstat(opened))
        if account is None:
            raise
        account.set_mode(opened, mode)


class _Swap:
    """One pass over the units of a plan, forward or back.

    Each directory is flushed as it is left, and each mode as it is set; where there are many, whole
    file systems at the end instead: a journal is written once then, while the store is closed.
    """

    def __init__(self, plan: PlanFile, places: _SwapPlaces, report: Report) -> None:
        self._plan = plan
        self._places = places
        self._report = report
        self._done = 0
        self._each = plan.count_units() <= FLUSHED_ONE_BY_ONE
        self._flushes: list[FileSystemFlush] = []
        self.current = b""  # the path that is at work, for an error

    def forward(self) -> None:
        """Put every unit in its new state."""
        self._watch()
        with admitted(self._plan, self._places.live):
            for row in self._in_turn(self._plan.moved_units()):
                self._unit_forward(row)
        for row in self._plan.mode_changes():
            self.current = row.path
            self._set_mode(row, row.mode_then, row.uid_then, row.gid_then)
        self._flush()

    def back(self) -> None:
        """Put every unit in its old state."""
        self._watch()
        for row in self._plan.mode_changes(backwards=True):
            self._set_mode(row, row.mode_now, row.uid_now, row.gid_now)
        with admitted(self._plan, self._places.live):
            for row in self._in_turn(self._plan.moved_units(backwards=True)):
                self._unit_back(row)
        self._flush()

    def _watch(self) -> None:
        if not self._each:
            self._flushes = self._places.watch()

    def _flush(self) -> None:
        """Flush the changes that are not on disk yet."""
        for flush in self._flushes:
            flush.finish()
        # Also then: before Linux 5.17 syncfs said nothing of a journal that could not be written.
        self._places.flush_places()

    def _in_turn(self, rows: Iterator[PlanRow]) -> Iterator[PlanRow]:
        """Yield units; a live directory is flushed when the next unit is in another one."""
        directory: bytes | None = None
        for row in rows:
            parent = row.path.rpartition(b"/")[0]
            if directory is not None and parent != directory:
                self._flush_live()
            directory = parent
            self.current = row.path
            yield row
            self._done += 1
            if self._done % 64 == 0:
                self._report(0, self._done, os.fsdecode(row.path))
        if directory is not None:
            self._flush_live()

    def _flush_live(self) -> None:
        if self._each:
            durable.fsync(self._places.live.fd)

    def _unit_forward(self, row: PlanRow) -> None:
        places, name = self._places, b"%d" % (row.id or 0)
        try:
            fd, last = places.live_parent(row)
        except OSError as error:
            raise self._unexpected(row, PlanChanged) from error
        region = places.region(row)
        there = _inode(last, fd)
        if row.ino_staged is not None and there == row.ino_staged:
            return
        if row.ino_now is not None:
            if there == row.ino_now:
                _move(fd, last, places.place(region.aside), name)
            elif there is not None or places.in_place(region.aside, row) != row.ino_now:
                raise self._unexpected(row, PlanChanged)
        elif there is not None:
            raise self._unexpected(row, PlanChanged)
        if row.ino_staged is not None:
            if places.in_place(region.stage, row) != row.ino_staged:
                raise self._unexpected(row, StoreLeftClosed)
            _move(places.place(region.stage), name, fd, last)

    def _unit_back(self, row: PlanRow) -> None:
        places, name = self._places, b"%d" % (row.id or 0)
        region = places.region(row)
        aside = None if row.ino_now is None else places.in_place(region.aside, row)
        try:
            fd, last = places.live_parent(row)
            there = _inode(last, fd)
        except OSError as error:
            if is_gone(error) and aside is None:
                return  # the directory above is gone: nothing of this unit ever moved
            raise self._unexpected(row, StoreLeftClosed) from error
        if row.ino_staged is not None and there == row.ino_staged:
            _move(fd, last, places.place(region.stage), name)
            there = None
        if aside is None:
            return  # it was never moved, or there was nothing
        if there is not None or aside != row.ino_now:
            raise self._unexpected(row, StoreLeftClosed)
        _move(places.place(region.aside), name, fd, last)

    def _set_mode(self, row: PlanRow, mode: int | None, uid: int | None, gid: int | None) -> None:
        """Change mode and owner in place, if the entry is still the one that was planned."""
        relative = row.path[len(self._places.prefix) :]
        try:
            fd, name = self._places.live.parent_of(relative) if relative else (
                self._places.live.go([]), b".")  # fmt: skip
            if _inode(name, fd) != row.ino_now:
                raise self._unexpected(row, PlanChanged)
            opened = open_to_read(name, _OPEN_FILE, fd)
        except PermissionError:
            self._set_closed_mode(row, mode)
            return
        except OSError as error:
            raise self._unexpected(row, PlanChanged) from error
        try:
            status = os.fstat(opened)
            owner = (status.st_uid if uid is None else uid, status.st_gid if gid is None else gid)
            if owner != (status.st_uid, status.st_gid):
                os.fchown(opened, *owner)
            if mode is not None:
                _set_mode(opened, mode)
            if self._each:
                durable.fsync(opened)
        finally:
            os.close(opened)

    def _set_closed_mode(self, row: PlanRow, mode: int | None) -> None:
        """Change the mode of a file that not even its owner may open."""
        fd, name = self._places.live_parent(row)
        if mode is not None and not stat.S_ISLNK(os.lstat(name, dir_fd=fd).st_mode):
            os.chmod(name, mode, dir_fd=fd)

    def _unexpected(
        self, row: PlanRow, error: type[PlanChanged | StoreLeftClosed]
    ) -> PlanChanged | StoreLeftClosed:
        name = os.fsdecode(row.path)
        return error(
            f"{name} is not what was planned: something else changed it meanwhile.",
            hint=f"The plan is {self._plan.path}; nothing of yours was deleted.",
        )


def swap_files(staged: StagedFiles | PlanPlace, *, report: Report = no_report) -> None:
    """Set the live entries of a plan aside and put the staged ones in their place, durably.

    May be run again after a crash at any rename. Raises PlanChanged when something else took a live
    place (then `revert_files` brings everything back), StorageError when the disk refuses. `report`
    gets 0 bytes and units moved; it must not raise once the swap has begun. A plan's path
    represents its staged entries, whose totals are not needed while the store is closed.
    """
    plan_path = staged.plan_path if isinstance(staged, StagedFiles) else staged
    with PlanFile(plan_path) as plan, contextlib.ExitStack() as stack:
        refuse_unstaged(plan)
        make_asides(plan)
        make_parents(plan)
        places = _SwapPlaces(plan, stack)
        swap = _Swap(plan, places, report)
        try:
            swap.forward()
            plan.remember(step=PlanStep.SWAPPED, swapped_ns=_moment(plan))
            plan.save()
        except (OSError, MagerewindError) as error:
            if not plan_location(plan_path).file.exists():
                _take_back(plan, report, error)
            if isinstance(error, MagerewindError):
                raise
            raise translate(error, f"moving {os.fsdecode(swap.current)} into place") from error


class SwapReverted(StorageError):
    """A plan was removed while it was carried out; all that it had moved is back in its place."""


def _take_back(plan: PlanFile, report: Report, cause: Exception) -> None:
    """Bring everything back by a plan that exists in this process only. Raises SwapReverted."""
    with contextlib.ExitStack() as stack:
        try:
            _Swap(plan, _SwapPlaces(plan, stack), report).back()
        except (OSError, MagerewindError):
            return  # the swap's own error is the better reason
    raise SwapReverted(f"The plan {plan.path} was removed while it was carried out.") from cause


def moves_anything(plan_path: PlanPlace) -> bool:
    """Tell whether a plan has anything to move or change."""
    with PlanFile(plan_path, only_read=True) as plan:
        return plan.has_entries()


def make_parents(plan: PlanFile) -> None:
    """Make the directories above a missing `pub/media`, if no other process has."""
    root = plan.facts.root
    for path, mode, uid, gid in plan.facts.parents:
        whole = os.path.join(root, path)
        if not os.path.isdir(whole):
            with contextlib.closing(OpenDirectories(root)) as open_directories:
                fd, name = open_directories.parent_of(path)
                durable.make_directory(name, mode=mode, dir_fd=fd)
                if os.geteuid() == 0 and uid is not None and gid is not None:
                    os.chown(name, uid, gid, dir_fd=fd, follow_symlinks=False)


def _remove_parents(plan: PlanFile) -> None:
    """Remove them again, as far as they are empty."""
    facts = plan.facts
    for parent in reversed(facts.parents):
        remove_if_empty(os.path.join(facts.root, parent.path))


def make_asides(plan: PlanFile) -> None:
    """Make the aside directories that will hold something."""
    with StagePlaces(plan) as places:
        for region in plan.regions():
            if region.aside and plan.count_set_aside_in(region.id):
                places.make(region.aside)


def _moment(plan: PlanFile) -> int:
    """Return the file system's own time of the swap, in ns, taken from the root's places."""
    moments = [0]
    with StagePlaces(plan) as places:
        for region in plan.regions():
            for path in (region.stage, region.aside):
                with contextlib.suppress(OSError):
                    moments.append(os.fstat(places.open(path)).st_ctime_ns)
    return max(moments)


def revert_files(staged: StagedFiles | PlanPlace, *, report: Report = no_report) -> None:
    """Bring the old tree back from any half-done swap, durably; may be run again.

    Staged entries are back in their stage afterwards. Raises StoreLeftClosed when a foreign entry
    occupies the place of an old one.
    """
    plan_path = staged.plan_path if isinstance(staged, StagedFiles) else staged
    with PlanFile(plan_path) as plan, contextlib.ExitStack() as stack:
        if plan.facts.step not in MOVABLE:
            return  # nothing was ever moved
        moving = _SwapPlaces(plan, stack)
        try:
            _Swap(plan, moving, report).back()
        except PlanChanged as error:
            raise StoreLeftClosed(error.message, hint=error.hint) from error
        except OSError as error:
            raise translate(error, "moving files back") from error
        _remove_parents(plan)
        plan.remember(step=PlanStep.STAGED)
        plan.save()
        with StagePlaces(plan) as places:
            for region in plan.regions():
                if region.aside:
                    places.remove_if_empty(region.aside)
