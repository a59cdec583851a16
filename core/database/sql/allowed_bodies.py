"""Bodies of views, triggers, routines and events that a foreign dump may hold.

A body is a program that others will run: here is the part before it, from the name of the object
on; its statements are in `core.database.sql.allowed_programs`.
"""

from __future__ import annotations

from collections.abc import Callable

from core.database.sql.allowed_programs import Programs
from core.database.sql.cursor import BY_HAND, Cursor
from core.database.sql.statement import StatementKind


def check_body(kind: StatementKind, cursor: Cursor, *, name: str) -> None:
    """Read the rest of a CREATE, from behind the object's name. Raises StatementRefused."""
    cursor.what = f"the {kind.value} '{name}'"
    cursor.hint = BY_HAND
    body = _Bodies(cursor)
    rules: dict[StatementKind, Callable[[], None]] = {
        StatementKind.VIEW: body.view,
        StatementKind.TRIGGER: body.trigger,
        StatementKind.EVENT: body.event,
        StatementKind.PROCEDURE: body.procedure,
        StatementKind.FUNCTION: body.function,
    }
    rule = rules.get(kind)
    if rule is None:
        cursor.refuse(f"a {kind.value} is not read")
    rule()
    cursor.accept(b";")
    cursor.end()


class _Bodies:
    """Rules for the words after the name of an object."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.program = Programs(cursor)
        self.values = self.program.values

    def view(self) -> None:
        cursor = self.cursor
        if cursor.peek() == b"(":
            cursor.names()
        cursor.expect(b"AS")
        self.program.queries.query()
        if cursor.accept(b"WITH"):
            cursor.accept(b"CASCADED", b"LOCAL")
            cursor.expect(b"CHECK", b"OPTION")

    def trigger(self) -> None:
        cursor = self.cursor
        if not cursor.accept(b"BEFORE", b"AFTER"):
            cursor.refuse_word()
        if not cursor.accept(b"INSERT", b"UPDATE", b"DELETE"):
            cursor.refuse_word()
        cursor.expect(b"ON")
        cursor.own()
        cursor.expect(b"FOR", b"EACH", b"ROW")
        if cursor.accept(b"FOLLOWS", b"PRECEDES"):
            cursor.own()
        self.program.scopes[0] |= {b"NEW", b"OLD"}
        self.program.statement()

    def event(self) -> None:
        cursor = self.cursor
        cursor.expect(b"ON", b"SCHEDULE")
        if not cursor.accept(b"AT", b"EVERY"):
            cursor.refuse_word()
        self.values.expression()  # STARTS and ENDS are words like any other there
        if cursor.accept_all(b"ON", b"COMPLETION"):
            cursor.accept(b"NOT")
            cursor.expect(b"PRESERVE")
        if cursor.accept(b"ENABLE", b"DISABLE") and cursor.accept(b"ON"):
            cursor.at += cursor.peek() in {b"SLAVE", b"REPLICA"}
        if cursor.accept(b"COMMENT"):
            cursor.text_literal()
        cursor.expect(b"DO")
        self.program.statement()

    def procedure(self) -> None:
        self._parameters()
        self._characteristics()
        self.program.statement()

    def function(self) -> None:
        self._parameters()
        self.cursor.expect(b"RETURNS")
        self.values.type()
        self._characteristics()
        self.program.statement()

    def _parameters(self) -> None:
        cursor = self.cursor
        cursor.expect(b"(")
        while cursor.peek() != b")":
            cursor.accept(b"IN", b"OUT", b"INOUT")
            self.program.new_name()
            self.values.type()
            if not cursor.accept(b","):
                break
        cursor.expect(b")")

    def _characteristics(self) -> None:
        cursor = self.cursor
        while True:
            if cursor.accept(b"COMMENT"):
                cursor.text_literal()
            elif cursor.accept(b"DETERMINISTIC"):
                pass
            elif not (
                cursor.accept_all(b"NOT", b"DETERMINISTIC")
                or cursor.accept_all(b"LANGUAGE", b"SQL")
                or cursor.accept_all(b"CONTAINS", b"SQL")
                or cursor.accept_all(b"NO", b"SQL")
                or cursor.accept_all(b"READS", b"SQL", b"DATA")
                or cursor.accept_all(b"MODIFIES", b"SQL", b"DATA")
                or cursor.accept_all(b"SQL", b"SECURITY", b"DEFINER")
                or cursor.accept_all(b"SQL", b"SECURITY", b"INVOKER")
            ):
                return
