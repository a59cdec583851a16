"""The plan of a rollback of files: one SQLite file that survives, and is never held in memory.

It owns the form of that file: the changes to make, the inode of everything that will be moved, and
where stage and aside are. With it and the disk alone the work can be finished or reverted.
SQLite is the durable, searchable list: rows are found by path and by unit, changed in a transaction
that is on disk when it returns, and read without being loaded. It knows nothing of archives.

A *unit* moves as one rename: an entry of which the directory above stays. Entries below a
unit are in the list too (they are shown, counted and extracted), with the unit's id.
"""

from __future__ import annotations

import itertools
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from core.archive.plan.check import check_facts, check_regions
from core.archive.plan.directory_totals import DirectorySums
from core.archive.plan.plan_database import PlanDatabase, make_file
from core.archive.plan.plan_facts import NAMES, PlanFacts, decoded, encoded
from core.archive.plan.plan_location import PlanBounds, PlanPlace, plan_location
from core.archive.plan.plan_schema import INDEXES, KEEP_SUMS, OUTSIDE, PLAN_FORMAT, SCHEMA
from core.archive.plan.rows import Action, PlanRow, Region, Totals
from core.archive.tar.sparse import SparseMap
from core.errors import MALFORMED, StorageError

_BATCH: Final = 2000
_ACTIONS: Final = {action.value: action for action in Action}
_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long

_ATTRIBUTES: Final = "SELECT name, value FROM attribute WHERE content_at = ?"
_SIDES: Final = PlanRow._fields.index("type_now")
_INSERT: Final = f"INSERT INTO entry VALUES ({','.join('?' * len(PlanRow._fields))})"
_INSERT_ADDED: Final = (
    f"INSERT INTO entry ({','.join(PlanRow._fields[:_SIDES])}, size_now, mtime_now)"
    f" VALUES ({','.join('?' * _SIDES)}, 0, 0)"
)
"""Of an entry without a live side."""
_STAGED: Final = "action IN ('add', 'change')"
_WRITTEN: Final = f"{_STAGED} AND content_at IS NOT NULL"
_MOVED: Final = "unit = id AND action <> 'mode'"
_ASTRAY: Final = (
    "SELECT count(*) FROM entry AS one"
    " WHERE NOT EXISTS (SELECT 1 FROM entry AS top WHERE top.id = one.unit)"
)


def _order(*, backwards: bool) -> str:
    return "ORDER BY id DESC" if backwards else "ORDER BY id"


def _after(number: int) -> str:
    """Return the condition for entries that were added after this one; 0: for all."""
    return f"id > {number}" if number else "1"


