"""The tables of a schema now, and the staged and aside ones among them, in one query.

The state of a swap is decided by these names alone; see `core.database.swap.swap`.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from core.database.schema.names import owner_of
from core.database.server.connection import Connection, lock_name
from core.database.server.dialect import quote_name, quote_text
from core.errors import DatabaseError


def table_names(connection: Connection) -> frozenset[str]:
    """Return the names of all tables and sequences of the schema, ours too; no views."""
    rows = connection.query(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        " AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED', 'SEQUENCE')"
    )
    return frozenset(str(name) for (name,) in rows)


def base_tables(connection: Connection) -> tuple[str, ...]:
    """Return the names of all tables of the schema in order, ours too; no views, no sequences."""
    rows = connection.query(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        " AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED') ORDER BY TABLE_NAME"
    )
    return tuple(str(name) for (name,) in rows)


def all_names(connection: Connection) -> frozenset[str]:
    """Return the names in the name space of tables: tables, sequences, views."""
    rows = connection.query(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
    )
    return frozenset(str(name) for (name,) in rows)


def names_of(connection: Connection, short: str) -> tuple[str, ...]:
    """Return the staged and aside tables of a job."""
    return tuple(sorted(name for name in table_names(connection) if owner_of(name) == short))


def end_statements(connection: Connection, short: str, *, timeout_s: float = 60.0) -> None:
    """End statements of a dead job that the server still works on, and wait until they are gone.

    The server does not notice that a client died while its statement waits for a lock; a RENAME
    could still happen seconds later. Such statements name tables of the job. A RENAME that has its
    locks is left to finish: it takes seconds, and is not to be cut while it moves triggers. Raises
    DatabaseError after the timeout, for then nothing may be decided.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        rows = connection.query(
            "SELECT ID, LEFT(INFO, 6) = 'RENAME' AND STATE NOT LIKE 'Waiting%%'"
            " FROM information_schema.PROCESSLIST"
            " WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND LEFT(INFO, 4096) LIKE %s",
            (f"%\\_mr_\\_{short}\\_%",),
        )
        if not rows:
            return
        if time.monotonic() > deadline:
            raise DatabaseError(
                f"A statement of an earlier try is still at work in connection {rows[0][0]}."
            )
        for number, renaming in rows:
            if not renaming:
                connection.kill(int(number))
        time.sleep(0.05)


def end_connection(connection: Connection, number: int, *, timeout_s: float = 60.0) -> None:
    """End a connection of a dead job, at any work, and wait until it is gone.

    A RENAME that has its locks is left to finish. After a restart of the server the number may be
    that of another connection to the schema; one that holds the lock of a job is never ended.
    Raises DatabaseError after the timeout.
    """
    deadline = time.monotonic() + timeout_s
    lock = quote_text(lock_name(connection.schema))
    while rows := connection.query(
        "SELECT IFNULL(LEFT(INFO, 6), '') = 'RENAME' AND STATE NOT LIKE 'Waiting%%'"
        " FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()"
        f" AND ID = %s AND ID <> IFNULL(IS_USED_LOCK({lock}), 0)",
        (number,),
    ):
        if time.monotonic() > deadline:
            raise DatabaseError(f"Connection {number} of an earlier try does not end.")
        if not rows[0][0]:
            connection.kill(number)
        time.sleep(0.05)


def drop_tables(connection: Connection, names: Iterable[str]) -> None:
    """Drop tables or sequences, with foreign keys among them; one that is gone already is fine."""
    connection.execute("SET foreign_key_checks = 0")
    for name in names:
        connection.execute(f"DROP TABLE IF EXISTS {quote_name(name)}")
    connection.execute("SET foreign_key_checks = 1")
