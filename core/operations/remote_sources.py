"""A set in a repository as the source of a rollback: its parts look like backups in var/backups.

Trees are planned from their listing, and files are fetched as they are asked for; a dump is fetched
whole into the job's directory before anything is closed.
"""

from __future__ import annotations

import os
import stat
import tempfile
import time
from collections.abc import Iterator, Mapping

from msgspec import Struct
from msgspec.structs import replace

from core.archive.plan.compare_listing import is_time, plan_listing
from core.archive.plan.fetched import Fetch
from core.archive.plan.handed_plan import take_over
from core.archive.plan.listing_file import (
    Listed,
    copy_listing,
    listing_file,
    read_listing,
    write_listing,
)
from core.archive.plan.plan_location import PlanLocation, PlanPlace
from core.archive.plan.summary import FilePlan
from core.archive.tree.open_directories import OPEN_FILE, OpenDirectories
from core.archive.tree.selection import Selection, walk_key
from core.backups.catalog import Backup, Health
from core.backups.names import rollback_name
from core.directories import StateFile
from core.durable import fsync, translate
from core.errors import MagerewindError, RepositoryError, SetNotFound
from core.events import Kind, Report, no_report
from core.magento.store import Store
from core.operations.context import JobContext
from core.operations.fetched_dump import forget_dump
from core.operations.findings import Finding, megabytes, note, stop
from core.operations.preflight import space_of
from core.operations.remote import (
    JUST_S,
    just_seen,
    look_at,
    open_restic,
    seen_of,
)
from core.operations.remote_kept import kept_file, kept_manifest, write_whole
from core.operations.requests import RollbackRequest
from core.owned_files import read_plain_file
from core.repository.fetching import fetch_file, fetch_paths, fetcher
from core.repository.listing import list_tree
from core.repository.restic import Restic
from core.repository.sets import DUMP_FILE, PartManifest, RemoteSet, SetManifest, choose_set
from core.repository.settings import Repository

_LARGEST_CONFIGURATION = 4 << 20


