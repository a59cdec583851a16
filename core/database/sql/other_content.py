"""Files under the name of a dump that are none: pages, data of other programs, their messages.

It tells them by their first bytes, or by the words behind the last statement, so that they are not
said to be dumps that were cut.
"""

from __future__ import annotations

import re
from typing import Final

from core.database.server.dialect import one_line
from core.errors import DamagedBackup, PackedOtherwise

_MESSAGE: Final = re.compile(
    rb"(?:mysqldump|mariadb-dump|mydumper|mysqlpump|mysqlsh|mysql|mariadb)(?:\.exe)?: ?[^\n]*"
)
_POSTGRES: Final = re.compile(rb"\A(?:--[^\n]*\n|\s)*-- PostgreSQL database dump\b")
_BEGINNINGS: Final = (
    (b"SQLite format 3\0", "a database of SQLite"),
    (b"PGDMP", "a dump of pg_dump"),
    (b"<?xml", "XML, as mysqldump --xml writes it"),
    (b"<", "a web page or XML"),
    (b"{", "JSON"),
    (b"[", "JSON"),
)


def refuse_other_content(path: str, first: bytes) -> None:
    """Raise PackedOtherwise where a file that begins so is no SQL of MySQL or MariaDB."""
    text = first.lstrip()
    message = _MESSAGE.match(text)
    if message is not None:
        raise PackedOtherwise(
            f"{path} begins with a message of the program that made it: {_shown(message[0])}",
            hint="Where a dump follows, take that line away; else make the dump anew.",
        )
    found = next((what for beginning, what in _BEGINNINGS if text.startswith(beginning)), "")
    if not found and _POSTGRES.match(first):
        found = "a dump of PostgreSQL"
    if not found and text and not 0x20 < text[0] < 0x7F:  # SQL begins with a word or a comment
        found = "binary data"
    if found:
        raise PackedOtherwise(
            f"{path} is {found}, no SQL of MySQL or MariaDB.",
            hint="mysqldump and mariadb-dump write SQL.",
        )


def cut_error(line: int, text: bytes, what: str = "the last statement") -> DamagedBackup:
    """Return the error for a dump whose last statement has no end: `text`, from this line on."""
    message = _MESSAGE.match(text.rstrip().rpartition(b"\n")[2])
    if message is not None:
        return DamagedBackup(
            f"Line {line}: the dump ends with a message of the program that made it, and is not "
            f"whole: {_shown(message[0])}"
        )
    return DamagedBackup(f"Line {line}: {what} has no end; the dump is cut.")


def _shown(message: bytes) -> str:
    return one_line(message.decode("utf-8", "replace"), limit=200)
