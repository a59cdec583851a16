"""Rows of nothing but literals, taken at the speed of one regular expression.

The expression knows strings, numbers, NULL, TRUE, FALSE, DEFAULT, hexadecimal and bit literals,
introducers of character sets, and `),(`. It is looser than a server's grammar (`1,,2` passes, and a
server refuses it), but holds no bracket other than those of rows, no comment, and no other word, so
that nothing it takes can be anything but a value. Where it stops is always between two words.
"""

from __future__ import annotations

import re
from typing import Final

from core.database.sql.statement import PIECE_NAME
from core.database.sql.tokens import Reading, repeat

_ASCII_NAME: Final = (
    rb"(?:`[^`]*+" + repeat(rb"``[^`]*+") + rb"`"
    rb"|\"[^\"]*+" + repeat(rb"\"\"[^\"]*+") + rb"\""
    rb"|[A-Za-z0-9_$]++)"
)
_S: Final = repeat(  # bytes that servers pass over between two words
    rb"\s++",
    rb"/\*(?![!+]|M!)[^*]*+" + repeat(rb"\*(?!/)[^*]*+") + rb"\*/",
    rb"--(?=[\x00-\x20\x7f])[^\n]*+\n",
    rb"\#[^\n]*+\n",
)
HEAD: Final = re.compile(
    rb"(?:INSERT|REPLACE)\b"
    + repeat(_S + rb"(?:IGNORE|DELAYED|LOW_PRIORITY|HIGH_PRIORITY)\b")
    + rb"(?:" + _S + rb"INTO\b)?+" + _S
    + rb"(?P<name>" + _ASCII_NAME + rb")"
    + rb"(?:" + _S + rb"\." + _S + rb"(?P<second>" + _ASCII_NAME + rb"))?+" + _S
    + rb"(?:\(" + _S + rb"(?:" + _ASCII_NAME + _S
    + repeat(rb"," + _S + _ASCII_NAME + _S)
    + rb")?+\)" + _S + rb")?+VALUES?+\b" + _S + rb"\(",
    re.IGNORECASE,
)  # fmt: skip
"""A row statement up to the bracket of its first row; never backtracks into a name."""

_TEXT: Final = {
    True: rb"'[^'\\]*+" + repeat(rb"\\.[^'\\]*+") + rb"'",
    False: rb"'[^']*+'",
}
_PLAIN: Final = rb"[0-9,.NULnul\t\n\r ]"
_BLANK: Final = rb"[\t\n\r ]*+"


_LETTERS: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_$"


def _pattern(reading: Reading) -> re.Pattern[bytes]:
    single = _TEXT[reading.backslash_escapes]
    texts = [single + _PLAIN + rb"*+"]
    if not reading.ansi_quotes:
        texts.append(single.replace(b"'", b'"') + _PLAIN + rb"*+")
    return re.compile(
        repeat(
            _PLAIN + rb"++",
            *texts,
            rb"\)" + _BLANK + rb"," + _BLANK + rb"\(" + _PLAIN + rb"*+",
            rb"-(?=[0-9.])",
            rb"(?<=0)x[0-9A-Fa-f]++",
            rb"(?<=[0-9.])[eE][-+]?+(?=[0-9])",
            rb"_[a-z][a-z0-9]*+ ?+(?=['\"0xX])",
            rb"[xXbB](?=')",
            rb"(?:TRUE|FALSE|DEFAULT|true|false)(?=[,)\t\n\r ])",
            PIECE_NAME + rb"[0-9]{1,4}+(?=[,)])",  # a value that our own dumps put together before
        ),
        re.DOTALL,
    )


_PATTERNS: Final = {
    (escapes, ansi): _pattern(Reading(escapes, ansi))
    for escapes in (True, False)
    for ansi in (True, False)
}


def literals_end(text: bytes, at: int, reading: Reading) -> int:
    """Return how far rows are literals, from `at`, which is inside the brackets of a row.

    If they all are, that is the place of the last closing bracket. If not, it is the beginning of
    the first word that is none.
    """
    found = _PATTERNS[reading.backslash_escapes, reading.ansi_quotes].match(text, at)
    assert found is not None  # noqa: S101 - it matches the empty text
    end = found.end()
    if text[end : end + 1] == b")":
        return end
    return at + len(text[at:end].rstrip(_LETTERS))


def all_literal(text: bytes, at: int, reading: Reading) -> bool:
    """Tell whether rows are literals to the end of their statement, from within the first one."""
    return statement_end(text, literals_end(text, at, reading)) == len(text)


_END: Final = re.compile(rb"\)[\x09-\x0d ]*+")


def statement_end(text: bytes, at: int) -> int:
    """Return where the blanks behind the last bracket end, -1 where there is no such bracket."""
    found = _END.match(text, at)
    return -1 if found is None else found.end()
