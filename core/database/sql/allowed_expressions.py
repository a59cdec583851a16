"""Expressions that a dump may hold: operators, literals, names, and functions that only compute.

An expression is read loosely (`a b c` passes; a server refuses it), but nothing in it can reach
out: functions are taken from a list, a query only where one is allowed and then by its own grammar,
names are qualified with their own schema or with a table, and no other reserved word is passed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from core.database.server.dialect import one_line
from core.database.sql.cursor import Cursor
from core.database.sql.vocabulary import (
    FUNCTIONS,
    NEVER_OWN,
    NEVER_OWN_STARTS,
    OPERATORS,
    READABLE_VARIABLES,
    TYPE_WORDS,
)

_SIGNS: Final = frozenset(b"+-*/%=<>!&|^~"[n : n + 1] for n in range(13))
# These are followed by a bracket, and are no function.
_BEFORE_BRACKET: Final = frozenset(
    {b"AND", b"OR", b"XOR", b"NOT", b"IN", b"ANY", b"ALL", b"SOME", b"EXISTS", b"LIKE", b"RLIKE",
     b"REGEXP", b"BETWEEN", b"DIV", b"IS", b"ESCAPE", b"DISTINCT", b"ROW", b"AGAINST", b"MATCH",
     b"BINARY", b"OVER"}
)  # fmt: skip
_SPECIAL: Final = frozenset({b"FROM", b"FOR"})
_WITH_FROM: Final = frozenset({b"EXTRACT", b"TRIM", b"SUBSTRING", b"SUBSTR", b"MID", b"POSITION"})
_SEQUENCES: Final = frozenset({b"NEXTVAL", b"LASTVAL"})


class Expressions:
    """Rules for expressions at a cursor.

    `query` is the rule for a query between brackets, None where none is allowed; `own_functions`:
    functions of the schema may be called.
    """

    def __init__(
        self,
        cursor: Cursor,
        *,
        query: Callable[[], None] | None = None,
        own_functions: bool = False,
    ) -> None:
        self.cursor, self.query, self.own_functions = cursor, query, own_functions

    def expression(self) -> None:
        """Take an expression: up to a comma, a closing bracket or a word of another rule."""
        start = self.cursor.at
        while self._operand():
            pass
        if self.cursor.at == start:
            self.cursor.refuse_word("where a value is expected")

    def listed(self) -> None:
        """Take expressions with commas between them."""
        self.expression()
        while self.cursor.accept(b","):
            self.expression()

    def bracketed(self) -> None:
        """Take one expression between brackets."""
        self.cursor.expect(b"(")
        self.cursor.nested(self.expression)
        self.cursor.expect(b")")

    def call(self) -> None:
        """Take one call of a function, and nothing behind it."""
        function = self.cursor.token.name.encode("utf-8", "surrogateescape").upper()
        if function not in FUNCTIONS:
            self.cursor.refuse_word("where a value is expected")
        self.cursor.at += 1
        self._bracket(function)

    def _operand(self) -> bool:
        """Take the next part of an expression; tell whether there was one."""
        cursor = self.cursor
        if cursor.done:
            return False
        word, upper = cursor.token, cursor.peek()
        if cursor.is_text_literal():
            cursor.text_literal()
        elif upper == b"(":
            self._bracket(b"")
        elif upper == b"@":
            self._variable()
        elif upper == b":" and cursor.peek(1) == b"=":
            cursor.at += 2
        elif upper in _SIGNS:
            cursor.at += 1
        elif cursor.is_number():
            cursor.number()
        elif upper == b"CASE":
            cursor.nested(self._case)
        elif word.is_name:
            return self._word()
        else:
            return False
        return True

    def _word(self) -> bool:
        cursor = self.cursor
        upper, following = cursor.peek(), cursor.peek(1)
        function = cursor.token.name.encode("utf-8", "surrogateescape").upper()
        member = upper == b"OF" and cursor.peek(-1) == b"MEMBER"
        if following == b"(" and (upper in _BEFORE_BRACKET or member or function in FUNCTIONS):
            cursor.at += 1
            self._bracket(function)
            return True
        if upper in OPERATORS:
            cursor.at += 1
            return True
        if cursor.accept_all(b"NEXT", b"VALUE", b"FOR") or cursor.accept_all(
            b"PREVIOUS", b"VALUE", b"FOR"
        ):
            cursor.own()
            return True
        if not cursor.is_name() or cursor.at_window():
            return False
        self._reference()
        return True

    def _reference(self) -> None:
        """Take a column, a variable, or a call of a function of the schema."""
        cursor = self.cursor
        parts = [cursor.name()]
        while cursor.peek() == b"." and not cursor.peeks(b".", b"."):
            cursor.at += 1
            if not cursor.accept(b"*"):
                if not cursor.token.is_name:
                    cursor.refuse_word("where a name is expected")
                parts.append(cursor.token.name)
                cursor.at += 1
        called = cursor.peek() == b"("
        if len(parts) > 3 or (called and len(parts) > 2):
            cursor.refuse(f"a name of {len(parts)} parts")
        if (called or len(parts) > 2) and len(parts) > 1 and not cursor.is_own(parts[0]):
            cursor.foreign(parts[0])
        if called:
            if not self.own_functions:
                cursor.refuse(f"the function {parts[-1]} is not allowed there")
            if len(parts) == 1:
                self._own_function(parts[0])
            self._bracket(b"")

    def _own_function(self, name: str) -> None:
        """Note the call of a function of the schema; refuse one that a server may have itself."""
        upper = name.encode("utf-8", "surrogateescape").upper()
        if upper in NEVER_OWN or upper.startswith(NEVER_OWN_STARTS):
            self.cursor.refuse(f"the function {one_line(name)} is not allowed there")
        self.cursor.called.add(name.lower())

    def _variable(self) -> None:
        """Take `@x`, or `@@x` of those that may be read."""
        cursor = self.cursor
        cursor.expect(b"@")
        if not cursor.accept(b"@"):
            if not (cursor.token.is_name or cursor.is_text()):
                cursor.refuse_word()
            cursor.at += 1
            while cursor.peek() == b"." and cursor.peek(1):  # @a.b is one name
                cursor.at += 2
            return
        scoped = cursor.peek() in {b"SESSION", b"LOCAL", b"GLOBAL"} and cursor.peek(1) == b"."
        if scoped:
            cursor.at += 2
        if cursor.peek() not in READABLE_VARIABLES:
            cursor.refuse_word("where a setting is read")
        cursor.at += 1

    def _case(self) -> None:
        cursor = self.cursor
        cursor.expect(b"CASE")
        if cursor.peek() != b"WHEN":
            self.expression()
        while cursor.accept(b"WHEN"):
            self.expression()
            cursor.expect(b"THEN")
            self.expression()
        if cursor.accept(b"ELSE"):
            self.expression()
        cursor.expect(b"END")

    def _bracket(self, function: bytes) -> None:
        """Take the inside of brackets, after the name of a function or after none."""
        cursor = self.cursor
        cursor.expect(b"(")
        if function == b"OVER":
            cursor.nested(self.window)
        elif cursor.peek() in {b"SELECT", b"WITH"}:
            if self.query is None:
                cursor.refuse("a SELECT is not allowed there")
            cursor.nested(self.query)
        elif function in _SEQUENCES:
            cursor.own()
        elif cursor.peek() != b")":
            cursor.nested(lambda: self._arguments(function))
        cursor.expect(b")")

    def _arguments(self, function: bytes) -> None:
        """Take arguments and the words that some functions have between them, up to the bracket."""
        cursor = self.cursor
        while cursor.peek() != b")":
            if function == b"CONVERT" and cursor.peek() in TYPE_WORDS:
                self.type()
            else:
                self.expression()
            while cursor.peek() in {b"UNION", b"EXCEPT", b"INTERSECT"} and self.query is not None:
                cursor.at += 1  # ((SELECT …) UNION (SELECT …))
                cursor.accept(b"ALL", b"DISTINCT")
                self.query()
            while self._between(function):
                pass
            if not cursor.accept(b","):
                return

    def _between(self, function: bytes) -> bool:
        cursor = self.cursor
        if cursor.peek() in _SPECIAL and function in _WITH_FROM:
            cursor.at += 1
            self.expression()
        elif cursor.accept(b"AS"):
            self.type()
        elif cursor.accept(b"USING"):
            self.letters()
        elif cursor.accept_all(b"ORDER", b"BY"):
            self.ordering()
        elif cursor.accept(b"SEPARATOR"):
            cursor.text_literal()
        elif cursor.accept(b"LIMIT"):
            self.listed()
        else:  # of AGAINST, whose IN is an operator
            return cursor.accept_all(b"NATURAL", b"LANGUAGE", b"MODE") or cursor.accept_all(
                b"WITH", b"QUERY", b"EXPANSION"
            )
        return True

    def ordering(self) -> None:
        """Take the words after ORDER BY."""
        self.expression()
        self.cursor.accept(b"ASC", b"DESC")
        while self.cursor.accept(b","):
            self.expression()
            self.cursor.accept(b"ASC", b"DESC")

    def window(self) -> None:
        """Take the inside of the brackets of OVER."""
        cursor = self.cursor
        if cursor.is_name() and cursor.peek() not in {b"ROWS", b"RANGE", b"GROUPS"}:
            cursor.name()
        if cursor.accept_all(b"PARTITION", b"BY"):
            self.listed()
        if cursor.accept_all(b"ORDER", b"BY"):
            self.ordering()
        if cursor.accept(b"ROWS", b"RANGE", b"GROUPS"):
            cursor.accept(b"BETWEEN")
            self.expression()
            if cursor.accept(b"AND"):
                self.expression()

    def type(self) -> None:
        """Take a type of a column, a variable or a CAST, with its length and character set."""
        cursor = self.cursor
        if cursor.peek() not in TYPE_WORDS:
            cursor.refuse_word("where a type is expected")
        while cursor.peek() in TYPE_WORDS:
            if cursor.peek() == b"CHARACTER" and cursor.peek(1) == b"SET":
                break
            if cursor.peek() in {b"CHAR", b"BYTE"} and cursor.peek(1) == b"SET":
                break
            cursor.at += 1
            if cursor.peek() == b"(":
                self._length()
        while self.charset():
            pass

    def charset(self) -> bool:
        """Take CHARACTER SET x, CHARSET x or COLLATE x, if one follows."""
        cursor = self.cursor
        if (
            cursor.accept_all(b"CHARACTER", b"SET")
            or cursor.accept_all(b"CHAR", b"SET")
            or cursor.accept(b"CHARSET")
            or cursor.accept(b"COLLATE")
        ):
            cursor.accept(b"=")
            self.letters()
            return True
        return cursor.accept(b"BINARY", b"ASCII", b"UNICODE")

    def letters(self) -> None:
        """Take the name of a character set or a collation."""
        cursor = self.cursor
        if cursor.is_text():
            cursor.at += 1
        elif not cursor.accept(b"BINARY", b"ASCII", b"DEFAULT"):
            cursor.name()

    def _length(self) -> None:
        cursor = self.cursor
        cursor.expect(b"(")
        while cursor.peek() != b")":
            cursor.number() if cursor.is_number() else cursor.text_literal()
            if not cursor.accept(b","):
                break
        cursor.expect(b")")
