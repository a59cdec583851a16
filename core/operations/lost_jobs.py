"""Finds lost jobs: jobs without a directory, known by traces in the schema, the tree and the flag.

Tables of a lost job name the job and its store, its flag names its phase, and its stage and aside
directories have its id in their names. Nothing is changed here; `verdict_of` decides which acts the
traces prove safe.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct, field

from core import owned_files
from core.archive.tree.mounts import mounts_below
from core.archive.tree.remove import tree_bytes
from core.durable import translate
from core.errors import ConfigurationError, JobInterrupted, MagerewindError, StoreUnreadable
from core.magento.maintenance import FlagContent, maintenance_state
from core.magento.settings import DatabaseConnection
from core.magento.store import Store, linked_parts
from core.magento.trusted_paths import followed, open_trusted_directory, resolved
from core.operations.findings import Finding, megabytes, stop, warn

RECOVER: Final = "magerewind job:recover --without-memory"
DISCARD: Final = "magerewind job:discard --orphans removes it, and asks before."
_ID: Final = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
_SHORT: Final = re.compile(r"(\d{8})(\d{6})([0-9a-f]{4})")
_PLACE: Final = re.compile(r"(?:\.magerewind-)?(stage|aside)-(\d{8}-\d{6}-[0-9a-f]{4})-(\w+)")


class LostVerdict(StrEnum):
    """The proof of a lost job's traces, and so the acts that are right."""

    OLD = "old"  # nothing live was moved: prepared entries can go
    BACK = "back"  # tables were renamed, and nothing else: they can be renamed back
    NEW = "new"  # everything was moved: the database can be brought to its end
    DONE = "done"  # it had ended: only an undo is left, which nothing remembers
    UNKNOWN = "unknown"  # files may have been moved, and which is not known any more


class LostTables(Struct, frozen=True, kw_only=True):
    """Tables of a lost job: counts without its marker, bytes as the server estimates them.

    `phase` is that of its marker, None without one; `renamed`: live names were given away.
    """

    short: str
    staged: int
    aside: int
    bytes: int
    phase: str | None = None
    kinds: tuple[str, ...] = ()
    renamed: bool = False


class LostPlace(Struct, frozen=True, kw_only=True):
    """A stage or aside directory of a lost job, with its bytes and its number of entries."""

    path: str
    is_aside: bool
    kind: str
    bytes: int
    entries: int


