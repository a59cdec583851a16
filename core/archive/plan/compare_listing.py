"""Compares a listing of a tree that is kept elsewhere with the live tree.

A file of the same size and time is the same; one of the same size and another time is in doubt, and
its content is fetched and compared. The plan equals the plan of an archive, except that contents
are fetched when a stage needs them, and only those of differing files.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final

from core.account.open_via_helper import open_to_read
from core.archive.plan.compare import Comparison
from core.archive.plan.fetched import PIECE, Fetch, FetchedFiles
from core.archive.plan.listing_file import Listed, Members, listing_file, read_listing
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_files import Planner, merge
from core.archive.plan.plan_location import PlanPlace, seen_file
from core.archive.plan.summary import FilePlan, summary_of
from core.archive.tar.header import HARD_LINK
from core.archive.tar.member import Member
from core.archive.tree.mounts import Regions
from core.archive.tree.open_directories import OPEN_FILE, is_gone
from core.archive.tree.selection import Found, Selection, unreadable
from core.archive.tree.stat_records import SeenWriter
from core.events import Report, no_report

_SECOND_NS: Final = 1_000_000_000
_REPORT_EVERY: Final = 256


class _Live:
    """Live entries, of which the next can be looked at before it is taken."""

    def __init__(self, entries: Iterator[Found]) -> None:
        self._entries = entries
        self._waiting: Found | None = None

    def __iter__(self) -> Iterator[Found]:
        return self

    def __next__(self) -> Found:
        found, self._waiting = self._waiting or next(self._entries), None
        return found

    def looks_like(self, entry: Listed) -> bool:
        """Take the next entry if it is a listed file by all that a look at it tells."""
        found = self._waiting or next(self._entries, None)
        if found is None:
            return False
        status = found.status
        if (
            found.path == entry.path
            and status.st_mode == entry.mode
            and status.st_size == entry.size
            and status.st_nlink == 1
            and is_time(entry.mtime_ns, status.st_mtime_ns)
            and (status.st_uid, status.st_gid) == (entry.uid, entry.gid)
        ):
            self._waiting = None
            return True
        self._waiting = found
        return False


class ListedPlanner(Planner):
    """One comparison of a listing with a live tree."""

    def __init__(
        self,
        place: PlanPlace,
        selection: Selection,
        *,
        snapshot: str,
        prefix: bytes,
        fetch: Fetch,
        report: Report,
        only: Callable[[bytes], bool] | None = None,
    ) -> None:
        super().__init__(
            listing_file(place).path, selection,
            sha256=snapshot, members=None, report=report, only=only,
        )  # fmt: skip
        self._place = place
        self._snapshot = snapshot
        self._fetch = fetch
        self._fetched = FetchedFiles(place, prefix)
        self._prefix = prefix
        self._doubts: dict[bytes, int] = {}
        self._live_inodes: dict[bytes, int] = {}

    def plan(self, plan_path: PlanPlace) -> FilePlan:
        """Compare; fetch the files in doubt, and compare once more."""
        with self._fetched:
            plan = self._once(plan_path)
            if self._doubts:
                self._resolve_doubts()
                plan = self._once(plan_path)
            return plan

    def _resolve_doubts(self) -> None:
        self._fetched.fetch(self._fetch, sorted(self._doubts))
        self._doubts.clear()

    def _once(self, plan_path: PlanPlace) -> FilePlan:
        with PlanFile.create(plan_path) as plan:
            began_ns = plan.status.st_ctime_ns
            with SeenWriter(seen_file(plan.home)) as seen:
                comparison = self._compare(plan, seen, regions=None)
            plan.remember(ordered=True, listed=os.fsdecode(self._prefix), began_ns=began_ns)
            self._finish(plan, comparison)
            return summary_of(plan, as_added=not comparison.regrouped)

    def take_in(self, plan: PlanFile, regions: Regions) -> Comparison:
        """Add the differing entries of the chosen ones to an open plan."""
        last = plan.last_id
        with self._fetched:
            comparison = self._compare(plan, None, regions=regions)
            if self._doubts:
                self._resolve_doubts()
                plan.delete_after(last)
                comparison = self._compare(plan, None, regions=regions)
            return comparison

    def _compare(
        self, plan: PlanFile, seen: SeenWriter | None, *, regions: Regions | None
    ) -> Comparison:
        comparison = Comparison(plan, self._selection, None, trusted=True, regions=regions)
        current: list[Listed] = []
        belongs = self._belongs if self._selection.chosen else None
        members = Members(read_listing(listing_file(self._place)), belongs=belongs)
        live = _Live(self._alone(comparison, seen))
        parts = self._selection.chosen or self._selection.only or self._only is not None

        def listed() -> Iterator[Member]:
            reported = 0
            for member, entry in members:
                if members.count - reported >= _REPORT_EVERY:
                    reported = members.count
                    self._report(0, reported, os.fsdecode(member.name))
                current[:] = (entry,)
                yield member

        def same(member: Member, found: Found) -> bool:
            return self._is_same(current[0], member, found)

        def pass_same() -> None:
            if not parts and not comparison.is_replacing:
                comparison.identical += members.pass_over(live.looks_like)

        merge(live, listed(), comparison, self._wanted(comparison), same, pass_same)
        comparison.sha256, comparison.members = self._snapshot, members.count
        plan.make_searchable()
        comparison.finish(again=self._only is not None)
        return comparison

    def _is_same(self, entry: Listed, member: Member, found: Found) -> bool:
        """Tell whether a live file is that of the listing, as far as is known yet."""
        status = found.status
        if status.st_nlink > 1:
            self._live_inodes[found.path] = status.st_ino
        if member.type == HARD_LINK and self._live_inodes.get(member.link) != status.st_ino:
            return False
        if entry.size != status.st_size:
            return False
        if is_time(entry.mtime_ns, status.st_mtime_ns) or not entry.size:
            return True
        fd = self._fetched.open(entry.path, entry.size)
        if fd is None:
            self._doubts[entry.path] = entry.size
            return False
        return _is_content(fd, found)


def is_time(listed_ns: int, live_ns: int) -> bool:
    """Tell whether a live time is the listed one; a rollback and tar write whole seconds."""
    return live_ns == listed_ns or live_ns == listed_ns - listed_ns % _SECOND_NS


def _is_content(fetched: int, found: Found) -> bool:
    """Compare a fetched file with a live one of its size."""
    try:
        live = open_to_read(found.name, OPEN_FILE, found.dir_fd)
    except OSError as error:
        os.close(fetched)
        if is_gone(error):
            return False
        raise unreadable(found.path, error) from error
    try:
        while piece := os.read(fetched, PIECE):
            if os.read(live, len(piece)) != piece:
                return False
    except OSError as error:
        raise unreadable(found.path, error) from error
    finally:
        os.close(fetched)
        os.close(live)
    return True


def plan_listing(
    place: PlanPlace,
    selection: Selection,
    *,
    snapshot: str,
    prefix: bytes,
    fetch: Fetch,
    report: Report = no_report,
) -> FilePlan:
    """Compare the listing beside `place` with the live tree; write the plan to `place`.

    `prefix` precedes the paths of the listed tree in its members.

    Raises StoreUnreadable, StorageError, and errors of `fetch`; changes nothing in the store.
    """
    planner = ListedPlanner(
        place, selection, snapshot=snapshot, prefix=prefix, fetch=fetch, report=report
    )
    return planner.plan(place)
