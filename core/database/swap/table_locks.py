"""Kept tables, locked by a second connection while the first one swaps the others.

Kept tables are locked READ: others read them and wait to write, a cascade into them waits too. A
table whose keys must be pointed at new tables is locked WRITE, so that the same connection can
point them before any other writes to it. Exceptions, locked READ and then WRITE after the commit:

- tables with triggers, and tables that one with triggers refers to: a WRITE lock would include the
  tables that the triggers use, and block their RENAME;
- tables that swapped tables refer to: the key of the swapped table needs them.

Guards block deletes in the time between (`core.database.swap.guards`).

Tables that are locked READ from the start to the commit may be locked by one more connection while
the others are still loaded, so that they are compared meanwhile. The two locks overlap: no write
comes between them.

Tables of other schemas that tables of this one refer to are locked READ where the account may, for
their rows must stay until the new tables have their keys to them.

Only base tables are locked. The connection commits each statement: else InnoDB would lock too, and
stop the RENAME. It is never reconnected: a lost connection has lost its locks.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Collection
from typing import Final

from msgspec import Struct

from core.database.schema.broken_tables import broken_tables
from core.database.schema.load_session import LoadingConnection
from core.database.schema.read_tables import read_foreign_keys
from core.database.schema.table_names import base_tables
from core.database.server.connection import Connection
from core.database.server.dialect import quote_name
from core.database.server.obstacles import LOCKED, holders
from core.database.server.rights import read_rights
from core.errors import ConnectionLost, DatabaseError, RightsMissing, SwapBlocked
from core.magento.settings import DatabaseConnection

TRIES: Final = 6
_AT_ONCE_S: Final = 1
_NO_TABLE: Final = 1146  # a key may refer to a table that is not there


class RelatedTables(Struct, frozen=True, kw_only=True):
    """The tables that stay and have keys to (`children`) or from (`parents`) swapped ones."""

    children: frozenset[str]
    parents: frozenset[str]


def related_tables_of(connection: Connection, swapped: Collection[str]) -> RelatedTables:
    """Return the relatives of tables among the live base tables that are not swapped."""
    live = set(base_tables(connection)) - broken_tables(connection).keys()
    children, parents = set[str](), set[str]()
    for key in read_foreign_keys(connection):
        if key.referenced_schema != connection.schema:
            continue
        if key.table not in swapped and key.referenced_table in swapped:
            children.add(key.table)
        if key.table in swapped and key.referenced_table not in swapped:
            parents.add(key.referenced_table)
    return RelatedTables(children=frozenset(children & live), parents=frozenset(parents & live))


class TableLocks:
    """Locks on tables, by a connection that does nothing else. Close it in any case."""

    def __init__(
        self, loading: LoadingConnection, read: Collection[str], write: Collection[str]
    ) -> None:
        self.loading = loading
        self.connection = loading.connection
        self.read, self.write = frozenset(read), frozenset(write)

    def prove(self) -> None:
        """Raise ConnectionLost unless all locks have stood since they were taken."""
        try:
            self.connection.scalar("SELECT 1")  # the server ends locks only with the connection
        except ConnectionLost as error:
            raise ConnectionLost(
                f"The locks on the tables that stay were lost before the commit. {error.message}",
                errno=error.errno,
            ) from error

    def release(self) -> None:
        """Let others write again; nothing is left to do where the connection is gone."""
        self.connection.close()


def lock_kept_tables(
    settings: DatabaseConnection,
    swapped: Collection[str],
    kept: Collection[str],
    *,
    outside: Collection[tuple[str, str]] = (),
    standing: TableLocks | None = None,
    tries: int = TRIES,
) -> TableLocks | None:
    """Lock kept tables, and the relatives of swapped ones. None where the account may not.

    `outside` are schema and table of others that the new tables will refer to; they are locked
    too, as those that live tables refer to, where the account may. `standing` are READ locks of
    another connection, which are released where they are in the way. None as well where there is
    nothing to hold. Raises SwapBlocked, which names who had locks through all tries.
    """
    loading = LoadingConnection(settings)
    connection = loading.connection
    try:
        rights = read_rights(connection)
        if not (rights.may("LOCK TABLES") and rights.may("SELECT")):
            connection.close()
            return None
        read, write = _wanted(connection, swapped, kept)
        if not read and not write:
            connection.close()
            return None
        loading.plain()
        connection.execute("SET autocommit = 1")
        others = {*outside, *_outside(connection)}
        if standing is None or not _lock_beside(connection, read, write, others, standing):
            _lock(connection, read, write, tries, outside=others)
    except RightsMissing:
        connection.close()
        return None
    except BaseException:
        connection.close()
        raise
    return TableLocks(loading, read, write)


def _lock_beside(
    connection: Connection,
    read: Collection[str],
    write: Collection[str],
    outside: Collection[tuple[str, str]],
    standing: TableLocks,
) -> bool:
    """Try once to lock while other locks stand; release those where that fails."""
    if not standing.read & set(write):
        with contextlib.suppress(SwapBlocked):
            _lock(connection, read, write, 1, outside=outside)
            return True
    # A connection that waits for a standing lock may hold a table that is wanted now.
    standing.release()
    return False


def lock_while_loading(
    settings: DatabaseConnection, swapped: Collection[str], kept: Collection[str]
) -> TableLocks | None:
    """Lock those kept tables READ, at once, that are to be locked READ until the commit.

    None where others use them, where the account may not, where there is none, and on MySQL, where
    such a lock is in the way of foreign keys.
    """
    loading = LoadingConnection(settings)
    connection = loading.connection
    try:
        rights = read_rights(connection)
        if connection.server.mariadb and rights.may("LOCK TABLES") and rights.may("SELECT"):
            read, _ = _wanted(connection, swapped, kept)
            read &= set(kept)
            if read:
                loading.plain()
                connection.execute("SET autocommit = 1")
                connection.set_session({"lock_wait_timeout": _AT_ONCE_S})
                _lock(connection, read, (), 1, outside=())
                return TableLocks(loading, read, ())
    except (RightsMissing, SwapBlocked):
        pass
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def _wanted(
    connection: Connection, swapped: Collection[str], kept: Collection[str]
) -> tuple[set[str], set[str]]:
    """Return the tables to lock READ and WRITE; one that is gone by now cannot be the same."""
    kept = set(kept) & set(base_tables(connection))
    if not connection.server.mariadb:  # there a lock of a relative would block the RENAME
        return kept, set()
    found = related_tables_of(connection, swapped)
    write = set(found.children - found.parents) - _reaching_triggers(connection)
    return {*kept, *found.children, *found.parents} - write, write


def _reaching_triggers(connection: Connection) -> set[str]:
    """Return the tables with triggers, and those with foreign keys from them, over any others.

    A WRITE lock includes the tables that refer to it, with what their triggers use.
    """
    rows = connection.query(
        "SELECT DISTINCT EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS"
        " WHERE TRIGGER_SCHEMA = DATABASE()"
    )
    parents = defaultdict[str, set[str]](set)
    for key in read_foreign_keys(connection):
        if key.referenced_schema == connection.schema:
            parents[key.table].add(key.referenced_table)
    found = {str(name) for (name,) in rows}
    todo = list(found)
    while todo:
        more = parents[todo.pop()] - found
        found |= more
        todo += more
    return found


def _outside(connection: Connection) -> set[tuple[str, str]]:
    """Return the tables of other schemas that tables of this one refer to."""
    if not connection.server.mariadb:
        return set()
    rows = connection.query(
        "SELECT DISTINCT REFERENCED_TABLE_SCHEMA, REFERENCED_TABLE_NAME"
        " FROM information_schema.KEY_COLUMN_USAGE"
        " WHERE TABLE_SCHEMA = DATABASE() AND REFERENCED_TABLE_SCHEMA <> DATABASE()"
    )
    return {(str(schema), str(table)) for schema, table in rows}


def lock_again(
    settings: DatabaseConnection,
    tables: Collection[str],
    *,
    read: Collection[str] = (),
    outside: Collection[tuple[str, str]] = (),
    tries: int = TRIES,
) -> TableLocks:
    """Lock tables WRITE, and those that they refer to READ. Raises SwapBlocked, RightsMissing."""
    loading = LoadingConnection(settings)
    try:
        loading.plain()
        loading.connection.execute("SET autocommit = 1")
        _lock(loading.connection, read, tables, tries, outside=outside)
    except BaseException:
        loading.connection.close()
        raise
    return TableLocks(loading, read, tables)


def _lock(
    connection: Connection,
    read: Collection[str],
    write: Collection[str],
    tries: int,
    *,
    outside: Collection[tuple[str, str]],
) -> None:
    """Lock tables; those of other schemas only where the account may."""
    words = [f"{quote_name(name)} READ" for name in sorted(read)]
    words += [f"{quote_name(name)} WRITE" for name in sorted(write)]
    others = [f"{quote_name(schema)}.{quote_name(name)} READ" for schema, name in sorted(outside)]
    names = sorted({*read, *write})
    if others:
        try:
            _try_to_lock(connection, [*words, *others], names, tries)
        except DatabaseError as error:
            if not isinstance(error, RightsMissing) and error.errno != _NO_TABLE:
                raise
        else:
            return
    _try_to_lock(connection, words, names, tries)


def _try_to_lock(connection: Connection, words: list[str], names: list[str], tries: int) -> None:
    for number in range(1, tries + 1):
        try:
            connection.execute("LOCK TABLES " + ", ".join(words))
            break
        except DatabaseError as error:
            if error.errno != LOCKED:
                raise
            if number == tries:
                raise SwapBlocked(
                    f"Other connections held tables for {tries * connection.lock_wait_s} s:"
                    f" {holders(connection, names)}.",
                    hint="End them (cron, queue consumers, an open client), then run it again.",
                    errno=LOCKED,
                ) from error
