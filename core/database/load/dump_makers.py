"""Programs that write dumps: how each begins and ends one, and the facts that it leaves out."""

from __future__ import annotations

import re
from typing import Final

from core.database.sql.set_statements import SERVER_ZONE, UTC

COMPLETE_MARKS: Final = (b"-- Dump completed", b"-- magerewind dump complete")
_MAKERS: Final = (
    (b"-- magerewind", "magerewind"),
    (b"-- MySQL dump", "mysqldump"),
    (b"-- MariaDB dump", "mariadb-dump"),
    (b"-- phpMyAdmin", "phpmyadmin"),
    (b"-- Magento", "magento"),
    (b"-- Adminer ", "adminer"),
    (b"-- HeidiSQL Version:", "heidisql"),
    (b"/*M!999999", "mariadb-dump"),
)
_SCHEMA_LINE: Final = re.compile(
    rb"-- (?:Schema: `(?P<quoted>(?:[^`]|``)+)`|Host: .*\sDatabase: (?P<plain>\S+)\s*$)"
)
_ADMINER_END: Final = re.compile(rb"-- \d{4}-\d\d-\d\d \d\d:\d\d:\d\d")
_WRITTEN_IN_UTC: Final = frozenset({"magerewind", "magento"})  # by sessions of that time zone


def maker_of(first_lines: tuple[bytes, ...]) -> str:
    """Return which program wrote a dump that begins so; empty if that cannot be said."""
    for line in first_lines:
        for mark, maker in _MAKERS:
            if line.startswith(mark):
                return maker
    # Magento names the host, then the server, in comments of its own.
    magento = any(line.startswith(b"-- Host:") for line in first_lines)
    return "magento" if magento and b"-- ------" in b"".join(first_lines) else ""


def schema_of(first_lines: tuple[bytes, ...]) -> str | None:
    """Return the schema that a dump says it is of, if it says so."""
    for line in first_lines:
        found = _SCHEMA_LINE.match(line)
        if found is not None:
            name = found["quoted"] or found["plain"]
            return name.replace(b"``", b"`").decode("utf-8", "surrogateescape")
    return None


def zone_of(first_lines: tuple[bytes, ...]) -> str:
    """Return the time zone that a dump means which sets none."""
    return UTC if maker_of(first_lines) in _WRITTEN_IN_UTC else SERVER_ZONE


def is_complete(maker: str, trailer: list[bytes], last: bytes) -> bool:
    """Tell whether a dump ends as its maker ends one, by its last comments and statement."""
    if any(line.startswith(COMPLETE_MARKS) for line in trailer):
        return True
    if maker == "adminer":  # the last line is the time
        return any(_ADMINER_END.match(line) for line in trailer)
    # These have no mark, but put the session back at the very end.
    put_back = re.search(rb"=\s*(?:IFNULL\s*\(\s*)?@OLD_", last, re.IGNORECASE)
    return maker in {"phpmyadmin", "heidisql"} and put_back is not None
