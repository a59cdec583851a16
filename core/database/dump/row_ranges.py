"""Reads the rows of a table as finished INSERT statements, range by range of a key.

Owns the sizes of ranges and the ways to read one: rendered by the server as one string, or, where
that cannot be (a mark in the data, a row too large for a function of the server), value by value.
Knows nothing of snapshots: it reads through its connection's view. Memory is a few ranges.

Every row that the server counts in a range must be in the text that it rendered.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.database.dump.pieces import NO_PIECES, Pieces, TooLarge, split_row
from core.database.dump.row_text import Rendering, escape, finish_marked, render_row
from core.database.index.entries import WHOLE, Span
from core.database.schema.definitions import Column, Table
from core.database.server.connection import Connection
from core.database.server.dialect import one_line, quote_name
from core.errors import DumpFailed

TARGET_BYTES: Final = 1 << 20
"""The size of a statement that ranges aim at."""

CUT_BYTES: Final = 8 << 20
"""Where the server cuts a range that turned out larger (group_concat_max_len)."""

PIECE_BYTES: Final = 16 << 20
"""The estimated size of the pieces of a table that connections share."""

_HALF: Final = 1 << 63
SMALL_BYTES: Final = 512 << 10
_RANGE_TYPES: Final = frozenset({"char", "varchar", "binary", "varbinary", "decimal"})

Sink = Callable[[bytes, bytes, int, Pieces, Span], None]
"""Takes a statement, its end `);` not included: its beginning, its values, how many rows, the
statements around it, and the span of the key that its rows are of."""


class ReadMethod(Enum):
    """How a table is read."""

    WHOLE = auto()  # in one go
    NUMBERS = auto()  # by ranges of a whole number
    VALUES = auto()  # by ranges between values that occur
    STREAM = auto()  # row by row


class _Rendered(Struct, frozen=True, kw_only=True):
    """The server's text of a range. `cut`: too large for it, nothing of the text is good."""

    rows: int
    text: bytes
    cut: bool


class Piece(Struct, frozen=True, kw_only=True):
    """A part of a table: all of it, or whole numbers `low` to `high` of its key."""

    low: int | None = None
    high: int | None = None
    step: int = 1


