"""The words of one SQL statement: names, strings, comments and marks, with their places.

For definitions and the heads of other statements, never for rows: a token is a Python object.
Knows how a server reads text (both escape modes, ANSI quotes, comments that only some servers
execute), and nothing of the meaning of words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Final, NamedTuple

from msgspec import Struct

from core.database.server.dialect import Server


class Mark(Enum):
    """The classes of tokens."""

    NAME = "name"  # an identifier in backticks, or in double quotes under ANSI_QUOTES
    TEXT = "text"  # a string literal
    WORD = "word"  # a keyword, a bare identifier or a number
    SIGN = "sign"  # anything else, one byte


class Token(NamedTuple):
    """A token and its place in the statement: `statement[start:end]`.

    `upper` is the word in capitals; empty for a quoted token, which is never a keyword.
    """

    mark: Mark
    start: int
    end: int
    text: bytes
    upper: bytes

    @property
    def is_name(self) -> bool:
        """Whether this can be an identifier."""
        return self.mark is Mark.NAME or self.mark is Mark.WORD

    @property
    def name(self) -> str:
        """The identifier that is meant, without its quotes."""
        if self.mark is Mark.NAME:
            quote = self.text[:1]
            raw = self.text[1:-1].replace(quote * 2, quote)
        else:
            raw = self.text
        return raw.decode("utf-8", "surrogateescape")


_UTF8: Final = frozenset({"utf8", "utf8mb3", "utf8mb4"})


class Reading(Struct, frozen=True):
    """How the session reads text: a part of its sql_mode, and its character set."""

    backslash_escapes: bool = True
    ansi_quotes: bool = False
    utf8: bool = True  # bare words may have letters beyond ASCII

    @classmethod
    def of_mode(cls, sql_mode: str, charset: str = "utf8mb4") -> Reading:
        """Return the reading of a session with this sql_mode and character set of the client."""
        modes = {mode.strip() for mode in sql_mode.upper().split(",")}
        combined = {"ANSI", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"}
        ansi = bool(modes & (combined | {"ANSI_QUOTES"}))
        return cls("NO_BACKSLASH_ESCAPES" not in modes, ansi, charset in _UTF8)

    def is_utf8(self, word: bytes) -> bool:
        """Whether a server takes each byte of a bare word for a part of a letter, as is done here.

        In other character sets a byte may be a blank: 0xA0 is one in latin1.
        """
        try:
            word.decode("utf-8")
        except UnicodeDecodeError:
            return False
        return self.utf8


def repeat(*alternatives: bytes) -> bytes:
    """Return a pattern for any number of these, possessive: no backtracking, no state per round.

    The last alternative never matches. Python before 3.11.5 leaves the position inside a round that
    failed half way (https://github.com/python/cpython/issues/106052); a branch puts it back before
    it tries the next alternative.
    """
    return rb"(?:" + b"|".join([*alternatives, rb"(?!)"]) + rb")*+"


_SINGLE: Final = {
    True: rb"'[^'\\]*+" + repeat(rb"(?:\\.|'')[^'\\]*+") + rb"'",
    False: rb"'[^']*+" + repeat(rb"''[^']*+") + rb"'",
}
_DOUBLE: Final = {escapes: one.replace(b"'", b'"') for escapes, one in _SINGLE.items()}
_BACKTICK: Final = _SINGLE[False].replace(b"'", b"`")
_COMMENT: Final = rb"--(?=[\x00-\x20\x7f]|\Z)[^\n]*+|\#[^\n]*+|/\*(?!M?!).*?\*/"


def _compile(reading: Reading) -> re.Pattern[bytes]:
    double = _DOUBLE[reading.backslash_escapes and not reading.ansi_quotes]
    names, texts = [_BACKTICK], [_SINGLE[reading.backslash_escapes]]
    (names if reading.ansi_quotes else texts).append(double)
    return re.compile(
        rb"(?P<skip>[\x00-\x20]++|" + _COMMENT + rb")"
        rb"|(?P<open>/\*M?!(?:\d{5,6})?)|(?P<close>\*/)"
        rb"|(?P<name>" + b"|".join(names) + rb")|(?P<text>" + b"|".join(texts) + rb")"
        rb"|(?P<word>[A-Za-z0-9_$\x80-\xff]++)|(?P<sign>.)",
        re.DOTALL,
    )


_PATTERNS: Final = {
    reading: _compile(reading)
    for reading in (
        Reading(a, b, c) for a in (True, False) for b in (True, False) for c in (True, False)
    )
}
_MARKS: Final = {"name": Mark.NAME, "text": Mark.TEXT, "word": Mark.WORD, "sign": Mark.SIGN}
_WORDS: Final = ("word", "sign")
DEFAULT_READING: Final = Reading()


def tokens(statement: bytes, reading: Reading = DEFAULT_READING, start: int = 0) -> Iterator[Token]:
    """Yield the tokens of a statement; comments, and the marks of executed ones, are left out."""
    for found in _PATTERNS[reading].finditer(statement, start):
        group = found.lastgroup or ""
        mark = _MARKS.get(group)
        if mark is not None:
            text, (start, end) = found.group(), found.span()
            yield Token(mark, start, end, text, text.upper() if group in _WORDS else b"")


def _executes(opening: bytes, server: Server | None) -> bool:
    """Whether a server executes the inside of a comment that opens so.

    MariaDB leaves `/*!50700` to `/*!99999` to MySQL; `/*M!` is for MariaDB alone.
    """
    number = int(opening.lstrip(b"/*M!") or 0)
    if number >= 999999:  # "enable the sandbox mode": a word to the client, never SQL
        return False
    if server is None:
        return True
    major, minor, patch = server.version
    if not server.mariadb:
        return not opening.startswith(b"/*M") and number <= major * 10000 + minor * 100 + patch
    if 50700 <= number <= 99999:
        return opening.startswith(b"/*M")
    return number <= major * 10000 + minor * 100 + patch


def resolve_comments(
    statement: bytes, server: Server | None, reading: Reading = DEFAULT_READING
) -> bytes:
    """Return the statement as a server reads it, its conditional comments opened or dropped.

    Without a server every conditional comment is opened: a forbidden word of a statement is then
    looked for everywhere. Ordinary comments stay (routines are kept with theirs).
    """
    if b"/*!" not in statement and b"/*M!" not in statement:
        return statement
    kept: list[bytes] = []
    opened: list[bool] = []
    start = 0  # the start of the part kept as a whole
    for found in _PATTERNS[reading].finditer(statement):
        if found.lastgroup == "open":
            if all(opened):
                kept.append(statement[start : found.start()])
            opened.append(_executes(found.group(), server) and all(opened))
        elif found.lastgroup == "close" and opened:
            if all(opened):
                kept.append(statement[start : found.start()])
            opened.pop()
        else:
            continue
        kept.append(b" ")  # so that nothing grows together
        start = found.end()
    if all(opened):
        kept.append(statement[start:])
    return b"".join(kept).strip()


def skipped_comments(
    statement: bytes, server: Server, reading: Reading = DEFAULT_READING
) -> tuple[str, ...]:
    """Return the parts of a statement that a server leaves out: comments for other servers."""
    if b"/*!" not in statement and b"/*M!" not in statement:
        return ()
    skipped: list[list[bytes]] = []
    opened: list[bool] = []
    for found in _PATTERNS[reading].finditer(statement):
        if found.lastgroup == "open":
            if all(opened) and not _executes(found.group(), server):
                skipped.append([])
            opened.append(_executes(found.group(), server))
        elif found.lastgroup == "close" and opened:
            opened.pop()
        elif not all(opened):
            skipped[-1].append(found.group())
    return tuple(b"".join(one).decode("utf-8", "replace").strip() for one in skipped)


def skip_to_balance(words: list[Token], at: int) -> int:
    """Return the index after the bracket that closes the one at `words[at]`."""
    depth = 0
    for index in range(at, len(words)):
        if words[index].text == b"(":
            depth += 1
        elif words[index].text == b")":
            depth -= 1
            if depth == 0:
                return index + 1
    return len(words)


def split_at_commas(words: Iterable[Token]) -> list[list[Token]]:
    """Return the words between the commas outside brackets; empty parts are left out."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for word in words:
        depth += (word.text == b"(") - (word.text == b")")
        if word.text == b"," and depth == 0:
            parts.append([])
        else:
            parts[-1].append(word)
    return [part for part in parts if part]
