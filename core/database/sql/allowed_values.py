"""The rows of an INSERT that a foreign dump may hold: literals, and functions of literals.

Rows of literals are passed over at once (`core.database.sql.literal_rows`); a row with anything
else is read word by word. Memory is bounded by one row's words, each taken as it comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NoReturn

from core.database.server.dialect import one_line
from core.database.sql.cursor import Cursor, words_of
from core.database.sql.literal_rows import literals_end, statement_end
from core.database.sql.tokens import Mark, Reading, Token, tokens
from core.database.sql.vocabulary import TYPE_WORDS, VALUE_FUNCTIONS
from core.errors import StatementRefused

_CONSTANTS: Final = frozenset(
    {b"NULL", b"TRUE", b"FALSE", b"DEFAULT", b"CURRENT_TIMESTAMP", b"CURRENT_DATE",
     b"CURRENT_TIME", b"LOCALTIME", b"LOCALTIMESTAMP", b"UTC_TIMESTAMP", b"UTC_DATE", b"BINARY",
     b"DATE", b"TIME", b"TIMESTAMP"}
)  # fmt: skip
# Words between the brackets of a function besides values.
_INSIDE: Final = (
    TYPE_WORDS
    | {b"AS", b"USING", b"SET", b"CHARSET", b"COLLATE", b"INTERVAL"}
    | {b"SECOND", b"MINUTE", b"HOUR", b"DAY", b"WEEK", b"MONTH", b"QUARTER", b"MICROSECOND"}
)
_OF_A_COLUMN: Final = frozenset({b"SRID", b"ST_SRID"})  # Adminer: ST_SRID(`column`)
_WITH_LETTERS: Final = frozenset({b"USING", b"SET", b"CHARSET", b"COLLATE"})
_NUMBER: Final = re.compile(rb"[0-9]+(?:[eE][0-9]*)?|0x[0-9a-fA-F]+|0b[01]+")
_PREFIX: Final = re.compile(rb"_[A-Za-z0-9]+|[nNxXbB]")
_CHARSET: Final = re.compile(rb"[A-Za-z0-9_]+")
_LONGEST_TAIL: Final = 1 << 20


def check_rows(text: bytes, at: int, *, line: int, reading: Reading) -> None:
    """Read the rows of a statement from `at`, behind the bracket of the first row.

    `text` has its conditional comments resolved. Raises StatementRefused with the line and the word
    that is no value.
    """
    while True:
        at = literals_end(text, at, reading)
        if statement_end(text, at) == len(text):
            return
        at, again = _Row(text, at, line, reading).rest()
        if not again:
            _tail(text[at:], line, reading)
            return


class _Row:
    """One row that is more than literals."""

    def __init__(self, text: bytes, at: int, line: int, reading: Reading) -> None:
        self.text, self.at, self.line = text, at, line
        self.words = self._words(reading)
        self.functions: list[bytes] = []  # whose brackets are open
        self.before: Token | None = None
        self._letters = -1  # the place of the last name of a character set

    def _words(self, reading: Reading) -> Iterator[Token]:
        for word in tokens(self.text, reading, self.at):
            between = self.text[self.at : word.start]
            if b"/*+" in between or b"/*!" in between or b"/*M!" in between:
                raise self._refusal("a comment that servers execute")
            self.at = word.end
            yield word

    def _refusal(self, what: str) -> StatementRefused:
        return StatementRefused(
            f"Line {self.line}: a row statement with {what}, which is not a plain value."
        )

    def refuse_word(self, word: Token) -> NoReturn:
        raise self._refusal(one_line(word.text.decode("utf-8", "replace"), limit=40))

    def rest(self) -> tuple[int, bool]:
        """Read up to the end of this row; return where that is and whether another row follows."""
        for word in self.words:
            if word.text == b")" and not self.functions:
                self._complete(word)
                return self._behind()
            self._take(word)
            self.before = word
        raise self._refusal("no end")

    def _behind(self) -> tuple[int, bool]:
        end = self.at
        comma, bracket = next(self.words, None), next(self.words, None)
        if comma is None or comma.text != b"," or bracket is None or bracket.text != b"(":
            return end, False
        return bracket.end, True

    def _take(self, word: Token) -> None:
        self._complete(word)
        if word.mark is Mark.TEXT:
            return
        if word.mark is Mark.NAME:
            if not self.functions or self.functions[-1] not in _OF_A_COLUMN:
                self.refuse_word(word)
        elif word.mark is Mark.WORD:
            self._word(word)
        elif word.text == b"(":
            before = self.before.text.upper() if self.before is not None else b","
            self.functions.append(before if before in VALUE_FUNCTIONS else b"")
        elif word.text == b")":
            self.functions.pop()
        elif word.text not in {b",", b"+", b"-", b"."}:
            self.refuse_word(word)

    def _complete(self, word: Token) -> None:
        """Refuse the word before this one if it must be followed by another."""
        before = self.before
        if before is None or before.mark is Mark.TEXT:
            return
        number = _NUMBER.fullmatch(before.text) is not None
        upper = before.upper
        if before.mark is Mark.NAME:
            allowed = word.text not in {b".", b"("}
        elif before.mark is Mark.SIGN:  # 1.5, and no name behind a dot
            digits = not word.is_name or _NUMBER.fullmatch(word.text) is not None
            allowed = before.text != b"." or digits
        elif word.text == b"(":
            allowed = upper in VALUE_FUNCTIONS or bool(self.functions and upper in _INSIDE)
        elif word.text == b".":
            allowed = number
        elif _PREFIX.fullmatch(before.text) and self._is_literal(word):
            allowed = True
        else:
            allowed = number or upper in _CONSTANTS or self._is_inside(before)
        if not allowed:
            self.refuse_word(before)

    def _is_literal(self, word: Token) -> bool:
        """Whether this may follow the name of a character set, or the letter of a literal."""
        return word.mark is Mark.TEXT or (
            word.mark is Mark.WORD
            and (_PREFIX.fullmatch(word.text) or _NUMBER.fullmatch(word.text)) is not None
        )

    def _is_inside(self, word: Token) -> bool:
        return bool(self.functions) and (word.upper in _INSIDE or self._letters == word.start)

    def _word(self, word: Token) -> None:
        """Take a word if any rule may allow it; `_complete` sees the next one."""
        before = self.before.upper if self.before is not None else b""
        if self.functions and before in _WITH_LETTERS and _CHARSET.fullmatch(word.text):
            self._letters = word.start
            return
        upper = word.upper
        if not (
            _NUMBER.fullmatch(word.text)
            or _PREFIX.fullmatch(word.text)
            or upper in _CONSTANTS
            or upper in VALUE_FUNCTIONS
            or (self.functions and upper in _INSIDE)
        ):
            self.refuse_word(word)


def _tail(text: bytes, line: int, reading: Reading) -> None:
    """Read the end after the rows: nothing, or Adminer's clause that updates existing rows."""
    if len(text) > _LONGEST_TAIL:
        raise StatementRefused(f"Line {line}: a row statement with a long end.")
    words = words_of(text, line, reading)
    cursor = Cursor(words, text=text, line=line, schema=None)
    cursor.what = "a row statement"
    if cursor.accept_all(b"ON", b"DUPLICATE", b"KEY", b"UPDATE"):
        while True:
            cursor.name()
            cursor.expect(b"=")
            cursor.expect(b"VALUES", b"(")
            cursor.name()
            cursor.expect(b")")
            if not cursor.accept(b","):
                break
    cursor.end()