class Remote(Struct, frozen=True, kw_only=True):
    """A set that was found in a repository, with its manifest."""

    store: Store
    restic: Restic
    chosen: RemoteSet
    manifest: SetManifest
    checked: bool

    def part(self, kind: Kind) -> PartManifest:
        """Return the manifest of a kind. Raises SetNotFound where the set has none."""
        found = self.manifest.parts.get(kind)
        if found is None or kind not in self.chosen.parts:
            kinds = ", ".join(one for one in Kind if one in self.chosen.parts)
            raise SetNotFound(
                f"The set {self.chosen.timestamp} in {self.chosen.repository} has no {kind}: "
                f"it has {kinds}."
            )
        if found.snapshot != self.chosen.parts[kind].id:
            raise RepositoryError(
                f"The manifest of the set {self.chosen.timestamp} names another snapshot of {kind} "
                "than its tags."
            )
        return found

    def backup(self, kind: Kind, name: str) -> Backup:
        """Return a part as a backup of that name."""
        facts = self.part(kind).facts
        repository = self.restic.repository
        return Backup(
            directory=f"{repository.name}:{repository.shown_url}",
            name=rollback_name(name, kind),
            size_bytes=facts.size_bytes,
            modified_s=self.chosen.parts[kind].time_s,
            health=Health.VERIFIED if self.checked else Health.UNVERIFIED,
            manifest=facts,
            repository=repository.name,
        )

    def small_files(self, paths: tuple[str, ...]) -> dict[bytes, bytes]:
        """Return these small files of the code, as far as it has them.

        One that is live as the listing has it is not fetched. Raises RepositoryError.
        """
        part, names = self.part(Kind.CODE), {path.encode() for path in paths}
        with tempfile.TemporaryDirectory(prefix="magerewind-plan-") as place:
            listing = listing_file(os.path.join(place, "plan"))
            self.bring_listing(Kind.CODE, listing)
            listed = {
                one.path: one for one in _up_to(read_listing(listing), max(names, key=walk_key))
            }
            wanted = {name: one for name in names if (one := listed.get(name)) is not None}
            found = {name: self._live_copy(one) for name, one in wanted.items()}
            if None not in found.values():
                return {name: content for name, content in found.items() if content is not None}
            fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fetch_paths(self.restic, part.snapshot, [*wanted], lambda: fd, no_report)
                return {
                    name: read_plain_file(name, _LARGEST_CONFIGURATION, dir_fd=fd)
                    for name in wanted
                }
            except OSError as error:
                raise translate(error, "reading fetched files") from error
            finally:
                os.close(fd)

    def _live_copy(self, entry: Listed) -> bytes | None:
        """Return a live file that looks as a listed one, None for any other."""
        if not entry.is_file or entry.size > _LARGEST_CONFIGURATION:
            return None
        try:
            with OpenDirectories(os.fsencode(self.store.root)) as directories:
                above, name = directories.parent_of(entry.path)
                fd = os.open(name, OPEN_FILE, dir_fd=above)
            try:
                status = os.fstat(fd)
                if not stat.S_ISREG(status.st_mode) or status.st_size != entry.size:
                    return None
                content = os.read(fd, entry.size + 1)
                same = is_time(entry.mtime_ns, status.st_mtime_ns) and len(content) == entry.size
                return content if same else None
            finally:
                os.close(fd)
        except (OSError, MagerewindError):
            return None

    def fetch(self, kind: Kind, place: PlanPlace, report: Report = no_report) -> Fetch:
        """Return the fetch of files of a kind whose listing lies beside the plan."""
        part = self.part(kind)

        def files() -> Iterator[bytes]:
            listing = read_listing(listing_file(place))
            return (entry.path for entry in listing if entry.is_file)

        return fetcher(self.restic, part.snapshot, part.prefix, files, report)

    def plan(self, kind: Kind, selection: Selection, place: PlanPlace, report: Report) -> FilePlan:
        """List the tree of a kind and compare it with the live one."""
        part = self.part(kind)
        self.bring_listing(kind, listing_file(place), report)
        return plan_listing(
            place,
            selection,
            snapshot=part.snapshot,
            prefix=part.prefix,
            fetch=self.fetch(kind, place),
            report=report,
        )

    def planned(self, kind: Kind, selection: Selection, place: PlanLocation) -> FilePlan | None:
        """Return the plan that the one who showed it has handed over; None where none fits."""
        part = self.part(kind)
        plan = take_over(place, selection, snapshot=part.snapshot, prefix=part.prefix)
        if plan is not None:
            self.bring_listing(kind, listing_file(place))
        return plan

    def bring_listing(self, kind: Kind, target: StateFile, report: Report = no_report) -> None:
        """Write the listing of a tree to a file, the kept one where the tree was listed before.

        Raises RepositoryError, HostileArchive, StorageError.
        """
        part = self.part(kind)
        with kept_file(self.store, f"{part.snapshot}.tree") as kept:
            if kept is None:
                write_listing(target, self._listed(part, report))
                return
            if not kept.exists():
                write_whole(kept, lambda file: write_listing(file, self._listed(part, report)))
            copy_listing(kept, target)

    def _listed(self, part: PartManifest, report: Report) -> Iterator[Listed]:
        above = part.prefix.rstrip(b"/").split(b"/") if part.prefix else []
        for depth in range(1, len(above) + 1):  # of which a snapshot of the media knows nothing
            path = b"/".join(above[:depth])
            yield Listed(path, stat.S_IFDIR | 0o755, os.geteuid(), os.getegid(), 0, 0, 0, b"")
        for number, entry in enumerate(list_tree(self.restic, part, part.prefix)):
            if number % 256 == 0:
                report(0, number, os.fsdecode(entry.path))
            yield entry


def _up_to(listing: Iterator[Listed], last: bytes) -> Iterator[Listed]:
    """Yield the entries up to a path, in the order of the walk."""
    key = walk_key(last)
    for entry in listing:
        if walk_key(entry.path) > key:
            return
        yield entry


