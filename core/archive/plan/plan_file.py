"""The plan of a rollback of files: one SQLite file that survives, and is never held in memory.

It owns the form of that file: what is to change, the inode of everything that will be moved, and
where stage and aside are. Whoever has it and the disk can finish or revert the work. SQLite is
here the durable, searchable list: rows are found by path and by unit, changed in a transaction
that is on disk when it returns, and read without being loaded. It knows nothing of archives.

A *unit* is what moves as one rename: an entry of which the directory above stays. Entries below a
unit are in the list too (they are shown, counted and extracted), with the unit's id.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final, Self

from core import durable
from core.archive.plan.check import check_plan
from core.archive.plan.home import PlanPlace, plan_home
from core.archive.plan.rows import Action, DirectoryTotals, Region, Row, Totals
from core.archive.plan.sqlite_file import connect
from core.archive.plan.survey import Survey
from core.archive.tar.sparse import SparseMap
from core.archive.tree.selection import Selection
from core.durable import translate
from core.errors import DiskFull, StorageError
from core.events import Kind, Warned

PLAN_FORMAT: Final = 2
_BATCH: Final = 2000
_ACTIONS: Final = {action.value: action for action in Action}
_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long

_SCHEMA: Final = """
PRAGMA user_version = 2;
CREATE TABLE fact (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE attribute (content_at INTEGER, name BLOB, value BLOB);
CREATE TABLE sparse (content_at INTEGER PRIMARY KEY, map BLOB);
CREATE TABLE region (id INTEGER PRIMARY KEY, root BLOB, stage BLOB, aside BLOB);
CREATE TABLE entry (
  id INTEGER PRIMARY KEY, path BLOB, action TEXT, unit INTEGER, region INTEGER,
  content_at INTEGER,
  type_then INTEGER, mode_then INTEGER, size_then INTEGER, mtime_then INTEGER,
  uid_then INTEGER, gid_then INTEGER, link_then BLOB,
  type_now INTEGER, mode_now INTEGER, size_now INTEGER, mtime_now INTEGER,
  uid_now INTEGER, gid_now INTEGER, ino_now INTEGER, ino_staged INTEGER
);
"""
_ATTRIBUTES: Final = "SELECT name, value FROM attribute WHERE content_at = ?"
_SIDES: Final = Row._fields.index("type_now")
_INSERT: Final = f"INSERT INTO entry VALUES ({','.join('?' * len(Row._fields))})"
_INSERT_ADDED: Final = (
    f"INSERT INTO entry ({','.join(Row._fields[:_SIDES])}, size_now, mtime_now)"
    f" VALUES ({','.join('?' * _SIDES)}, 0, 0)"
)
"""Of what has no live side."""
_INDEXES: Final = (
    "CREATE INDEX IF NOT EXISTS entry_path ON entry (path)",
    "CREATE INDEX IF NOT EXISTS entry_unit ON entry (unit)",
    "CREATE INDEX IF NOT EXISTS attribute_content ON attribute (content_at)",
    "CREATE INDEX IF NOT EXISTS entry_content ON entry (content_at)",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEntry:
    """One line of a plan, for people. Sizes in bytes; None where that side does not exist."""

    action: Action
    path: str
    size_now: int | None
    size_then: int | None
    mode_now: int | None
    mode_then: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePlan:
    """What the rollback of one archive will do to the live tree.

    Counts are entries. `bytes_to_write` is the content that has to be extracted. `fingerprint` is
    a digest of the archive and the list. `unrestorable` names what this account cannot restore as
    it was, `unwritable` the directories in which it may not rename at all, and what a flag of
    `chattr` keeps as it is (named with the flag), `becoming` how many entries of which accounts
    become this account's, `kept` what stays where it is although the
    archive does not have it (mounts, and what the maker of a foreign archive would have left out).
    `sizes` are at most 2 levels deep. `survey` is of an archive without a manifest.
    """

    plan_path: PlanPlace
    archive_path: str
    kind: Kind
    members: int
    identical: int
    added: int
    changed: int
    removed: int
    mode_only: int
    bytes_to_write: int
    fingerprint: str
    by_directory: tuple[DirectoryTotals, ...] = ()
    unrestorable: tuple[str, ...] = ()
    unwritable: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    becoming: tuple[tuple[str, int], ...] = ()
    skipped: int = 0
    warnings: tuple[Warned, ...] = field(default=())
    survey: Survey | None = None

    @property
    def differs(self) -> int:
        """How many entries will change."""
        return self.added + self.changed + self.removed + self.mode_only

    def entries(self) -> Iterator[PlannedEntry]:
        """Yield the whole list from the file, in the order of the walk; memory stays flat."""
        with PlanFile(self.plan_path, only_read=True) as plan:
            for row in plan.rows("ORDER BY id"):
                yield PlannedEntry(
                    action=row.action,
                    path=os.fsdecode(row.path),
                    size_now=None if row.type_now is None else row.size_now,
                    size_then=None if row.type_then is None else row.size_then,
                    mode_now=row.mode_now,
                    mode_then=row.mode_then,
                )


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "full" in text:
            raise DiskFull(f"No space left while writing the plan {path}.") from error
        raise StorageError(f"Failed with the plan {path}: {text}") from error


class PlanFile:
    """A plan that is open. Nothing is on disk before `save`."""

    def __init__(self, place: PlanPlace, *, only_read: bool = False, new: bool = False) -> None:
        self.home = plan_home(place)
        self.path = self.home.path
        with _translated(self.path):
            self._fd, self._connection = connect(self.home.file, only_read=only_read)
        self._pending: list[Row] = []
        self._copied: list[Row] = []
        self._totals = Totals()
        try:
            self._begin(only_read=only_read, new=new)
        except BaseException:
            self.close()
            raise
        self._next = 1 + int(self._one("SELECT coalesce(max(id), 0) FROM entry"))

    def _begin(self, *, only_read: bool, new: bool) -> None:
        with _translated(self.path):
            # Nobody relies on a new plan before it was saved: `save` flushes it, once.
            self._connection.execute(f"PRAGMA synchronous = {'OFF' if new else 'FULL'}")
            if new:
                self._connection.execute("PRAGMA journal_mode = MEMORY")
                self._connection.executescript(_SCHEMA)
            self._connection.execute("PRAGMA cache_size = -4000")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version != PLAN_FORMAT:
                raise StorageError(
                    f"The plan {self.path} is not one that this version understands."
                )
            if not only_read:
                self._connection.execute("BEGIN IMMEDIATE")
        if not new and self.home.bounds is not None:
            check_plan(self, self.home.bounds)

    @classmethod
    def create(cls, place: PlanPlace) -> PlanFile:
        """Start a plan in place of an old one."""
        home = plan_home(place)
        try:
            for file in (home.file, home.file.beside("-journal")):
                file.remove()
            os.close(home.file.create())
        except OSError as error:
            raise translate(error, f"making the plan {home.path}") from error
        return cls(home, new=True)

    def close(self) -> None:
        """Close the file; what was not saved is rolled back."""
        self._connection.close()
        if self._fd >= 0:  # after the connection: closing any descriptor of a file ends its locks
            fd, self._fd = self._fd, -1
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def status(self) -> os.stat_result:
        """What the file is now."""
        return os.fstat(self._fd)

    def save(self) -> None:
        """Bring everything to disk."""
        self.make_searchable()
        with _translated(self.path):
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            durable.fsync(self._fd)
            self.home.directory.flush()
        except OSError as error:
            raise translate(error, f"writing the plan {self.path}") from error

    def make_searchable(self) -> None:
        """Make the indexes, which are cheaper when the rows are in."""
        self._flush()
        with _translated(self.path):
            for statement in _INDEXES:
                self._connection.execute(statement)

    def _one(self, query: str, *values: object) -> Any:  # noqa: ANN401 - a column
        with _translated(self.path):
            row = self._connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    def count(self, query: str, *values: object) -> int:
        """Return the number that a query asks for."""
        self._flush()
        return int(self._one(query, *values))

    def execute(self, statement: str, *values: object) -> int:
        """Run one statement on the rows; return how many it touched."""
        self._flush()
        with _translated(self.path):
            return self._connection.execute(statement, values).rowcount

    def fact(self, name: str) -> Any:  # noqa: ANN401 - a JSON value
        """Return a remembered value, None when it is not there."""
        text = self._one("SELECT value FROM fact WHERE name = ?", name)
        return None if text is None else json.loads(text)

    def remember(self, **facts: Any) -> None:  # noqa: ANN401 - JSON values
        """Keep values; surrogate escapes survive."""
        for name, value in facts.items():
            self.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", name, json.dumps(value))

    def add(self, row: Row) -> int:
        """Append an entry and return its id."""
        number = self._next
        self._next += 1
        unit = number if row.unit is None else row.unit
        self._pending.append(_new(Row, (number, row[1], row[2], unit, *row[4:])))
        if len(self._pending) >= _BATCH:
            self._flush()
        return number

    def copy(self, row: Row) -> None:
        """Append an entry that keeps its id."""
        self._copied.append(row._replace(unit=row.id if row.unit is None else row.unit))
        if len(self._copied) >= _BATCH:
            self._flush()

    @property
    def last_id(self) -> int:
        """The highest id so far."""
        return self._next - 1

    def _flush(self) -> None:
        if self._pending:
            self._totals.take(self._pending)
            # Of a rollback into an empty tree all are such, and each value takes its time.
            added = [row[:_SIDES] for row in self._pending if row[2] is Action.ADD]
            self._insert(_INSERT_ADDED, added)
            if len(added) < len(self._pending):
                rest = [row for row in self._pending if row[2] is not Action.ADD]
                self._insert(_INSERT, rest)
            self._pending.clear()
        if self._copied:
            self._insert(_INSERT, self._copied)
            self._copied.clear()

    def _insert(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with _translated(self.path):
            self._connection.executemany(statement, rows)

    def rows(self, tail: str = "ORDER BY id", *values: object) -> Iterator[Row]:
        """Yield entries; `tail` is the rest of the query. Rows may be changed meanwhile."""
        self._flush()
        with _translated(self.path):
            cursor = self._connection.execute(f"SELECT * FROM entry {tail}", values)
            while chunk := cursor.fetchmany(500):
                for number, path, action, unit, *rest in chunk:
                    whose = None if unit == number else unit
                    yield _new(Row, (number, path, _ACTIONS[action], whose, *rest))

    def keep_attributes(self, content_at: int, attributes: Mapping[bytes, bytes]) -> None:
        """Keep the extended attributes of a member."""
        self._insert(
            "INSERT INTO attribute VALUES (?, ?, ?)",
            [(content_at, name, value) for name, value in attributes.items()],
        )

    def attributes(self, content_at: int) -> dict[bytes, bytes]:
        """Return the extended attributes of a member."""
        with _translated(self.path):
            found = self._connection.execute(_ATTRIBUTES, (content_at,)).fetchall()
        return dict(found)

    def keep_sparse_maps(self, maps: Mapping[int, SparseMap]) -> None:
        """Keep where the stored pieces of sparse members belong, by `content_at`."""
        self._insert(
            "INSERT OR REPLACE INTO sparse VALUES (?, ?)",
            [(content_at, found.packed()) for content_at, found in maps.items()],
        )

    def sparse_maps(self) -> dict[int, SparseMap]:
        """Return the maps of all sparse members, by `content_at`."""
        with _translated(self.path):
            found = self._connection.execute("SELECT content_at, map FROM sparse").fetchall()
        return {content_at: SparseMap.unpacked(packed) for content_at, packed in found}

    def row_at(self, path: bytes) -> Row | None:
        """Return the entry of a path."""
        return next(self.rows("WHERE path = ?", path), None)

    def regions(self) -> list[Region]:
        """Return the regions by their ids."""
        with _translated(self.path):
            found = self._connection.execute("SELECT * FROM region ORDER BY id").fetchall()
        return [Region._make(row) for row in found]

    def set_region_roots(self, root: bytes, relative: Iterable[bytes]) -> None:
        """Keep where regions begin; their stages come later."""
        regions = enumerate(os.path.join(root, path) if path else root for path in relative)
        self.set_regions(Region(number, path, b"", b"") for number, path in regions)

    def set_regions(self, regions: Iterable[Region]) -> None:
        """Keep the regions."""
        self.execute("DELETE FROM region")
        for region in regions:
            self.execute("INSERT INTO region VALUES (?, ?, ?, ?)", *region)

    def summary(self, *, as_added: bool = False) -> FilePlan:
        """Return the plan's totals as they are now; `as_added`: no row changed since `add`."""
        self._flush()
        totals = self._totals
        if not as_added:
            totals = Totals()
            rows = self.rows("ORDER BY id")
            while chunk := list(itertools.islice(rows, _BATCH)):
                totals.take(chunk)
        counts = totals.counts
        warnings = tuple(Warned(code=c, message=m, names=tuple(n)) for c, m, n in
                         self.fact("warnings") or ())  # fmt: skip
        survey = self.fact("survey")
        return FilePlan(
            plan_path=self.home,
            archive_path=str(self.fact("archive")),
            kind=Kind(self.fact("kind")),
            members=int(self.fact("members") or 0),
            identical=int(self.fact("identical") or 0),
            added=counts[Action.ADD],
            changed=counts[Action.CHANGE],
            removed=counts[Action.REMOVE],
            mode_only=counts[Action.MODE],
            bytes_to_write=totals.written,
            fingerprint=totals.fingerprint(str(self.fact("sha256"))),
            by_directory=totals.directories(),
            unrestorable=tuple(self.fact("unrestorable") or ()),
            unwritable=tuple(self.fact("unwritable") or ()),
            kept=tuple(self.fact("kept") or ()),
            becoming=tuple(sorted((self.fact("becoming") or {}).items())),
            skipped=int(self.fact("skipped") or 0),
            warnings=warnings,
            survey=None if survey is None else Survey.from_json(survey),
        )


__all__ = ["Action", "DirectoryTotals", "FilePlan", "PlanFile", "PlannedEntry", "Region", "Row"]


def selection_of(plan: PlanFile) -> Selection:
    """Return the selection that a plan was made for."""
    return Selection(
        kind=Kind(plan.fact("kind")),
        root=os.fsencode(plan.fact("root")),
        prefix=os.fsencode(plan.fact("prefix")),
        ignored=frozenset(os.fsencode(path) for path in plan.fact("ignored")),
        exclude=tuple(plan.fact("exclude")),
        only=os.fsencode(plan.fact("only") or ""),
        additive=bool(plan.fact("additive")),
        state=os.fsencode(plan.fact("state")),
    )
