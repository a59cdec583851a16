"""Definitions of tables, sequences and indexes, and changes of tables, that a dump may hold.

A table is its columns, keys and options and nothing else: no rows of other tables, no file or
directory of the server, no engine that leads to other tables, no new name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from core.database.sql.allowed_expressions import Expressions
from core.database.sql.allowed_partitions import Partitions
from core.database.sql.cursor import Cursor
from core.database.sql.table_options import TableOptions

_KEYS: Final = (b"KEY", b"INDEX")
_ACTIONS: Final = (b"RESTRICT", b"CASCADE")


class Tables:
    """Rules for definitions at a cursor, behind the name of the defined object."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.values = Expressions(cursor)
        self.options = TableOptions(cursor)

    def definition(self, query: Callable[[], None] | None = None) -> None:
        """Take the words after the name in CREATE TABLE; a `query` only where one is given."""
        cursor = self.cursor
        if cursor.peek() == b"(" and cursor.peek(1) not in {b"SELECT", b"WITH", b"("}:
            if cursor.peek(1) == b"LIKE":
                self._of_others()
            cursor.expect(b"(")
            self._part()
            while cursor.accept(b","):
                self._part()
            cursor.expect(b")")
        elif query is None:
            self._of_others()
        self.options.listed()
        if cursor.peeks(b"PARTITION", b"BY"):
            Partitions(cursor, self.values, self.options).take()
        if query is not None:
            cursor.accept(b"AS")
            if cursor.peek() in {b"SELECT", b"WITH", b"("}:
                query()
        elif cursor.peek() in {b"SELECT", b"AS", b"IGNORE", b"REPLACE", b"WITH", b"(", b"VALUES"}:
            self._of_others()

    def _of_others(self) -> None:
        self.cursor.refuse("a table made from another one or from a SELECT is not loaded")

    def _part(self) -> None:
        """Take a column, a key or a constraint."""
        cursor = self.cursor
        if cursor.accept(b"CONSTRAINT"):
            if cursor.is_name():
                cursor.name()
            self._constraint()
        elif cursor.peeks(b"PERIOD", b"FOR"):
            cursor.at += 2
            cursor.name()
            cursor.names()
        elif not self._key():
            cursor.name()
            self._column()

    def _constraint(self) -> None:
        if self.cursor.peek() not in {b"PRIMARY", b"UNIQUE", b"FOREIGN", b"CHECK"}:
            self.cursor.refuse_word()
        self._key()

    def _key(self) -> bool:
        """Take a key, a foreign key or a check, if one follows."""
        cursor = self.cursor
        if cursor.accept(b"PRIMARY"):
            cursor.expect(b"KEY")
        elif cursor.accept(b"UNIQUE", b"FULLTEXT", b"SPATIAL") or (
            cursor.peek() == b"VECTOR" and cursor.peek(1) in _KEYS and cursor.accept(b"VECTOR")
        ):
            cursor.accept(*_KEYS)
        elif cursor.accept(b"FOREIGN"):
            self._foreign()
            return True
        elif cursor.peek() == b"CHECK":
            self._check()
            return True
        elif not cursor.accept(*_KEYS):
            return False
        cursor.accept_all(b"IF", b"NOT", b"EXISTS")
        self._named_key()
        return True

    def _named_key(self) -> None:
        cursor = self.cursor
        if cursor.is_name() and cursor.peek() != b"USING":
            cursor.name()
        if cursor.accept(b"USING", b"TYPE"):
            self._index_type()
        self._key_parts()
        self._key_options()

    def _index_type(self) -> None:
        if not self.cursor.accept(b"BTREE", b"HASH", b"RTREE"):
            self.cursor.refuse_word()

    def _key_parts(self) -> None:
        cursor = self.cursor
        cursor.expect(b"(")
        while True:
            if cursor.peek() == b"(":
                self.values.bracketed()
            else:
                cursor.name()
                if cursor.accept(b"("):
                    cursor.number()
                    cursor.expect(b")")
                cursor.accept_all(b"WITHOUT", b"OVERLAPS")
            cursor.accept(b"ASC", b"DESC")
            if not cursor.accept(b","):
                break
        cursor.expect(b")")

    def _key_options(self) -> None:
        cursor = self.cursor
        while True:
            if cursor.accept(b"USING"):
                self._index_type()
            elif cursor.accept(b"KEY_BLOCK_SIZE"):
                cursor.accept(b"=")
                cursor.number()
            elif cursor.accept(b"COMMENT"):
                cursor.text_literal()
            elif cursor.accept_all(b"WITH", b"PARSER"):
                if cursor.token.name.upper() not in {"NGRAM", "MECAB"}:
                    cursor.refuse_word()
                cursor.at += 1
            elif cursor.peek() in {b"M", b"DISTANCE"} and cursor.peek(1) == b"=":
                cursor.at += 3
            elif not (
                cursor.accept(b"VISIBLE", b"INVISIBLE", b"IGNORED")
                or cursor.accept_all(b"NOT", b"IGNORED")
                or (cursor.accept(b"CLUSTERING") and cursor.accept(b"=") and cursor.accept(b"YES"))
            ):
                return

    def _foreign(self) -> None:
        cursor = self.cursor
        cursor.expect(b"KEY")
        cursor.accept_all(b"IF", b"NOT", b"EXISTS")
        if cursor.is_name():
            cursor.name()
        cursor.names()
        cursor.expect(b"REFERENCES")
        cursor.own()
        cursor.names()
        if cursor.accept(b"MATCH") and not cursor.accept(b"FULL", b"PARTIAL", b"SIMPLE"):
            cursor.refuse_word()
        while cursor.accept(b"ON"):
            if not cursor.accept(b"DELETE", b"UPDATE"):
                cursor.refuse_word()
            if not (
                cursor.accept(*_ACTIONS)
                or cursor.accept_all(b"SET", b"NULL")
                or cursor.accept_all(b"SET", b"DEFAULT")
                or cursor.accept_all(b"NO", b"ACTION")
            ):
                cursor.refuse_word()

    def _check(self) -> None:
        self.cursor.expect(b"CHECK")
        self.values.bracketed()
        if not self.cursor.accept_all(b"NOT", b"ENFORCED"):
            self.cursor.accept(b"ENFORCED")

    def _column(self) -> None:
        """Take the type of a column and its attributes."""
        cursor = self.cursor
        self.values.type()
        while not cursor.done and cursor.peek() not in {b",", b")"}:
            if not (self._said() or self._generated() or self.values.charset()):
                cursor.refuse_word()

    def _said(self) -> bool:
        """Take one thing that is said of a column, if any follows."""
        cursor = self.cursor
        if cursor.accept(b"DEFAULT"):
            self._default()
        elif cursor.accept_all(b"ON", b"UPDATE"):
            self.values.call() if cursor.peek(1) == b"(" else self._now()
        elif cursor.accept(b"COMMENT"):
            cursor.text_literal()
        elif cursor.accept(b"UNIQUE", b"PRIMARY"):
            cursor.accept(b"KEY")
        elif cursor.accept(b"CONSTRAINT"):
            if cursor.is_name():
                cursor.name()
            self._check()
        elif cursor.peek() == b"CHECK":
            self._check()
        else:
            return self._stored() or (
                cursor.accept_all(b"NOT", b"NULL")
                or cursor.accept(b"NULL", b"AUTO_INCREMENT", b"KEY", b"INVISIBLE", b"VISIBLE")
                or cursor.accept_all(b"WITH", b"SYSTEM", b"VERSIONING")
                or cursor.accept_all(b"WITHOUT", b"SYSTEM", b"VERSIONING")
            )
        return True

    def _stored(self) -> bool:
        """Take how a column is stored, if that follows."""
        cursor = self.cursor
        if cursor.accept(b"COLUMN_FORMAT", b"STORAGE"):
            if not cursor.accept(b"FIXED", b"DYNAMIC", b"DEFAULT", b"DISK", b"MEMORY"):
                cursor.refuse_word()
            return True
        if not cursor.accept(b"SRID", b"REF_SYSTEM_ID", b"COMPRESSED"):
            return False
        if cursor.accept(b"="):
            cursor.accept(b"ZLIB")
        if cursor.is_number():
            cursor.number()
        return True

    def _now(self) -> None:
        if not self.cursor.accept(b"CURRENT_TIMESTAMP", b"NOW", b"LOCALTIME", b"LOCALTIMESTAMP"):
            self.cursor.refuse_word()

    def _default(self) -> None:
        """Take a default: a literal, a function, an expression between brackets."""
        cursor = self.cursor
        if cursor.accept_all(b"NEXT", b"VALUE", b"FOR"):
            cursor.own()
        elif cursor.is_text_literal():
            cursor.text_literal()
        elif cursor.is_number() or cursor.peek() in {b"+", b"-"}:
            cursor.number()
        elif cursor.accept(b"NULL", b"TRUE", b"FALSE", b"VALUE"):
            pass
        elif cursor.peek() == b"(":
            self.values.bracketed()
        elif cursor.peek(1) == b"(":
            self.values.call()
        else:
            self._now_or_user()

    def _now_or_user(self) -> None:
        if not self.cursor.accept(
            b"CURRENT_TIMESTAMP", b"NOW", b"LOCALTIME", b"LOCALTIMESTAMP", b"CURRENT_USER",
            b"CURRENT_DATE", b"CURRENT_TIME", b"CURRENT_ROLE",
        ):  # fmt: skip
            self.cursor.refuse_word()

    def _generated(self) -> bool:
        cursor = self.cursor
        always = cursor.accept_all(b"GENERATED", b"ALWAYS")
        if not always and cursor.peek() != b"AS":
            return False
        cursor.expect(b"AS")
        if cursor.accept(b"ROW"):
            if not cursor.accept(b"START", b"END"):
                cursor.refuse_word()
            return True
        self.values.bracketed()
        cursor.accept(b"VIRTUAL", b"STORED", b"PERSISTENT")
        return True

    def changes(self) -> None:
        """Take the words after the name in ALTER TABLE."""
        self._change()
        while self.cursor.accept(b","):
            self._change()

    def _change(self) -> None:
        cursor = self.cursor
        if cursor.accept(b"ADD"):
            self._added()
        elif cursor.accept(b"MODIFY"):
            cursor.accept(b"COLUMN")
            cursor.name()
            self._column()
        elif cursor.accept(b"DISABLE", b"ENABLE"):
            cursor.expect(b"KEYS")
        elif cursor.accept(b"AUTO_INCREMENT"):
            cursor.accept(b"=")
            cursor.number()
        else:
            cursor.refuse_word()

    def _added(self) -> None:
        cursor = self.cursor
        if cursor.accept_all(b"SYSTEM", b"VERSIONING"):
            return
        cursor.accept(b"COLUMN")
        cursor.accept_all(b"IF", b"NOT", b"EXISTS")
        self._part()

    def index(self) -> None:
        """Take the words after the table in CREATE INDEX."""
        self._key_parts()
        self._key_options()
        while self.cursor.accept(b"ALGORITHM", b"LOCK"):
            self.cursor.accept(b"=")
            self.cursor.name() if self.cursor.is_name() else self.cursor.expect(b"DEFAULT")

    def sequence(self) -> None:
        """Take the words after the name in CREATE SEQUENCE."""
        cursor = self.cursor
        if cursor.accept(b"AS"):
            self.values.type()
        while True:
            if cursor.accept(b"START", b"INCREMENT", b"MINVALUE", b"MAXVALUE", b"CACHE", b"BY",
                             b"WITH", b"="):  # fmt: skip
                continue
            if cursor.is_number() or cursor.peek() in {b"+", b"-"}:
                cursor.number()
            elif not (
                cursor.accept(b"NOMINVALUE", b"NOMAXVALUE", b"NOCACHE", b"CYCLE", b"NOCYCLE")
                or (cursor.accept(b"NO") and cursor.accept(b"MINVALUE", b"MAXVALUE", b"CACHE",
                                                           b"CYCLE"))
            ):  # fmt: skip
                break
        self.options.listed()
