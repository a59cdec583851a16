"""The state of a store as one value: two stores are the same exactly when these are equal."""

from __future__ import annotations

import hashlib
import os
import stat

from core.database.server.connection import connect
from core.database.server.dialect import quote_name
from core.magento.settings import DatabaseConnection, Secret
from core.sample.server import ADMIN

# Not part of any backup, or remade by Magento itself.
IGNORED = (b"var", b"pub/static")


def tree_entries(root, *, ignored=IGNORED):
    """Map each path below `root` to its type, mode, size, content and link target."""
    entries = {}
    top = os.fsencode(root)
    pending = [b""]
    while pending:
        directory = pending.pop()
        for name in os.listdir(os.path.join(top, directory)):
            path = os.path.join(directory, name)
            if path in ignored or name.startswith(b".magerewind"):
                continue
            full = os.path.join(top, path)
            status = os.lstat(full)
            mode = stat.S_IMODE(status.st_mode)
            if stat.S_ISDIR(status.st_mode):
                entries[path] = ("directory", mode)
                pending.append(path)
            elif stat.S_ISLNK(status.st_mode):
                entries[path] = ("link", os.readlink(full))
            else:
                with open(full, "rb") as file:
                    digest = hashlib.sha256(file.read()).hexdigest()
                entries[path] = ("file", mode, status.st_size, digest)
    return entries


def schema_entries(server, schema):
    """Map each object of a schema to its definition, and each table to a hash of its rows."""
    entries = {}
    settings = DatabaseConnection(
        name="oracle", schema=schema, username=ADMIN, password=Secret(""), socket=server.socket
    )
    with connect(settings) as connection:
        rows = connection.query(
            "SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES "
            "WHERE TABLE_SCHEMA = %s ORDER BY 1",
            (schema,),
        )
        for name, kind in rows:
            if name.startswith(("_mrs_", "_mra_")):
                continue
            what = "VIEW" if kind == "VIEW" else "TABLE"
            entries[f"{kind} {name}"] = connection.query(f"SHOW CREATE {what} {quote_name(name)}")[
                0
            ][1]
            if kind != "VIEW":
                entries[f"rows {name}"] = _rows(connection, name)
        for what, sql in _OBJECTS.items():
            entries[what] = connection.query(sql, (schema,))
    return entries


_OBJECTS = {
    "triggers": "SELECT TRIGGER_NAME, EVENT_MANIPULATION, EVENT_OBJECT_TABLE, ACTION_ORDER, "
    "ACTION_TIMING, ACTION_STATEMENT, SQL_MODE, DEFINER, CHARACTER_SET_CLIENT, "
    "COLLATION_CONNECTION FROM information_schema.TRIGGERS "
    r"WHERE TRIGGER_SCHEMA = %s AND EVENT_OBJECT_TABLE NOT LIKE '\_mr__%%' ORDER BY 1",
    "routines": "SELECT ROUTINE_NAME, ROUTINE_TYPE, ROUTINE_DEFINITION, SQL_MODE, DEFINER, "
    "SECURITY_TYPE, DTD_IDENTIFIER FROM information_schema.ROUTINES "
    "WHERE ROUTINE_SCHEMA = %s ORDER BY 1",
    "events": "SELECT EVENT_NAME, EVENT_DEFINITION, SQL_MODE, DEFINER, STATUS, INTERVAL_VALUE, "
    "INTERVAL_FIELD, EXECUTE_AT, STARTS, ENDS, ON_COMPLETION "
    "FROM information_schema.EVENTS WHERE EVENT_SCHEMA = %s ORDER BY 1",
}


def _rows(connection, name):
    columns = connection.query(f"SHOW COLUMNS FROM {quote_name(name)}")
    listed = ", ".join(f"HEX({quote_name(column[0])})" for column in columns)
    found = connection.query_bytes(f"SELECT {listed} FROM {quote_name(name)}")
    return len(found), hashlib.sha256(repr(sorted(found, key=repr)).encode()).hexdigest()


def difference(one, other):
    """Return the differences of two such values, short enough for a test's message."""
    keys = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
    return {key: (one.get(key), other.get(key)) for key in sorted(keys, key=str)[:5]}
