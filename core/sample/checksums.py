"""Checksums of a store at one moment, to be compared: each file and each table, hashed.

The result maps the name of a file or table to a hash of all its properties. It shares no code with
the engine, and reads the tree and the tables in its own way, so that it can judge the engine.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Final

from core.database.server.connection import Connection, connect
from core.magento.settings import DatabaseConnection

Likeness = dict[str, str]
NOT_COVERED: Final = (
    "var",
    "pub/static",
    "update",
    "node_modules",
    ".grunt",
    ".idea",
    ".svn",
    ".git",
    ".magerewind",
)
"""The entries that a backup of code and media leaves out."""

_STAGED_OR_ASIDE: Final = ("_mrs_", "_mra_")
_BLOCK: Final = 1 << 20  # bytes


def checksums_of_tree(root: str, *, without: tuple[str, ...] = NOT_COVERED) -> Likeness:
    """Return path: type, mode, size and content (or link target) of all below `root`.

    Paths are text with surrogate escapes; `without` are paths below the root. Of a directory its
    size does not count. `.magerewind`, where a rollback keeps its stages, is left out anywhere.
    """
    return dict(_entries(root, "", frozenset(without)))


def _entries(root: str, below: str, without: frozenset[str]) -> Iterator[tuple[str, str]]:
    with os.scandir(os.path.join(root, below)) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        path = os.path.join(below, entry.name)
        if path in without or entry.name == ".magerewind":
            continue
        status = entry.stat(follow_symlinks=False)
        mode = f"{status.st_mode:o}"
        if stat.S_ISLNK(status.st_mode):
            yield path, f"{mode} {os.readlink(entry.path)}"
        elif stat.S_ISDIR(status.st_mode):
            yield path, mode
            yield from _entries(root, path, without)
        elif stat.S_ISREG(status.st_mode):
            yield path, f"{mode} {status.st_size} {_hash_of_file(entry.path)}"
        else:
            yield path, mode


def _hash_of_file(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb", buffering=0) as source:
        while block := source.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def checksums_of_schema(settings: DatabaseConnection) -> Likeness:
    """Return object: definition, and table: ordered hash of its rows, of a whole schema.

    The tables that a rollback keeps beside the live ones are left out.
    """
    with connect(settings) as connection:
        out: Likeness = {}
        for name, kind in connection.query_bytes("SHOW FULL TABLES"):
            table = (name or b"").decode("utf-8", "surrogateescape")
            if table.startswith(_STAGED_OR_ASIDE):
                continue
            is_view = kind == b"VIEW"
            out[f"definition of {table}"] = _definition(connection, "TABLE", table)
            if not is_view:
                out[f"rows of {table}"] = _hash_of_rows(connection, table)
        for kind_of, names in (
            (
                "TRIGGER",
                "SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA",
            ),
            ("PROCEDURE", _routines("PROCEDURE")),
            ("FUNCTION", _routines("FUNCTION")),
            ("EVENT", "SELECT EVENT_NAME FROM information_schema.EVENTS WHERE EVENT_SCHEMA"),
        ):
            for (name,) in connection.query(f"{names} = DATABASE()"):
                out[f"{kind_of.lower()} {name}"] = _definition(connection, kind_of, name)
        return out


def _routines(kind: str) -> str:
    return (
        "SELECT ROUTINE_NAME FROM information_schema.ROUTINES"
        f" WHERE ROUTINE_TYPE = '{kind}' AND ROUTINE_SCHEMA"
    )


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _definition(connection: Connection, kind: str, name: str) -> str:
    [row] = connection.query(f"SHOW CREATE {kind} {_quoted(name)}")
    # The seventh column of a trigger is when it was made.
    return "\n".join(str(value) for value in row[:6])


def _hash_of_rows(connection: Connection, table: str) -> str:
    columns = connection.query(
        "SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS"
        " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s ORDER BY ORDINAL_POSITION",
        (table,),
    )
    key = connection.query(
        "SELECT COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE()"
        " AND TABLE_NAME = %s AND INDEX_NAME = 'PRIMARY' ORDER BY SEQ_IN_INDEX",
        (table,),
    )
    # A FLOAT shows six digits only; as a DOUBLE it shows all that it holds.
    selected = ", ".join(
        _quoted(name) + (" + 0e0" if kind == "float" else "") for name, kind in columns
    )
    order = ", ".join(_quoted(name) for (name,) in key)
    statement = f"SELECT {selected} FROM {_quoted(table)}" + (f" ORDER BY {order}" if key else "")
    rows = (_hash_of_row(row) for row in connection.stream(statement))
    whole, count = hashlib.sha256(), 0
    for digest in rows if key else sorted(rows):  # without a key there is no order to keep
        whole.update(digest)
        count += 1
    return f"{count} {whole.hexdigest()}"


def _hash_of_row(row: tuple[bytes | None, ...]) -> bytes:
    digest = hashlib.sha256()
    for value in row:
        digest.update(b"-" if value is None else b"%d:" % len(value) + value)
    return digest.digest()


def differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Return a line for each thing that is missing, new, or not the same."""
    missing = (f"missing: {name}" for name in before.keys() - after.keys())
    new = (f"new: {name}" for name in after.keys() - before.keys())
    changed = (
        f"changed: {name}" for name in before.keys() & after.keys() if before[name] != after[name]
    )
    return tuple(sorted((*missing, *new, *changed)))
