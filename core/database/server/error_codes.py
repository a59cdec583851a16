"""The refusals of servers, in our words.

Owns the meaning of error numbers; knows the driver's errors only by their shape, `(number, text)`.
"""

from __future__ import annotations

import errno as os_errno
import re
import ssl
from typing import Final

from core.database.server.dialect import one_line
from core.errors import ConnectionFailed, ConnectionLost, DatabaseError, RightsMissing
from core.magento.settings import DatabaseConnection

_LOST: Final = frozenset({1053, 1152, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2055, 3169, 4031})
_RIGHTS: Final = frozenset({1044, 1142, 1143, 1227, 1370, 1410, 1418, 1419, 1698, 3118})

_FULL: Final = frozenset({1021, 1114, 3019})  # the disk, a table, a file of undo
# Answers of engines and the file system are in the text of these: no space left (28), a quota
# (122), no more room in a file of rows (135) or of an index (136).
_OF_ENGINES: Final = frozenset({3, 20, 1005, 1023, 1025, 1026, 1030, 1814, 1815})
_NO_ROOM: Final = re.compile(r"(?:errno:|Errcode:|Got error) (?:28|122|135|136)\b|No space left")


def error_number(error: Exception) -> int | None:
    """Return the number that a server or driver gave an error."""
    first = error.args[0] if error.args else None
    return first if isinstance(first, int) else None


def login_error(settings: DatabaseConnection, place: str, error: Exception) -> ConnectionFailed:
    """Return the failure of a login, in one line without the password."""
    number, user = error_number(error), one_line(settings.username)
    schema = one_line(settings.schema)
    env = "See db/connection in app/etc/env.php."
    if number in {1045, 1698, 1862, 3118, 3955}:
        return ConnectionFailed(
            f"The database server at {place} refused the login of '{user}'.",
            hint=env,
            errno=number,
        )
    if number == 1049:
        return ConnectionFailed(
            f"The database server at {place} has no schema '{schema}'.", hint=env, errno=number
        )
    if number == 1044:
        return ConnectionFailed(
            f"The account '{user}' may not use the schema '{schema}'.", hint=env, errno=number
        )
    if isinstance(error, RuntimeError) and "cryptography" in str(error):
        return ConnectionFailed(
            "This login (caching_sha2_password in plain text) needs the package 'cryptography'.",
            hint="Connect over the socket or TLS, or install 'cryptography' beside magerewind.",
        )
    cause = getattr(error, "original_exception", error)
    if isinstance(cause, OSError):
        reason = cause.strerror or one_line(str(cause))
        if isinstance(cause, TimeoutError) or cause.errno == os_errno.ETIMEDOUT:
            reason = "no answer in time"
        return ConnectionFailed(f"No database server answers at {place}: {reason}.", hint=env)
    text = one_line(str(error.args[1] if len(error.args) > 1 else error)).rstrip(".")
    return ConnectionFailed(
        f"No connection to the database server at {place}: {text}.", errno=number
    )


def server_error(error: Exception) -> DatabaseError:
    """Return our error for one of the driver's; its number tells which."""
    number = error_number(error)
    text = one_line(str(error.args[1] if len(error.args) > 1 else error)).rstrip(".")
    if number in _LOST or number == 0:
        return ConnectionLost(
            f"The connection to the database server was lost: {text or 'it is closed'}.",
            errno=number,
        )
    if number in _RIGHTS:
        hint = None
        if number in {1418, 1419}:
            hint = "Ask for log_bin_trust_function_creators=1 on the server (the binary log is on)."
        return RightsMissing(
            f"The database account may not do this: {text}.", hint=hint, errno=number
        )
    if number in _FULL or (number in _OF_ENGINES and _NO_ROOM.search(text)):
        return DatabaseError(
            f"The database server is full: {text} ({number}).",
            hint="Its disk, a limit on the size of its files, or, for a MEMORY table,"
            " max_heap_table_size.",
            errno=number,
        )
    # "check the manual that corresponds to your MariaDB server version for the right syntax to use"
    text = text.replace("; check the manual that corresponds to your ", " for this ")
    text = text.replace(" server version for the right syntax to use", "", 1)
    return DatabaseError(f"The database server refused: {text} ({number}).", errno=number)


def may_try_next(error: Exception) -> bool:
    """Whether TLS instead of plain text (or the other way round) can help against this."""
    if isinstance(error, RuntimeError):  # caching_sha2_password in plain text, no `cryptography`
        return True
    if isinstance(getattr(error, "original_exception", None), ssl.SSLError):
        return True
    return error_number(error) in {2026, 3159, 4151}  # require_secure_transport, SSL error
