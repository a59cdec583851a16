"""Compares a whole archive with the live tree; the result is the work of a rollback.

One pass over archive and tree together, in the order of our walk: most members are identical and
cost a comparison, not a file. Nothing is written but the plan and a scratch file beside it. The
criterion of a difference is in `core.archive.plan.compare`.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator

from core.account.open_via_helper import lstat
from core.archive.plan.cached_contents import CacheWriter
from core.archive.plan.chosen_entries import directories_above_exist, first_beginning, unmatched
from core.archive.plan.compare import NAMES_KEPT, Comparison, Same, content_is
from core.archive.plan.completeness import Surveyor
from core.archive.plan.live_entries import Live
from core.archive.plan.outside_links import OutsideLinks
from core.archive.plan.plan_facts import PlanStep
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanPlace, cache_file, seen_file
from core.archive.plan.summary import FilePlan, summary_of
from core.archive.plan.unwritable import unwritable
from core.archive.tar.gzip import Stretch
from core.archive.tar.header import DIRECTORY, HARD_LINK, REGULAR
from core.archive.tar.member import Member
from core.archive.tar.name_index import Index
from core.archive.tar.reader import ArchiveReader, OutOfOrder
from core.archive.tar.verify import InOrder, check_totals
from core.archive.tree.mounts import Regions
from core.archive.tree.open_directories import OpenDirectories, is_gone
from core.archive.tree.patterns import Chosen
from core.archive.tree.selection import Found, Selection, unreadable, walk, walk_key
from core.archive.tree.stat_records import SeenWriter, record_of
from core.events import Kind, Report, Warned, no_report


def merge(
    live: Iterator[Found],
    members: Iterator[Member],
    comparison: Comparison,
    wanted: Callable[[Member], bool],
    same: Same,
    pass_same: Callable[[], None] = lambda: None,
) -> None:
    """Walk both sides together; each is in the order of our walk.

    A member is `wanted` if it has a live entry, so only one that has none is asked about.
    `pass_same` may pass over equal entries, on both sides, where nothing was taken from either.
    """
    pass_same()
    found, member = next(live, None), next(members, None)
    while found is not None or member is not None:
        if found is not None and member is not None and found.path == member.name:
            comparison.both(found, member, same)
            pass_same()
            found, member = next(live, None), next(members, None)
        elif member is not None and not wanted(member):
            member = next(members, None)
        elif member is None or (found is not None and walk_key(found.path) < walk_key(member.name)):
            assert found is not None  # noqa: S101 - for the type checker: one side is there
            found = _only_live(found, live, member, comparison)
        else:
            comparison.only_archive(member)
            member = next(members, None)


def _only_live(
    found: Found, live: Iterator[Found], member: Member | None, comparison: Comparison
) -> Found | None:
    """Pass over live entries that the archive lacks, up to the next member; return that entry."""
    key = None if member is None else walk_key(member.name)
    following: Found | None = found
    while following is not None and (key is None or walk_key(following.path) < key):
        comparison.only_live(following)
        following = next(live, None)
    return following


class Planner:
    """One comparison of an archive with a live tree, in whichever order the members come."""

    def __init__(
        self,
        archive_path: str,
        selection: Selection,
        *,
        sha256: str | None,
        members: int | None,
        report: Report,
        only: Callable[[bytes], bool] | None = None,
        cache_contents: bool = False,
        sound: bool = False,
        start: tuple[Stretch, int] | None = None,
    ) -> None:
        self._only = only
        self._start = start
        self._end = Chosen(selection.chosen).end if selection.chosen and sound else None
        self._sound = sound
        self._cache_contents = cache_contents
        self._path = archive_path
        self._selection = selection
        self._sha256 = sha256
        self._members = members
        self._report = report
        self._trusted = sha256 is not None
        self._left_out = selection.left_out()
        self._surveyor = None if self._trusted or only is not None else Surveyor(selection)

    def _problem(self, path: bytes, error: OSError) -> None:
        if not is_gone(error):
            raise unreadable(path, error) from error

    def _alone(self, comparison: Comparison, seen: SeenWriter | None) -> Iterator[Found]:
        """Walk in this process, and read nothing."""
        only = self._only
        for found in walk(self._selection, problem=self._problem, skipped=comparison.keep):
            if seen is not None:
                seen.add(record_of(found.path, found.status))
            if only is None or only(found.path):
                yield found

    def _belongs(self, name: bytes) -> bool:
        """Tell whether a name is among those that are compared."""
        return name.startswith(self._selection.prefix) and not self._left_out(name)

    def _wanted(self, comparison: Comparison) -> Callable[[Member], bool]:
        """Return the test whether a member is compared."""
        prefix, left_out, only = self._selection.prefix, self._left_out, self._only
        counts = not self._selection.chosen  # else most are left out, as was asked for
        leads = self._selection.leading() or (lambda _name: False)

        def wanted(member: Member) -> bool:
            name = member.name
            if name.startswith(prefix) and not left_out(name):
                return (only is None or only(name)) and (
                    member.type == DIRECTORY or not leads(name)
                )
            if counts:
                is_above = not name or prefix.startswith(name + b"/")
                comparison.skipped += member.content_at >= 0 and not is_above
            return False

        return wanted

    def plan(self, plan_path: PlanPlace) -> FilePlan:
        """Compare, and write the plan."""
        try:
            return self._plan(plan_path, ordered=True)
        except OutOfOrder:
            if self._surveyor is not None:
                self._surveyor = Surveyor(self._selection)
            return self._plan(plan_path, ordered=False)

    def _plan(self, plan_path: PlanPlace, *, ordered: bool) -> FilePlan:
        with PlanFile.create(plan_path) as plan:
            began_ns = plan.status.st_ctime_ns
            with (
                SeenWriter(seen_file(plan.home)) as seen,
                CacheWriter(cache_file(plan.home)) as cache,
            ):
                if not (ordered and self._cache_contents):
                    cache.give_up()
                comparison = self.compare(plan, seen, ordered=ordered, regions=None, cache=cache)
                plan.remember(ordered=ordered, began_ns=began_ns, spool=cache.sha256())
            self._finish(plan, comparison)
            return summary_of(plan, as_added=not comparison.regrouped)

    def compare(
        self,
        plan: PlanFile,
        seen: SeenWriter | None,
        *,
        ordered: bool,
        regions: Regions | None,
        cache: CacheWriter | None = None,
    ) -> Comparison:
        """Read the archive once against the live tree and add the differences to an open plan."""
        start = self._start if ordered and self._end is not None else None
        if start is not None and not directories_above_exist(self._selection):
            start = None
        with ArchiveReader(
            self._path, trusted=self._trusted, report=self._report, start=start
        ) as reader:
            comparison = Comparison(
                plan, self._selection, reader,
                trusted=self._trusted, regions=regions, cache=cache,
            )  # fmt: skip
            if ordered:
                self._in_order(reader, comparison, seen, inside=start is not None)
            else:
                self._by_index(reader, comparison, seen)
            self._check(reader)
            comparison.sha256 = reader.sha256
            comparison.members = reader.members if self._end is None else self._members or 0
            plan.keep_sparse_maps(reader.sparse.maps)
        plan.make_searchable()
        comparison.finish(again=self._only is not None)
        return comparison

    def _check(self, reader: ArchiveReader) -> None:
        """Hold the archive against its manifest, as far as it was not read against its sums."""
        if self._end is None:
            check_totals(reader, sha256=self._sha256, members=self._members)
            return
        # Its headers were looked at when it had this digest, so the rest needs no more than that.
        reader.read_rest()
        check_totals(reader, sha256=self._sha256, members=None)

    def _up_to_end(self, members: Iterable[Member]) -> Iterator[Member]:
        """Yield the members up to the last that can be chosen."""
        end = self._end
        for member in members:
            if end is not None and walk_key(member.name) >= end:
                return
            yield member

    def _surveyed(self, members: Iterable[Member]) -> Iterator[Member]:
        """Yield the members, and take their names into the survey of a foreign archive."""
        surveyor = self._surveyor
        if surveyor is None:
            yield from members
            return
        for member in members:
            surveyor.take(member.name)
            yield member

    def _in_order(
        self,
        reader: ArchiveReader,
        comparison: Comparison,
        seen: SeenWriter | None,
        *,
        inside: bool,
    ) -> None:
        """Read both sides together."""
        # Links that are not chosen are none of its business, where all names are known to be sound.
        is_chosen = self._belongs if self._selection.chosen and self._sound else None
        members = InOrder(
            reader,
            passes_link=lambda name: is_chosen is not None and not is_chosen(name),
            begins_inside=first_beginning(self._selection) if inside else None,
        )
        looked_at = self._up_to_end(self._surveyed(members))

        def merge_with(live: Iterator[Found], pass_same: Callable[[], None]) -> None:
            merge(
                live, looked_at, comparison, self._wanted(comparison),
                lambda member, found: content_is(reader, member, found), pass_same,
            )  # fmt: skip

        # Code has many small files, nearly all of which the archive has too, so it pays to read
        # them before anybody asks. Of media, many may be newer than the archive, and need no
        # reading.
        if self._only is not None or seen is None or self._selection.kind is not Kind.CODE:
            merge_with(self._alone(comparison, seen), lambda: None)
            return
        with Live(
            self._selection,
            problem=self._problem,
            skipped=comparison.keep,
            record=seen.add,
            waited=reader.report,
        ) as live:

            def pass_same() -> None:
                if self._trusted and not comparison.is_replacing:
                    comparison.identical += live.pass_same(members)

            merge_with(live, pass_same)

    def _by_index(
        self, reader: ArchiveReader, comparison: Comparison, seen: SeenWriter | None
    ) -> None:
        """Read the archive first, each member against the live file of its name; merge after."""
        with Index() as index, OpenDirectories(self._selection.root) as open_directories:
            prefix = self._selection.prefix
            is_chosen = self._belongs if self._selection.chosen else None
            for member in self._surveyed(reader):
                same = None
                if (
                    member.type == REGULAR
                    and member.name.startswith(prefix)
                    and (is_chosen is None or is_chosen(member.name))
                ):
                    same = self._same(reader, member, open_directories)
                index.add(member, reader, same=same)
            links = OutsideLinks(index, is_chosen)
            if links:
                links.compare(
                    self._path, lambda found, name: self._same(found, name, open_directories)
                )

            def known(member: Member, found: Found) -> bool:
                if member.type == HARD_LINK:
                    return links.same(member.link) and self._linked(member, found, open_directories)
                return links.same(member.name)

            live, members = self._alone(comparison, seen), links.as_files(index.members())
            merge(live, members, comparison, self._wanted(comparison), known)

    def _same(
        self, reader: ArchiveReader, member: Member, open_directories: OpenDirectories
    ) -> bool:
        found = self._find(member.name, open_directories)
        return found is not None and content_is(reader, member, found)

    def _find(self, path: bytes, open_directories: OpenDirectories) -> Found | None:
        try:
            fd, name = open_directories.parent_of(path[len(self._selection.prefix) :])
            status = lstat(name, fd)
        except OSError as error:
            self._problem(path, error)
            return None
        return Found(path, name, fd, status) if stat.S_ISREG(status.st_mode) else None

    def _linked(self, member: Member, found: Found, open_directories: OpenDirectories) -> bool:
        """Tell whether a live file is one with the live target of a hard link."""
        target = self._find(member.link, open_directories)
        return target is not None and target.status.st_ino == found.status.st_ino

    def _finish(self, plan: PlanFile, comparison: Comparison) -> None:
        selection = self._selection
        plan.set_region_roots(selection.root, comparison.regions.roots)
        plan.remember(
            archive=os.path.abspath(self._path),
            sha256=comparison.sha256,
            given_sha256=self._sha256,
            members=comparison.members,
            kind=selection.kind,
            root=selection.root,
            prefix=selection.prefix,
            ignored=selection.ignored,
            exclude=selection.exclude,
            only=selection.only,
            additive=selection.additive,
            chosen=selection.chosen,
            unmatched=unmatched(plan, selection, self._problem),
            sound=self._sound,
            survey=None if self._surveyor is None else self._surveyor.survey(),
            parents=comparison.parents,
            state=selection.state,
            step=PlanStep.PLANNED,
            warnings=tuple(_warnings(comparison)),
            unwritable=unwritable(plan, selection),
        )
        plan.keep_sums(as_added=not comparison.regrouped)
        plan.save()


def _warnings(comparison: Comparison) -> Iterator[Warned]:
    if comparison.skipped:
        count = comparison.skipped
        yield Warned(
            code="outside", message=f"{count} members belong to no part that is rolled back."
        )
    if comparison.kept:
        names = tuple(os.fsdecode(path) for path in comparison.kept[:NAMES_KEPT])
        yield Warned(code="kept", message="These stay although the archive has them not.",
                     names=names)  # fmt: skip


def plan_files(
    archive_path: str,
    selection: Selection,
    plan_path: PlanPlace,
    *,
    report: Report = no_report,
    sha256: str | None = None,
    members: int | None = None,
    cache_contents: bool = False,
    sound: bool = False,
    start: tuple[Stretch, int] | None = None,
) -> FilePlan:
    """Verify an archive whole and compare it with the live tree; write the plan to `plan_path`.

    With `cache_contents` the contents that a stage needs are cached beside the plan, if few.

    `sha256` and `members` are the manifest's; without them the archive counts as foreign. Where it
    is `sound`, all its headers were looked at when it had that digest: with chosen paths, the
    members behind them are not parsed; and with a `start`, the stretch and the position of a member
    that is not behind the chosen ones, the archive before it is not inflated. `report` gets
    compressed bytes, of which the file's size is the total. Raises DamagedBackup, HostileArchive,
    StoreUnreadable, StorageError; changes nothing in the store.
    """
    planner = Planner(
        archive_path, selection, sha256=sha256, members=members, report=report,
        cache_contents=cache_contents, sound=sound and sha256 is not None, start=start,
    )  # fmt: skip
    return planner.plan(plan_path)
