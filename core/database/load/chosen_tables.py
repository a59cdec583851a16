"""Reduces a load to chosen tables, and finds the tables that foreign keys tie to them.

The dump is checked whole as always; then everything but the chosen tables and their triggers is
left out of the load. Ties are read on both sides: the foreign keys of the dump, and those of the
live schema. `core.database.load.dangling` counts the rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from core.database.load.dump_check import Definition, DumpCheck, without_tables
from core.database.schema.definitions import is_own
from core.database.server.connection import Connection
from core.database.server.dialect import Server
from core.database.sql.allowed import classify
from core.database.sql.statement import StatementKind
from core.database.sql.table_text import (
    AlterText,
    ForeignKeyText,
    PartKind,
    TableText,
    parse_alter,
    parse_table,
)
from core.database.sql.tokens import tokens


class Tie(Struct, frozen=True, kw_only=True):
    """A foreign key of `child` to `parent`, column by column."""

    child: str
    columns: tuple[str, ...]
    parent: str
    referenced: tuple[str, ...]


class DumpTables(Struct, frozen=True, kw_only=True):
    """The tables of a dump as it defines them: their columns that hold values, and their keys."""

    columns: dict[str, tuple[str, ...]]
    ties: tuple[Tie, ...]


def only_tables(check: DumpCheck, chosen: Collection[str]) -> DumpCheck:
    """Return a check in which nothing is loaded but these tables and their triggers."""
    others = {*check.tables, *check.sequences, *check.views} - {*chosen}
    less = without_tables(check, others)
    kept = {StatementKind.TABLE, StatementKind.ALTER, StatementKind.TRIGGER}
    sequences = {StatementKind.SEQUENCE, StatementKind.SETVAL}
    return replace(
        less,
        routines=(),
        events=(),
        definitions=tuple(one for one in less.definitions if one.kind in kept | sequences),
        content_bytes=sum(one.row_bytes for one in less.contents),
        tables_only=True,
    )


def dump_tables(check: DumpCheck, server: Server) -> DumpTables:
    """Return how a dump defines its tables. Raises StatementRefused."""
    columns: dict[str, tuple[str, ...]] = {}
    ties: list[Tie] = []
    for one in check.definitions:
        if one.kind not in {StatementKind.TABLE, StatementKind.ALTER}:
            continue
        text = _parsed(check, one, server)
        if isinstance(text, TableText):
            columns[text.name] = tuple(_value_columns(text))
        ties += [_tie(key) for key in text.foreign_keys if not key.schema]
    return DumpTables(columns=columns, ties=tuple(ties))


def _parsed(check: DumpCheck, one: Definition, server: Server) -> TableText | AlterText:
    statement = classify(
        one.raw,
        reading=one.state.reading,
        server=server,
        schema=check.schema or None,
        from_schema=check.from_schema,
        trusted=check.trusted,
    )
    return parse_table(statement) if one.kind is StatementKind.TABLE else parse_alter(statement)


def _value_columns(text: TableText) -> Iterator[str]:
    """Yield the columns whose values a dump holds: not those that the server computes."""
    for part in text.parts:
        if part.kind is PartKind.COLUMN:
            words = {token.upper for token in tokens(part.text)}
            if not words & {b"GENERATED", b"VIRTUAL", b"PERSISTENT", b"STORED"}:
                yield part.name


def _tie(key: ForeignKeyText) -> Tie:
    return Tie(
        child=key.table,
        columns=_first_names(key.clause),
        parent=key.referenced,
        referenced=_first_names(key.rest),
    )


def _first_names(text: str) -> tuple[str, ...]:
    """Return the names in the first brackets."""
    words = list(tokens(text.encode("utf-8", "surrogateescape")))
    start = next(i for i, word in enumerate(words) if word.text == b"(")
    end = next(i for i, word in enumerate(words) if word.text == b")")
    return tuple(word.name for word in words[start + 1 : end] if word.text != b",")


def live_ties(connection: Connection) -> tuple[Tie, ...]:
    """Return the foreign keys within the live schema."""
    rows = connection.query(
        "SELECT CONSTRAINT_NAME, TABLE_NAME, COLUMN_NAME, REFERENCED_TABLE_NAME,"
        " REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE"
        " WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA = DATABASE()"
        " ORDER BY TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION"
    )
    keys: defaultdict[tuple[str, str, str], list[tuple[str, str]]] = defaultdict(list)
    for name, child, column, parent, referenced in rows:
        if not is_own(str(child)) and not is_own(str(parent)):
            keys[str(child), str(name), str(parent)].append((str(column), str(referenced)))
    return tuple(
        Tie(
            child=child,
            columns=tuple(column for column, _ in pairs),
            parent=parent,
            referenced=tuple(referenced for _, referenced in pairs),
        )
        for (child, _, parent), pairs in keys.items()
    )


def with_related(
    chosen: Iterable[str], ties: Iterable[Tie], tables: Collection[str]
) -> frozenset[str]:
    """Return chosen tables with all that foreign keys tie to them, and to those, in the dump."""
    beside: defaultdict[str, set[str]] = defaultdict(set)
    for tie in ties:
        beside[tie.child].add(tie.parent)
        beside[tie.parent].add(tie.child)
    found, ahead = set(chosen), list(chosen)
    while ahead:
        for name in beside[ahead.pop()]:
            if name not in found and name in tables:
                found.add(name)
                ahead.append(name)
    return frozenset(found)
