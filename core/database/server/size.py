"""The size of a schema by the statistics of the server, without counting."""

from __future__ import annotations

from msgspec import Struct

from core.database.server.connection import connect
from core.magento.settings import DatabaseConnection


class SchemaEstimate(Struct, frozen=True, kw_only=True):
    """The server's estimate of a schema; `bytes` is the size of the rows, without indexes."""

    tables: int
    rows: int
    bytes: int


def estimate(settings: DatabaseConnection) -> SchemaEstimate:
    """Return how large a schema is, by the server's statistics."""
    with connect(settings) as connection:
        tables, rows, size = connection.query(
            "SELECT COUNT(*), IFNULL(SUM(TABLE_ROWS), 0), IFNULL(SUM(DATA_LENGTH), 0)"
            " FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
            " AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"
            " AND TABLE_NAME NOT LIKE '\\_mrs\\_%' AND TABLE_NAME NOT LIKE '\\_mra\\_%'"
        )[0]
    return SchemaEstimate(tables=int(tables), rows=int(rows), bytes=int(size))
