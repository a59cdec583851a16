"""The rights of the account, by SHOW GRANTS.

No query shows an object that the account has no right to see: without TRIGGER the list of triggers
is simply empty. So rights are asked for, not found missing later. Only rights on the whole schema
(or on everything) count, since nothing less proves that all of it is seen.
"""

from __future__ import annotations

import re
from typing import Final

from msgspec import Struct

from core.database.server.connection import Connection

_NAME: Final = r"`(?:[^`]|``)*`"
_LINE: Final = re.compile(
    rf"(?P<verb>GRANT|REVOKE) (?P<rights>.+?) ON (?P<schema>\*|{_NAME})\.\* (?:TO|FROM) ", re.DOTALL
)
_ANY_DEFINER: Final = frozenset({"SUPER", "SET USER", "SET_USER_ID", "SET_ANY_DEFINER"})
_PAST_READ_ONLY: Final = frozenset({"SUPER", "READ_ONLY ADMIN", "CONNECTION_ADMIN"})


class Rights(Struct, frozen=True, kw_only=True):
    """Rights of an account: everywhere, and on the schema in question (those everywhere included).

    `account` is `user@host` as the server matched it.
    """

    account: str
    everywhere: frozenset[str]
    here: frozenset[str]

    def may(self, right: str) -> bool:
        """Whether the account has a right on the schema."""
        return right in self.here or "ALL PRIVILEGES" in self.here

    def may_everywhere(self, right: str) -> bool:
        """Whether the account has a right on the whole server."""
        return right in self.everywhere or "ALL PRIVILEGES" in self.everywhere

    @property
    def any_definer(self) -> bool:
        """Whether the account may make objects in the name of another."""
        return any(self.may_everywhere(right) for right in _ANY_DEFINER)

    @property
    def past_read_only(self) -> bool:
        """Whether the account may write on a server that is read-only."""
        return any(self.may_everywhere(right) for right in _PAST_READ_ONLY)


def read_rights(connection: Connection) -> Rights:
    """Return the rights of the account of this connection, its active roles included."""
    everywhere: set[str] = set()
    here: set[str] = set()
    for line in _grants(connection):
        found = _LINE.match(line)
        if found is None:
            continue
        # Rights on columns, `SELECT (a, b)`, are in lines of tables, which are not looked at.
        rights = {right.strip().upper() for right in found["rights"].split(",")}
        if found["verb"] == "REVOKE":  # MySQL's partial revokes
            if _matches(found["schema"], connection.schema):
                here -= rights
            continue
        if found["schema"] == "*":
            everywhere |= rights
            here |= rights
        elif _matches(found["schema"], connection.schema):
            here |= rights
    return Rights(
        account=str(connection.scalar("SELECT CURRENT_USER()")),
        everywhere=frozenset(everywhere),
        here=frozenset(here),
    )


def _grants(connection: Connection) -> list[str]:
    """Return the lines of SHOW GRANTS; grants come before the revokes that lessen them."""
    lines = [str(row[0]) for row in connection.query("SHOW GRANTS")]
    if not connection.server.mariadb and connection.server.version >= (8, 0, 0):
        roles = str(connection.scalar("SELECT CURRENT_ROLE()"))
        if roles != "NONE":
            lines = [
                str(row[0])
                for row in connection.query(f"SHOW GRANTS FOR CURRENT_USER() USING {roles}")
            ]
    return sorted(lines, key=lambda line: line.startswith("REVOKE"))


def _matches(pattern: str, schema: str) -> bool:
    """Whether the schema of a grant, in which % and _ are wildcards, is this one."""
    if pattern == "*":
        return True
    parts = re.findall(r"\\[_%\\]|.", pattern[1:-1].replace("``", "`"), re.DOTALL)
    expression = "".join({"%": ".*", "_": "."}.get(part) or re.escape(part[-1]) for part in parts)
    return re.fullmatch(expression, schema, re.DOTALL | re.IGNORECASE) is not None
