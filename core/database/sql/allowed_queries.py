"""Queries, and the statements that change rows, on tables of the dump's own schema alone."""

from __future__ import annotations

from typing import Final

from core.database.sql.allowed_expressions import Expressions
from core.database.sql.cursor import Cursor
from core.database.sql.tokens import Mark
from core.database.sql.vocabulary import TYPE_WORDS

_SELECT_WORDS: Final = (
    b"ALL", b"DISTINCT", b"DISTINCTROW", b"HIGH_PRIORITY", b"STRAIGHT_JOIN", b"SQL_SMALL_RESULT",
    b"SQL_BIG_RESULT", b"SQL_BUFFER_RESULT", b"SQL_CACHE", b"SQL_NO_CACHE", b"SQL_CALC_FOUND_ROWS",
)  # fmt: skip
_SETS: Final = (b"UNION", b"EXCEPT", b"INTERSECT")
_WRITE_WORDS: Final = (b"LOW_PRIORITY", b"HIGH_PRIORITY", b"DELAYED", b"IGNORE", b"QUICK")
_JSON_WORDS: Final = frozenset({b"PATH", b"EXISTS", b"DEFAULT", b"ON", b"EMPTY", b"ERROR", b"NULL",
                                b"NESTED", b"COLUMNS", b"FOR", b"ORDINALITY"})  # fmt: skip


