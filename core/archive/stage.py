"""Extracts what a plan needs, beside the live tree, and records what it made in the plan.

A stage is a hidden directory of ours in the region of its targets. Units lie in it under their
number, so that no path in it is longer than its own. It owns the stages; what moves them to their
places is `core.archive.swap`.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from core.archive.descent import Descent
from core.archive.extract import Ownership, make_symlink, set_xattrs, settle, write_file
from core.archive.header import DIRECTORY, REGULAR, SYMLINK
from core.archive.places import make_place, place_pair, sync_file_system
from core.archive.plan import Action, FilePlan, PlanFile, Region, Row
from core.archive.seen import seen_path
from core.archive.tar import ArchiveReader, Member
from core.archive.trees import remove_if_empty, remove_tree
from core.durable import fsync, make_directory, owner_for, translate, unlink_if_there
from core.errors import PlanChanged, StorageError
from core.events import Report, no_report

_FLUSHED_ONE_BY_ONE: Final = 300
_IN_REGION: Final = "SELECT count(*) FROM entry WHERE action IN ('add', 'change') AND region = ?"
_PATHS_KEPT: Final = 10_000
_WRITTEN: Final = "action IN ('add', 'change') AND member IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFiles:
    """A plan with everything in place for its swap. All that counts is in the plan file."""

    plan_path: str
    job_id: str
    plan: FilePlan
    newer: tuple[str, ...] = ()  # of an undo: live files newer than the rollback, set aside by it


class UnitPaths:
    """Where the entries of units lie in their stage."""

    def __init__(self, plan: PlanFile) -> None:
        self._plan = plan
        self._known: dict[int, bytes] = {}

    def components(self, row: Row) -> list[bytes]:
        """Return the way from the stage to an entry."""
        if row.unit is None:
            return [b"%d" % (row.id or 0)]
        path = self._known.get(row.unit)
        if path is None:
            if len(self._known) > _PATHS_KEPT:
                self._known.clear()
            path = self._known[row.unit] = next(self._plan.rows("WHERE id = ?", row.unit)).path
        return [b"%d" % row.unit, *row.path[len(path) + 1 :].split(b"/")]


class Stager:
    """Fills the stages of an open plan."""

    def __init__(self, plan: PlanFile, report: Report) -> None:
        self._plan = plan
        self._report = report
        self._root = os.fsencode(plan.fact("root"))
        self._prefix = os.fsencode(plan.fact("prefix"))
        self._paths = UnitPaths(plan)
        self._ownership = Ownership(self._root)
        self._stages: dict[int, Descent] = {}
        self._inodes: list[tuple[int, int]] = []
        self._linked: set[tuple[int, int]] = set()
        self._each = True
        self._last: tuple[int | None, bytes] = (None, b"")
        # Of directories, for the end: what is made in one inherits its default ACL. Most are alike.
        self._attributes: dict[int, dict[bytes, bytes]] = {}
        self._alike: dict[tuple[tuple[bytes, bytes], ...], dict[bytes, bytes]] = {}
        self._done_bytes = 0
        self._done = 0

    def fill(self, where: str) -> None:
        """Extract the entries that `where` chooses among those to be written."""
        # One call for the whole file system is right for thousands of files; for a few it would
        # wait for everything that the machine, and its database, has not written yet.
        chosen = f"SELECT count(*) FROM entry WHERE action IN ('add', 'change') AND {where}"
        self._each = self._plan.count(chosen) <= _FLUSHED_ONE_BY_ONE
        try:
            with self._open_stages():
                self._directories(where)
                self._contents(where)
                self._hard_links(where)
                self._settle_directories(where)
        except OSError as error:
            raise translate(error, "extracting into the stage") from error
        if not self._each:
            for region in self._plan.regions():
                if region.stage and os.path.isdir(region.stage):
                    sync_file_system(region.stage)
        self._record_inodes()
        if self._linked:  # so that the second look does not take it for somebody else's doing
            self._plan.remember(linked=sorted(self._linked))

    @contextlib.contextmanager
    def _open_stages(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            for region in self._plan.regions():
                if region.stage and os.path.isdir(region.stage):
                    self._stages[region.id] = stack.enter_context(Descent(region.stage))
            yield
            self._stages = {}

    def _parent(self, row: Row) -> tuple[int, bytes]:
        """Return the descriptor of the staged directory of an entry, and its name there."""
        above, _, name = row.path.rpartition(b"/")
        if row.unit is not None and (row.unit, above) == self._last:
            return self._stages[row.region].fd, name
        way = self._paths.components(row)
        fd = self._stages[row.region].go(way[:-1])
        self._last = (row.unit, above)
        return fd, way[-1]

    def _made(self, row: Row, inode: int) -> None:
        self._done += 1
        self._done_bytes += row.size_then
        if self._done % 64 == 0 or row.size_then > 1 << 20:
            self._report(self._done_bytes, self._done, os.fsdecode(row.path))
        if row.unit is None and row.id is not None:
            self._inodes.append((inode, row.id))
            if len(self._inodes) > 5000:
                self._record_inodes()

    def _record_inodes(self) -> None:
        for inode, number in self._inodes:
            self._plan.execute("UPDATE entry SET ino_staged = ? WHERE id = ?", inode, number)
        self._inodes.clear()

    def _directories(self, where: str) -> None:
        """Make all directories first, closed to everybody else until all is in them."""
        chosen = f"WHERE action IN ('add', 'change') AND type_then = ? AND {where} ORDER BY id"
        for row in self._plan.rows(chosen, stat.S_IFDIR):
            fd, name = self._parent(row)
            os.mkdir(name, 0o700, dir_fd=fd)
            self._made(row, os.lstat(name, dir_fd=fd).st_ino)

    def _contents(self, where: str) -> None:
        rows = self._plan.rows(f"WHERE {_WRITTEN} AND {where} ORDER BY member")
        row = next(rows, None)
        if row is None:
            return
        sha256 = str(self._plan.fact("sha256"))
        with ArchiveReader(str(self._plan.fact("archive")), trusted=True) as reader:
            for member in reader:
                if row is not None and member.number == row.member:
                    self._content(reader, member, row)
                    row = next(rows, None)
            if reader.sha256 != sha256 or row is not None:
                raise PlanChanged(f"{reader.file_name} is no longer the file that was planned.")

    def _content(self, reader: ArchiveReader, member: Member, row: Row) -> None:
        if member.name != row.path or member.size != row.size_then:
            raise PlanChanged(f"{reader.file_name} is no longer the file that was planned.")
        if member.type == DIRECTORY:
            if member.xattrs and row.id is not None:
                alike = tuple(sorted(member.xattrs.items()))
                self._attributes[row.id] = self._alike.setdefault(alike, member.xattrs)
            return
        fd, name = self._parent(row)
        if member.type == REGULAR:
            inode = write_file(
                fd,
                name,
                row,
                reader.pieces(),
                ownership=self._ownership,
                xattrs=member.xattrs,
                flush=self._each,
            )
        elif member.type == SYMLINK:
            inode = make_symlink(fd, name, row, self._ownership)
        else:
            return  # a hard link is made when its target is there
        self._made(row, inode)

    def _hard_links(self, where: str) -> None:
        chosen = f"WHERE {_WRITTEN} AND type_then = ? AND link_then IS NOT NULL AND {where}"
        for row in self._plan.rows(f"{chosen} ORDER BY member", stat.S_IFREG):
            fd, name = self._parent(row)
            self._made(row, self._link(row, fd, name))

    def _link(self, row: Row, fd: int, name: bytes) -> int:
        """Make one more name of a file that is staged, or that stays as it is in the live tree."""
        target = self._plan.row_at(row.link_then or b"")
        live: Descent | None = None
        with contextlib.ExitStack() as stack:
            if target is not None and target.action in {Action.ADD, Action.CHANGE}:
                region = next(r for r in self._plan.regions() if r.id == target.region)
                descent = stack.enter_context(Descent(region.stage))
                way = self._paths.components(target)
            else:
                live = descent = stack.enter_context(Descent(self._root))
                way = (row.link_then or b"")[len(self._prefix) :].split(b"/")
            source = descent.go(way[:-1])
            os.link(way[-1], name, src_dir_fd=source, dst_dir_fd=fd, follow_symlinks=False)
        status = os.lstat(name, dir_fd=fd)
        if live is not None:
            self._linked.add((status.st_ino, status.st_dev))
        return status.st_ino

    def _settle_directories(self, where: str) -> None:
        chosen = f"WHERE action IN ('add', 'change') AND type_then = ? AND {where} ORDER BY id DESC"
        for row in self._plan.rows(chosen, stat.S_IFDIR):
            self._last = (None, b"")
            fd = self._stages[row.region].go(self._paths.components(row))
            settle(fd, row, self._ownership)
            set_xattrs(fd, self._attributes.pop(row.id or 0, {}))
            if self._each:
                fsync(fd)
        for descent in self._stages.values():
            fsync(descent.go([]))


def _prepare_places(plan: PlanFile, job_id: str) -> None:
    """Choose where stages and asides are, write that down, and only then make the stages."""
    state = os.fsencode(plan.fact("state"))
    make_directory(state, mode=0o700, owner=owner_for(os.path.dirname(state)))
    label = f"{job_id}-{plan.fact('kind')}"
    regions = [
        Region(region.id, region.root, *place_pair(region.root, state, label))
        for region in plan.regions()
    ]
    plan.set_regions(regions)
    plan.remember(job_id=job_id, step="staging", borrowed=False)
    plan.save()
    make_stages(plan)


def make_stages(plan: PlanFile) -> None:
    """Make the stages that have something to hold."""
    for region in plan.regions():
        if plan.count(_IN_REGION, region.id):
            make_place(region.stage, owner_for(region.root))


def stage_files(plan: FilePlan, *, job_id: str, report: Report = no_report) -> StagedFiles:
    """Extract what the plan needs into stages beside the live tree, durably.

    `report` gets bytes and entries written, of `plan.bytes_to_write` and `added + changed`. On any
    failure the stages are removed again. Raises PlanChanged when the archive is another one.
    """
    try:
        with PlanFile(plan.plan_path) as open_plan:
            _prepare_places(open_plan, job_id)
            Stager(open_plan, report).fill("1")
            open_plan.remember(step="staged")
            open_plan.save()
    except BaseException:
        with contextlib.suppress(StorageError):
            remove_stage(plan.plan_path)
        raise
    return StagedFiles(plan_path=plan.plan_path, job_id=job_id, plan=plan)


def load_staged(plan_path: str) -> StagedFiles:
    """Return what an earlier process staged. Raises StorageError when it had not come so far."""
    with PlanFile(plan_path, only_read=True) as plan:
        if plan.fact("step") not in {"staged", "swapped"}:
            raise StorageError(f"The plan {plan_path} was never staged.")
        newer = tuple(plan.fact("newer") or ())
        return StagedFiles(
            plan_path=plan_path,
            job_id=str(plan.fact("job_id")),
            plan=plan.summary(),
            newer=newer,
        )


def remove_stage(plan_path: str, *, report: Report = no_report) -> None:
    """Remove the stages of a plan, and its scratch file.

    The stages of an undo are the asides of what it undoes: they are only removed when empty.
    """
    with PlanFile(plan_path, only_read=True) as plan:
        borrowed = bool(plan.fact("borrowed"))
        regions = plan.regions()
    unlink_if_there(seen_path(plan_path))
    for region in regions:
        if not region.stage:
            continue
        if borrowed:
            remove_if_empty(region.stage)
        else:
            remove_tree(region.stage, report=report)


__all__ = ["StagedFiles", "load_staged", "remove_stage", "stage_files"]
