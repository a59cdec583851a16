"""PHP's string literals: the meaning of the bytes between the quotes.

Works on source bytes only; the caller evaluates an interpolated expression.
"""

from __future__ import annotations

import re
from typing import Final

_SINGLE: Final = re.compile(rb"\\([\\'])")
_ESCAPE: Final = re.compile(
    rb"\\(?:([0-7]{1,3})|x([0-9A-Fa-f]{1,2})|u\{([0-9A-Fa-f]+)\}|([nrtvef\\$\"]))"
)
_NAMED: Final = {
    b"n": b"\n",
    b"r": b"\r",
    b"t": b"\t",
    b"v": b"\v",
    b"e": b"\x1b",
    b"f": b"\f",
    b"\\": b"\\",
    b"$": b"$",
    b'"': b'"',
}
_LAST_CHARACTER: Final = 0x10FFFF


def single_quoted(body: bytes) -> bytes:
    r"""Return the text between single quotes: only `\\` and `\'` are escapes."""
    return _SINGLE.sub(rb"\1", body)


def double_quoted(body: bytes, *, heredoc: bool = False) -> bytes:
    r"""Return the text between double quotes, or in a heredoc, where `\"` is no escape."""

    def plain(found: re.Match[bytes]) -> bytes:
        octal, hexadecimal, character, named = found.groups()
        if octal is not None:
            return bytes([int(octal, 8) & 0xFF])
        if hexadecimal is not None:
            return bytes([int(hexadecimal, 16)])
        if character is not None:
            return _utf8(character) or found[0]
        return found[0] if heredoc and named == b'"' else _NAMED[named]

    return _ESCAPE.sub(plain, body)


def _utf8(digits: bytes) -> bytes | None:
    number = int(digits, 16)
    if number > _LAST_CHARACTER:
        return None
    # PHP writes surrogates as they are asked for.
    return chr(number).encode("utf-8", "surrogatepass")


def without_indentation(body: bytes, indentation: bytes, *, at_line_start: bool) -> bytes:
    """Return a piece of a heredoc without the indentation of its closing word."""
    if not indentation:
        return body
    if at_line_start:
        body = body.removeprefix(indentation)
    return body.replace(b"\n" + indentation, b"\n")