class PlanFile(PlanDatabase):
    """A plan that is open. Nothing is on disk before `save`."""

    def __init__(self, place: PlanPlace, *, only_read: bool = False, new: bool = False) -> None:
        super().__init__(plan_location(place), only_read=only_read)
        self._pending: list[PlanRow] = []
        self._copied: list[PlanRow] = []
        self._totals = Totals()
        self._sums = DirectorySums()
        self._facts: PlanFacts | None = None
        try:
            self.begin(schema=SCHEMA if new else None, version=PLAN_FORMAT)
            if not new and self.home.bounds is not None:
                self._hold_against(self.home.bounds)
        except BaseException:
            self.close()
            raise
        self._next = 1 + int(self._value("SELECT coalesce(max(id), 0) FROM entry"))

    @classmethod
    def create(cls, place: PlanPlace) -> PlanFile:
        """Start a plan in place of an old one."""
        home = plan_location(place)
        make_file(home)
        return cls(home, new=True)

    def _hold_against(self, bounds: PlanBounds) -> None:
        """Raise StorageError for a plan that is not of this job, or of this store."""
        facts = self.facts
        prefix = facts.prefix
        try:
            check_facts(facts, bounds)
            check_regions(self.regions(), facts, bounds)
            if self._count(OUTSIDE, len(prefix), prefix, prefix[:-1]):
                raise ValueError("an entry in it is outside the store")
        except ValueError as error:
            raise self._refused(error) from error

    def _refused(self, reason: ValueError) -> StorageError:
        return StorageError(f"The plan {self.path} is not used: {reason}.")

    def save(self) -> None:
        """Bring everything to disk."""
        self.make_searchable()
        self.commit()

    def make_searchable(self) -> None:
        """Make the indexes, which are cheaper when the rows are in."""
        self._flush()
        for statement in INDEXES:
            self._execute(statement)

    # Facts

    @property
    def facts(self) -> PlanFacts:
        """All facts of the plan. Raises StorageError for one that cannot be understood."""
        if self._facts is None:
            rows = self._all("SELECT name, value FROM fact")
            try:
                self._facts = decoded({name: json.loads(text) for name, text in rows})
            except MALFORMED as error:
                raise self._refused(ValueError(error)) from error
        return self._facts

    def remember(self, **facts: object) -> None:
        """Keep facts, under their names in `PlanFacts`."""
        self._facts = None
        for name, value in facts.items():
            if name not in NAMES:
                raise KeyError(name)
            text = json.dumps(encoded(value))
            self._execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", name, text)

    # Entries are written

    def add(self, row: PlanRow) -> int:
        """Append an entry and return its id."""
        number = self._next
        self._next += 1
        unit = number if row.unit is None else row.unit
        self._pending.append(_new(PlanRow, (number, row[1], row[2], unit, *row[4:])))
        if len(self._pending) >= _BATCH:
            self._flush()
        return number

    def copy(self, row: PlanRow) -> None:
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
            self._sums.take(self._pending)
            self._keep_finished()
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

    def delete(self, number: int | None) -> None:
        """Delete one entry."""
        self._change("DELETE FROM entry WHERE id = ?", number)

    def delete_unit(self, unit: int | None) -> int:
        """Delete a unit with the entries below it; return how many these were."""
        return self._change("DELETE FROM entry WHERE unit = ?", unit)

    def delete_after(self, number: int) -> None:
        """Delete the entries that were added after one."""
        self._change("DELETE FROM entry WHERE id > ?", number)

    def set_unit(self, number: int | None, unit: int | None) -> None:
        """Put an entry below a unit."""
        self._change("UPDATE entry SET unit = ? WHERE id = ?", unit, number)

    def make_unit(self, number: int | None, region: int) -> None:
        """Make a unit of an entry."""
        statement = "UPDATE entry SET unit = ?, region = ? WHERE id = ?"
        self._change(statement, number, region, number)

    def set_staged_inodes(self, inodes: Iterable[tuple[int, int]]) -> None:
        """Keep the inodes of staged entries, each with the entry's id."""
        for inode, number in inodes:
            self._change("UPDATE entry SET ino_staged = ? WHERE id = ?", inode, number)

    def _change(self, statement: str, *values: object) -> int:
        self._flush()
        return self._execute(statement, *values)

    # Entries are found

    def _rows(self, tail: str, *values: object) -> Iterator[PlanRow]:
        self._flush()
        for chunk in self._chunks(f"SELECT * FROM entry {tail}", *values):
            for number, path, action, unit, *rest in chunk:
                whose = None if unit == number else unit
                yield _new(PlanRow, (number, path, _ACTIONS[action], whose, *rest))

    def rows(self) -> Iterator[PlanRow]:
        """Yield all entries in the order of the walk. Rows may be changed meanwhile."""
        return self._rows("ORDER BY id")

    def row_at(self, path: bytes) -> PlanRow | None:
        """Return the entry of a path."""
        return next(self._rows("WHERE path = ?", path), None)

    def row_of(self, number: int) -> PlanRow | None:
        """Return the entry of an id."""
        return next(self._rows("WHERE id = ?", number), None)

    def units(self) -> Iterator[PlanRow]:
        """Yield the units, and the entries of which only the mode changes."""
        return self._rows("WHERE unit = id ORDER BY id")

    def units_and_modes(self) -> Iterator[PlanRow]:
        """Yield all that a swap touches by name: units, and mode changes wherever they are."""
        return self._rows("WHERE unit = id OR action = 'mode' ORDER BY id")

    def moved_units(self, *, backwards: bool = False) -> Iterator[PlanRow]:
        """Yield the units that a swap renames."""
        return self._rows(f"WHERE {_MOVED} {_order(backwards=backwards)}")

    def mode_changes(self, *, backwards: bool = False) -> Iterator[PlanRow]:
        """Yield the entries of which only mode or owner change, in place."""
        return self._rows(f"WHERE action = 'mode' {_order(backwards=backwards)}")

    def rows_below_units(self) -> Iterator[PlanRow]:
        """Yield the entries that are moved with a unit above them."""
        return self._rows("WHERE unit <> id ORDER BY id")

    def rows_of_unit(self, unit: int | None) -> Iterator[PlanRow]:
        """Yield a unit and the entries below it."""
        return self._rows("WHERE unit = ? ORDER BY id", unit)

    def units_inside(self, path: bytes) -> Iterator[PlanRow]:
        """Yield the units below a directory."""
        tail = "WHERE unit = id AND path > ? AND path < ?"
        return self._rows(tail, path + b"/", path + b"0")

    def second_names(self) -> Iterator[PlanRow]:
        """Yield the entries that are hard links to another one."""
        return self._rows("WHERE type_then = ? AND link_then IS NOT NULL", stat.S_IFREG)

    def directories(self, after: int = 0, *, backwards: bool = False) -> Iterator[PlanRow]:
        """Yield the directories that are added or changed, with an id above `after`."""
        order = _order(backwards=backwards)
        tail = f"WHERE {_STAGED} AND type_then = ? AND {_after(after)} {order}"
        return self._rows(tail, stat.S_IFDIR)

    def written(self, after: int = 0) -> Iterator[PlanRow]:
        """Yield the entries that are written from the archive, in its order."""
        return self._rows(f"WHERE {_WRITTEN} AND {_after(after)} ORDER BY content_at")

    def written_of(self, kind: int, after: int = 0) -> Iterator[PlanRow]:
        """Yield those of one file type, in the order of the archive."""
        tail = f"WHERE {_WRITTEN} AND type_then = ? AND {_after(after)} ORDER BY content_at"
        return self._rows(tail, kind)

    def written_links(self, after: int = 0) -> Iterator[PlanRow]:
        """Yield those that are hard links, in the order of the archive."""
        tail = f"{_WRITTEN} AND type_then = ? AND link_then IS NOT NULL AND {_after(after)}"
        return self._rows(f"WHERE {tail} ORDER BY content_at", stat.S_IFREG)

    # Entries are counted

    def _count(self, query: str, *values: object) -> int:
        self._flush()
        return int(self._value(query, *values))

    def _has(self, condition: str) -> bool:
        return bool(self._count(f"SELECT EXISTS (SELECT 1 FROM {condition})"))

    def has_entries(self) -> bool:
        """Tell whether there is anything to do."""
        return self._has("entry")

    def has_written(self, after: int = 0) -> bool:
        """Tell whether anything is written from the archive."""
        return self._has(f"entry WHERE {_WRITTEN} AND {_after(after)}")

    def has_attributes(self) -> bool:
        """Tell whether any member has extended attributes."""
        return self._has("attribute")

    def count_staged(self, after: int = 0) -> int:
        """Return how many entries are made in stages."""
        return self._count(f"SELECT count(*) FROM entry WHERE {_STAGED} AND {_after(after)}")

    def count_staged_in(self, region: int) -> int:
        """Return how many entries are made in the stage of a region."""
        return self._count(f"SELECT count(*) FROM entry WHERE {_STAGED} AND region = ?", region)

    def count_set_aside_in(self, region: int) -> int:
        """Return how many entries of a region are set aside."""
        query = "SELECT count(*) FROM entry WHERE action IN ('change', 'remove') AND region = ?"
        return self._count(query, region)

    def count_units(self) -> int:
        """Return how many units there are, mode changes with them."""
        return self._count("SELECT count(*) FROM entry WHERE unit = id")

    def count_astray(self) -> int:
        """Return how many entries belong to no unit, of which there must be none."""
        return self._count(_ASTRAY)

    def totals(self, *, as_added: bool = False) -> Totals:
        """Return the sums of all entries; `as_added`: none has changed since `add`."""
        self._flush()
        if as_added:
            return self._totals
        totals = Totals()
        rows = self.rows()
        while chunk := list(itertools.islice(rows, _BATCH)):
            totals.take(chunk)
        return totals

    def keep_sums(self, *, as_added: bool = False) -> None:
        """Keep the sums of all directories; `as_added`: no entry has changed since `add`."""
        self._flush()
        if not as_added:
            self._execute("DELETE FROM directory")
            self._sums = DirectorySums()
            rows = self.rows()
            while chunk := list(itertools.islice(rows, _BATCH)):
                self._sums.take(chunk)
                self._keep_finished()
        self._keep_finished(all_of_them=True)
        self._sums = DirectorySums()

    def _keep_finished(self, *, all_of_them: bool = False) -> None:
        rows = [
            (path, path[: max(0, path.rfind(b"/"))] if path else None, *numbers)
            for path, numbers in self._sums.finished(all_of_them=all_of_them)
        ]
        self._insert(KEEP_SUMS, rows)

    # Data that belongs to entries

    def keep_attributes(self, content_at: int, attributes: Mapping[bytes, bytes]) -> None:
        """Keep the extended attributes of a member."""
        self._insert(
            "INSERT INTO attribute VALUES (?, ?, ?)",
            [(content_at, name, value) for name, value in attributes.items()],
        )

    def attributes(self, content_at: int) -> dict[bytes, bytes]:
        """Return the extended attributes of a member."""
        return dict(self._all(_ATTRIBUTES, content_at))

    def keep_sparse_maps(self, maps: Mapping[int, SparseMap]) -> None:
        """Keep where the stored pieces of sparse members belong, by `content_at`."""
        self._insert(
            "INSERT OR REPLACE INTO sparse VALUES (?, ?)",
            [(content_at, found.packed()) for content_at, found in maps.items()],
        )

    def sparse_maps(self) -> dict[int, SparseMap]:
        """Return the maps of all sparse members, by `content_at`."""
        found = self._all("SELECT content_at, map FROM sparse")
        return {content_at: SparseMap.unpacked(packed) for content_at, packed in found}

    def regions(self) -> list[Region]:
        """Return the regions by their ids."""
        return [Region._make(row) for row in self._all("SELECT * FROM region ORDER BY id")]

    def set_region_roots(self, root: bytes, relative: Iterable[bytes]) -> None:
        """Keep where regions begin; their stages come later."""
        regions = enumerate(os.path.join(root, path) if path else root for path in relative)
        self.set_regions(Region(number, path, b"", b"") for number, path in regions)

    def set_regions(self, regions: Iterable[Region]) -> None:
        """Keep the regions."""
        self._change("DELETE FROM region")
        for region in regions:
            self._change("INSERT INTO region VALUES (?, ?, ?, ?)", *region)
