"""The rows of one table of a dump, page by page, and beside a page those of the live table.

A page is found by the numbers of rows in the index: one or two statements are read for it, however
long the table is. Live rows are asked for between the keys at the ends of a page, so that rows only
in the store appear at their positions.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, islice
from typing import Final

from msgspec import Struct

from core.contents.cells import Cells, columns_in, rows_in
from core.contents.table_rows import NotComparable, RowComparison
from core.contents.tables import DumpContents
from core.database.index.entries import IndexedTable, Place, RowsAt
from core.database.server.dialect import quote_name

LARGEST_STATEMENT: Final = 32 << 20
_KEPT: Final = 3  # statements whose rows are held
_MORE: Final = 3  # live rows of a page, in pages: more of them are not shown


class RowNow(Struct, frozen=True, kw_only=True):
    """A row of the dump, of the live table, or of both. Values are those of the shared columns."""

    sign: str  # + only then, - only now, ~ in the cells that differ, a blank: the same
    then: Cells | None
    now: Cells | None


class TablePages:
    """The rows of one table of an open dump; `columns` names their values."""

    def __init__(self, contents: DumpContents, table: IndexedTable) -> None:
        self._contents = contents
        self.table = table
        self._places = _ordered(list(contents.ranges(table)))
        self._ends = list(accumulate(one.rows for one in self._places))
        self._held: dict[int, tuple[list[Cells], Iterator[Cells]]] = {}
        self.columns = self._columns()

    @property
    def count(self) -> int:
        """How many rows the dump has."""
        return self._ends[-1] if self._ends else 0

    def _columns(self) -> tuple[str, ...]:
        if self.table.columns:
            return self.table.columns
        for one in self._places[:1]:
            place = Place(offset=one.offset, length=min(one.length, 1 << 16))
            return columns_in(self._contents.text.text(place)) or self._defined()
        return self._defined()

    def _defined(self) -> tuple[str, ...]:
        return self._contents.column_names(self.table)

    def rows(self, first: int, number: int) -> list[Cells]:
        """Return the rows from this one on. Raises NotComparable, DamagedBackup."""
        found: list[Cells] = []
        at = bisect_right(self._ends, first)
        while at < len(self._places) and len(found) < number:
            begin = self._ends[at] - self._places[at].rows
            skipped = max(0, first - begin)
            found += self._rows_at(at, skipped + number - len(found))[skipped:]
            at += 1
        return found

    def _rows_at(self, at: int, number: int) -> list[Cells]:
        """Return the first rows of a statement, which is read no further than that."""
        if at not in self._held:
            while len(self._held) >= _KEPT:
                del self._held[next(iter(self._held))]
            self._held[at] = [], self._read(self._places[at])
        rows, rest = self._held[at]
        rows += islice(rest, max(0, number - len(rows)))
        return rows[:number]

    def _read(self, one: RowsAt) -> Iterator[Cells]:
        if one.length > LARGEST_STATEMENT:
            raise NotComparable("a statement of its rows is too large to be shown")
        text = self._contents.text.text(Place(offset=one.offset, length=one.length))
        if b"@magerewind_piece" in text[:64]:
            raise NotComparable("it has rows that are larger than a statement")
        mode = str(self._contents.session_at(one.offset).get("sql_mode")).upper()
        return rows_in(text, escapes="NO_BACKSLASH_ESCAPES" not in mode)

    def beside(self, comparison: RowComparison, first: int, number: int) -> list[RowNow]:
        """Return the rows from this one on beside the live ones, in the order of the key.

        Raises NotComparable, DatabaseError.
        """
        then = [comparison.shared(row) for row in self.rows(first, number)]
        if not comparison.has_key:
            raise NotComparable("it has no key in common")
        before = [comparison.shared(row) for row in self.rows(first - 1, 1)] if first else []
        is_last = first + number >= self.count
        bounds = (
            [_beyond(comparison, comparison.key_of(before[0]))] if before else [],
            [] if is_last or not then else [_upto(comparison, comparison.key_of(then[-1]))],
        )
        conditions = [one for bound in bounds for one in bound]
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        order = ", ".join(map(quote_name, comparison.table.key))
        limit = number * _MORE
        live = comparison.live(f"{where} ORDER BY {order} LIMIT {limit}")
        return list(_merged(comparison, then, list(islice(live, limit))))


def _ordered(places: list[RowsAt]) -> list[RowsAt]:
    """Return the statements in the order of the key, where their bounds are numbers."""

    def begin(one: RowsAt) -> tuple[bool, int]:
        return one.span.after is not None, int(one.span.after or 0)

    try:
        return sorted(places, key=begin)
    except ValueError:
        return places


def _merged(
    comparison: RowComparison, then: Sequence[Cells], live: Sequence[Cells]
) -> Iterator[RowNow]:
    """Yield both in their common order; a row only live precedes the row that follows it there."""
    waiting = {comparison.key_of(row): row for row in then}
    kinds = {one.name: one.integer for one in comparison.table.columns}
    is_number = all(kinds.get(name) for name in comparison.table.key)
    at = 0
    for now in live:
        key = comparison.key_of(now)
        was = waiting.get(key)
        while at < len(then) and then[at] is not was:
            # Texts are in the order of the server alone: only a common row tells where one is.
            if was is None and not (is_number and _numbers(comparison, then[at]) < _numbers(
                comparison, now
            )):  # fmt: skip
                break
            yield RowNow(sign="+", then=then[at], now=None)
            at += 1
        if was is None:
            yield RowNow(sign="-", then=None, now=now)
        else:
            at += 1
            yield RowNow(sign=" " if was == now else "~", then=was, now=now)
    for row in then[at:]:
        yield RowNow(sign="+", then=row, now=None)


def _numbers(comparison: RowComparison, row: Cells) -> tuple[int, ...]:
    try:
        return tuple(int(cell or 0) for cell in comparison.key_of(row))
    except ValueError:
        raise NotComparable("its key has values that are no numbers") from None


def _beyond(comparison: RowComparison, key: Cells) -> str:
    """Return the condition that a key comes behind this one."""
    names = list(map(quote_name, comparison.table.key))
    values = _literals(comparison, key)
    either = [
        " AND ".join([*(f"{n} = {v}" for n, v in zip(names[:at], values, strict=False)),
                      f"{names[at]} > {values[at]}"])
        for at in range(len(names))
    ]  # fmt: skip
    # The first part alone lets the server begin in the key.
    return f"{names[0]} >= {values[0]} AND ({' OR '.join(f'({one})' for one in either)})"


def _upto(comparison: RowComparison, key: Cells) -> str:
    """Return the condition that a key comes no later than this one."""
    name, value = quote_name(comparison.table.key[0]), _literals(comparison, key)[0]
    return f"{name} <= {value} AND NOT ({_beyond(comparison, key)})"


def _literals(comparison: RowComparison, key: Cells) -> list[str]:
    kinds = {one.name: one for one in comparison.table.columns}
    found: list[str] = []
    for name, cell in zip(comparison.table.key, key, strict=True):
        if cell is None:
            raise NotComparable("its key has no values")
        if kinds[name].integer:
            try:
                found.append(str(int(cell)))
            except ValueError:
                raise NotComparable("its key has values that are no numbers") from None
        else:
            found.append(f"{'' if name in comparison.binary else '_utf8mb4 '}X'{cell.hex()}'")
    return found
