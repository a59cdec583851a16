"""Statements of which a body in a foreign dump may be made.

Each is one of a list: rows of its own schema are read and changed, variables set, cursors moved,
routines of the schema called, temporary tables made. There is no rule for anything else: accounts,
settings of the server, files, text that is run, other definitions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from core.database.sql.allowed_queries import Queries
from core.database.sql.allowed_tables import Tables
from core.database.sql.cursor import Cursor
from core.database.sql.vocabulary import SESSION_VARIABLES
from core.errors import StatementRefused

_BLOCKS: Final = frozenset({b"BEGIN", b"LOOP", b"WHILE", b"REPEAT", b"FOR"})
_NEVER_SET: Final = frozenset({b"PASSWORD", b"NAMES"})
_SIGNAL_ITEMS: Final = (
    b"CLASS_ORIGIN", b"SUBCLASS_ORIGIN", b"MESSAGE_TEXT", b"MYSQL_ERRNO", b"CONSTRAINT_CATALOG",
    b"CONSTRAINT_SCHEMA", b"CONSTRAINT_NAME", b"CATALOG_NAME", b"SCHEMA_NAME", b"TABLE_NAME",
    b"COLUMN_NAME", b"CURSOR_NAME", b"ROW_NUMBER", b"RETURNED_SQLSTATE", b"NUMBER", b"ROW_COUNT",
)  # fmt: skip
_DYNAMIC: Final = frozenset({b"PREPARE", b"EXECUTE"})


class Programs:
    """Rules for statements at a cursor."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self.queries = Queries(cursor)
        self.values = self.queries.values
        self.scopes: list[set[bytes]] = [set()]  # names of variables, in capitals
        self.rules: dict[bytes, Callable[[], None]] = {
            b"SELECT": self._select, b"WITH": self._select, b"(": self._select,
            b"INSERT": self.queries.insert, b"REPLACE": self.queries.insert,
            b"UPDATE": self.queries.update, b"DELETE": self.queries.delete,
            b"BEGIN": self._block, b"IF": self._if, b"CASE": self._case, b"LOOP": self._loop,
            b"WHILE": self._while, b"REPEAT": self._repeat, b"FOR": self._for,
            b"LEAVE": self._jump, b"ITERATE": self._jump, b"OPEN": self._open,
            b"FETCH": self._fetch, b"CLOSE": self._jump, b"SET": self._set, b"CALL": self._call,
            b"RETURN": self._return, b"SIGNAL": self._signal, b"RESIGNAL": self._signal,
            b"GET": self._diagnostics, b"DO": self._do, b"CREATE": self._create,
            b"DROP": self._drop, b"TRUNCATE": self._truncate, b"START": self._start,
            b"COMMIT": self._commit, b"ROLLBACK": self._commit,
        }  # fmt: skip

    def statement(self) -> None:
        """Take one statement, with all that is in it."""
        cursor = self.cursor
        if cursor.is_name() and cursor.peek(1) == b":" and cursor.peek(2) in _BLOCKS:
            cursor.at += 2
        word = cursor.peek()
        if word in _DYNAMIC:
            raise StatementRefused(
                f"Line {cursor.line}: {cursor.what} runs text that it puts together itself"
                f" ({word.decode()}).",
                hint=cursor.hint,
            )
        rule = self.rules.get(word)
        if rule is None:
            cursor.refuse_word()
        cursor.nested(rule)

    def _statements(self, *ends: bytes) -> None:
        """Take statements, each with its `;`, up to one of these words."""
        while self.cursor.peek() not in ends:
            self.statement()
            self.cursor.expect(b";")

    def _end(self, *words: bytes) -> None:
        """Take END with its word, and perhaps a label."""
        self.cursor.expect(b"END", *words)
        if self.cursor.is_name():
            self.cursor.name()

    def _block(self) -> None:
        cursor = self.cursor
        cursor.expect(b"BEGIN")
        cursor.accept_all(b"NOT", b"ATOMIC")
        self.scopes.append(set())
        while cursor.accept(b"DECLARE"):
            self._declare()
            cursor.expect(b";")
        self._statements(b"END")
        self._end()
        self.scopes.pop()

    def _declare(self) -> None:
        cursor = self.cursor
        if cursor.accept(b"CONTINUE", b"EXIT", b"UNDO"):
            self._handler()
            return
        if cursor.peek(1) == b"CURSOR":
            cursor.name()
            cursor.expect(b"CURSOR", b"FOR")
            self.queries.query()
            return
        if cursor.peek(1) == b"CONDITION":
            cursor.name()
            cursor.expect(b"CONDITION", b"FOR")
            self._condition()
            return
        self.new_name()
        while cursor.accept(b","):
            self.new_name()
        self.values.type()
        if cursor.accept(b"DEFAULT"):
            self.values.expression()

    def _handler(self) -> None:
        cursor = self.cursor
        cursor.expect(b"HANDLER", b"FOR")
        self._condition()
        while cursor.accept(b","):
            self._condition()
        self.statement()

    def _condition(self) -> None:
        cursor = self.cursor
        if cursor.accept(b"SQLSTATE"):
            cursor.accept(b"VALUE")
            cursor.text_literal()
        elif cursor.accept_all(b"NOT", b"FOUND") or cursor.accept(b"SQLWARNING", b"SQLEXCEPTION"):
            return
        elif cursor.is_number():
            cursor.number()
        else:
            cursor.name()

    def _if(self) -> None:
        cursor = self.cursor
        cursor.expect(b"IF")
        self._branch(b"ELSEIF")
        self._branches(b"ELSEIF")
        cursor.expect(b"END", b"IF")

    def _case(self) -> None:
        cursor = self.cursor
        cursor.expect(b"CASE")
        if cursor.peek() != b"WHEN":
            self.values.expression()
        self._branches(b"WHEN")
        cursor.expect(b"END", b"CASE")

    def _branch(self, next_word: bytes) -> None:
        self.values.expression()
        self.cursor.expect(b"THEN")
        self._statements(next_word, b"ELSE", b"END")

    def _branches(self, word: bytes) -> None:
        while self.cursor.accept(word):
            self._branch(word)
        if self.cursor.accept(b"ELSE"):
            self._statements(b"END")

    def _loop(self) -> None:
        self.cursor.expect(b"LOOP")
        self._statements(b"END")
        self._end(b"LOOP")

    def _while(self) -> None:
        self.cursor.expect(b"WHILE")
        self.values.expression()
        self.cursor.expect(b"DO")
        self._statements(b"END")
        self._end(b"WHILE")

    def _repeat(self) -> None:
        self.cursor.expect(b"REPEAT")
        self._statements(b"UNTIL")
        self.cursor.expect(b"UNTIL")
        self.values.expression()
        self._end(b"REPEAT")

    def _for(self) -> None:
        """Take a FOR of MariaDB, over a query or from one number to another."""
        cursor = self.cursor
        cursor.expect(b"FOR")
        self.scopes.append(set())
        self.new_name()
        cursor.expect(b"IN")
        cursor.accept(b"REVERSE")
        self.values.expression()
        if cursor.accept_all(b".", b"."):
            self.values.expression()
        cursor.expect(b"DO")
        self._statements(b"END")
        self._end(b"FOR")
        self.scopes.pop()

    def _jump(self) -> None:
        self.cursor.at += 1
        self.cursor.name()

    def _open(self) -> None:
        self._jump()
        if self.cursor.accept(b"("):
            self.values.listed()
            self.cursor.expect(b")")

    def _fetch(self) -> None:
        cursor = self.cursor
        cursor.expect(b"FETCH")
        # The next row of the group, in an aggregate function of MariaDB.
        if cursor.accept_all(b"GROUP", b"NEXT", b"ROW"):
            return
        cursor.accept(b"NEXT")
        cursor.accept(b"FROM")
        cursor.name()
        cursor.expect(b"INTO")
        self.queries.targets()

    def _set(self) -> None:
        cursor = self.cursor
        cursor.expect(b"SET")
        while True:
            self._target()
            if cursor.accept(b":"):
                cursor.expect(b"=")
            else:
                cursor.expect(b"=")
            if not cursor.accept(b"ON"):
                self.values.expression()
            if not cursor.accept(b","):
                return

    def _target(self) -> None:
        """Take the target of SET: a user's variable, a local one, NEW.x, or a listed setting."""
        cursor = self.cursor
        if cursor.accept_all(b"@", b"@"):
            if cursor.accept(b"SESSION", b"LOCAL"):
                cursor.expect(b".")
            self._setting()
        elif cursor.accept(b"@"):
            cursor.at += 1
        elif cursor.peek() in {b"SESSION", b"LOCAL"} and cursor.peek(1) != b"=":
            cursor.at += 1
            self._setting()
        elif cursor.peek() in _NEVER_SET or not cursor.is_name():
            cursor.refuse_word()
        else:
            name = cursor.token.name.encode("utf-8", "surrogateescape").upper()
            if any(name in scope for scope in self.scopes):
                cursor.at += 1
                if cursor.accept(b"."):
                    cursor.name()
            else:
                self._setting()

    def _setting(self) -> None:
        if self.cursor.peek() not in SESSION_VARIABLES:
            self.cursor.refuse_word("where a setting is changed")
        self.cursor.at += 1

    def _call(self) -> None:
        cursor = self.cursor
        cursor.expect(b"CALL")
        cursor.own()
        if cursor.accept(b"("):
            if cursor.peek() != b")":
                self.values.listed()
            cursor.expect(b")")

    def _return(self) -> None:
        self.cursor.expect(b"RETURN")
        self.values.expression()

    def _do(self) -> None:
        self.cursor.expect(b"DO")
        self.values.listed()

    def _select(self) -> None:
        self.queries.query(into=True)

    def _signal(self) -> None:
        cursor = self.cursor
        cursor.at += 1
        if cursor.accept(b"SQLSTATE"):
            cursor.accept(b"VALUE")
            cursor.text_literal()
        elif cursor.is_name():
            cursor.name()
        if cursor.accept(b"SET"):
            while True:
                if not cursor.accept(*_SIGNAL_ITEMS):
                    cursor.refuse_word()
                cursor.expect(b"=")
                self.values.expression()
                if not cursor.accept(b","):
                    return

    def _diagnostics(self) -> None:
        cursor = self.cursor
        cursor.expect(b"GET")
        cursor.accept(b"CURRENT", b"STACKED")
        cursor.expect(b"DIAGNOSTICS")
        if cursor.accept(b"CONDITION"):
            self.values.expression()
            return  # `1 @a = MESSAGE_TEXT, …` reads as an expression
        while True:
            self.values.expression()
            if not cursor.accept(b","):
                return

    def _create(self) -> None:
        cursor = self.cursor
        cursor.expect(b"CREATE", b"TEMPORARY", b"TABLE")
        cursor.accept_all(b"IF", b"NOT", b"EXISTS")
        cursor.own()
        Tables(cursor).definition(self.queries.query)

    def _drop(self) -> None:
        cursor = self.cursor
        cursor.expect(b"DROP")
        cursor.accept(b"TEMPORARY")
        cursor.expect(b"TABLE")
        cursor.accept_all(b"IF", b"EXISTS")
        cursor.own()
        while cursor.accept(b","):
            cursor.own()

    def _truncate(self) -> None:
        self.cursor.expect(b"TRUNCATE")
        self.cursor.accept(b"TABLE")
        self.cursor.own()

    def _start(self) -> None:
        self.cursor.expect(b"START", b"TRANSACTION")

    def _commit(self) -> None:
        self.cursor.at += 1
        self.cursor.accept(b"WORK")

    def new_name(self) -> None:
        """Take the name of a variable that is made here."""
        self.scopes[-1].add(self.cursor.name().encode("utf-8", "surrogateescape").upper())
