"""Extracts the members that a plan needs, beside the live tree, and records them in the plan.

A stage is a hidden directory of ours in the region of its targets. Units lie in it under their
number, so that no path in it is longer than its own. It owns the stages; the code that moves them
to their places is `core.archive.restore.swap`.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from core.archive.plan.fetched import remove_fetched
from core.archive.plan.listing_file import listing_file
from core.archive.plan.plan_facts import PlanStep
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanPlace, cache_file, seen_file
from core.archive.plan.rows import Action, PlanRow
from core.archive.plan.summary import FilePlan
from core.archive.restore.contents import StageContents, has_cached_contents, open_contents
from core.archive.restore.flush import FLUSHED_ONE_BY_ONE, FileSystemFlush
from core.archive.restore.give_away import OwnerTransfer, link_as_owner
from core.archive.restore.places import StagePlaces
from core.archive.restore.stages import UnitPaths, prepare_stages
from core.archive.restore.write_entry import (
    EntryMetadata,
    Ownership,
    apply_metadata,
    make_directory,
    make_symlink,
    metadata_of,
    write_file,
)
from core.archive.tree.open_directories import OpenDirectories
from core.archive.tree.stat_records import storable_inode
from core.durable import fsync, translate
from core.errors import StorageError
from core.events import Report, no_report

_FLUSHED_AHEAD: Final = 64 << 20  # bytes
_PATHS_KEPT: Final = 10_000


class StagedFiles(Struct, frozen=True, kw_only=True):
    """A plan with everything in place for its swap. All that counts is in the plan file."""

    plan_path: PlanPlace
    job_id: str
    plan: FilePlan
    newer: tuple[str, ...] = ()  # of an undo: live files newer than the rollback, set aside by it


class Stager:
    """Fills the stages of an open plan."""

    def __init__(self, plan: PlanFile, report: Report) -> None:
        self._plan = plan
        self._report = report
        self._root = plan.facts.root
        self._prefix = plan.facts.prefix
        self._paths = UnitPaths(plan)
        self._ownership = Ownership(self._root)
        self._alike_rows: dict[tuple[int | None, ...], EntryMetadata] = {}
        self._stages: dict[int, OpenDirectories] = {}
        self._tops: dict[int, int] = {}  # descriptors of the stages themselves
        self._current = b""  # for reports
        self._flushed = 0  # of `_done_bytes`
        self._flushes: dict[int, FileSystemFlush] = {}
        self._inodes: list[tuple[int, int]] = []
        self._linked: set[tuple[int, int]] = set()
        self._each = True
        self._in_order = False
        self._last: tuple[int | None, bytes] = (None, b"")
        self._has_attributes = False
        self._done_bytes = 0
        self._done = 0

    def fill(self, *, after: int = 0, use_cached: bool = False) -> None:
        """Extract the entries to be written whose id is above `after`.

        With `use_cached` from the contents that the plan has cached, if any.
        """
        use_cached = use_cached and has_cached_contents(self._plan)
        count = self._plan.count_staged(after)
        self._each = count <= FLUSHED_ONE_BY_ONE
        self._has_attributes = self._plan.has_attributes()
        try:
            with self._open_stages():
                # An archive in the order of the walk has each directory before its entries.
                self._in_order = self._plan.facts.ordered
                if not self._in_order:
                    self._directories(after)
                if self._plan.has_written(after):
                    with open_contents(
                        self._plan, use_cached=use_cached, waited=self._tell
                    ) as contents:
                        self._contents(after, contents)
                gifts = OwnerTransfer(
                    self._plan, self._stages, self._paths, self._ownership, flush=self._each
                )
                gifts.give_files(after)
                gifts.make_links(after, self._made)
                self._hard_links(after)
                self._apply_directory_metadata(after)
                for open_directories in self._stages.values():
                    fsync(open_directories.go([]))
                for flush in self._flushes.values():
                    flush.finish()
        except OSError as error:
            raise translate(error, "extracting into the stage") from error
        self._record_inodes()
        if self._linked:  # so that the recheck does not take them for changes
            self._plan.remember(linked=frozenset(self._linked))

    @contextlib.contextmanager
    def _open_stages(self) -> Iterator[None]:
        with contextlib.ExitStack() as stack:
            places = stack.enter_context(StagePlaces(self._plan))
            for region in self._plan.regions():
                if region.stage and places.is_there(region.stage):
                    fd = places.open(region.stage)
                    self._tops[region.id] = fd
                    self._stages[region.id] = stack.enter_context(OpenDirectories(b".", dir_fd=fd))
                    if not self._each:
                        flush = FileSystemFlush(b".", dir_fd=fd)
                        self._flushes[region.id] = stack.enter_context(contextlib.closing(flush))
            yield
            self._stages, self._flushes, self._tops = {}, {}, {}

    def _parent(self, row: PlanRow) -> tuple[int, bytes]:
        """Return the descriptor of the staged directory of an entry, and its name there."""
        above, _, name = row.path.rpartition(b"/")
        if row.unit is not None and (row.unit, above) == self._last:
            return self._stages[row.region].fd, name
        way = self._paths.components(row)
        fd = self._stages[row.region].go(way[:-1])
        self._last = (row.unit, above)
        return fd, way[-1]

    def _metadata_of(self, row: PlanRow) -> EntryMetadata:
        """Return the metadata for an entry: the same for most, but for the time."""
        key = (
            row.type_then, row.mode_then, row.uid_then, row.gid_then, row.type_now, row.mode_now,
            row.uid_now, row.gid_now,
        )  # fmt: skip
        known = self._alike_rows.get(key)
        if known is None:
            if len(self._alike_rows) > _PATHS_KEPT:
                self._alike_rows.clear()
            known = self._alike_rows[key] = metadata_of(row, self._ownership)
        return EntryMetadata(known.uid, known.gid, known.mode, row.mtime_then)

    def _made(self, row: PlanRow, fd: int, name: bytes) -> None:
        """Count an entry that was made in an open directory."""
        self._counted(row)
        if row.unit is None and row.id is not None:  # of entries that will be moved
            inode = os.lstat(name, dir_fd=fd).st_ino
            self._inodes.append((storable_inode(inode), row.id))
            if len(self._inodes) > 5000:
                self._record_inodes()

    def _counted(self, row: PlanRow) -> None:
        self._done += 1
        self._done_bytes += row.size_then
        if self._flushes and self._done_bytes - self._flushed > _FLUSHED_AHEAD:
            self._flushed = self._done_bytes
            self._flushes[row.region].begin()
        self._current = row.path
        if self._done % 64 == 0 or row.size_then > 1 << 20:
            self._tell()

    def _tell(self) -> None:
        self._report(self._done_bytes, self._done, os.fsdecode(self._current))

    def _record_inodes(self) -> None:
        self._plan.set_staged_inodes(self._inodes)
        self._inodes.clear()

    def _directories(self, after: int) -> None:
        """Make all directories, closed to everybody else until all is in them."""
        for row in self._plan.directories(after):
            self._directory(row)

    def _directory(self, row: PlanRow) -> None:
        fd, name = self._parent(row)
        make_directory(fd, name)
        self._made(row, fd, name)

    def _contents(self, after: int, contents: StageContents) -> None:
        """Make everything but hard links, which need their targets."""
        for row in self._plan.written(after):
            if row.type_then == stat.S_IFDIR:
                if self._in_order:  # else they were made before
                    self._directory(row)
            elif row.type_then == stat.S_IFREG and row.link_then is not None:
                continue
            elif row.type_then == stat.S_IFLNK and self._ownership.given(row) is not None:
                continue  # its future owner creates it
            else:
                self._make(contents, row)

    def _make(self, contents: StageContents, row: PlanRow) -> None:
        """Make a file or a link."""
        fd, name = self._parent(row)
        how = self._metadata_of(row)
        if row.type_then == stat.S_IFLNK:
            make_symlink(fd, name, row.link_then or b"", how)
        else:
            write_file(
                fd, name, row.size_then, contents.pieces(row), how,
                xattrs=self._xattrs(row), flush=self._each,
            )  # fmt: skip
        self._made(row, fd, name)

    def _xattrs(self, row: PlanRow) -> dict[bytes, bytes] | None:
        if not self._has_attributes or row.content_at is None:
            return None
        return self._plan.attributes(row.content_at)

    def _hard_links(self, after: int) -> None:
        for row in self._plan.written_links(after):
            fd, name = self._parent(row)
            self._link(row, fd, name)
            self._made(row, fd, name)

    def _link(self, row: PlanRow, fd: int, name: bytes) -> None:
        """Make one more name of a file that is staged, or that stays as it is in the live tree."""
        target = self._plan.row_at(row.link_then or b"")
        live: OpenDirectories | None = None
        with contextlib.ExitStack() as stack:
            if target is not None and target.action in {Action.ADD, Action.CHANGE}:
                top = self._tops[target.region]
                open_directories = stack.enter_context(OpenDirectories(b".", dir_fd=top))
                way = self._paths.components(target)
            else:
                live = open_directories = stack.enter_context(OpenDirectories(self._root))
                way = (row.link_then or b"")[len(self._prefix) :].split(b"/")
            source = open_directories.go(way[:-1])
            try:
                os.link(way[-1], name, src_dir_fd=source, dst_dir_fd=fd, follow_symlinks=False)
            except PermissionError:
                link_as_owner(way[-1], source, self._stages[row.region].top, fd, name)
        status = os.lstat(name, dir_fd=fd)
        if live is not None:
            self._linked.add((storable_inode(status.st_ino), status.st_dev))

    def _apply_directory_metadata(self, after: int) -> None:
        for row in self._plan.directories(after, backwards=True):
            way, how = self._paths.components(row), self._metadata_of(row)
            fd = self._stages[row.region].go(way)
            apply_metadata(fd, how, xattrs=self._xattrs(row))
            if self._each:
                fsync(fd)


def stage_files(plan: FilePlan, *, job_id: str, report: Report = no_report) -> StagedFiles:
    """Extract the members that the plan needs into stages beside the live tree, durably.

    `report` gets bytes and entries written, of `plan.bytes_to_write` and `added + changed`. On any
    failure the stages are removed again. Raises PlanChanged when the archive is another one.
    """
    try:
        with PlanFile(plan.plan_path) as open_plan:
            prepare_stages(open_plan, job_id)
            Stager(open_plan, report).fill(use_cached=True)
            cache_file(plan.plan_path).remove()
            open_plan.remember(step=PlanStep.STAGED)
            open_plan.save()
    except BaseException:
        with contextlib.suppress(StorageError):
            remove_stage(plan.plan_path)
        raise
    return StagedFiles(plan_path=plan.plan_path, job_id=job_id, plan=plan)


def remove_stage(plan_path: PlanPlace, *, report: Report = no_report) -> None:
    """Remove the stages of a plan, and its scratch file.

    The stages of an undo are the asides of the rollback that it undoes: they are only removed when
    empty.
    """
    for scratch in (seen_file(plan_path), cache_file(plan_path), listing_file(plan_path)):
        scratch.remove()
    remove_fetched(plan_path)
    with PlanFile(plan_path, only_read=True) as plan, StagePlaces(plan) as places:
        borrowed = plan.facts.borrowed
        for region in plan.regions():
            if not region.stage:
                continue
            if borrowed:
                places.remove_if_empty(region.stage)
            else:
                places.remove(region.stage, report=report)


__all__ = ["StagedFiles", "remove_stage", "stage_files"]
