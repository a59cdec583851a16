"""Reads the contents of a schema: tables, sequences and foreign keys.

The objects without rows are read by `core.database.schema.read_objects`. Knows nothing of rows, and
nothing of files. The tables of rollbacks are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence

from core.database.schema.definitions import (
    Column,
    ForeignKey,
    Routine,
    ScheduledEvent,
    Schema,
    Sequence_,
    Table,
    Trigger,
    Versioning,
    View,
    is_own,
)
from core.database.schema.other_stores import IgnoredTables
from core.database.schema.read_objects import (
    read_events,
    read_routines,
    read_triggers,
    read_views,
    show_create,
)
from core.database.server.connection import Connection
from core.database.server.dialect import one_line, quote_name
from core.errors import DatabaseError, DumpFailed

__all__ = [
    "Column",
    "ForeignKey",
    "Routine",
    "ScheduledEvent",
    "Schema",
    "Sequence_",
    "Table",
    "Trigger",
    "Versioning",
    "View",
    "is_own",
    "read_foreign_keys",
    "read_schema",
    "read_sequences",
    "read_tables",
]


def read_schema(
    connection: Connection, without: IgnoredTables | None = None, *, objects_only: bool = False
) -> Schema:
    """Return the contents of the connection's schema, but some tables and the objects on them.

    With `objects_only` it is without tables, sequences and foreign keys. Raises RightsMissing and
    DumpFailed, each naming the unreadable object. Whether the account sees everything is a question
    for `core.database.server.rights`: no query shows the objects that it may not see.
    """
    without = without or IgnoredTables()
    theirs = without.stores.has_object
    charset, collation = connection.query(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME"
        " FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()"
    )[0]
    return Schema(
        name=connection.schema,
        charset=str(charset),
        collation=str(collation),
        tables=() if objects_only else read_tables(connection, without=without),
        sequences=() if objects_only else read_sequences(connection, without),
        views=read_views(connection, without),
        triggers=read_triggers(connection, without),
        routines=tuple(one for one in read_routines(connection) if not theirs(one.name)),
        events=tuple(one for one in read_events(connection) if not theirs(one.name)),
        foreign_keys=() if objects_only else read_foreign_keys(connection, without),
    )


def read_tables(
    connection: Connection, only: Iterable[str] | None = None, *, without: Container[str] = ()
) -> tuple[Table, ...]:
    """Return the base tables by name; `only` those named, if given, staged ones among them.

    A table that is dropped meanwhile is left out.
    """
    rows = connection.query(
        "SELECT TABLE_NAME, TABLE_TYPE, ENGINE, IFNULL(TABLE_ROWS, 0), IFNULL(DATA_LENGTH, 0),"
        " IFNULL(INDEX_LENGTH, 0), IFNULL(CREATE_TIME, ''), IFNULL(TABLE_COLLATION, '')"
        " FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        " AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME"
    )
    wanted = None if only is None else set(only)
    columns, keys = _columns(connection), _keys(connection)
    tables = []
    for name, kind, engine, *sizes, created, collation in rows:
        if name in without or (is_own(name) if wanted is None else name not in wanted):
            continue
        if engine is None:
            raise DumpFailed(f"The table '{one_line(name)}' cannot be opened by the server.")
        try:
            create = str(show_create(connection, "TABLE", name)[1])
        except DatabaseError as error:
            if error.errno == 1146:
                continue
            raise
        own = columns.get(name, ())
        index, key = _best_key(own, keys.get(name, {}))
        tables.append(
            Table(
                name=name,
                engine=engine,
                columns=own,
                key=key,
                key_index=index,
                rows=int(sizes[0]),
                data_bytes=int(sizes[1]),
                created=str(created),
                collation=str(collation),
                versioning=_versioning(kind, own),
                create=create,
            )
        )
    return tuple(tables)


def _columns(connection: Connection) -> dict[str, tuple[Column, ...]]:
    found: defaultdict[str, list[Column]] = defaultdict(list)
    for table, name, kind, full, charset, nullable, extra, expression in connection.query(
        "SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE, COLUMN_TYPE, CHARACTER_SET_NAME, IS_NULLABLE,"
        " EXTRA, IFNULL(GENERATION_EXPRESSION, '') FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME, ORDINAL_POSITION"
    ):
        # MySQL's DEFAULT_GENERATED is an expression as default, not a generated column.
        words = str(extra).upper().replace(",", " ").split()
        found[table].append(
            Column(
                name=name,
                type=str(kind).lower(),
                full_type=str(full).lower(),
                charset=charset,
                nullable=nullable == "YES",
                generated="GENERATED" in words,
                generation=str(expression),
            )
        )
    return {table: tuple(columns) for table, columns in found.items()}


def _keys(connection: Connection) -> dict[str, dict[str, list[str]]]:
    """Return the unique keys of each table: index name to columns in order."""
    found: defaultdict[str, defaultdict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for table, index, column in connection.query(
        "SELECT TABLE_NAME, INDEX_NAME, IFNULL(COLUMN_NAME, '') FROM information_schema.STATISTICS"
        " WHERE TABLE_SCHEMA = DATABASE() AND NON_UNIQUE = 0"
        " AND INDEX_TYPE = 'BTREE' ORDER BY TABLE_NAME, INDEX_NAME, SEQ_IN_INDEX"
    ):
        found[table][index].append(column)
    return {table: dict(indexes) for table, indexes in found.items()}


def _best_key(columns: Sequence[Column], keys: dict[str, list[str]]) -> tuple[str, tuple[str, ...]]:
    """Return the key to make ranges of: the primary one, else the first unique without NULL."""
    by_name = {column.name: column for column in columns}
    ordered = sorted(keys, key=lambda index: (index != "PRIMARY", index))
    for index in ordered:
        names = keys[index]
        if all(name in by_name and not by_name[name].nullable for name in names):
            return index, tuple(names)
    return "", ()


def _versioning(kind: str, columns: Sequence[Column]) -> Versioning:
    if kind != "SYSTEM VERSIONED":
        return Versioning.NONE
    for column in columns:
        if column.generation.upper() == "ROW START":
            numbers = column.type == "bigint"
            return Versioning.TRANSACTION if numbers else Versioning.EXPLICIT
    return Versioning.IMPLICIT


def read_sequences(connection: Connection, without: Container[str] = ()) -> tuple[Sequence_, ...]:
    """Return the sequences, but some, by name."""
    if not connection.server.sequences:
        return ()
    names = connection.query(
        "SELECT TABLE_NAME FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'SEQUENCE' ORDER BY TABLE_NAME"
    )
    found = []
    for (name,) in names:
        if is_own(name) or name in without:
            continue
        create = str(show_create(connection, "SEQUENCE", name)[1])
        value, cycles = connection.query(
            f"SELECT next_not_cached_value, cycle_count FROM {quote_name(name)}"
        )[0]
        found.append(
            Sequence_(name=name, create=create, next_value=int(value), cycle_count=int(cycles))
        )
    return tuple(found)


def read_foreign_keys(
    connection: Connection, without: Container[str] = ()
) -> tuple[ForeignKey, ...]:
    """Return the foreign keys of all tables, but some, by table and name."""
    rows = connection.query(
        "SELECT DISTINCT k.CONSTRAINT_NAME, k.TABLE_NAME, k.REFERENCED_TABLE_SCHEMA,"
        " k.REFERENCED_TABLE_NAME FROM information_schema.KEY_COLUMN_USAGE k"
        " WHERE k.TABLE_SCHEMA = DATABASE() AND k.REFERENCED_TABLE_NAME IS NOT NULL"
        " ORDER BY k.TABLE_NAME, k.CONSTRAINT_NAME"
    )
    return tuple(
        ForeignKey(
            name=str(name),
            table=str(table),
            referenced_schema=str(schema),
            referenced_table=str(referenced),
        )
        for name, table, schema, referenced in rows
        if not is_own(str(table)) and str(table) not in without
    )
