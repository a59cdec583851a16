"""The values of options, checked while they are read.

Each function raises argparse.ArgumentTypeError, whose text the parser shows, or UsageError.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence

from core.backups.duration import parse_duration
from core.errors import UsageError


def _checked(option: str, check: Callable[[], object]) -> None:
    """Run a check. Its UsageError names the option afterwards, and keeps its hint."""
    try:
        check()
    except UsageError as error:
        named = error.message.startswith(option)
        message = error.message if named else f"{option}: {error.message}"
        raise UsageError(message, hint=error.hint) from None


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


def pattern(option: str) -> Callable[[str], str]:
    """Return the check of an option for a pattern of paths, or a group of them."""

    def checked(text: str) -> str:
        from core.archive.tree.patterns import resolve  # noqa: PLC0415 - few commands name one

        _checked(option, lambda: resolve((text,), option=option, what="group"))
        return text

    return checked


def table(option: str) -> Callable[[str], str]:
    """Return the check of an option for a table, a pattern of tables, or a group of them."""

    def checked(text: str) -> str:
        _check_tables(option, (word(text),))
        return text

    return checked


def tables(option: str) -> Callable[[str], tuple[str, ...]]:
    """Return the reader of an option for tables, as `table`, in a list with commas."""

    def checked(text: str) -> tuple[str, ...]:
        found = tuple(text.replace(",", " ").split())
        if not found:
            raise argparse.ArgumentTypeError("tables or groups are expected, not an empty list")
        _check_tables(option, found)
        return found

    return checked


def _check_tables(option: str, names: Sequence[str]) -> None:
    from core.database.dump.strip import resolve  # noqa: PLC0415 - few commands name one

    _checked(option, lambda: resolve(names, ()))


def age(text: str) -> str:
    """Return an age such as 26h or 2d."""
    try:
        parse_duration(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
