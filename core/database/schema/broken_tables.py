"""Tables that the server lists and cannot use: their file is missing, or is no table any more.

Such a table can be neither read nor renamed, only dropped. Where the server still holds the missing
file open, it says so to accounts with the PROCESS right alone; others learn it from a RENAME.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable
from typing import Final

from core.database.server.connection import Connection
from core.database.server.dialect import one_line, quote_name
from core.errors import DatabaseError, RightsMissing

_RENAME_ERRORS: Final = frozenset({6, 7, 1017, 1025, 1030, 1034, 1035, 1194, 1812, 1932})
# Of the operating system: no such file. Of storage engines: index or rows are damaged, no such
# table, no tablespace, a file that is too short, a wrong checksum.
_BROKEN: Final = frozenset({2, 126, 127, 130, 131, 144, 145, 155, 175, 176, 194})
_NUMBER: Final = re.compile(r"(?:errno|Errcode): (\d+)")
_DROP_TRIES: Final = 3  # the first may remove the obstacle of the second


def broken_tables(connection: Connection) -> dict[str, str]:
    """Return the tables that cannot be opened, and the server's word for why."""
    found = {
        str(name): one_line(str(comment), limit=100)
        for name, comment, *_ in connection.query(
            # Without the sizes the server would not open them.
            "SELECT TABLE_NAME, TABLE_COMMENT, TABLE_ROWS, DATA_LENGTH"
            " FROM information_schema.TABLES WHERE ENGINE IS NULL"
            " AND TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"
        )
    }
    if connection.server.mariadb:
        with contextlib.suppress(RightsMissing):
            # The size of a file that is not there is -1, cut to the bits of the column; those of
            # files are whole pages.
            rows = connection.query(
                "SELECT NAME FROM information_schema.INNODB_SYS_TABLESPACES"
                " WHERE FILE_SIZE %% 2 = 1 AND NAME LIKE %s",
                (_file_name(connection.schema).replace("_", "\\_") + "/%",),
            )
            missing = {str(name).partition("/")[2] for (name,) in rows}
            if missing:
                found |= {
                    str(name): "its file is missing"
                    for (name,) in connection.query(
                        "SELECT TABLE_NAME FROM information_schema.TABLES"
                        " WHERE TABLE_SCHEMA = DATABASE()"
                    )
                    if _file_name(str(name)) in missing
                }
    return found


def broken_in_rename(error: DatabaseError, schema: str, names: Iterable[str]) -> str | None:
    """Return which of these tables a RENAME failed for because it is broken; None for other errors.

    The message has the path of its file.
    """
    number = _NUMBER.search(error.message)
    if error.errno not in _RENAME_ERRORS or number is None or int(number[1]) not in _BROKEN:
        return None
    for name in names:
        path = re.escape(f"/{_file_name(schema)}/{_file_name(name)}")
        if re.search(rf"{path}(?:\.\w+)?'", error.message.partition(" to '")[0] + "'"):
            return name
    return None


def drop_broken(connection: Connection, name: str) -> None:
    """Drop a table, with any parts of it missing."""
    connection.execute("SET foreign_key_checks = 0")
    for number in range(1, _DROP_TRIES + 1):
        try:
            connection.execute(f"DROP TABLE IF EXISTS {quote_name(name)}")
            break
        except DatabaseError as error:
            if error.errno is None or number == _DROP_TRIES:
                raise
    connection.execute("SET foreign_key_checks = 1")


def _file_name(name: str) -> str:
    """Return a name in the form of its file's name, where it is ASCII."""
    return "".join(
        c if c.isascii() and (c.isalnum() or c == "_") else f"@{ord(c):04x}" for c in name
    )
