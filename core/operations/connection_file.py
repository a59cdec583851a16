"""The database connection in force when a job began, kept in the job's directory (0600).

Recovery and undo use it, never the live env.php, which the rollback may just have replaced, nor the
environment of a later shell.
"""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

from core.durable import Owner, translate, unlink_if_there, write_file
from core.errors import StorageError
from core.events import decode_text, encode_text
from core.magento.settings import DatabaseConnection, Secret, TlsOptions
from core.operations.context import JobContext

_NAME = "connection.json"


def keep_connection(directory: str, connection: DatabaseConnection, owner: Owner | None) -> None:
    """Put the connection, password included, where only the job's owner can read it."""
    row: dict[str, object] = {}
    for field in dataclasses.fields(connection):
        value = getattr(connection, field.name)
        if isinstance(value, Secret):
            value = encode_text(value.reveal())
        elif isinstance(value, TlsOptions):
            value = dataclasses.asdict(value)
        elif isinstance(value, str):
            value = encode_text(value)
        row[field.name] = value
    write_file(os.path.join(directory, _NAME), json.dumps(row).encode(), owner=owner)


def kept_connection(directory: str) -> DatabaseConnection:
    """Return the connection that the job began with. Raises StorageError when it is gone."""
    path = os.path.join(directory, _NAME)
    try:
        with open(path, "rb") as file:
            row = json.loads(file.read())
    except OSError as error:
        raise translate(error, f"reading {path}") from error
    except ValueError:
        raise StorageError(f"{path} is damaged.") from None
    tls = row.pop("tls")
    password = decode_text(row.pop("password"))
    values: dict[str, Any] = {
        name: decode_text(value) if isinstance(value, str | dict) else value
        for name, value in row.items()
    }
    return DatabaseConnection(
        password=Secret(password), tls=TlsOptions(**tls) if tls else None, **values
    )


def forget_connection(directory: str) -> None:
    """Remove the kept password; done when nothing can need it any more."""
    unlink_if_there(os.path.join(directory, _NAME))


def has_connection(directory: str) -> bool:
    """Tell whether a connection is kept."""
    return os.path.exists(os.path.join(directory, _NAME))


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
