"""The partitions of a table that a dump may hold: values are literals or computed from literals."""

from __future__ import annotations

from core.database.sql.allowed_expressions import Expressions
from core.database.sql.cursor import Cursor
from core.database.sql.table_options import TableOptions


class Partitions:
    """Rules for PARTITION BY at a cursor."""

    def __init__(self, cursor: Cursor, values: Expressions, options: TableOptions) -> None:
        self.cursor, self.values, self.options = cursor, values, options

    def take(self) -> None:
        """Take PARTITION BY and the words after it."""
        cursor = self.cursor
        cursor.expect(b"PARTITION", b"BY")
        self._way()
        self._number(b"PARTITIONS")
        if cursor.accept_all(b"SUBPARTITION", b"BY"):
            self._way()
            self._number(b"SUBPARTITIONS")
        if cursor.peek() == b"(":
            self._listed(b"PARTITION")

    def _number(self, word: bytes) -> None:
        if self.cursor.accept(word):
            self.cursor.number()

    def _way(self) -> None:
        cursor = self.cursor
        cursor.accept(b"LINEAR")
        if cursor.accept(b"KEY"):
            if cursor.accept(b"ALGORITHM"):
                cursor.accept(b"=")
                cursor.number()
            self._columns()
        elif cursor.accept(b"RANGE", b"LIST", b"HASH"):
            if cursor.accept(b"COLUMNS"):
                self._columns()
            else:
                self.values.bracketed()
        elif cursor.accept(b"SYSTEM_TIME"):
            self._system_time()
        else:
            cursor.refuse_word()

    def _columns(self) -> None:
        if self.cursor.peek(1) == b")":
            self.cursor.expect(b"(", b")")
        else:
            self.cursor.names()

    def _system_time(self) -> None:
        cursor = self.cursor
        if cursor.accept(b"LIMIT"):
            cursor.number()
        elif cursor.accept(b"INTERVAL"):
            cursor.text_literal() if cursor.is_text() else cursor.number()
            cursor.name()
            if cursor.accept(b"STARTS"):
                cursor.accept(b"TIMESTAMP")
                cursor.text_literal()
        cursor.accept(b"AUTO")

    def _listed(self, word: bytes) -> None:
        cursor = self.cursor
        cursor.expect(b"(")
        while True:
            cursor.expect(word)
            cursor.name()
            self._values()
            while cursor.peek() != b"TABLESPACE" and self.options.one():
                pass
            if word == b"PARTITION" and cursor.peek() == b"(":
                self._listed(b"SUBPARTITION")
            if not cursor.accept(b","):
                break
        cursor.expect(b")")

    def _values(self) -> None:
        cursor = self.cursor
        if cursor.accept(b"HISTORY", b"CURRENT", b"DEFAULT") or not cursor.accept(b"VALUES"):
            return
        if cursor.accept_all(b"LESS", b"THAN"):
            if not cursor.accept(b"MAXVALUE"):
                self._values_in_brackets()
        elif cursor.accept(b"IN"):
            self._values_in_brackets()
        else:
            cursor.refuse_word()

    def _values_in_brackets(self) -> None:
        self.cursor.expect(b"(")
        self.values.listed()
        self.cursor.expect(b")")
