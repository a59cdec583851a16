"""Foreign keys of other schemas to tables of this one, as far as the account sees them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection

from core.database.schema.swap_file import OutsideKey
from core.database.server.connection import Connection
from core.database.server.dialect import quote_name
from core.database.sql.table_text import ForeignKeyText, parse_show_create
from core.errors import DatabaseError


def outside_keys(connection: Connection, names: Collection[str]) -> tuple[OutsideKey, ...]:
    """Return the keys of other schemas that refer to these tables, and that can be read."""
    rows = connection.query(
        "SELECT DISTINCT CONSTRAINT_SCHEMA, TABLE_NAME, REFERENCED_TABLE_NAME"
        " FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_SCHEMA = DATABASE()"
        " AND CONSTRAINT_SCHEMA <> DATABASE()"
    )
    tables = {(str(schema), str(table)) for schema, table, target in rows if str(target) in names}
    return tuple(
        OutsideKey(schema=schema, key=key)
        for schema, table in sorted(tables)
        for key in keys_outside(connection, schema, table)
        if key.referenced in names
    )


def keys_outside(connection: Connection, schema: str, table: str) -> list[ForeignKeyText]:
    """Return the keys to this schema of a table in another one; none where it cannot be read."""
    with contextlib.suppress(DatabaseError):
        name = f"{quote_name(schema)}.{quote_name(table)}"
        create = str(connection.query(f"SHOW CREATE TABLE {name}")[0][1])
        keys = parse_show_create(create).foreign_keys
        return [key for key in keys if key.schema == connection.schema]
    return []
