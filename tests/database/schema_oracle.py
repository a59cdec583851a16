"""Everything that a schema is, as one value: rows by ordered hash, and every SHOW CREATE."""

from __future__ import annotations

import hashlib

from core.database.server.connection import connect
from core.database.server.dialect import quote_name


def portrait(settings, *, ours=False):
    """Return {what: text} of a whole schema; without staged and aside tables unless `ours`."""
    found = {}
    with connect(settings, variables={"group_concat_max_len": 1 << 30}) as connection:
        for name, kind in connection.query(
            "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES"
            " WHERE TABLE_SCHEMA = DATABASE() ORDER BY 1"
        ):
            if name.startswith(("_mrs_", "_mra_")) and not ours:
                continue
            what = {"VIEW": "VIEW", "SEQUENCE": "SEQUENCE"}.get(kind, "TABLE")
            row = connection.query(f"SHOW CREATE {what} {quote_name(name)}")[0][1:]
            # A default that takes from a sequence names the schema, which is no property of the
            # table.
            found[f"{what} {name}"] = tuple(
                one.replace(f"{quote_name(settings.schema)}.", "") if isinstance(one, str) else one
                for one in row
            )
            if what == "TABLE":
                found[f"rows {name}"] = _rows(connection, name, kind)
            if what == "SEQUENCE":
                found[f"rows {name}"] = connection.query(f"SELECT * FROM {quote_name(name)}")
        for table, column, kind, at in (
            ("TRIGGERS", "TRIGGER_NAME", "TRIGGER", "TRIGGER_SCHEMA"),
            ("ROUTINES", "ROUTINE_NAME", None, "ROUTINE_SCHEMA"),
            ("EVENTS", "EVENT_NAME", "EVENT", "EVENT_SCHEMA"),
        ):
            extra = "ROUTINE_TYPE" if kind is None else "1"
            if table == "TRIGGERS":
                extra = (
                    "CONCAT(EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER)"
                )
            for name, more in connection.query(
                f"SELECT {column}, {extra} FROM information_schema.{table} WHERE {at} = DATABASE()"
                " ORDER BY 2, 1"
            ):
                real = kind or more
                row = connection.query(f"SHOW CREATE {real} {quote_name(name)}")[0]
                # The last column of a trigger is when it was made.
                found[f"{real} {name}"] = (more, *(row[:6] if real == "TRIGGER" else row))
    return found


def _rows(connection, name, kind):
    columns = [
        quote_name(row[0])
        for row in connection.query(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
            (name,),
        )
    ]
    past = " FOR SYSTEM_TIME ALL" if kind == "SYSTEM VERSIONED" else ""
    rows = connection.query_bytes(f"SELECT {','.join(columns)} FROM {quote_name(name)}{past}")
    digest = hashlib.sha256()
    for row in sorted(rows, key=repr):
        digest.update(repr(row).encode())
    return len(rows), digest.hexdigest()


def differences(one, other):
    """Return the differences of two portraits, short enough to read."""
    return {
        key: (one.get(key), other.get(key))
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key)
    }
