"""The binary log, which may prevent an account from creating triggers and functions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.database.server.connection import Connection
from core.errors import DatabaseError
from core.events import Warned

BINARY_LOG: Final = 1419
CURE_OF_1419: Final = (
    "The binary log is on: an administrator sets log_bin_trust_function_creators = 1,"
    " or grants SUPER to the account."
)
_NO_SUCH = "_mrs_trial0_0"


def forbids_triggers(connection: Connection) -> bool:
    """Whether this account may make no triggers and functions; tried on no table at all.

    The server asks that first, so nothing is ever made.
    """
    try:
        connection.execute(
            f"CREATE TRIGGER {_NO_SUCH} BEFORE INSERT ON {_NO_SUCH} FOR EACH ROW SET @a = 1"
        )
    except DatabaseError as error:
        if error.errno is None:
            raise
        return error.errno == BINARY_LOG
    connection.execute(f"DROP TRIGGER {_NO_SUCH}")  # pragma: no cover - there is no such table
    return False  # pragma: no cover


def trigger_warnings(connection: Connection, names: Iterable[str]) -> tuple[Warned, ...]:
    """Return the message where these triggers and functions could not be made again."""
    names = tuple(names)
    if not names or not forbids_triggers(connection):
        return ()
    message = f"This account could not make these again in a rollback. {CURE_OF_1419}"
    return (Warned(code="no-rollback", message=message, names=names),)
