"""Two versions of a text file as a unified diff, within limits of size and time.

Lines that a rollback brings back begin with `+`, those that are there only now with `-`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Final

LARGEST: Final = 1 << 20
"""Bytes of a side that is compared line by line."""
_MOST_LINES: Final = 20_000  # of a side: the time of a comparison grows faster than they do
_MOST_SHOWN: Final = 2_000
_LOOKED_AT: Final = 8000  # bytes in which a NUL tells a binary file, as git has it


def is_binary(content: bytes) -> bool:
    """Tell whether a file is no text."""
    return b"\0" in content[:_LOOKED_AT]


def text_of(content: bytes) -> str:
    """Return a text file as text; bytes that are no UTF-8 become surrogate escapes."""
    return content.decode("utf-8", "surrogateescape")


def unified(then: str, now: str, *, path: str, name: str) -> Iterator[str]:
    """Yield the lines of the diff, without line ends; none for equal texts.

    `name` is the backup's. Lines beyond a limit are cut, with a line that says so.
    """
    lines_now, lines_then = now.splitlines(), then.splitlines()
    if lines_now == lines_then:
        if now != then:
            yield "Only the ends of lines differ."
        return
    if max(len(lines_now), len(lines_then)) > _MOST_LINES:
        yield f"More than {_MOST_LINES:,} lines are not compared one by one."
        return
    lines = difflib.unified_diff(
        lines_now, lines_then, f"{path} (now)", f"{path} ({name})", lineterm=""
    )
    count = 0
    for line in lines:
        count += 1
        if count <= _MOST_SHOWN:
            yield line
    if count > _MOST_SHOWN:
        yield f"... {count - _MOST_SHOWN:,} more lines of the diff are not shown."
