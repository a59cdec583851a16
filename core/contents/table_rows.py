"""The rows of one table of a dump beside those of the live table, range by range of its key.

Ranges with the digest of the dump are passed over: their rows are the same. Of each other range the
dump's rows are held and the server's come one by one, so memory is that of a range. A dump without
ranges is cut where its statements end, as long as they are in the order of a whole number.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from core.contents.cells import Cells, columns_in, rows_in, value_of
from core.contents.tables import DumpContents
from core.database.dump.row_ranges import CUT_BYTES
from core.database.dump.row_text import Rendering, ValueForm, rendering_of
from core.database.index.entries import IndexedTable, Place, RowsAt
from core.database.schema.definitions import Table, Versioning
from core.database.server.connection import Connection
from core.database.server.dialect import quote_name
from core.database.sql.set_statements import UTC
from core.errors import DatabaseError, DumpFailed

LARGEST_RANGE: Final = 16 << 20
"""Bytes of rows of the dump that are held at once."""
_ORDERED: Final = frozenset({"char", "varchar", "binary", "varbinary", "decimal"})


class NotComparable(Exception):
    """The rows cannot be compared one by one; the message says why, as a part of a sentence."""


class RowDifference(Struct, frozen=True, kw_only=True):
    """A row that differs. `key` are the values of its key; `then` or `now` is None for no row."""

    sign: str  # + only then, - only now, ~ in the cells that differ
    key: Cells
    then: Cells | None
    now: Cells | None


class RowTotals(Struct, kw_only=True):
    """How many rows of each kind a comparison has found so far."""

    comes_back: int = 0
    only_now: int = 0
    changed: int = 0
    same: int = 0


class _Range(Struct, frozen=True, kw_only=True):
    where: str
    rows: list[Cells] | None  # None: the same, by its digest
    count: int = 0


@dataclass(slots=True, kw_only=True)
class RowComparison:
    """A table to be compared; `columns` are those of the dump's rows that the live table has too.

    `forms`: which columns are binary. Raises NotComparable where it is made.
    """

    contents: DumpContents
    indexed: IndexedTable
    table: Table
    connection: Connection
    by_digest: bool
    totals: RowTotals = field(default_factory=RowTotals)
    columns: tuple[str, ...] = ()
    binary: frozenset[str] = frozenset()
    _rendering: Rendering = field(init=False)
    _then: tuple[int, ...] = ()
    _now: tuple[int, ...] = ()
    _key: tuple[int, ...] = ()
    _enums: tuple[int, ...] = ()
    _bits: tuple[int, ...] = ()  # these two of dumps of other programs
    _floats: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.table.versioning is not Versioning.NONE:
            raise NotComparable("it keeps old versions of its rows")
        try:
            self._rendering = rendering_of(self.table, history=False)
        except DumpFailed as error:
            raise NotComparable(error.message) from error
        live = {name: number for number, name in enumerate(self._rendering.columns)}
        then = self._columns_of_dump()
        shared = [(number, name) for number, name in enumerate(then) if name in live]
        self.columns = tuple(name for _, name in shared)
        self._then = tuple(number for number, _ in shared)
        self._now = tuple(live[name] for name in self.columns)
        types = {one.name: one.type for one in self.table.columns}
        self._enums = tuple(live[name] for name in live if types.get(name) == "enum")
        forms = dict(zip(self._rendering.columns, self._rendering.forms, strict=False))
        self.binary = frozenset(
            name
            for name in self.columns
            if forms[name][0] is ValueForm.HEX and forms[name][1] == b"X"
        )
        if self.contents.foreign:
            self._take_foreign(types)
        if all(name in self.columns for name in self.table.key):
            self._key = tuple(self.columns.index(name) for name in self.table.key)

    def _take_foreign(self, types: Mapping[str, str]) -> None:
        """Note the forms of other programs: bits as bytes, floats with fewer digits."""
        session = self.contents.session_at(self.indexed.definition.offset)
        if session.get("time_zone") != UTC and "timestamp" in types.values():
            raise NotComparable("the dump has its times in another time zone")
        named = list(enumerate(self.columns))
        self._bits = tuple(number for number, name in named if types.get(name) == "bit")
        self._floats = tuple(number for number, name in named if types.get(name) == "float")

    def _columns_of_dump(self) -> tuple[str, ...]:
        if self.indexed.columns:
            return self.indexed.columns
        for one in self.contents.ranges(self.indexed):
            place = Place(offset=one.offset, length=min(one.length, 1 << 16))
            named = columns_in(self.contents.text.text(place))
            return named or self.contents.column_names(self.indexed) or self._rendering.columns
        return self._rendering.columns

    def differences(self) -> Iterator[RowDifference]:
        """Yield the rows that differ; `totals` is whole at the end. Raises NotComparable."""
        for one in self._ranges():
            if one.rows is None:
                self.totals.same += one.count
            elif self._key:
                yield from self._by_key(one)
            else:
                yield from self._as_multisets(one)

    def _by_key(self, one: _Range) -> Iterator[RowDifference]:
        rows = one.rows or []
        then = {self.key_of(row): row for row in rows}
        if len(then) != len(rows):
            raise NotComparable("a key occurs twice in the dump")
        for now in self.live(one.where):
            key = self.key_of(now)
            was = then.pop(key, None)
            if was is None:
                self.totals.only_now += 1
                yield RowDifference(sign="-", key=key, then=None, now=now)
            elif was == now:
                self.totals.same += 1
            else:
                self.totals.changed += 1
                yield RowDifference(sign="~", key=key, then=was, now=now)
        self.totals.comes_back += len(then)
        for key, was in then.items():
            yield RowDifference(sign="+", key=key, then=was, now=None)

    def _as_multisets(self, one: _Range) -> Iterator[RowDifference]:
        then = Counter(one.rows)
        for now in self.live(one.where):
            if then[now]:
                then[now] -= 1
                self.totals.same += 1
            else:
                self.totals.only_now += 1
                yield RowDifference(sign="-", key=(), then=None, now=now)
        for was in then.elements():
            self.totals.comes_back += 1
            yield RowDifference(sign="+", key=(), then=was, now=None)

    @property
    def has_key(self) -> bool:
        """Whether both have the key of the live table."""
        return bool(self._key)

    def key_of(self, row: Cells) -> Cells:
        """Return the values of a row's key; none where the table has no key in common."""
        return tuple(row[number] for number in self._key)

    def live(self, where: str) -> Iterator[Cells]:
        """Yield the live rows for a text behind FROM, with the shared columns."""
        for row in self.connection.stream(
            f"SELECT {self._rendering.raw} FROM {self._rendering.source}{where}"
        ):
            if self._enums:  # they come as literals
                cells = list(row)
                for number in self._enums:
                    cells[number] = value_of(cells[number] or b"NULL")
                row = tuple(cells)  # noqa: PLW2901
            shared = [row[number] for number in self._now]
            for number in self._floats:
                shared[number] = _single(shared[number])
            yield tuple(shared)

    def _rows_at(self, places: Iterable[RowsAt]) -> list[Cells]:
        places = list(places)
        if sum(one.length for one in places) > LARGEST_RANGE:
            raise NotComparable("a range of its rows is too large to be held")
        rows: list[Cells] = []
        for one in places:
            text = self.contents.text.text(Place(offset=one.offset, length=one.length))
            if b"@magerewind_piece" in text[:64]:
                raise NotComparable("it has rows that are larger than a statement")
            mode = str(self.contents.session_at(one.offset).get("sql_mode")).upper()
            escapes = "NO_BACKSLASH_ESCAPES" not in mode
            rows += (self.shared(row) for row in rows_in(text, escapes=escapes))
        return rows

    def shared(self, row: Cells) -> Cells:
        """Return the shared columns of a row of the dump. Raises NotComparable."""
        try:
            cells = [row[number] for number in self._then]
        except IndexError:
            raise NotComparable("its rows have fewer values than columns") from None
        for number in self._bits:
            cells[number] = _number_of(cells[number])
        for number in self._floats:
            cells[number] = _single(cells[number])
        return tuple(cells)

    def _ranges(self) -> Iterator[_Range]:
        groups: dict[tuple[str | None, str | None], list[RowsAt]] = {}
        for one in self.contents.ranges(self.indexed):
            groups.setdefault((one.span.after, one.span.upto), []).append(one)
        if len(groups) > 1:
            yield from self._spanned(groups)
            return
        places = next(iter(groups.values()), [])
        if sum(one.length for one in places) <= LARGEST_RANGE:
            yield self._range("", places)
        else:
            yield from self._cut(places)

    def _spanned(
        self, groups: dict[tuple[str | None, str | None], list[RowsAt]]
    ) -> Iterator[_Range]:
        """Yield ranges that cover the whole axis of the key, by the bounds in the index."""
        leading = self._leading()
        spans = list(groups.items())
        if leading is None or not (self._is_number(leading) or self._type_of(leading) in _ORDERED):
            raise NotComparable("its key has no order that a dump follows")
        if self._is_number(leading):
            spans.sort(key=lambda item: (item[0][1] is None, int(item[0][1] or 0)))
        name, after = quote_name(leading), ""
        for number, ((_, upto), places) in enumerate(spans):
            last = number == len(spans) - 1
            if upto is None and not last:
                raise NotComparable("its ranges do not follow each other")
            bounds = [after, "" if last else f"{name} <= {upto}"]
            yield self._range(_where(bounds), places)
            after = f"{name} > {upto}"

    def _range(self, where: str, places: list[RowsAt]) -> _Range:
        count = sum(one.rows for one in places)
        digest = places[0].span.digest if len(places) == 1 and self.by_digest else None
        if digest is not None and self._asked(where) == (count, digest):
            return _Range(where=where, rows=None, count=count)
        return _Range(where=where, rows=self._rows_at(places))

    def _asked(self, where: str) -> tuple[int, str] | None:
        """Return the count and digest of a live range; None where there is none to rely on."""
        hint = f" FORCE INDEX ({quote_name(self.table.key_index)})" if self.table.key else ""
        rendering = self._rendering
        try:
            ((count, digest),) = self.connection.query(
                f"SELECT COUNT(*), SHA2(GROUP_CONCAT({rendering.marked} SEPARATOR '\x02'),256)"
                f" FROM {rendering.source}{hint}{where}",
                long=True,
            )
        except DatabaseError as error:
            if error.errno is None:
                raise
            return None
        return None if self.connection.warnings or digest is None else (int(count), str(digest))

    def _cut(self, places: list[RowsAt]) -> Iterator[_Range]:
        """Yield ranges between the statements of a dump that is in the order of its key."""
        leading = self._leading()
        if leading is None or not self._is_number(leading):
            raise NotComparable("it is large, and its key is no whole number")
        at, name = self.columns.index(leading), quote_name(leading)
        after, waiting, highest = "", list[Cells](), None
        for one in places:
            for row in self._rows_at([one]):
                value = _whole(row[at])
                if highest is not None and value < highest:
                    raise NotComparable("it is large, and the dump has it in no order of its key")
                if waiting and value != highest and len(waiting) >= 10_000:
                    yield _Range(where=_where([after, f"{name} <= {highest}"]), rows=waiting)
                    after, waiting = f"{name} > {highest}", []
                waiting.append(row)
                highest = value
        yield _Range(where=_where([after]), rows=waiting)

    def _leading(self) -> str | None:
        return self.table.key[0] if self._key else None

    def _is_number(self, name: str) -> bool:
        return any(one.name == name and one.integer for one in self.table.columns)

    def _type_of(self, name: str) -> str:
        return next((one.type for one in self.table.columns if one.name == name), "")


def _where(conditions: Iterable[str]) -> str:
    wanted = [one for one in conditions if one]
    return f" WHERE {' AND '.join(wanted)}" if wanted else ""


def _whole(cell: bytes | None) -> int:
    try:
        return int(cell or 0)
    except ValueError:
        raise NotComparable("its key has values that are no numbers") from None


def _number_of(cell: bytes | None) -> bytes | None:
    return None if cell is None else str(int.from_bytes(cell, "big")).encode()


def _single(cell: bytes | None) -> bytes | None:
    """Return a number as the nearest one of single precision has it."""
    try:
        return (
            cell
            if cell is None
            else repr(struct.unpack("f", struct.pack("f", float(cell)))[0]).encode()
        )
    except (ValueError, OverflowError):
        return cell


def concat_limit(connection: Connection) -> int:
    """Return the length at which the server cuts a rendered range."""
    return min(CUT_BYTES, connection.max_packet // 2)
