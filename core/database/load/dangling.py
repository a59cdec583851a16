"""Counts the rows that a rollback of chosen tables would leave without the row they refer to.

The restored side is read from the dump, the other one from the live tables. A dump is gone through
once for all keys; values are held up to a limit, beyond which the number is unknown.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from core.database.load.chosen_tables import DumpTables, Tie
from core.database.load.dump_check import DumpCheck
from core.database.server.connection import Connection
from core.database.server.dialect import Server, quote_name
from core.database.sql.allowed import classify
from core.database.sql.literal_rows import HEAD
from core.database.sql.set_statements import DumpSession
from core.database.sql.split import DumpFile, RawStatement, Statements
from core.database.sql.statement import StatementKind
from core.database.sql.tokens import Reading, tokens
from core.errors import DatabaseError
from core.events import Report, no_report

LARGEST: Final = 500_000
"""So many different values of one key are held; of more nothing is counted."""
_ASKED: Final = 500  # values in one question
_INTEGER: Final = re.compile(rb"-?[0-9]{1,20}")

Value = tuple[int | bytes, ...]
Values = Counter[Value]


class Dangling(Struct, frozen=True, kw_only=True):
    """A foreign key between a chosen table and one that stays.

    `child_is_restored`: the child comes from the dump and the parent stays, else the other way
    round. `rows` of the child would have no parent; None where they cannot be counted.
    """

    child: str
    parent: str
    columns: tuple[str, ...]
    child_is_restored: bool
    rows: int | None


def count_dangling(
    check: DumpCheck,
    tables: DumpTables,
    live: Iterable[Tie],
    chosen: frozenset[str],
    connection: Connection,
    *,
    report: Report = no_report,
) -> tuple[Dangling, ...]:
    """Return every foreign key between chosen tables and others with the rows that would dangle.

    Raises DamagedBackup, ConnectionLost, and errors of `report`.
    """
    forward = [tie for tie in tables.ties if tie.child in chosen and tie.parent not in chosen]
    backward = [tie for tie in live if tie.parent in chosen and tie.child not in chosen]
    wanted: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
    for tie in forward:
        wanted[tie.child].add(tie.columns)
    for tie in backward:
        wanted[tie.parent].add(tie.referenced)
    found = _Reading(check, tables.columns, wanted, connection.server).run(report) if wanted else {}
    dangling: list[Dangling] = []
    for tie in forward:
        values = found.get((tie.child, tie.columns))
        rows = _without_live_parent(tie, values, connection)
        dangling.append(_dangling(tie, rows, child_is_restored=True))
    for tie in backward:
        values = found.get((tie.parent, tie.referenced))
        rows = _without_new_parent(tie, values, connection)
        dangling.append(_dangling(tie, rows, child_is_restored=False))
    return tuple(dangling)


def _dangling(tie: Tie, rows: int | None, *, child_is_restored: bool) -> Dangling:
    return Dangling(
        child=tie.child,
        parent=tie.parent,
        columns=tie.columns,
        child_is_restored=child_is_restored,
        rows=rows,
    )


def _without_live_parent(tie: Tie, values: Values | None, connection: Connection) -> int | None:
    """Return how many rows of the dump have no parent in the live table."""
    if values is None:
        return None
    columns = ", ".join(map(quote_name, tie.referenced))
    listed = list(values)
    there: set[Value] = set()
    try:
        for at in range(0, len(listed), _ASKED):
            some = listed[at : at + _ASKED]
            one = f"({', '.join(['%s'] * len(tie.referenced))})"
            rows = connection.query_bytes(
                f"SELECT DISTINCT {columns} FROM {quote_name(tie.parent)}"
                f" WHERE ({columns}) IN ({', '.join([one] * len(some))})",
                [part for value in some for part in value],
                long=True,
            )
            there.update(filter(None, map(_value, rows)))
    except DatabaseError as error:
        if error.errno is None:
            raise
        return sum(values.values()) if error.errno == _NO_SUCH_TABLE else None
    return sum(count for value, count in values.items() if _plain(value) not in there)


_NO_SUCH_TABLE: Final = 1146


def _without_new_parent(tie: Tie, values: Values | None, connection: Connection) -> int | None:
    """Return how many live rows have no parent among the rows of the dump."""
    if values is None:
        return None
    columns = ", ".join(map(quote_name, tie.columns))
    known = " AND ".join(f"{quote_name(column)} IS NOT NULL" for column in tie.columns)
    rows = connection.query_bytes(
        f"SELECT {columns}, COUNT(*) FROM {quote_name(tie.child)} WHERE {known}"
        f" GROUP BY {columns} LIMIT {LARGEST + 1}",
        long=True,
    )
    if len(rows) > LARGEST:
        return None
    plain = {_plain(value) for value in values}
    dangling = 0
    for *value, count in rows:
        if _value(tuple(value)) not in plain:
            dangling += int(count or b"0")
    return dangling


def _value(row: Iterable[bytes | None]) -> Value | None:
    parts = [part for part in row if part is not None]
    return _plain(tuple(int(p) if _INTEGER.fullmatch(p) else p for p in parts))


def _plain(value: Value) -> Value:
    """Return a value as the usual collations compare it: keys are numbers, or codes in ASCII."""
    return tuple(part if isinstance(part, int) else part.lower().rstrip(b" ") for part in value)


class _Reading:
    """One pass through a dump for the values of some columns."""

    def __init__(
        self,
        check: DumpCheck,
        columns: Mapping[str, tuple[str, ...]],
        wanted: Mapping[str, set[tuple[str, ...]]],
        server: Server,
    ) -> None:
        self._check, self._columns, self._wanted = check, columns, wanted
        self._server = server
        self._session = DumpSession(check.time_zone)
        self._found: dict[tuple[str, tuple[str, ...]], Values] = {
            (table, names): Counter()
            for table, keys in wanted.items()
            if table not in check.absent
            for names in keys
        }
        self._patterns: dict[tuple[object, ...], re.Pattern[bytes]] = {}

    def run(self, report: Report) -> dict[tuple[str, tuple[str, ...]], Values]:
        """Return the values by table and columns, with their numbers of rows; NULLs are none."""
        file = DumpFile(self._check.path, content_bytes=self._check.content_bytes)
        try:
            statements = Statements(file)
            for raw in statements:
                head = HEAD.match(raw.text)
                if head is not None:
                    self._take(raw.text, head, statements.reading)
                else:
                    self._follow(raw)
                    statements.reading = self._session.state.reading
                report(file.position, 0, "")
        finally:
            file.close()
        return self._found

    def _follow(self, raw: RawStatement) -> None:
        """Follow a SET. Of a table with rows that are no literals nothing is known."""
        check = self._check
        statement = classify(
            raw,
            reading=self._session.state.reading,
            server=self._server,
            schema=check.schema or None,
            from_schema=check.from_schema,
            trusted=check.trusted,
        )
        if statement.kind is StatementKind.SET:
            self._session.apply(list(statement.words), statement.line)
        elif statement.kind is StatementKind.ROWS:
            for names in self._wanted.get(statement.name, ()):
                self._found.pop((statement.name, names), None)

    def _take(self, text: bytes, head: re.Match[bytes], reading: Reading) -> None:
        last = "second" if head["second"] else "name"
        name = next(iter(tokens(head[last], reading))).name
        listed: tuple[str, ...] | None = None
        for names in self._wanted.get(name, ()):
            values = self._found.get((name, names))
            if values is None:
                continue
            if listed is None:
                listed = _listed(text[head.end(last) : head.end()], reading)
            columns = listed or self._columns.get(name, ())
            rows = self._rows(text, head.end() - 1, reading, columns, names)
            if rows is None or not _add(values, rows):
                del self._found[name, names]

    def _rows(
        self, text: bytes, at: int, reading: Reading, columns: tuple[str, ...],
        names: tuple[str, ...],
    ) -> Iterator[Value | None] | None:  # fmt: skip
        """Return the values of these columns, row by row; None where a column is not there."""
        if not set(names) <= set(columns):
            return None
        places = [columns.index(name) for name in names]
        key = (reading.backslash_escapes, len(columns), *places)
        pattern = self._patterns.get(key)
        if pattern is None:
            pattern = _row_pattern(reading, len(columns), places)
            self._patterns[key] = pattern
        order = sorted(range(len(places)), key=lambda number: places[number])
        return _values(text, at, pattern, order)


class _Unread(Exception):
    """A row that was not understood."""


def _add(values: Values, rows: Iterator[Value | None]) -> bool:
    """Count values; tell whether all were understood and are not too many."""
    try:
        for value in rows:
            if value is not None:
                values[value] += 1
    except _Unread:
        return False
    return len(values) <= LARGEST


_TEXT: Final = {
    True: rb"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'",
    False: rb"'[^']*+(?:''[^']*+)*+'",
}


def _row_pattern(reading: Reading, count: int, places: list[int]) -> re.Pattern[bytes]:
    text = _TEXT[reading.backslash_escapes]
    double = b"" if reading.ansi_quotes else b"|" + text.replace(b"'", b'"')
    value = rb"(?:_[a-z0-9]++ ?+)?+(?:[xXbB](?='))?+(?:" + text + double + rb"|[^,()'\"\s]++)"
    parts = [b"(" + value + b")" if at in places else value for at in range(count)]
    return re.compile(rb"[\s,]*+\(\s*+" + rb"\s*+,\s*+".join(parts) + rb"\s*+\)", re.DOTALL)


def _values(
    text: bytes, at: int, pattern: re.Pattern[bytes], order: list[int]
) -> Iterator[Value | None]:
    end = len(text)
    while at < end:
        row = pattern.match(text, at)
        if row is None:
            if text[at:].strip(b" \t\r\n;"):
                raise _Unread
            return
        at = row.end()
        groups = row.groups()
        raw = [b""] * len(order)
        for number, place in enumerate(order):
            raw[place] = groups[number]
        yield None if b"NULL" in raw or b"null" in raw else tuple(map(_decoded, raw))


def _decoded(literal: bytes) -> int | bytes:
    if _INTEGER.fullmatch(literal):
        return int(literal)
    inside = literal[1:-1]
    if literal[:1] not in {b"'", b'"'} or b"\\" in inside or literal[:1] in inside:
        raise _Unread
    return inside


def _listed(text: bytes, reading: Reading) -> tuple[str, ...]:
    """Return the columns that a row statement names, if it does."""
    words = list(tokens(text, reading))[:-1]
    if not words or words[0].text != b"(":
        return ()
    names = []
    for word in words[1:]:
        if word.text == b")":
            break
        if word.text != b",":
            names.append(word.name)
    return tuple(names)