class RowReader:
    """Reads one table through one connection, which may have others beside it on the same table.

    `stop` is asked between ranges; its error ends the reading. With `digests` the spans that the
    sink is given have them.
    """

    def __init__(
        self,
        connection: Connection,
        table: Table,
        rendering: Rendering,
        sink: Sink,
        stop: Callable[[], None],
        *,
        digests: bool = False,
    ) -> None:
        self._connection = connection
        self._digests = digests
        self._table = table
        self._rendering = rendering
        self._sink = sink
        self._stop = stop
        self._key = _leading(table)
        # Half of this server's limit: another one may have less.
        self._half = connection.max_packet // 2
        self._room = self._half - len(rendering.insert) - len(b");")
        self._target = min(TARGET_BYTES, self._half // 2)
        source = rendering.source
        # Not for history: it must come in any order, and the server knows best how.
        hint = f" FORCE INDEX ({quote_name(table.key_index)})" if self._key is not None else ""
        self._from = f" FROM {source}{hint}"

    @property
    def way(self) -> ReadMethod:
        """How this table is to be read."""
        # The size given by MEMORY is its allocation, not the size of its rows.
        small = self._table.data_bytes <= SMALL_BYTES or self._table.engine.upper() == "MEMORY"
        if small and self._table.rows <= 20_000:
            return ReadMethod.WHOLE
        return self._way_by_key()

    def _way_by_key(self) -> ReadMethod:
        if self._key is None:
            return ReadMethod.STREAM
        if self._key.integer:
            return ReadMethod.NUMBERS
        return ReadMethod.VALUES if self._key.type in _RANGE_TYPES else ReadMethod.STREAM

    def pieces(self) -> tuple[Piece, ...]:
        """Return the pieces that may be read side by side, in order."""
        if self.way is not ReadMethod.NUMBERS:
            return (Piece(),)
        low, high = self._limits()
        if low is None or high is None:
            return ()
        span = high - low + 1
        average = max(1, self._table.data_bytes // max(1, self._table.rows))
        per_number = average * self._table.rows / span
        # A third of the target at first: the stored size is less than the text.
        step = max(1, int(self._target / 3 / max(per_number, 1e-9)))
        width = max(step, int(PIECE_BYTES / max(per_number, 1e-9)))
        return tuple(
            Piece(low=start, high=min(high, start + width - 1), step=step)
            for start in range(low, high + 1, width)
        )

    def _limits(self) -> tuple[int | None, int | None]:
        assert self._key is not None  # noqa: S101 - only asked for key ranges
        name = quote_name(self._key.name)
        low, high = self._connection.query(
            f"SELECT MIN({name}), MAX({name}){self._from}", long=True
        )[0]
        return low, high

    def read(self, piece: Piece) -> int:
        """Write all rows of a piece to the sink and return how many they were."""
        if piece.low is not None and piece.high is not None:
            return self._read_numbers(piece.low, piece.high, piece.step)
        if self.way is ReadMethod.WHOLE:
            rows = self._finish(self._render(""), WHOLE)
            if rows is not None:
                return rows
        way = self._way_by_key()
        if way is ReadMethod.NUMBERS:
            low, high = self._limits()
            return 0 if low is None or high is None else self._read_numbers(low, high, 100)
        if way is ReadMethod.VALUES:
            return self._read_values()
        return self._stream("", WHOLE)

    def _read_numbers(self, low: int, high: int, step: int) -> int:
        """Read ranges of whole numbers; the server renders one while the last one is written."""
        total = 0
        again: list[tuple[str, Span]] = []
        first, last = low, min(high, low + step - 1)
        self._ask(self._between(first, last))
        while True:
            self._stop()
            rendered = self._answer()
            where, span = self._between(first, last), Span(after=str(first - 1), upto=str(last))
            if rendered.cut and last > first:
                last = first + (last - first) // self._shrink(rendered.rows)
                self._ask(self._between(first, last))
                continue
            step = self._next_step(last - first + 1, len(rendered.text))
            following = last + 1 if rendered.rows else self._following(last + 1, high)
            if following is not None and following <= high:
                first, last = following, min(high, following + step - 1)
                self._ask(self._between(first, last))
            else:
                following = None
            rows = self._finish(rendered, span)
            if rows is None:
                again.append((where, span))
            total += rows or 0
            if following is None:
                break
        return total + sum(self._stream(where, span) for where, span in again)

    def _shrink(self, rows: int) -> int:
        """Return by how much to narrow a range that was cut; its rows may be far from even."""
        average = max(1, self._table.data_bytes // max(1, self._table.rows))
        return max(8, rows * average // self._target)

    def _next_step(self, step: int, written: int) -> int:
        """Return the next width of a range from the size of the last; never a wild jump."""
        factor = self._target / max(written, 1)
        return max(1, int(step * min(4.0, max(0.1, factor))))

    def _between(self, first: int, last: int) -> str:
        assert self._key is not None  # noqa: S101 - only called for key ranges
        name = quote_name(self._key.name)
        return f" WHERE {within(name, first, last)}"

    def _following(self, first: int, last: int) -> int | None:
        """Return the first number of a row from `first` on, over any gap."""
        if first > last:
            return None
        assert self._key is not None  # noqa: S101 - only called for key ranges
        name = quote_name(self._key.name)
        found = self._connection.scalar(
            f"SELECT MIN({name}){self._from}{self._between(first, last)}", long=True
        )
        return None if found is None else int(found)

    def _read_values(self) -> int:
        """Read between values that occur, found by counting entries of the index."""
        assert self._key is not None  # noqa: S101 - only called for key ranges
        name, total, step = quote_name(self._key.name), 0, 500
        last: str | None = None
        while True:
            self._stop()
            after = "" if last is None else f" WHERE {name} > {last}"
            found = self._connection.query_bytes(
                f"SELECT {_literal_sql(self._key)}{self._from}{after}"
                f" ORDER BY {name} LIMIT 1 OFFSET {step}",
                long=True,
            )
            limit = _literal(found[0][0]) if found else None
            where = after
            if limit is not None:
                where += f" {'AND' if after else 'WHERE'} {name} <= {limit}"
            rendered = self._render(where)
            if rendered.cut and step > 1:
                step = max(1, step // 8)
                continue
            span = Span(after=last, upto=limit)
            rows = self._finish(rendered, span)
            total += self._stream(where, span) if rows is None else rows
            if limit is None:
                break
            last, step = limit, self._next_step(step, len(rendered.text))
        self._check_total(total)
        return total

    def _check_total(self, total: int) -> None:
        counted = self._connection.scalar(f"SELECT COUNT(*){self._from}", long=True)
        if counted != total:
            raise DumpFailed(
                f"The table '{one_line(self._table.name)}' has {counted} rows,"
                f" but {total} were read."
            )

    def _render(self, where: str) -> _Rendered:
        """Let the server render a range."""
        self._ask(where)
        return self._answer()

    def _ask(self, where: str) -> None:
        self._connection.ask(
            f"SELECT COUNT(*), GROUP_CONCAT({self._rendering.marked} SEPARATOR '\x02')"
            f"{self._from}{where}"
        )

    def _answer(self) -> _Rendered:
        count, text = self._connection.answer()[0]
        rows = int(count or 0)
        if rows == 0:
            return _Rendered(rows=0, text=b"", cut=False)
        # 1260: cut at group_concat_max_len; 1301: a value over max_allowed_packet became NULL.
        cut = text is None or (self._connection.warnings > 0 and self._was_cut())
        return _Rendered(rows=rows, text=b"" if text is None or cut else text, cut=cut)

    def _finish(self, rendered: _Rendered, span: Span) -> int | None:
        """Write a range; None, and nothing is written, if it was cut or has marks in its data.

        None also where its text, with its escapes, is too large for a statement.
        """
        if rendered.rows == 0:
            return 0
        if rendered.cut:
            return None
        finished = finish_marked(rendered.text, rows=rendered.rows, marks=self._rendering.marks)
        if finished is not None and len(finished) <= self._room:
            # With its marks the text reads back in one way only: they are counted, none is data.
            digest = hashlib.sha256(rendered.text).hexdigest() if self._digests else None
            span = replace(span, digest=digest)
            self._sink(self._rendering.insert, finished, rendered.rows, NO_PIECES, span)
            return rendered.rows
        return None

    def _was_cut(self) -> bool:
        codes = {row[1] for row in self._connection.query("SHOW WARNINGS")}
        return not codes <= {1287, 1681, 3719, 3778}  # deprecations, of no matter here

    def _stream(self, where: str, span: Span) -> int:
        """Read a range value by value; for rows that the server cannot render."""
        rendering = self._rendering
        counted = self._connection.scalar(f"SELECT COUNT(*){self._from}{where}", long=True)
        total = size = 0
        batch: list[bytes] = []
        for values in self._connection.stream(f"SELECT {rendering.raw}{self._from}{where}"):
            row = render_row(values, rendering.forms)
            large = len(row) > self._room
            if batch and (large or size + len(row) > self._target):
                total += self._write(batch, span)
                batch, size = [], 0
            if large:
                total += self._write_large(values, span)
            else:
                batch.append(row)
                size += len(row) + len(b"),(")
        total += self._write(batch, span)
        if counted != total:
            raise DumpFailed(
                f"The table '{one_line(self._table.name)}' has {counted} rows,"
                f" but {total} were read."
            )
        return total

    def _write(self, batch: list[bytes], span: Span) -> int:
        """Write rows in one statement and return how many they are."""
        self._stop()
        if batch:
            self._sink(self._rendering.insert, b"),(".join(batch), len(batch), NO_PIECES, span)
        return len(batch)

    def _write_large(self, values: Sequence[bytes | None], span: Span) -> int:
        """Write a row that is too large for a statement."""
        self._stop()
        rendering, largest = self._rendering, self._connection.max_packet
        try:
            row, pieces = split_row(values, rendering.forms, room=self._room, largest=largest)
        except TooLarge as error:
            column = one_line(rendering.columns[error.column])
            raise DumpFailed(
                f"A row of the table '{one_line(self._table.name)}' has {error.size:,} bytes in the"
                f" column '{column}', but the server takes {largest:,} (max_allowed_packet): it"
                " could not be brought back.",
                hint="Raise max_allowed_packet on the server, or leave its rows out with --strip.",
            ) from None
        self._sink(rendering.insert, row, 1, pieces, span)
        return 1


def within(name: str, first: int, last: int) -> str:
    """Return the condition of a range of whole numbers.

    BETWEEN is one comparison a row in place of two, 5 % of the time of narrow rows. Numbers beyond
    64 signed bits are left to plain comparisons, where all servers agree.
    """
    if first >= -_HALF and last < _HALF:
        return f"{name} BETWEEN {first} AND {last}"
    return f"{name} >= {first} AND {name} <= {last}"


def _leading(table: Table) -> Column | None:
    """Return the first column of the key that ranges are made of."""
    if not table.key:
        return None
    return next((column for column in table.columns if column.name == table.key[0]), None)


def _literal_sql(column: Column) -> str:
    """Return SQL for a value of a key as a literal with marks."""
    name = quote_name(column.name)
    if column.type in {"binary", "varbinary"}:
        return f"CONCAT('X\x01',HEX({name}),'\x01')"
    if column.type == "decimal":
        return f"CONCAT({name})"
    return f"CONCAT('_{column.charset} X\x01',HEX({name}),'\x01')"


def _literal(text: bytes | None) -> str:
    return escape(text or b"").replace(b"\x01", b"'").decode("utf-8", "surrogateescape")
