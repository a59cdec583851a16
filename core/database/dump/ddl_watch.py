"""Watches over a running dump: changed definitions, and stores that wait because of us.

A snapshot holds rows, not definitions. A table that is altered, renamed or swapped with another
after the snapshot began can show other rows, or other columns, without any error. So the definition
and the time of creation of each table are compared, before its locks are let go.

A transaction that has read a table keeps others from changing its definition, and a client that
waits for that makes all later readers of the table wait too. `waiting_changes` tells, so that the
dump can step back within seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from core.database.schema.definitions import Table, definition_of
from core.database.server.connection import Connection
from core.database.server.dialect import one_line, quote_name
from core.errors import DatabaseError

PATIENCE_S: Final = 2
"""How long a change of a definition waits for us before we step back."""

# Tables that Magento fills again by itself: indexes, their replicas, change logs.
_REBUILDABLE: Final = re.compile(
    r"_(?:idx|tmp|replica|cl)$|_index(?:_|$)|^catalogrule_|catalogsearch_fulltext|^cache(?:_tag)?$"
    r"|_(?:tmp|temp|outdated)_"
)
# 1412: the table was changed since the snapshot; 1146: it is gone; 1054: a column is gone.
CHANGED_ERRORS: Final = frozenset({1054, 1146, 1412, 1176, 1072, 1969})


class DefinitionsChanged(Exception):
    """Definitions changed under the dump, or somebody waits to change them."""

    def __init__(self, tables: Iterable[str], *, waiting: bool) -> None:
        super().__init__()
        self.tables = frozenset(tables)
        self.waiting = waiting


class Waiting(Struct, frozen=True, kw_only=True):
    """A connection that waits for a lock on a definition."""

    thread_id: int
    age_s: int
    statement: str


def is_rebuildable(table: str, *, prefix: str = "") -> bool:
    """Whether the rows of a table can be made again by a reindex."""
    return _REBUILDABLE.search(table.removeprefix(prefix)) is not None


def check_unchanged(connection: Connection, table: Table) -> None:
    """Raise DefinitionsChanged unless the table is still the one that was described."""
    rows = connection.query(
        "SELECT IFNULL(CREATE_TIME, '') FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s",
        (table.name,),
    )
    if not rows or rows[0][0] != table.created:
        raise DefinitionsChanged([table.name], waiting=False)
    try:
        create = str(connection.query(f"SHOW CREATE TABLE {quote_name(table.name)}")[0][1])
    except DatabaseError as error:
        if error.errno in CHANGED_ERRORS:
            raise DefinitionsChanged([table.name], waiting=False) from error
        raise
    if definition_of(create) != table.fingerprint:
        raise DefinitionsChanged([table.name], waiting=False)


def young_tables(moment: str, tables: Iterable[Table]) -> tuple[str, ...]:
    """Return the tables made in the second of `moment`, or later.

    `moment` is UTC_TIMESTAMP() from before the tables were read. Times of creation count whole
    seconds, so another change of such a table could not be told from the first.
    """
    return tuple(table.name for table in tables if table.created >= moment)


def waiting_changes(connection: Connection) -> tuple[Waiting, ...]:
    """Return the connections on this schema that wait for a lock on a definition.

    Those of the own account are always seen, all others with PROCESS.
    """
    found = []
    for row in connection.query("SHOW FULL PROCESSLIST"):
        number, _, _, schema, _, age, state, statement = row[:8]
        if schema != connection.schema or "metadata lock" not in str(state).lower():
            continue
        found.append(
            Waiting(thread_id=int(number), age_s=int(age or 0), statement=str(statement or ""))
        )
    return tuple(found)


def tables_named(waiting: Iterable[Waiting], tables: Iterable[Table]) -> frozenset[str]:
    """Return the tables that the waiting statements speak of."""
    words: set[str] = set()
    for one in waiting:
        words |= set(re.findall(r"[^\s`,.;()]+", one.statement))
        words |= {
            name.replace("``", "`") for name in re.findall(r"`((?:[^`]|``)*)`", one.statement)
        }
    return frozenset(table.name for table in tables if table.name in words)


def describe(waiting: Iterable[Waiting]) -> str:
    """Return the waiting statements for a message."""
    return "; ".join(
        f"connection {w.thread_id}: {one_line(w.statement, limit=80)}" for w in waiting
    )
