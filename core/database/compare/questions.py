"""The queries that compare a live table with its entry in the index of a dump.

The ranges of an index cover a table only where rows were. Here they are made to cover the whole
axis of the key: (-inf, b1], (b1, b2], ..., (bn, inf). All of them have rows, so no two of them can
overlap and none can be out of order without a count that differs.

The server hashes the text of the very SQL that the dump's text came from. Equal text and an equal
count of rows are equal rows: the dump's text had as many marks as its rows have, so it reads back
in one way only. The order of rows in it may make equal rows differ, never different rows equal.
"""

from __future__ import annotations

from msgspec import Struct

from core.database.dump.output import session_of
from core.database.dump.row_ranges import within
from core.database.dump.row_text import Rendering, rendering_of
from core.database.dump.script import definition_fingerprints
from core.database.index.entries import IndexedTable, RowsAt, Session
from core.database.index.read_index import DumpIndex
from core.database.schema.definitions import Table, Versioning
from core.database.server.connection import Connection
from core.database.server.dialect import Server, quote_name
from core.errors import DumpFailed


class Question(Struct, frozen=True, kw_only=True):
    """One range of a table: the SQL, and the count and digest that it must answer.

    `digest` is None, and the count 0, for a table without rows.
    """

    table: str
    sql: str
    rows: int
    digest: str | None


def other_rendering(index: DumpIndex, connection: Connection) -> str | None:
    """Return why this server does not render rows as that of a dump did; None where it does."""
    then, now = index.session, session_of(connection.server)
    if _comparable(then) == _comparable(now):
        return None
    return f"its rows were rendered by {_words(then)}, and this is {connection.server}"


def _comparable(session: Session) -> tuple[object, ...]:
    return (
        session.flavour, session.version[:2], session.time_zone, session.sql_mode, session.charset,
    )  # fmt: skip


def _words(session: Session) -> str:
    return f"{session.flavour} {'.'.join(map(str, session.version))}"


def same_definition(indexed: IndexedTable, table: Table, schema: str) -> bool:
    """Tell whether a live table is defined as in the dump, AUTO_INCREMENT apart."""
    return indexed.fingerprint in definition_fingerprints(table, schema)


def questions_about(index: DumpIndex, table: Table, server: Server) -> tuple[Question, ...] | None:
    """Return the queries for a live table; None where its rows cannot be compared.

    Raises ValueError where the index is damaged.
    """
    indexed = index.tables[table.name]
    rendering = _rendering(table, server)
    if rendering is None or indexed.rendering != rendering.fingerprint:
        return None
    ranges = list(index.rows_of(table.name))
    if any(one.span.digest is None for one in ranges):
        return None
    if sum(one.rows for one in ranges) != indexed.rows:
        return None
    source = rendering.source
    if not ranges:
        sql = f"SELECT COUNT(*), NULL FROM (SELECT 1 FROM {source} LIMIT 1) AS one"
        return (Question(table=table.name, sql=sql, rows=0, digest=None),)
    if table.key:
        source += f" FORCE INDEX ({quote_name(table.key_index)})"
    wheres = _wheres(ranges, table)
    if wheres is None:
        return None
    return tuple(
        Question(
            table=table.name,
            sql=f"SELECT COUNT(*), SHA2(GROUP_CONCAT({rendering.marked} SEPARATOR '\x02'),256)"
            f" FROM {source}{where}",
            rows=one.rows,
            digest=one.span.digest,
        )
        for one, where in zip(ranges, wheres, strict=True)
    )


def _rendering(table: Table, server: Server) -> Rendering | None:
    """Return how a dump without options renders a table, None where that leaves rows out."""
    history = server.inserts_history and table.versioning in {
        Versioning.IMPLICIT,
        Versioning.EXPLICIT,
    }
    if table.versioning is not Versioning.NONE and not history:
        return None
    try:
        return rendering_of(table, history=history)
    except DumpFailed:
        return None


def _wheres(ranges: list[RowsAt], table: Table) -> list[str] | None:
    """Order ranges by their key and return the condition of each; None where they do not fit."""
    if len(ranges) == 1:
        return [""]
    column = next((one for one in table.columns if table.key and one.name == table.key[0]), None)
    bounds = [one.span.upto for one in ranges[:-1]]
    if column is None:
        return None
    if column.integer:
        ranges.sort(key=lambda one: int(one.span.upto or 0))
        bounds = [one.span.upto for one in ranges[:-1]]
    name, wheres = quote_name(column.name), list[str]()
    previous: str | None = None
    for bound in bounds:
        if bound is None:
            return None
        low = None if previous is None or not column.integer else int(previous) + 1
        if low is not None:
            wheres.append(f" WHERE {within(name, low, int(bound))}")
        else:
            after = "" if previous is None else f"{name} > {previous} AND "
            wheres.append(f" WHERE {after}{name} <= {bound}")
        previous = bound
    return [*wheres, f" WHERE {name} > {previous}"]