class Queries:
    """Rules for queries and row statements at a cursor."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.values = Expressions(cursor, query=self.query, own_functions=True)

    def query(self, *, into: bool = False) -> None:
        """Take a SELECT with all that belongs to it; `into`: it may fill variables."""
        cursor = self.cursor
        if cursor.accept(b"WITH"):
            self._common_tables()
        self._term(into)
        while cursor.accept(*_SETS):
            cursor.accept(b"ALL", b"DISTINCT")
            self._term(into)
        self._tail(into)

    def _common_tables(self) -> None:
        cursor = self.cursor
        cursor.accept(b"RECURSIVE")
        while True:
            cursor.name()
            if cursor.peek() == b"(":
                cursor.names()
            cursor.expect(b"AS")
            self._bracketed_query()
            if not cursor.accept(b","):
                return

    def _bracketed_query(self) -> None:
        self.cursor.expect(b"(")
        self.cursor.nested(self.query)
        self.cursor.expect(b")")

    def _term(self, into: bool) -> None:
        if self.cursor.peek() == b"(":
            self._bracketed_query()
            return
        self._select(into)

    def _select(self, into: bool) -> None:
        cursor = self.cursor
        cursor.expect(b"SELECT")
        while cursor.accept(*_SELECT_WORDS):
            pass
        self._selected()
        while cursor.accept(b","):
            self._selected()
        self._into(into)
        if cursor.accept(b"FROM"):
            self.tables()
        if cursor.accept(b"WHERE"):
            self.values.expression()
        if cursor.accept_all(b"GROUP", b"BY"):
            self.values.ordering()
            cursor.accept_all(b"WITH", b"ROLLUP")
        if cursor.accept(b"HAVING"):
            self.values.expression()
        if cursor.accept(b"WINDOW"):
            self._windows()
        self._tail(into)

    def _windows(self) -> None:
        cursor = self.cursor
        while True:
            cursor.name()
            cursor.expect(b"AS", b"(")
            self.values.window()
            cursor.expect(b")")
            if not cursor.accept(b","):
                return

    def _selected(self) -> None:
        """Take a column of the result: `*`, or an expression with its name."""
        self.values.expression()
        if self.cursor.accept(b"AS"):
            if self.cursor.is_text():
                self.cursor.text_literal()
            else:
                self.cursor.name()

    def _into(self, allowed: bool) -> None:
        cursor = self.cursor
        if cursor.peek() != b"INTO":
            return
        if not allowed:
            cursor.refuse_word()
        cursor.at += 1
        self.targets()

    def targets(self) -> None:
        """Take the variables that a SELECT or a FETCH fills."""
        cursor = self.cursor
        while True:
            if cursor.accept(b"@"):
                if cursor.is_text():
                    cursor.at += 1
                else:
                    cursor.name()
            else:
                cursor.name()
                if cursor.accept(b"."):
                    cursor.name()
            if not cursor.accept(b","):
                return

    def _tail(self, into: bool) -> None:
        """Take ORDER BY, LIMIT, INTO and locks."""
        cursor = self.cursor
        if cursor.accept_all(b"ORDER", b"BY"):
            self.values.ordering()
        self.limit()
        self._into(into)
        while cursor.accept(b"FOR"):
            if not cursor.accept(b"UPDATE", b"SHARE"):
                cursor.refuse_word()
            if not cursor.accept(b"NOWAIT"):
                cursor.accept_all(b"SKIP", b"LOCKED")
        cursor.accept_all(b"LOCK", b"IN", b"SHARE", b"MODE")
        self._into(into)

    def limit(self) -> None:
        """Take LIMIT and its numbers, if it follows."""
        cursor = self.cursor
        if cursor.accept(b"LIMIT"):
            self._count()
            if cursor.accept(b",", b"OFFSET"):
                self._count()

    def _count(self) -> None:
        if self.cursor.is_number():
            self.cursor.number()
        else:
            self.cursor.name()

    def tables(self) -> None:
        """Take tables and their joins."""
        cursor = self.cursor
        self._table()
        while True:
            if cursor.accept(b",", b"STRAIGHT_JOIN") or self._join():
                self._table()
            elif cursor.accept(b"ON"):
                self.values.expression()
            elif cursor.accept(b"USING"):
                cursor.names()
            else:
                return

    def _join(self) -> bool:
        cursor = self.cursor
        start = cursor.at
        cursor.accept(b"NATURAL")
        if not cursor.accept(b"INNER", b"CROSS") and cursor.accept(b"LEFT", b"RIGHT"):
            cursor.accept(b"OUTER")
        if cursor.accept(b"JOIN"):
            return True
        if cursor.at > start:
            cursor.refuse_word()
        return False

    def _table(self) -> None:
        cursor = self.cursor
        cursor.accept(b"LATERAL")
        if cursor.accept(b"("):
            cursor.nested(self._nested_tables)
            cursor.expect(b")")
        elif cursor.peeks(b"JSON_TABLE", b"("):
            self._json_table()
        elif cursor.accept(b"DUAL"):
            return
        else:
            cursor.own()
            if cursor.accept(b"PARTITION"):
                cursor.names()
            self._system_time()
        self._alias()
        while cursor.accept(b"USE", b"IGNORE", b"FORCE"):
            self._index_hint()

    def _nested_tables(self) -> None:
        cursor = self.cursor
        if cursor.peek() in {b"SELECT", b"WITH"}:
            self.query()
            return
        self.tables()
        while cursor.accept(*_SETS):  # ((SELECT …) UNION (SELECT …)) AS t
            cursor.accept(b"ALL", b"DISTINCT")
            self._term(False)
        self._tail(False)

    def _system_time(self) -> None:
        cursor = self.cursor
        if not cursor.accept_all(b"FOR", b"SYSTEM_TIME"):
            return
        if cursor.accept(b"ALL"):
            return
        if not (cursor.accept_all(b"AS", b"OF") or cursor.accept(b"BETWEEN", b"FROM")):
            cursor.refuse_word()
        self.values.expression()
        if cursor.accept(b"TO"):
            self.values.expression()

    def _alias(self) -> None:
        cursor = self.cursor
        if cursor.accept(b"AS") or (cursor.is_name() and not cursor.at_window()):
            cursor.name()
            if cursor.peek() == b"(":
                cursor.names()

    def _index_hint(self) -> None:
        cursor = self.cursor
        if not cursor.accept(b"INDEX", b"KEY"):
            cursor.refuse_word()
        if cursor.accept(b"FOR") and not (
            cursor.accept(b"JOIN")
            or cursor.accept_all(b"ORDER", b"BY")
            or cursor.accept_all(b"GROUP", b"BY")
        ):
            cursor.refuse_word()
        cursor.expect(b"(")
        while cursor.peek() != b")":
            if not cursor.accept(b"PRIMARY"):
                cursor.name()
            if not cursor.accept(b","):
                break
        cursor.expect(b")")

    def _json_table(self) -> None:
        cursor = self.cursor
        cursor.expect(b"JSON_TABLE", b"(")
        self.values.expression()
        cursor.expect(b",")
        cursor.text_literal()
        self._json_columns()
        cursor.expect(b")")

    def _json_columns(self) -> None:
        cursor = self.cursor
        cursor.expect(b"COLUMNS", b"(")
        while cursor.peek() != b")":
            if cursor.peek() == b"COLUMNS" and cursor.peek(1) == b"(":
                cursor.nested(self._json_columns)
            elif cursor.token.mark is Mark.TEXT:
                cursor.text_literal()
            elif cursor.peek() in TYPE_WORDS and cursor.peek() not in _JSON_WORDS:
                self.values.type()
            elif not cursor.accept(b",", *_JSON_WORDS):
                cursor.name()
        cursor.expect(b")")

    def insert(self) -> None:
        """Take an INSERT or a REPLACE, of rows or from a query."""
        cursor = self.cursor
        cursor.at += 1
        while cursor.accept(*_WRITE_WORDS):
            pass
        cursor.accept(b"INTO")
        cursor.own()
        if cursor.accept(b"PARTITION"):
            cursor.names()
        if cursor.peek() == b"(" and cursor.peek(1) not in {b"SELECT", b"WITH", b"("}:
            self._columns()
        if cursor.accept(b"SET"):
            self.assignments()
        elif cursor.accept(b"VALUES", b"VALUE"):
            self._rows()
        else:
            self.query()
        if cursor.accept_all(b"ON", b"DUPLICATE", b"KEY", b"UPDATE"):
            self.assignments()

    def _columns(self) -> None:
        cursor = self.cursor
        cursor.expect(b"(")
        while cursor.peek() != b")":
            self._column()
            if not cursor.accept(b","):
                break
        cursor.expect(b")")

    def _column(self) -> None:
        cursor = self.cursor
        parts = [cursor.name()]
        while cursor.accept(b"."):
            parts.append(cursor.name())
        if len(parts) > 3 or (len(parts) == 3 and not cursor.is_own(parts[0])):
            cursor.foreign(parts[0])

    def _rows(self) -> None:
        cursor = self.cursor
        while True:
            cursor.expect(b"(")
            if cursor.peek() != b")":
                self.values.listed()
            cursor.expect(b")")
            if not cursor.accept(b","):
                break
        if cursor.accept(b"AS"):
            cursor.name()
            if cursor.peek() == b"(":
                cursor.names()

    def assignments(self) -> None:
        """Take `column = value` with commas between them."""
        while True:
            self._column()
            self.cursor.expect(b"=")
            self.values.expression()
            if not self.cursor.accept(b","):
                return

    def update(self) -> None:
        """Take an UPDATE of one or more tables."""
        cursor = self.cursor
        cursor.expect(b"UPDATE")
        while cursor.accept(*_WRITE_WORDS):
            pass
        self.tables()
        cursor.expect(b"SET")
        self.assignments()
        self._of_rows()

    def _of_rows(self) -> None:
        cursor = self.cursor
        if cursor.accept(b"WHERE"):
            self.values.expression()
        if cursor.accept_all(b"ORDER", b"BY"):
            self.values.ordering()
        self.limit()

    def delete(self) -> None:
        """Take a DELETE from one or more tables."""
        cursor = self.cursor
        cursor.expect(b"DELETE")
        while cursor.accept(*_WRITE_WORDS):
            pass
        if cursor.accept(b"FROM"):
            self._deleted()
            if cursor.accept(b"USING"):
                self.tables()
            elif cursor.accept(b"AS") or cursor.is_name():
                cursor.name()
        else:
            self._deleted()
            cursor.expect(b"FROM")
            self.tables()
        self._of_rows()

    def _deleted(self) -> None:
        """Take the names of the tables whose rows go."""
        cursor = self.cursor
        while True:
            name = cursor.name()
            if cursor.accept(b".") and not cursor.accept(b"*"):
                if not cursor.is_own(name):
                    cursor.foreign(name)
                cursor.name()
                cursor.accept_all(b".", b"*")
            if not cursor.accept(b","):
                return
