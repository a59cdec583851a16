"""After the commit: foreign keys of tables that stayed refer to the new tables again.

A key follows the table that it refers to, so those point to the aside ones now. Each table takes
two statements, because a name cannot be dropped and used again in one; a later try decides by the
keys that are there. Nothing is copied: foreign_key_checks is off, and the rows that stay are those
of the dump, so none needs a check.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from core.database.schema.broken_tables import broken_tables
from core.database.schema.names import aside_name
from core.database.schema.swap_file import Swap
from core.database.schema.table_names import all_names
from core.database.server.connection import Connection
from core.database.server.dialect import Server, quote_name
from core.database.sql.table_text import ForeignKeyText, TableText, columns_of, parse_show_create
from core.database.swap.table_locks import TableLocks, lock_again
from core.errors import DatabaseError, RightsMissing

_NOT_IN_PLACE: Final = frozenset({1845, 1846})


def point_kept_keys(connection: Connection, swap: Swap, hold: TableLocks | None) -> None:
    """Point the keys of tables of this schema at the new tables; their own lock is kept or taken.

    `hold` is released at the end. `connection` only reads. Raises SwapBlocked, DatabaseError.
    """
    saved = _saved(connection, swap)
    now = {table: _definition(connection, quote_name(table)) for table in saved}
    wrong = {table: keys for table, keys in saved.items() if _is_wrong(now[table], keys, swap)}
    try:
        if not wrong:
            return
        if hold is None or not wrong.keys() <= hold.write:
            if hold is not None:
                hold.release()
            hold = _locked(connection, wrong, swap)
        at_work = connection if hold is None else hold.connection
        at_work.execute("SET foreign_key_checks = 0")
        for table, keys in wrong.items():
            _point(at_work, swap, quote_name(table), keys, now[table])
    finally:
        if hold is not None:
            hold.release()


def _locked(
    connection: Connection, tables: Mapping[str, list[ForeignKeyText]], swap: Swap
) -> TableLocks | None:
    """Lock tables anew; None where the account may not, and each is altered as it stands.

    Those that they refer to are locked too, since a key is missing for a moment. New ones are not:
    they have guards.
    """
    keys = [key for own in tables.values() for key in own]
    parents = {key.referenced for key in keys if not key.schema} & all_names(connection)
    outside = {(key.schema, key.referenced) for key in keys if key.schema}
    read = parents - tables.keys() - swap.names - broken_tables(connection).keys()
    try:
        return lock_again(connection.settings, sorted(tables), read=read, outside=outside)
    except RightsMissing:
        return None


def point_outside_keys(connection: Connection, swap: Swap) -> None:
    """Point the keys of other schemas at the new tables, where the account may.

    Those that it may not change are left, for a warning.
    """
    by_table: defaultdict[tuple[str, str], list[ForeignKeyText]] = defaultdict(list)
    for one in swap.outside:
        by_table[one.schema, one.key.table].append(one.key)
    for (schema, table), keys in by_table.items():
        name = f"{quote_name(schema)}.{quote_name(table)}"
        try:
            now = _definition(connection, name)
            if _is_wrong(now, keys, swap):
                _point(connection, swap, name, keys, now)
        except DatabaseError as error:
            if error.errno is None:
                raise


def _definition(connection: Connection, table: str) -> TableText:
    return parse_show_create(str(connection.query(f"SHOW CREATE TABLE {table}")[0][1]))


def _saved(connection: Connection, swap: Swap) -> dict[str, list[ForeignKeyText]]:
    """Return all keys, as they were before, of the tables that stayed and have one to point."""
    present, saved = all_names(connection), defaultdict[str, list[ForeignKeyText]](list)
    for one in swap.before.foreign_keys:
        saved[one.key.table].append(one.key)
    return {
        table: keys
        for table, keys in saved.items()
        if table in present - swap.names
        and any(key.referenced in swap.names and not key.schema for key in keys)
    }


def _is_wrong(now: TableText, keys: Iterable[ForeignKeyText], swap: Swap) -> bool:
    """Tell whether a table lacks one of its keys, or has one to an aside table."""
    there = {key.name for key in now.foreign_keys}
    lost = any(key.name not in there for key in keys)
    return lost or any(key.referenced in swap.asides for key in now.foreign_keys)


def _point(
    connection: Connection, swap: Swap, table: str, keys: list[ForeignKeyText], now: TableText
) -> None:
    """Alter one table, named with its schema if need be, so that it has its keys again.

    All of them are made again, in the order of their indexes: an index that the server made for a
    key becomes the last one of the table with that key.
    """
    indexes = [part.columns for part in now.parts if part.columns]

    def place(key: ForeignKeyText) -> int:
        columns = columns_of(key)
        found = (n for n, one in enumerate(indexes) if one[: len(columns)] == columns)
        return next(found, len(indexes))

    if now.foreign_keys:
        drops = [f"DROP FOREIGN KEY {quote_name(key.name)}" for key in now.foreign_keys]
        _alter(connection, swap, table, drops)
    kept = {key.name: key for key in now.foreign_keys if key.referenced not in swap.asides}
    wanted = list((kept | {key.name: key for key in keys}).values())
    _alter(connection, swap, table, [f"ADD {key.render()}" for key in sorted(wanted, key=place)])


def _alter(connection: Connection, swap: Swap, table: str, changes: list[str]) -> None:
    # By the comment a later try knows whose statement it is, should this process die.
    start = f"ALTER TABLE /* {aside_name(swap.short, 0)} */ {table} {', '.join(changes)}"

    def run(text: str) -> None:
        connection.execute(text.encode("utf-8", "surrogateescape"))

    _in_place(run, start, connection.server)


def _in_place(run: Callable[[str], None], start: str, server: Server) -> None:
    """Alter without a copy; where an engine knows no such way, in any way."""
    instant = server.mariadb and server.version >= (10, 3, 7)
    try:
        run(f"{start}, ALGORITHM={'NOCOPY' if instant else 'INPLACE'}")
    except DatabaseError as error:
        if error.errno not in _NOT_IN_PLACE:
            raise
        run(start)
