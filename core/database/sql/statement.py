"""The kinds of statements that a dump may hold, and a statement as a value."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

from core.database.sql.tokens import Token


class StatementKind(StrEnum):
    """The classes of statements."""

    TABLE = "table"
    ROWS = "rows"
    ALTER = "alter"  # of a table; CREATE INDEX too
    SEQUENCE = "sequence"
    SETVAL = "setval"  # the position of a sequence
    VIEW = "view"
    TRIGGER = "trigger"
    PROCEDURE = "procedure"
    FUNCTION = "function"
    PACKAGE = "package"
    PACKAGE_BODY = "package body"
    EVENT = "event"
    EVENT_STATE = "alter event"  # enabled or disabled, at the end of a dump
    DROP = "drop"
    SET = "set"
    PIECE = "piece"  # of a value too large for a statement: core.database.dump.pieces
    NOTHING = "nothing"  # locks, transactions, keys off and on, comments for a client


PIECE_NAME: Final = b"@magerewind_piece"
PIECE: Final = re.compile(
    rb"SET (?P<name>@magerewind_piece[0-9]{1,4}) = (?:X'(?P<first>[0-9A-F]*+)'"
    rb"|CONCAT\((?P=name),X'(?P<more>[0-9A-F]*+)'\)|CONVERT\((?P=name) USING [a-z0-9]+\))"
)
"""A statement that makes a value which is too large for one; see `core.database.dump.pieces`."""

PIECE_BEGINS: Final = b"SET " + PIECE_NAME

ROUTINES: Final = frozenset(
    {
        StatementKind.PROCEDURE,
        StatementKind.FUNCTION,
        StatementKind.PACKAGE,
        StatementKind.PACKAGE_BODY,
    }
)
OBJECTS: Final = ROUTINES | {StatementKind.VIEW, StatementKind.TRIGGER, StatementKind.EVENT}


class Statement(Struct, frozen=True, kw_only=True):
    """A statement that may be run, after its rewriting.

    `name` is the object's, `table` that of a trigger, `names` those of a DROP. `text` has its
    conditional comments resolved; `place` is the place of the name in it.
    """

    kind: StatementKind
    line: int
    text: bytes
    name: str = ""
    place: tuple[int, int] = (0, 0)
    table: str = ""
    table_place: tuple[int, int] = (0, 0)
    names: tuple[str, ...] = ()
    words: tuple[Token, ...] = ()
    definer: str = ""
    schema: str = ""  # the one that may qualify names
    trusted: bool = False
    called: tuple[str, ...] = ()  # functions that no server has of its own, in lower case
