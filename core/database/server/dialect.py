"""The differences between MariaDB and MySQL, and the forms of names and texts in SQL.

Owns the version of a server and the questions asked of it; knows nothing of connections.
"""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct


class Flavour(StrEnum):
    """The two families of servers."""

    MARIADB = "MariaDB"
    MYSQL = "MySQL"


class Server(Struct, frozen=True, kw_only=True):
    """The flavour and the version of a server, and its own text for it."""

    flavour: Flavour
    version: tuple[int, int, int]
    text: str

    @property
    def mariadb(self) -> bool:
        """Whether this is a MariaDB."""
        return self.flavour is Flavour.MARIADB

    @property
    def backup_stages(self) -> bool:
        """BACKUP STAGE: MariaDB 10.4."""
        return self.mariadb and self.version >= (10, 4, 0)

    @property
    def inserts_history(self) -> bool:
        """Row history can be written back (system_versioning_insert_history): MariaDB 10.11."""
        return self.mariadb and self.version >= (10, 11, 0)

    @property
    def sequences(self) -> bool:
        """CREATE SEQUENCE: MariaDB 10.3."""
        return self.mariadb and self.version >= (10, 3, 0)

    @property
    def packages(self) -> bool:
        """CREATE PACKAGE: MariaDB 10.3."""
        return self.mariadb and self.version >= (10, 3, 0)

    @property
    def atomic_rename(self) -> bool:
        """A RENAME TABLE of many tables is all or nothing, also over a crash."""
        return self.version >= ((10, 6, 1) if self.mariadb else (8, 0, 0))

    def __str__(self) -> str:
        return f"{self.flavour} {'.'.join(map(str, self.version))}"


def parse_version(text: str) -> Server:
    """Return the server that `SELECT VERSION()` describes.

    Old MariaDB servers put `5.5.5-` before their version in the handshake.
    """
    plain = text.removeprefix("5.5.5-")
    found = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", plain)
    numbers = tuple(int(part or 0) for part in found.groups()) if found else (0, 0, 0)
    return Server(
        flavour=Flavour.MARIADB if "mariadb" in plain.lower() else Flavour.MYSQL,
        version=(numbers[0], numbers[1], numbers[2]),
        text=text,
    )


def quote_name(name: str) -> str:
    """Return an identifier between backticks."""
    return "`" + name.replace("`", "``") + "`"


_ESCAPES = str.maketrans(
    {
        "\\": "\\\\",
        "'": "\\'",
        "\0": "\\0",
        "\n": "\\n",
        "\r": "\\r",
        "\x1a": "\\Z",
    }
)


def quote_text(text: str) -> str:
    """Return a string literal; for sessions where a backslash escapes (all of ours)."""
    return "'" + text.translate(_ESCAPES) + "'"


def one_line(text: str, *, limit: int = 400) -> str:
    """Return a server's text fit for a message: one line, printable, not endless."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= limit else plain[: limit - 3] + "..."
