"""After the commit: foreign keys of tables that stayed refer to the new tables again.

A key follows the table that it refers to, so those point to the aside ones now. Each table takes
two statements, because a name cannot be dropped and used again in one; a later try decides by the
keys that are there. Nothing is copied: foreign_key_checks is off, and the rows that stay are those
of the dump, so none needs a check.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from core.database.schema.names import aside_name
from core.database.schema.outside_keys import keys_outside
from core.database.schema.read_definitions import foreign_keys_of
from core.database.schema.swap_file import Swap
from core.database.schema.table_names import all_names
from core.database.server.connection import Connection
from core.database.server.dialect import Server, quote_name
from core.database.sql.table_text import ForeignKeyText
from core.database.swap.hold import Hold, lock_again
from core.errors import DatabaseError, RightsMissing

_NOT_IN_PLACE: Final = frozenset({1845, 1846})


def point_kept_keys(connection: Connection, swap: Swap, hold: Hold | None) -> None:
    """Point the keys of tables of this schema at the new tables; their own lock is kept or taken.

    `hold` is released at the end. `connection` only reads. Raises SwapBlocked, DatabaseError.
    """
    saved = _saved(connection, swap)
    wrong = {table: keys for table, keys in saved.items() if _is_wrong(connection, swap, table)}
    try:
        if not wrong:
            return
        if hold is None or not wrong.keys() <= hold.write:
            if hold is not None:
                hold.release()
            hold = _locked(connection, wrong)
        at_work = connection if hold is None else hold.connection
        at_work.execute("SET foreign_key_checks = 0")
        for table, keys in wrong.items():
            _point(at_work, swap, quote_name(table), keys, foreign_keys_of(connection, table))
    finally:
        if hold is not None:
            hold.release()


def _locked(connection: Connection, tables: Iterable[str]) -> Hold | None:
    """Lock tables anew; None where the account may not, and each is altered as it stands."""
    try:
        return lock_again(connection.settings, sorted(tables))
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
        now = keys_outside(connection, schema, table)
        name = f"{quote_name(schema)}.{quote_name(table)}"
        try:
            _point(connection, swap, name, keys, now)
        except DatabaseError as error:
            if error.errno is None:
                raise


def _saved(connection: Connection, swap: Swap) -> dict[str, list[ForeignKeyText]]:
    present = all_names(connection)
    saved: defaultdict[str, list[ForeignKeyText]] = defaultdict(list)
    for one in swap.before.foreign_keys:
        key = one.key
        if key.table in swap.names or key.table not in present or key.schema:
            continue
        if key.referenced in swap.names:
            saved[key.table].append(key)
    return dict(saved)


def _is_wrong(connection: Connection, swap: Swap, table: str) -> bool:
    """Tell whether a table lacks one of its keys, or has one to an aside table."""
    now = {key.name: key for key in foreign_keys_of(connection, table)}
    asides = set(swap.asides)
    lost = any(
        one.key.name not in now
        for one in swap.before.foreign_keys
        if one.key.table == table and one.key.referenced in swap.names
    )
    return lost or any(key.referenced in asides for key in now.values())


def _point(
    connection: Connection,
    swap: Swap,
    table: str,
    keys: Iterable[ForeignKeyText],
    now: Iterable[ForeignKeyText],
) -> None:
    """Alter one table, named with its schema if need be, so that it has its keys again."""
    asides = set(swap.asides)
    pointing = sorted(key.name for key in now if key.referenced in asides)
    there = {key.name for key in now if key.referenced not in asides}
    if pointing:
        drops = [f"DROP FOREIGN KEY {quote_name(name)}" for name in pointing]
        _alter(connection, swap, table, drops)
    missing = [f"ADD {key.render()}" for key in keys if key.name not in there]
    if missing:
        _alter(connection, swap, table, missing)


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
