r"""Paths as restic's patterns, each of which matches exactly that path and everything below it.

restic takes patterns in place of paths: `/x[1].jpg` is x1.jpg to it. A file of patterns has a
syntax of its own besides: blanks at the end are cut, `$NAME` is a variable, a line is a pattern.
Paths that such a file cannot hold go on the command line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from core.errors import RepositoryError

_SPECIAL: Final = re.compile(rb"([\\*?\[\]])")
MOST_WORDS: Final = 1000
"""How many patterns a command line takes."""


def pattern(path: bytes) -> bytes:
    """Return the pattern that matches an absolute path alone."""
    return _SPECIAL.sub(rb"\\\1", path)


class Patterns(Struct, frozen=True, kw_only=True):
    """Patterns for one call: the content of a file, and those that only a word can hold."""

    content: bytes
    words: tuple[bytes, ...]


def patterns(paths: Iterable[bytes]) -> Patterns:
    """Return the patterns of absolute paths. Raises RepositoryError for too many odd names."""
    lines: list[bytes] = []
    words: list[bytes] = []
    for path in paths:
        one = pattern(path)
        text = one.decode("utf-8", "surrogateescape")
        if text.strip() != text or b"\n" in one or b"\r" in one:
            words.append(one)
        else:
            lines.append(one.replace(b"$", b"$$") + b"\n")
    if len(words) > MOST_WORDS:
        raise RepositoryError(
            f"{len(words)} names have line ends in them, or blanks at their end, which restic's "
            f"lists cannot hold; {MOST_WORDS} are taken."
        )
    return Patterns(content=b"".join(lines), words=tuple(words))
