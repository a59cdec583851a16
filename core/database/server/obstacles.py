"""Obstacles on a server that would stop a running job: locks, crashed tables, few connections.

Asked while the store is open. Nothing here waits long or changes anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

from core.database.server.connection import Connection, connect, lock_name
from core.database.server.dialect import one_line, quote_name, quote_text
from core.errors import ConnectionFailed, DatabaseError
from core.magento.settings import DatabaseConnection

CONNECTIONS_NEEDED: Final = 4
"""The lock of the schema, one that leads, one for rows, and one for locks or a look around."""

LOCKED: Final = 1205
_LOCK_WAIT_S: Final = 2
_TOO_MANY: Final = frozenset({1040, 1203, 1226})
_AT_ONCE: Final = 40  # tables
_CHECKED_BYTES: Final = 256 << 20  # more of a table is only looked at where it was not closed well
_CHECKED: Final = ("MYISAM", "ARIA", "CSV", "ARCHIVE")


def locked_tables(connection: Connection, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of these tables that cannot even be read, because another locked them.

    A table is passed over at once while it is locked, then asked for once more: a lock of a moment
    is none.
    """
    no_wait = 0 if connection.server.mariadb else 1
    found = _unreadable(connection, names, no_wait)
    if found:
        found = _unreadable(connection, found[:1], _LOCK_WAIT_S) and _unreadable(
            connection, found, no_wait
        )
    return found


def _unreadable(connection: Connection, names: Sequence[str], wait_s: int) -> tuple[str, ...]:
    """Return the locked ones; many are asked for at once, and one by one where any is refused."""
    found: list[str] = []
    connection.set_session({"lock_wait_timeout": wait_s})
    try:
        for start in range(0, len(names), _AT_ONCE):
            several = names[start : start + _AT_ONCE]
            if _answer_to(connection, several) is not None:
                found += (name for name in several if _answer_to(connection, [name]) == LOCKED)
    finally:
        if connection.open:
            connection.set_session({"lock_wait_timeout": connection.lock_wait_s})
    return tuple(found)


def _answer_to(connection: Connection, names: Sequence[str]) -> int | None:
    """Return the server's error where it opens tables to be read, None where it opens all."""
    try:
        connection.query(
            " UNION ALL ".join(f"(SELECT 1 FROM {quote_name(name)} LIMIT 0)" for name in names)
        )
    except DatabaseError as error:
        if error.errno is None:
            raise
        return error.errno
    return None


def lock_problem(connection: Connection, names: Sequence[str]) -> str | None:
    """Return a line about locked tables with who may hold them; None where none is locked."""
    locked = locked_tables(connection, names)
    if not locked:
        return None
    shown = ", ".join(one_line(name) for name in locked[:10])
    more = f" and {len(locked) - 10} more" if len(locked) > 10 else ""
    return f"Another connection has locked tables ({shown}{more}): {holders(connection, locked)}."


def holders(connection: Connection, tables: Sequence[str]) -> str:
    """Return who holds locks on tables, as far as this account may see it."""
    names = ", ".join(quote_text(name) for name in tables)
    for question in (
        (
            "SELECT DISTINCT p.ID, p.USER, p.TIME FROM information_schema.METADATA_LOCK_INFO l"
            " JOIN information_schema.PROCESSLIST p ON p.ID = l.THREAD_ID"
            f" WHERE l.TABLE_SCHEMA = DATABASE() AND l.TABLE_NAME IN ({names})"
            f" AND p.ID <> {connection.thread_id}"
        ),
        (
            "SELECT DISTINCT t.PROCESSLIST_ID, t.PROCESSLIST_USER, t.PROCESSLIST_TIME"
            " FROM performance_schema.metadata_locks l"
            " JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID"
            f" WHERE l.OBJECT_SCHEMA = DATABASE() AND l.OBJECT_NAME IN ({names})"
            f" AND l.LOCK_STATUS = 'GRANTED' AND t.PROCESSLIST_ID <> {connection.thread_id}"
        ),
    ):
        with contextlib.suppress(DatabaseError):
            rows = connection.query(question)
            if rows:
                return ", ".join(_named(row) for row in rows[:10])
    return ", ".join(blockers(connection)) or "one that this account may not see"


