"""The values of options, checked while they are read.

Each function raises argparse.ArgumentTypeError, whose text the parser shows.
"""

from __future__ import annotations

import argparse


def level(text: str) -> int:
    """Return a compression level of archives, 0 to 9."""
    if not (text.isascii() and text.isdigit() and len(text) == 1):
        raise argparse.ArgumentTypeError(f"a level is a number from 0 to 9, not {text!r}")
    return int(text)


def whole(text: str) -> int:
    """Return a compression level of dumps: a whole number of two digits."""
    if not (text.isascii() and text.isdigit() and len(text) < 3):
        raise argparse.ArgumentTypeError(f"a level is a whole number, not {text!r}")
    return int(text)


def count(text: str) -> int:
    """Return a whole number of at most nine digits."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise argparse.ArgumentTypeError(f"a whole number is expected, not {text!r}")
    return int(text)


def word(text: str) -> str:
    """Return a name that is not empty."""
    if not text:  # an unset variable of a script
        raise argparse.ArgumentTypeError("a name is expected, not an empty one")
    return text


def words(text: str) -> tuple[str, ...]:
    """Return the parts of a list with commas."""
    return tuple(text.replace(",", " ").split())
