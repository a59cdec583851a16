"""The database connection in force when a job began, kept in the job's directory (0600).

Recovery and undo use it, never the live env.php, which the rollback may just have replaced, nor the
environment of a later shell.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import structs

from core.directories import Directory
from core.errors import MALFORMED, StorageError
from core.events import decode_text, encode_text
from core.magento.settings import DatabaseConnection, Secret, TlsOptions
from core.operations.context import JobContext
from core.operations.job_files import CONNECTION


def keep_connection(directory: Directory, connection: DatabaseConnection) -> None:
    """Put the connection, password included, where only the job's owner can read it."""
    row: dict[str, object] = {}
    for name in connection.__struct_fields__:
        value = getattr(connection, name)
        if isinstance(value, Secret):
            value = encode_text(value.reveal())
        elif isinstance(value, TlsOptions):
            value = structs.asdict(value)
        elif isinstance(value, str):
            value = encode_text(value)
        row[name] = value
    directory.write(CONNECTION, json.dumps(row).encode())


def kept_connection(directory: Directory) -> DatabaseConnection:
    """Return the connection that the job began with.

    Raises StorageError when it is gone or damaged, ForeignState.
    """
    path = directory.path_of(CONNECTION)
    try:
        return _parsed(json.loads(directory.read(CONNECTION)))
    except FileNotFoundError:
        raise StorageError(f"{path} is missing.") from None
    except MALFORMED:
        raise StorageError(f"{path} is damaged.") from None


def _parsed(row: dict[str, Any]) -> DatabaseConnection:
    tls = row.pop("tls")
    password = decode_text(row.pop("password"))
    values: dict[str, Any] = {
        name: decode_text(value) if isinstance(value, str | dict) else value
        for name, value in row.items()
    }
    connection = DatabaseConnection(
        password=Secret(password), tls=TlsOptions(**tls) if tls else None, **values
    )
    texts = (connection.name, connection.schema, connection.username, connection.host)
    if not all(isinstance(text, str) for text in (*texts, connection.table_prefix)):
        raise ValueError("a text is expected")
    if not connection.schema or not isinstance(connection.socket, str | None):
        raise ValueError("a schema and a socket are expected")
    if type(connection.port) is not int or not 0 <= connection.port < 1 << 16:
        raise ValueError("a port is expected")
    return connection


def forget_connection(directory: Directory) -> None:
    """Remove the kept password; done when nothing can need it any more."""
    directory.remove(CONNECTION)


def has_connection(directory: Directory) -> bool:
    """Tell whether a connection is kept."""
    return directory.has(CONNECTION)


def connection_of(context: JobContext) -> DatabaseConnection | None:
    """Return the connection that a job works with, None where it needs none so far.

    Raises StorageError where the kept one is damaged.
    """
    if context.connection is None and has_connection(context.directory):
        context.connection = kept_connection(context.directory)
    return context.connection


def needed_connection(context: JobContext) -> DatabaseConnection:
    """Return the connection that a job works with. Raises StorageError when it is gone."""
    return connection_of(context) or kept_connection(context.directory)