class LostJob(Struct, frozen=True, kw_only=True):
    """All traces of one job whose memory is gone. `mark` is of the flag, if that is of this job."""

    job_id: str
    mark: FlagContent | None = None
    tables: LostTables | None = None
    places: tuple[LostPlace, ...] = ()

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds that it worked on, as far as they are known."""
        if self.mark is not None and self.mark.kinds:
            return self.mark.kinds
        if self.tables is not None and self.tables.kinds:
            return self.tables.kinds
        return tuple(dict.fromkeys(place.kind for place in self.places))

    @property
    def bytes(self) -> int:
        """Its size on disk and in the schema."""
        tables = 0 if self.tables is None else self.tables.bytes
        return tables + sum(place.bytes for place in self.places)

    @property
    def only_leftovers(self) -> bool:
        """Whether it neither keeps the store closed nor left anything half done."""
        phase = self.tables.phase if self.tables is not None else None
        return self.mark is None and (self.tables is None or phase == "done")


class LostJobs(Struct, frozen=True, kw_only=True):
    """The lost jobs of a store; `problem`: why its schema could not be looked at."""

    jobs: tuple[LostJob, ...] = ()
    problem: str | None = None

    @property
    def urgent(self) -> LostJob | None:
        """The newest job that keeps the store closed or left something half done."""
        return next((job for job in self.jobs if not job.only_leftovers), None)


def is_half_done(job: LostJob) -> bool:
    """Tell whether a lost job closed the store, or may have moved anything without an end."""
    tables = job.tables
    moving = tables is not None and tables.phase in {"moving", "swapping", "committed"}
    return job.mark is not None or moving or (tables is not None and tables.renamed)


def verdict_of(job: LostJob) -> LostVerdict:
    """Return the proof about a lost job.

    The database is moved last of all kinds, so once its tables are renamed all files were moved.
    """
    tables, mark = job.tables, job.mark
    phase = tables.phase if tables is not None else None
    files = any(kind != "db" for kind in job.kinds)
    if phase == "done":
        return LostVerdict.DONE
    if phase == "committed":
        return LostVerdict.NEW
    if tables is not None and tables.renamed:
        committed = mark is not None and mark.phase == "committed"
        return LostVerdict.NEW if files or committed else LostVerdict.BACK
    if mark is not None and mark.phase == "committed":
        return LostVerdict.NEW if "db" not in job.kinds else LostVerdict.UNKNOWN
    if tables is not None and phase is None and tables.aside:
        return LostVerdict.UNKNOWN
    moving = phase in {"moving", "swapping"} or (mark is not None and mark.phase == "moving")
    if moving and files:
        return LostVerdict.UNKNOWN
    if mark is None and phase is None and any(place.is_aside for place in job.places):
        return LostVerdict.DONE if tables is None else LostVerdict.UNKNOWN
    return LostVerdict.OLD


class _Found(Struct):
    marks: dict[str, FlagContent] = field(default_factory=dict)
    tables: dict[str, LostTables] = field(default_factory=dict)
    places: dict[str, list[LostPlace]] = field(default_factory=dict)


def known_jobs(store: Store) -> frozenset[str]:
    """Return the names of all jobs that have a directory, with any contents.

    Raises StorageError where that cannot be told: then no job may be taken for a lost one.
    """
    try:
        return frozenset(os.listdir(store.jobs_directory))
    except FileNotFoundError:
        return frozenset()
    except OSError as error:
        raise translate(error, f"reading {store.jobs_directory}") from error


def find_lost(store: Store, *, environ: Mapping[str, str], schema: bool = True) -> LostJobs:
    """Return the lost jobs of a store, newest first. Never raises for a broken part of it.

    Without `schema` its database is not asked.
    """
    found = _Found()
    try:
        known = known_jobs(store)
    except MagerewindError as error:
        return LostJobs(problem=error.message)
    mark = maintenance_state(store).mark
    if mark is not None and mark.job_id not in known:
        found.marks[mark.job_id] = mark
    for job_id, place in _places(store, known):
        found.places.setdefault(job_id, []).append(place)
    problem = None
    try:
        settings = default_settings(store, environ) if schema else None
        if settings is not None:
            found.tables = lost_tables(settings, store, known)
    except MagerewindError as error:
        problem = error.message
    ids = {*found.marks, *found.tables, *found.places}
    return LostJobs(
        jobs=tuple(
            LostJob(
                job_id=job_id,
                mark=found.marks.get(job_id),
                tables=found.tables.get(job_id),
                places=tuple(found.places.get(job_id, ())),
            )
            for job_id in sorted(ids, reverse=True)
        ),
        problem=problem,
    )


def default_settings(store: Store, environ: Mapping[str, str]) -> DatabaseConnection | None:
    """Return the connection of the live configuration, None for a store without a database."""
    from core.magento.env_php import read_configuration  # noqa: PLC0415 - loads the parser

    try:
        configuration = read_configuration(store, environ=environ)
        return configuration.default_connection() if configuration.installed else None
    except ConfigurationError:
        if os.path.lexists(store.env_php):
            raise
        return None


def lost_tables(
    settings: DatabaseConnection, store: Store, known: Iterable[str]
) -> dict[str, LostTables]:
    """Return the tables of lost jobs of this store by the job's id.

    Those whose marker names another store are that store's affair. Raises DatabaseError.
    """
    from core.database.schema.marker import read_mark, read_swap  # noqa: PLC0415
    from core.database.schema.names import aside_name, short_id, staged_name  # noqa: PLC0415
    from core.database.schema.table_names import all_names  # noqa: PLC0415
    from core.database.server.connection import connect  # noqa: PLC0415 - loads the driver
    from core.database.swap.swap import reverse_renames  # noqa: PLC0415
    from core.database.swap.undo import leftovers  # noqa: PLC0415

    shorts = {short_id(job_id) for job_id in known}
    found: dict[str, LostTables] = {}
    for one in leftovers(settings):
        if one.short in shorts or one.short.startswith("trial"):
            continue
        with connect(settings) as connection:
            mark = read_mark(connection, one.short)
            if mark is not None and mark.var and mark.var != resolved(store.var):
                continue
            renamed = False
            if mark is not None and mark.phase == "swapping":
                swap = read_swap(connection, one.short)
                names = all_names(connection)
                renamed = swap is not None and bool(reverse_renames(swap.tables, names))
        markers = {staged_name(one.short, 0), aside_name(one.short, 0)}
        found[mark.job_id if mark is not None else _long_id(one.short)] = LostTables(
            short=one.short,
            staged=len(set(one.staged) - markers),
            aside=len(set(one.aside) - markers),
            bytes=one.bytes,
            phase=None if mark is None else mark.phase,
            kinds=() if mark is None else mark.kinds,
            renamed=renamed,
        )
    return found


def refuse_unfinished(settings: DatabaseConnection, store: Store) -> None:
    """Raise JobInterrupted where a lost job left the schema half done: no job may build on that."""
    for job_id, tables in lost_tables(settings, store, known_jobs(store)).items():
        if tables.renamed or tables.phase == "committed":
            raise JobInterrupted(
                f"Job {job_id} left the database half done, and its memory is gone.",
                hint=f"{RECOVER} shows what can be done and asks.",
            )


def _long_id(short: str) -> str:
    """Return the id of a job by its short form."""
    parts = _SHORT.fullmatch(short)
    return "-".join(parts.groups()) if parts is not None else short


def _places(store: Store, known: frozenset[str]) -> Iterator[tuple[str, LostPlace]]:
    """Yield the stage and aside directories of jobs that are not known.

    Only entries of ours: an account that may write beside them could make such a name, or a link of
    it.
    """
    root = os.fsencode(store.root)
    tops = [store.state_directory, store.root]
    tops += [os.path.join(store.root, os.fsdecode(path)) for path in mounts_below(root)]
    with contextlib.suppress(StoreUnreadable):  # a link that is not followed
        tops += [target for target in (followed(store.root, store.media),) if target is not None]
    tops += [target for _, target in linked_parts(store) if target is not None]
    for top in dict.fromkeys(resolved(one) for one in tops):
        with contextlib.suppress(OSError, StoreUnreadable):
            above = open_trusted_directory(top)
            try:
                yield from _places_in(top, above, known)
            finally:
                os.close(above)


def _places_in(top: str, above: int, known: frozenset[str]) -> Iterator[tuple[str, LostPlace]]:
    for name in sorted(os.listdir(above)):
        parts = _PLACE.fullmatch(name)
        if parts is None or parts[2] in known:
            continue
        with contextlib.suppress(OSError, MagerewindError):
            fd = owned_files.open_directory(name, what=name, dir_fd=above)
            try:
                entries = len(os.listdir(fd))
            finally:
                os.close(fd)
            place = LostPlace(
                path=os.path.join(top, name),
                is_aside=parts[1] == "aside",
                kind=parts[3],
                bytes=tree_bytes(os.fsencode(name), dir_fd=above),
                entries=entries,
            )
            yield parts[2], place


_PROVEN: Final = {
    LostVerdict.OLD: "Nothing live was changed: files and tables are as they were before it.",
    LostVerdict.BACK: "Its tables took the place of the live ones and can be put back.",
    LostVerdict.NEW: "All that it works on is new; the rest of its work can be done.",
    LostVerdict.DONE: "It had ended; what it set aside is the undo that nothing remembers.",
    LostVerdict.UNKNOWN: (
        "Which files it moved cannot be told: they may be partly old and partly new."
    ),
}


def lost_lines(job: LostJob) -> tuple[str, ...]:
    """Return the facts of a lost job, one a line."""
    lines: list[str] = []
    if job.mark is not None:
        lines.append("It closed the store, which is closed since.")
    tables = job.tables
    if tables is not None and tables.staged:
        lines.append(f"{tables.staged} staged tables")
    if tables is not None and tables.aside:
        lines.append(f"{tables.aside} tables set aside")
    if tables is not None and tables.bytes:
        lines.append(f"{megabytes(tables.bytes)} in these tables")
    for place in job.places:
        what = "set aside" if place.is_aside else "staged"
        entries = f"{place.entries} {'entry' if place.entries == 1 else 'entries'}"
        lines.append(f"{place.path}: {entries} {what}, {megabytes(place.bytes)}")
    lines.append(_PROVEN[verdict_of(job)])
    return tuple(lines)


def lost_findings(traces: LostJobs) -> list[Finding]:
    """Return the lost jobs as findings: one that left something half done stops the next start."""
    found: list[Finding] = []
    for job in traces.jobs:
        make, hint = stop, f"{RECOVER} shows what can be done and asks."
        if job.only_leftovers:
            make, hint = warn, DISCARD
        found.append(
            make(
                "memory-gone",
                f"The memory of job {job.job_id} is gone; this is left of it:",
                hint=hint,
                names=lost_lines(job),
            )
        )
    return found