def _named(row: Sequence[object]) -> str:
    return f"connection {row[0]} of {one_line(str(row[1]))}, {row[2] or 0} s"


def blockers(connection: Connection) -> list[str]:
    """Return who may hold tables, as `connection 12 of shop, 34 s`; open transactions first.

    Transactions need the PROCESS right to be seen; without it all other connections to the schema
    that the account may see are named.
    """
    lock = quote_text(lock_name(connection.schema))  # held by the job that asks
    own = f"p.ID <> {connection.thread_id} AND p.ID <> IFNULL(IS_USED_LOCK({lock}), 0)"
    rows: list[tuple[object, ...]] = []
    with contextlib.suppress(DatabaseError):
        rows = connection.query(
            "SELECT p.ID, p.USER, TIMESTAMPDIFF(SECOND, t.trx_started, NOW())"
            " FROM information_schema.INNODB_TRX t"
            " JOIN information_schema.PROCESSLIST p ON p.ID = t.trx_mysql_thread_id"
            f" WHERE {own} ORDER BY t.trx_started LIMIT 10"
        )
    if not rows:
        rows = list(
            connection.query(
                "SELECT p.ID, p.USER, p.TIME FROM information_schema.PROCESSLIST p"
                f" WHERE {own} AND p.DB = DATABASE() ORDER BY p.TIME DESC LIMIT 10"
            )
        )
    return [_named(row) for row in rows]


def crashed_tables(connection: Connection, names: Sequence[str]) -> dict[str, str]:
    """Return those of these tables whose rows cannot be read whole, and the server's word for why.

    Only engines that can crash are looked at: damage in InnoDB stops the server itself.
    """
    kinds = ", ".join(quote_text(engine) for engine in _CHECKED)
    rows = connection.query(
        "SELECT TABLE_NAME, IFNULL(DATA_LENGTH, 0) + IFNULL(INDEX_LENGTH, 0)"
        f" FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND ENGINE IN ({kinds})"
    )
    wanted = set(names)
    found: dict[str, str] = {}
    for name, size in rows:
        if name not in wanted:
            continue
        how = "QUICK" if int(size) <= _CHECKED_BYTES else "FAST QUICK"
        said = connection.query(f"CHECK TABLE {quote_name(str(name))} {how}", long=True)
        errors = [str(text) for _, _, kind, text in said if str(kind).lower() == "error"]
        if errors:
            found[str(name)] = one_line(errors[0], limit=100)
    return found


def connection_problem(settings: DatabaseConnection) -> str | None:
    """Return a line where the server does not let the account have the connections of a job."""
    with contextlib.ExitStack() as stack:
        opened: list[Connection] = []
        try:
            while len(opened) < CONNECTIONS_NEEDED:
                opened.append(stack.enter_context(connect(settings)))
        except ConnectionFailed as error:
            if error.errno not in _TOO_MANY:
                raise
            return (
                f"The server gives '{one_line(settings.username)}' {len(opened)} of the"
                f" {CONNECTIONS_NEEDED} connections that a job needs at once: {error.message}"
                f"{_in_use(opened)}"
            )
    return None


def _in_use(opened: Sequence[Connection]) -> str:
    """Return who else has connections, as far as the account sees it."""
    if not opened:
        return ""
    own = ", ".join(str(one.thread_id) for one in opened)
    rows = opened[0].query(
        "SELECT ID, USER, TIME FROM information_schema.PROCESSLIST"
        f" WHERE ID NOT IN ({own}) ORDER BY TIME DESC LIMIT 10"
    )
    return f" Others: {'; '.join(_named(row) for row in rows)}." if rows else ""