def open_remote(store: Store, request: RollbackRequest, *, environ: Mapping[str, str]) -> Remote:
    """Find the set that a request is about. Raises RepositoryError, SetNotFound."""
    if request.repository is None:
        raise MagerewindError("No repository is known.")
    timestamps = {_timestamp(request.file_of(kind)) for kind in request.kinds}
    if len(timestamps) != 1:
        raise SetNotFound("A rollback takes the parts of one set.")
    return find_remote(
        store,
        request.repository,
        request.store,
        timestamps.pop(),
        kinds=request.kinds,
        environ=environ,
    )


def find_remote(
    store: Store,
    repository: Repository,
    name: str,
    timestamp: str,
    *,
    kinds: tuple[Kind, ...],
    environ: Mapping[str, str],
    within_s: float = JUST_S,
) -> Remote:
    """Find a set of the store `name`, of any for an empty one, that has these kinds.

    A content seen within so many seconds is believed; else the repository is asked. Raises
    RepositoryError, SetNotFound.
    """
    restic = open_restic(store, repository, environ=environ)
    seen = seen_of(store, repository.name)
    chosen = just_seen(seen, name, timestamp, now_s=time.time(), within_s=within_s)
    if chosen is None:
        holdings = look_at(store, restic, name=name or None, now_s=None)
        chosen = choose_set(holdings, timestamp, repository=repository.name, kinds=kinds, torn=True)
    return Remote(
        store=store,
        restic=restic,
        chosen=chosen,
        manifest=kept_manifest(store, restic, chosen),
        checked=seen is not None and seen.is_checked(chosen),
    )


def _timestamp(name: str | None) -> str:
    return (name or "").partition("_")[0]


def fetch_dump(context: JobContext, remote: Remote, backup: Backup, report: Report) -> Backup:
    """Bring the dump into the job's directory; return it as a backup there.

    Raises RepositoryError for one that is not whole, StorageError.
    """
    part, directory = remote.part(Kind.DB), context.directory
    name = backup.name.text
    forget_dump(directory)
    fd = directory.create(name)
    try:
        fetch_file(
            remote.restic,
            part.snapshot,
            f"/{DUMP_FILE}",
            fd,
            size=part.facts.size_bytes,
            report=report,
        )
        fsync(fd)
    except OSError as error:
        raise translate(error, f"writing {directory.path_of(name)}") from error
    finally:
        os.close(fd)
    return replace(backup, directory=directory.path)


def space_findings(
    store: Store, remote: Remote, plans: Mapping[Kind, FilePlan], *, dump_bytes: int = 0
) -> list[Finding]:
    """Return findings on the space for what is fetched beside the stages, and on the set."""
    needed = sum(plan.bytes_to_write for plan in plans.values()) + dump_bytes
    free_bytes, _total = space_of(store.state_directory)
    found: list[Finding] = []
    if needed > free_bytes:
        found.append(
            stop(
                "space-fetched",
                f"{megabytes(needed)} have to be fetched into {store.state_directory}, and "
                f"{megabytes(free_bytes)} are free.",
            )
        )
    if remote.chosen.missing:
        lacks = " and ".join(remote.chosen.missing)
        found.append(note("torn", f"The set lacks its {lacks}: only the rest is there."))
    if remote.manifest.differs:
        found.append(
            note(
                "differs",
                "The set was copied with the store open; changed after the local backup:",
                names=remote.manifest.differs[:50],
            )
        )
    return found


def dump_findings(remote: Remote, no_index: str) -> list[Finding]:
    """Return the findings of a preview on a dump that is not fetched yet.

    `no_index`: why its tables cannot be compared before, empty where they can.
    """
    facts = remote.part(Kind.DB).facts
    tables = f" of {len(facts.rows)} tables" if facts.rows else ""
    message = (
        f"The dump{tables} ({megabytes(facts.size_bytes)}) is fetched and checked by the job, "
        "before the store is closed."
    )
    if no_index:
        message += f" All of it is loaded, since no table can be compared with it: {no_index}."
    return [note("dump-later", message)]
