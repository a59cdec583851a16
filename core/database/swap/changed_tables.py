"""Names the tables that were written to between two moments, by the server's own records.

Maintenance mode keeps customers out, not cron, consumers or an open client. Rows that these write
while a dump is loaded are set aside with the old tables, so the affected tables are named. No rows
are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from core.database.server.connection import Connection, connect
from core.errors import MagerewindError
from core.magento.settings import DatabaseConnection

Seen: TypeAlias = Mapping[str, tuple[object, ...]]


def look_at_tables(settings: DatabaseConnection) -> Seen | None:
    """Return when each table was written to, as far as the server knows; None where it says not."""
    try:
        with connect(settings) as connection:
            return _look(connection)
    except MagerewindError:
        return None  # it is good to know, and no reason to stop anything


def _look(connection: Connection) -> Seen:
    if not connection.server.mariadb:
        connection.execute("SET information_schema_stats_expiry = 0")
    rows = connection.query(
        "SELECT TABLE_NAME, UPDATE_TIME, AUTO_INCREMENT, CHECKSUM FROM information_schema.TABLES"
        " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"
        " AND LEFT(TABLE_NAME, 5) NOT IN ('_mrs_', '_mra_')"
    )
    return {str(row[0]): tuple(row[1:]) for row in rows}


def written_between(before: Seen | None, after: Seen | None) -> tuple[str, ...]:
    """Return the tables that were written to, made or dropped, sorted."""
    if before is None or after is None:
        return ()
    gone = before.keys() - after.keys()
    changed = {name for name, seen in after.items() if _differs(before.get(name), seen)}
    return tuple(sorted(gone | changed))


def _differs(before: tuple[object, ...] | None, after: tuple[object, ...]) -> bool:
    """Tell whether anything was written; a server forgets the time when it lets go of a table."""
    if before is None:
        return True
    time, *rest = after
    return (time is not None and time != before[0]) or rest != list(before[1:])
