"""The kinds of statements that a dump may hold, and a statement as a value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from core.database.sql.tokens import Token


class StatementKind(StrEnum):
    """What a statement does."""

    TABLE = "table"
    ROWS = "rows"
    ALTER = "alter"  # of a table; CREATE INDEX too
    SEQUENCE = "sequence"
    SETVAL = "setval"  # where a sequence stands
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
    NOTHING = "nothing"  # locks, transactions, keys off and on, comments for a client


ROUTINES: Final = frozenset(
    {
        StatementKind.PROCEDURE,
        StatementKind.FUNCTION,
        StatementKind.PACKAGE,
        StatementKind.PACKAGE_BODY,
    }
)
OBJECTS: Final = ROUTINES | {StatementKind.VIEW, StatementKind.TRIGGER, StatementKind.EVENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A statement that may be run, after its rewriting.

    `name` is the object's, `table` that of a trigger, `names` those of a DROP. `text` has its
    conditional comments resolved; `place` is where the name stands in it.
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
    schema: str = ""  # the one that may stand before names
