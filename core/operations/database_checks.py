"""Obstacles of a database backup, asked for while the store is open."""

from __future__ import annotations

from collections.abc import Sequence

from core.database.dump.strip import NOTHING_STRIPPED, resolve, unmatched
from core.database.schema.broken_tables import broken_tables
from core.database.schema.names import owner_of
from core.database.schema.other_stores import OtherStores, other_stores
from core.database.schema.table_names import base_tables
from core.database.server.binary_log import trigger_warnings
from core.database.server.connection import Connection, connect
from core.database.server.obstacles import connection_problem, crashed_tables, lock_problem
from core.magento.settings import DatabaseConnection
from core.operations.findings import Finding, note, stop, warn


def database_findings(settings: DatabaseConnection, strip: Sequence[str]) -> list[Finding]:
    """Return the findings that would stop a backup of this schema once it has begun.

    The warnings of the backup itself are notes here.

    Raises DatabaseError where the server cannot be asked.
    """
    few = connection_problem(settings)
    if few is not None:
        return [stop("connections", few, hint="See max_user_connections and max_connections.")]
    with connect(settings) as connection:
        others = other_stores(connection)
        names = [
            name
            for name in base_tables(connection)
            if owner_of(name) is None and name not in others
        ]
        locked = lock_problem(connection, names)
        if locked is not None:
            return [stop("locked-tables", locked, hint="End that connection, or wait for it.")]
        stripped = set(resolve(strip, names, prefix=settings.table_prefix))
        broken = {name: why for name, why in broken_tables(connection).items() if name in names}
        rest = [name for name in names if name not in stripped and name not in broken]
        crashed = crashed_tables(connection, rest)
        said = [*others.warning(), *trigger_warnings(connection, _fired(connection, others))]
    found = [note(one.code, one.message, names=one.names) for one in said]
    unused = unmatched(strip, names, prefix=settings.table_prefix)
    if unused:
        found.append(note(*NOTHING_STRIPPED, names=unused))
    bad = {name: why for name, why in broken.items() if name not in stripped} | crashed
    if bad:
        found.append(
            stop(
                "broken-tables",
                "The server cannot read these tables:",
                hint="Repair them (REPAIR TABLE), or leave out what is in them: --strip "
                + ",".join(name.removeprefix(settings.table_prefix) for name in bad),
                names=[f"{name} ({why})" for name, why in bad.items()],
            )
        )
    left_out = [f"{name} ({why})" for name, why in broken.items() if name in stripped]
    if left_out:
        message = "The server cannot open these tables; not even their structure is in the backup:"
        found.append(note("broken-tables", message, names=left_out))
    return found


def store_warnings(connection: Connection) -> tuple[Finding, ...]:
    """Return the notes on a schema from before any question to it."""
    others = other_stores(connection)
    said = [*others.warning(), *trigger_warnings(connection, _fired(connection, others))]
    found = [warn(one.code, one.message, names=one.names) for one in said]
    broken = [
        f"{name} ({why})"
        for name, why in broken_tables(connection).items()
        if owner_of(name) is None and name not in others
    ]
    if broken:
        found.append(warn("broken-tables", "The server cannot open these tables:", names=broken))
    return tuple(found)


def _fired(connection: Connection, others: OtherStores) -> list[str]:
    """Return the triggers and functions of our store."""
    triggers = connection.query(
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE FROM information_schema.TRIGGERS"
        " WHERE TRIGGER_SCHEMA = DATABASE()"
    )
    functions = connection.query(
        "SELECT ROUTINE_NAME FROM information_schema.ROUTINES"
        " WHERE ROUTINE_SCHEMA = DATABASE() AND ROUTINE_TYPE = 'FUNCTION'"
    )
    return [
        *(f"trigger {name}" for name, table in triggers if str(table) not in others),
        *(f"function {name}" for (name,) in functions if not others.has_object(str(name))),
    ]
