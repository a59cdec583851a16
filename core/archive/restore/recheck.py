"""The recheck, with the store closed: finds entries that changed since the plan.

Inode, size and times of every compared entry are read again; a changed entry is compared anew,
staged, added to the plan and named.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from core.archive.plan.compare import Comparison
from core.archive.plan.compare_listing import ListedPlanner
from core.archive.plan.fetched import Fetch, fetch_contents
from core.archive.plan.live_entries import LivePart, LiveParts
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_files import Planner
from core.archive.plan.plan_location import seen_file
from core.archive.plan.rows import Action, PlanRow
from core.archive.plan.summary import summary_of
from core.archive.plan.unwritable import unwritable
from core.archive.restore.places import StagePlaces
from core.archive.restore.stage import StagedFiles, Stager
from core.archive.restore.stages import make_stages
from core.archive.tree.mounts import Regions
from core.archive.tree.open_directories import is_gone
from core.archive.tree.ordinary_changes import are_too_many, is_ordinary
from core.archive.tree.remove import remove_tree
from core.archive.tree.selection import Selection, unreadable
from core.archive.tree.stat_records import Change, Looks, SeenReader, changes, record_of
from core.durable import unlink_if_there
from core.errors import PlanChanged
from core.events import Report, no_report

_REPORT_EVERY: Final = 1024
_SAME_TICK_NS: Final = 20_000_000


class Rechecked(Struct, frozen=True, kw_only=True):
    """The result of a recheck.

    `changed` are the paths that changed, in order. `counted` is how many of them lie outside the
    ordinary changes of an open store (media cache, generated code, logs), `of` how many such
    entries there are. With `too_many` (over one in a hundred) nothing was taken into the plan; else
    `staged` is the plan as it is now.
    """

    changed: tuple[str, ...]
    counted: int
    of: int
    too_many: bool
    staged: StagedFiles


def _problem(path: bytes, error: OSError) -> None:
    if not is_gone(error):
        raise unreadable(path, error) from error


class _Looked(Struct):
    """Changes found by a recheck, and their counts outside the ordinarily changing places."""

    changed: list[bytes] = field(default_factory=list)
    suspect: list[bytes] = field(default_factory=list)
    counted: int = 0
    of: int = 0

    @property
    def too_many(self) -> bool:
        """More than one in a hundred."""
        return are_too_many(self.counted, self.of)


def _looks(live: LiveParts, since_ns: int) -> Iterator[Looks]:
    for part in live:
        if isinstance(part, LivePart):
            yield part.records, part.paths(), part.fresh
        else:
            path, status = part.path, part.status
            fresh = status.st_ctime_ns >= since_ns and not stat.S_ISDIR(status.st_mode)
            yield record_of(path, status), [path], fresh


def _look_again(plan: PlanFile, selection: Selection, report: Report) -> _Looked:
    looked, done, current = _Looked(), 0, b""
    since_ns = max(1, plan.facts.began_ns - _SAME_TICK_NS)

    def tell() -> None:
        report(0, done, os.fsdecode(current))

    with (
        contextlib.closing(SeenReader(seen_file(plan.home))) as before,
        LiveParts(selection, problem=_problem, waited=tell, since_ns=since_ns) as live,
    ):
        now = _looks(live, since_ns)
        for paths, change in changes(before, now, since_ns=since_ns, linked=plan.facts.linked):
            current = paths[-1]
            counts = sum(not is_ordinary(path) for path in paths)
            looked.of += counts
            if change is Change.CERTAIN:
                looked.changed += paths
                looked.counted += counts
            elif change is Change.MAYBE:
                looked.suspect += paths
            if done // _REPORT_EVERY < (done := done + len(paths)) // _REPORT_EVERY:
                tell()
    report(0, done, "")
    return looked


class _Affected:
    """The entries that have to be compared anew; takes their old rows and staged files away."""

    def __init__(self, plan: PlanFile, places: StagePlaces, changed: list[bytes]) -> None:
        self._plan = plan
        self._places = places
        self.paths: set[bytes] = set()
        self.tops: set[bytes] = set()  # units that are compared anew with all below them
        self._names = _second_names(plan)
        for path in changed:
            self._take(path)

    def _take(self, path: bytes) -> None:
        # Of a file that was the same, second names were made as more names of it.
        for unit in self._names.pop(path, ()):
            self._take(unit)
        row = self._plan.row_at(path)
        if self._moves_along(path) if row is None else row.unit is not None:
            return
        self.paths.add(path)
        if row is not None:
            self._drop(row)
        # An entry planned inside a directory may have lost its place.
        for planned in list(self._plan.units_inside(path)):
            self._drop(planned)
            self.tops.add(path)

    def _moves_along(self, path: bytes) -> bool:
        """Tell whether a path is inside a unit, and so is moved with it in any case."""
        above = path.rpartition(b"/")[0]
        while above:
            if above in self.tops:
                return True
            row = self._plan.row_at(above)
            if row is not None and row.action is not Action.MODE:
                return True
            above = above.rpartition(b"/")[0]
        return False

    def _drop(self, row: PlanRow) -> None:
        plan = self._plan
        if plan.delete_unit(row.id) > 1:
            self.tops.add(row.path)
        for region in plan.regions():
            if region.id == row.region and region.stage and self._places.is_there(region.stage):
                _remove_staged(b"%d" % (row.id or 0), self._places.open(region.stage))

    def test(self) -> Callable[[bytes], bool]:
        """Return the test whether a path has to be compared anew."""
        paths = self.paths
        if not self.tops:
            return lambda path: path in paths
        tops = tuple(top + b"/" for top in self.tops)
        return lambda path: path in paths or path.startswith(tops)


def _second_names(plan: PlanFile) -> dict[bytes, list[bytes]]:
    """Return by the path of a file the units in which a second name of it is staged."""
    names: dict[bytes, list[bytes]] = {}
    for row in plan.second_names():
        unit = row if row.unit is None else plan.row_of(row.unit)
        if unit is not None:
            names.setdefault(row.link_then or b"", []).append(unit.path)
    return names


def _remove_staged(name: bytes, stage: int) -> None:
    try:
        unlink_if_there(name, dir_fd=stage)
    except IsADirectoryError:
        remove_tree(name, dir_fd=stage)


def recheck_files(
    staged: StagedFiles, *, report: Report = no_report, fetch: Fetch | None = None
) -> Rechecked:
    """Look at every compared entry again; stage the changed ones, and take them into the plan.

    To be called with the store closed, once before the swap. `report` gets 0 bytes and entries
    looked at; of a plan from a listing, `fetch` brings contents. Raises PlanChanged when the
    archive is another one, or a file system was mounted meanwhile.
    """
    with PlanFile(staged.plan_path) as plan:
        selection = plan.facts.selection()
        looked = _look_again(plan, selection, report)
        changed = looked.changed
        if (changed or looked.suspect) and not looked.too_many:
            planned = {path for path in looked.suspect if plan.row_at(path) is not None}
            _take_in(plan, selection, [*changed, *looked.suspect], fetch)
            changed += [
                path
                for path in looked.suspect
                if (plan.row_at(path) is not None) != (path in planned)
            ]
            staged = replace(staged, plan=summary_of(plan))
    return Rechecked(
        changed=tuple(os.fsdecode(path) for path in changed),
        counted=looked.counted,
        of=looked.of,
        too_many=looked.too_many,
        staged=staged,
    )


def _take_in(
    plan: PlanFile, selection: Selection, changed: list[bytes], fetch: Fetch | None
) -> None:
    last, facts = plan.last_id, plan.facts
    with StagePlaces(plan) as places:
        affected = _Affected(plan, places, changed)
    if not affected.paths:
        plan.save()
        return
    roots = [region.root[len(selection.root) + 1 :] for region in plan.regions()]
    regions = Regions(selection.root, roots)
    comparison = _compare_anew(plan, selection, affected, regions, fetch)
    if comparison.sha256 != facts.sha256:
        raise PlanChanged("The archive is no longer the file that was planned.")
    if len(regions.roots) > len(roots):
        raise PlanChanged("A file system was mounted in the store after the plan was made.")
    make_stages(plan)
    if fetch is not None:
        fetch_contents(plan, fetch, after=last)
    Stager(plan, no_report).fill(after=last)
    plan.remember(unwritable=unwritable(plan, selection))
    plan.save()


def _compare_anew(
    plan: PlanFile,
    selection: Selection,
    affected: _Affected,
    regions: Regions,
    fetch: Fetch | None,
) -> Comparison:
    """Compare the affected entries with the archive, or the listing, and add them to the plan."""
    facts = plan.facts
    if fetch is not None:
        listed = ListedPlanner(
            plan.home,
            selection,
            snapshot=facts.sha256,
            prefix=os.fsencode(facts.listed or ""),
            fetch=fetch,
            report=no_report,
            only=affected.test(),
        )
        return listed.take_in(plan, regions)
    planner = Planner(
        facts.archive,
        selection,
        sha256=facts.given_sha256,
        members=facts.members,
        report=no_report,
        only=affected.test(),
        sound=facts.sound,
    )
    return planner.compare(plan, None, ordered=facts.ordered, regions=regions)
