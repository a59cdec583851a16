"""The rights of the account, tried on scratch objects of a name of ours before a load begins."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from core.database.load.dump_check import DumpCheck
from core.database.schema.names import STAGED
from core.database.server.binary_log import BINARY_LOG, CURE_OF_1419
from core.database.server.connection import Connection
from core.database.server.dialect import quote_name
from core.database.server.obstacles import LOCKED, blockers
from core.errors import DatabaseError


def try_rights(connection: Connection, check: DumpCheck) -> tuple[list[str], bool]:
    """Try the acts of the load on a scratch table; return problems, and whether it may make them.

    No list of rights tells all: the binary log alone can forbid triggers (1419).
    """
    problems: list[str] = []
    may_make = True
    name = f"{STAGED}trial{connection.thread_id}_0"
    table, other = quote_name(name), quote_name(name + "_v")
    try:  # an object that cannot be dropped is not made
        connection.execute(f"DROP TABLE IF EXISTS {table}")
    except DatabaseError as error:
        return [_problem(connection, "drop tables", error)], False
    steps = [("make tables", f"CREATE TABLE {table} (a int PRIMARY KEY)")]
    if check.triggers:
        trigger = f"CREATE TRIGGER {other} BEFORE INSERT ON {table} FOR EACH ROW SET @a = 1"
        steps.append(("make triggers", trigger))
    steps += [
        ("change tables", f"ALTER TABLE {table} ADD b int, ADD KEY (b)"),
        ("rename tables", f"RENAME TABLE {table} TO {quote_name(name + '0')}"),
        ("rename tables", f"RENAME TABLE {quote_name(name + '0')} TO {table}"),
    ]
    if check.foreign_keys:
        key = f"ADD FOREIGN KEY (b) REFERENCES {table} (a)"
        steps.append(("refer to tables", f"ALTER TABLE {table} {key}"))
    if check.views:
        steps.append(("make views", f"CREATE VIEW {other} AS SELECT 1 AS a"))
    if check.routines:
        steps.append(("make routines", f"CREATE PROCEDURE {other} () SELECT 1"))
    if check.events:
        event = f"CREATE EVENT {other} ON SCHEDULE EVERY 1 DAY DISABLE DO SELECT 1"
        steps.append(("make events", event))
    with _cleared(connection, name):
        for what, statement in steps:
            try:
                connection.execute(statement)
            except DatabaseError as error:
                problems.append(_problem(connection, what, error))
                if error.errno == LOCKED:
                    return problems, False
                may_make &= not what.endswith("tables")
    return problems, may_make


def _problem(connection: Connection, what: str, error: DatabaseError) -> str:
    if error.errno == LOCKED:
        who = ", ".join(blockers(connection)) or "one that this account may not see"
        return f"Another connection has locked the whole server or schema: {who}."
    cure = f" {CURE_OF_1419}" if error.errno == BINARY_LOG else ""
    return f"The account cannot {what}: {error.message}{cure}"


@contextlib.contextmanager
def _cleared(connection: Connection, name: str) -> Iterator[None]:
    try:
        yield
    finally:
        for statement in (
            f"DROP VIEW IF EXISTS {quote_name(name + '_v')}",
            f"DROP PROCEDURE IF EXISTS {quote_name(name + '_v')}",
            f"DROP EVENT IF EXISTS {quote_name(name + '_v')}",
            f"DROP TABLE IF EXISTS {quote_name(name)}, {quote_name(name + '0')}",
        ):
            with contextlib.suppress(DatabaseError):
                connection.execute(statement)
