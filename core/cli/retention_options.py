"""The options of retention, and of the commands about it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final

from core.backups.duration import parse_duration
from core.backups.retention import NUMBERED, parse_number
from core.cli.option_values import word


def _number_rule(name: str) -> Callable[[str], str]:
    def rule(text: str) -> str:
        try:
            parse_number(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
        return f"{name}={text}"

    return rule


def _within_rule(text: str) -> str:
    try:
        return f"within={parse_duration(text)}"
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


_RULES: Final = {
    "last": "the last N sets",
    "daily": "the last set of each of the last N days that have one",
    "weekly": "the same of weeks (Monday to Sunday)",
    "monthly": "the same of months",
    "yearly": "the same of years",
}


def add_rules(parser: argparse.ArgumentParser, *, afterwards: bool = False) -> None:
    """Add the rules of retention, in the words of restic."""
    add = parser.add_argument
    when = "afterwards " if afterwards else ""
    more: dict[str, Any] = {"action": "append", "dest": "keep_rules"}
    for name in NUMBERED:
        text = f"{when}keep {_RULES[name]}; unlimited: all"
        add(f"--keep-{name}", metavar="N", type=_number_rule(name), help=text, **more)
    add(
        "--keep-within",
        metavar="SPAN",
        type=_within_rule,
        help=f"{when}keep all sets of the last SPAN before the newest one, such as 30d or 1y5m7d2h",
        **more,
    )


def add_prune_first(parser: argparse.ArgumentParser) -> None:
    """Add the option that frees space before a backup that would not fit."""
    parser.add_argument(
        "--prune-first",
        action="store_true",
        help="where the backups would not fit, first delete the sets that no rule keeps",
    )


def _add_trust_clock(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trust-clock",
        action="store_true",
        help="trust the clock of this machine, although it moved in an odd way",
    )


def add_prune(parser: argparse.ArgumentParser) -> None:
    """Add the options of info:backups:prune."""
    add_rules(parser)
    add = parser.add_argument
    add(
        "--foreign",
        action="store_true",
        help="count and delete also backups made by Magento, another store or another program",
    )
    _add_trust_clock(parser)
    add(
        "--dry-run",
        action="store_true",
        help="report for every set the reason to keep or delete it, and delete nothing",
    )


def add_note(parser: argparse.ArgumentParser) -> None:
    """Add the options of info:backups:note."""
    add = parser.add_argument
    add(
        "names",
        nargs=1,
        metavar="NAME",
        type=word,
        help="base name of a backup in var/backups, or the number that its set begins with",
    )
    add("text", nargs="?", metavar="TEXT", help="the new note; an empty one removes it")
    add(
        "--keep",
        action=argparse.BooleanOptionalAction,
        dest="mark",
        help="keep the set: retention never deletes it (or take that mark away)",
    )
