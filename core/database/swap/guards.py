"""Guard tables block deletes in new tables until foreign keys of kept tables refer to them.

A foreign key follows its parent table through a RENAME. So from the RENAME until its keys are
pointed at the new tables, a kept table refers to the aside table, and a DELETE in the new one would
neither cascade into it nor be refused: rows without a parent. A guard is a table of the values that
such keys refer to, with a foreign key of its own to the staged table, which follows the RENAME.
Meanwhile rows may be added and changed, but none can be deleted, and none of those values changed:
error 1451, by a cascade too.

A guard takes no lock, so no connection waits for it. It outlives this process: where a job died
after its commit, it blocks deletes until the recovery has pointed the keys.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping

from core.database.schema.definitions import is_own
from core.database.schema.load_session import LoadingConnection
from core.database.schema.names import guard_name
from core.database.schema.swap_file import SwappedTable
from core.database.schema.table_names import all_names, drop_tables
from core.database.server.connection import Connection
from core.database.server.dialect import one_line, quote_name
from core.errors import ConnectionLost, DatabaseError, LoadFailed
from core.magento.settings import DatabaseConnection


def make_guards(
    settings: DatabaseConnection,
    short: str,
    tables: Collection[SwappedTable],
    leaving: Collection[str] = (),
) -> None:
    """Make the guards of a job anew, for staged tables that others will refer to.

    `leaving` are the tables that go aside without a successor. Raises LoadFailed where a table that
    stays could not refer to the new one: its key could not be pointed after the commit. Keys of
    other schemas that cannot are passed over.
    """
    loading = LoadingConnection(settings)
    connection = loading.connection
    try:
        loading.plain()
        drop_guards(connection, short)
        staged = {one.name: one.staged for one in tables if one.staged is not None}
        names = {*leaving, *(one.name for one in tables)}
        for number, (wanted, users) in enumerate(_referred_to(connection, staged, names), 1):
            table, columns = wanted
            try:
                _make(connection, guard_name(short, number), staged[table], columns)
            except ConnectionLost:
                raise
            except DatabaseError as error:
                own = sorted(name for schema, name in users if schema == connection.schema)
                if own:
                    raise LoadFailed(
                        f"'{one_line(own[0])}' stays and refers to '{one_line(table)}', which is"
                        f" replaced by one that it cannot refer to: {error.message}",
                        hint=error.hint,
                        errno=error.errno,
                    ) from error
    finally:
        connection.close()


def drop_guards(connection: Connection, short: str) -> None:
    """Drop the guards of a job; that there are none is as good."""
    start = guard_name(short, 0)[:-1]
    names = [name for name in all_names(connection) if name.startswith(start)]
    if names:
        drop_tables(connection, sorted(names))


def _referred_to(
    connection: Connection, staged: Mapping[str, str], swapped: Collection[str]
) -> list[tuple[tuple[str, tuple[str, ...]], set[tuple[str, str]]]]:
    """Return the tables and columns that keys of tables which stay refer to, with those tables."""
    columns: defaultdict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for schema, table, key, referenced, column in connection.query(
        "SELECT TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, REFERENCED_TABLE_NAME,"
        " REFERENCED_COLUMN_NAME FROM information_schema.KEY_COLUMN_USAGE"
        " WHERE REFERENCED_TABLE_SCHEMA = DATABASE()"
        " ORDER BY TABLE_SCHEMA, TABLE_NAME, CONSTRAINT_NAME, ORDINAL_POSITION"
    ):
        own = str(schema) == connection.schema
        goes = own and (str(table) in swapped or is_own(str(table)))
        if str(referenced) in staged and not goes:
            columns[str(schema), str(table), str(key), str(referenced)].append(str(column))
    found: defaultdict[tuple[str, tuple[str, ...]], set[tuple[str, str]]] = defaultdict(set)
    for (schema, table, _, referenced), names in columns.items():
        found[referenced, tuple(names)].add((schema, table))
    return sorted(found.items())


def _make(connection: Connection, name: str, staged: str, columns: tuple[str, ...]) -> None:
    guard, table = quote_name(name), quote_name(staged)
    words = ", ".join(map(quote_name, columns))
    primary = tuple(
        str(column)
        for (column,) in connection.query(
            "SELECT COLUMN_NAME FROM information_schema.STATISTICS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND INDEX_NAME = 'PRIMARY'"
            " ORDER BY SEQ_IN_INDEX",
            (staged,),
        )
    )
    kind = "PRIMARY KEY" if columns == primary else "KEY"  # one tree in place of two
    connection.execute("SET foreign_key_checks = 1")  # without them a key to anything can be made
    parts = [f"{kind} ({words})", f"FOREIGN KEY ({words}) REFERENCES {table} ({words})"]
    apart = not connection.server.mariadb  # MySQL takes no foreign key together with a SELECT
    inside = ", ".join(parts[:1] if apart else parts)
    connection.execute(
        f"CREATE TABLE {guard} ({inside}) ENGINE=InnoDB SELECT {words} FROM {table} LIMIT 0"
    )
    if apart:
        connection.execute(f"ALTER TABLE {guard} ADD {parts[1]}")
    connection.execute("SET foreign_key_checks = 0")
    connection.execute(f"INSERT INTO {guard} SELECT {words} FROM {table}")
