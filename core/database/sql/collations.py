"""Replaces collations of a dump that the server does not know by the nearest that it does.

The newest Unicode collations of MariaDB and MySQL have different rules. Sorting and uniqueness may
change, so this is done only on request and is reported.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from core.database.server.connection import Connection
from core.database.server.dialect import quote_name
from core.database.sql.tokens import Mark, Reading, tokens
from core.errors import DatabaseError

_ACCENTS: Final = re.compile(r"_(ai|as)(?=_|$)")
_CASE: Final = re.compile(r"_(ci|cs)(?=_|$)")
_OF_ANOTHER_CHARSET: Final = 1253  # than the one of the text in the question


class CollationMap(Struct, frozen=True, kw_only=True):
    """From unknown collations to known ones; `known` are those that the server takes."""

    known: frozenset[str]
    names: Mapping[str, str]

    def apply(self, text: bytes, reading: Reading) -> bytes:
        """Return a definition with its collations replaced; strings and names stay."""
        if not self.names:
            return text
        pieces, at = [], 0
        for word in tokens(text, reading):
            other = self.names.get(word.text.decode("latin-1").lower())
            if word.mark is Mark.WORD and other is not None:
                pieces += [text[at : word.start], other.encode()]
                at = word.end
        return b"".join([*pieces, text[at:]])


def known_collations(connection: Connection) -> frozenset[str]:
    """Return the names of all collations of the server, in lower case."""
    names = {
        str(row[0]).lower()
        for row in connection.query("SELECT COLLATION_NAME FROM information_schema.COLLATIONS")
    }
    if connection.server.mariadb and connection.server.version >= (10, 10, 0):
        # uca1400 collations are listed once, without the character set that they may bear.
        rows = connection.query(
            "SELECT FULL_COLLATION_NAME"
            " FROM information_schema.COLLATION_CHARACTER_SET_APPLICABILITY"
        )
        names |= {str(row[0]).lower() for row in rows}
    return frozenset(names)


def collation_map(connection: Connection, collations: Iterable[str]) -> CollationMap:
    """Return the nearest known collation for each that the server does not know.

    Nearest: the same character set, the same care for case, the newest Unicode rules; binary for
    binary. One without any such is not in the map.
    """
    named = {name.lower() for name in collations if name}
    known = frozenset(name for name in named if _takes(connection, name))
    unknown = sorted(named - known)
    listed = known_collations(connection) if unknown else known  # over a thousand names
    names = {}
    for name in unknown:
        found = next((one for one in _candidates(name) if one in listed), None)
        if found is not None:
            names[name] = found
    return CollationMap(known=known, names=names)


def _takes(connection: Connection, name: str) -> bool:
    """Tell whether the server takes a collation. It takes more than it lists: it has aliases.

    So `utf8_general_ci` is `utf8mb3_general_ci`, or of utf8mb4, as the server is set.
    """
    try:
        connection.query(f"SELECT 'a' COLLATE {quote_name(name)}")
    except DatabaseError as error:
        if error.errno is None:
            raise
        return error.errno == _OF_ANOTHER_CHARSET
    return True


def _candidates(name: str) -> list[str]:
    lower = name.lower()
    charset = lower.split("_", 1)[0]
    if charset == "uca1400":
        charset = "utf8mb4"
    if lower.endswith("_bin") or "_0900_bin" in lower or "_nopad_bin" in lower:
        return [f"{charset}_bin"]
    case, accents = _CASE.search(lower), _ACCENTS.search(lower)
    careful = case is not None and case.group(1) == "cs"
    sensitive = accents is not None and accents.group(1) == "as"
    tail = f"{'as' if sensitive else 'ai'}_{'cs' if careful else 'ci'}"
    if careful:
        return [f"{charset}_uca1400_{tail}", f"{charset}_0900_{tail}", f"{charset}_bin"]
    return [
        f"{charset}_uca1400_{tail}",
        f"{charset}_0900_{tail}",
        f"{charset}_unicode_520_ci",
        f"{charset}_unicode_ci",
        f"{charset}_general_ci",
    ]
