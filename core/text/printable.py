r"""The one place where text from a store becomes safe to show.

File names, table names, database errors and notes are written by others: an escape sequence in the
name of a picture must not reach the administrator's terminal. Everything that a terminal would
obey rather than show is made visible: control characters (C0, DEL, C1), format characters (among
them the bidirectional ones that turn a name around), line separators, and the surrogate escapes
that stand for bytes that are not UTF-8. `\x1b` is then four harmless characters.

This module knows nothing of where the text goes: both the headless commands and the application
call it, once, at the edge.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_COMMAND: Final = re.compile(r"(?:magerewind|bin/magento) (?:[a-z-]|--).*")

# Cc control, Cf format, Cs surrogate, Zl and Zp line and paragraph separator.
_DANGEROUS: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SHORT: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _DANGEROUS:
        return character
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8, see PEP 383
        return f"\\x{code - 0xDC00:02x}"
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def printable(text: str) -> str:
    """Return text as one line in which nothing is left that a terminal would obey.

    Harmless text comes back unchanged; the result is never for anything but the eye.
    """
    if text.isprintable():  # in C, and true of nearly every name
        return text
    return "".join(map(_visible, text))


def shortened(text: str, width: int) -> str:
    """Return printable text of at most `width` characters, cut in its middle: ends tell most."""
    safe = printable(text)
    if len(safe) <= width:
        return safe
    if width < 5:
        return safe[:width]
    head = (width - 3) // 3
    return f"{safe[:head]}...{safe[len(safe) - (width - 3 - head) :]}"


def columns(text: str) -> int:
    """Return how many columns of a terminal the text takes, near enough: wide letters take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 1 + (unicodedata.east_asian_width(letter) in "WF")
        for letter in text
    )


def folded(text: str, width: int) -> list[str]:
    """Return the whole text in lines of at most `width` columns, broken between words.

    The lines keep its indentation. A word that is too long, such as a path, and a command at the
    end stay in one piece, fit to be copied: the terminal wraps them.
    """
    indent = " " * (len(text) - len(text.lstrip(" ")))
    command = _COMMAND.search(text)
    end = len(text) if command is None else command.start()
    words = text[:end].split(" ")[len(indent) :] if indent else text[:end].split(" ")
    words = [word for word in words if word] + ([command[0]] if command is not None else [])
    lines: list[str] = []
    line = ""
    for word in words:
        longer = f"{line} {word}" if line else indent + word
        if line and columns(longer) > width:
            lines.append(line)
            longer = indent + word
        line = longer
    return [*lines, line]
