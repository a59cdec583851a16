"""The options of the commands about the commands."""

from __future__ import annotations

import argparse
from typing import Final

from core.cli.option_values import word

SHELLS: Final = ("bash", "zsh", "fish")


def add_help(parser: argparse.ArgumentParser) -> None:
    """Add the command that is explained."""
    parser.add_argument(
        "topic", nargs="?", metavar="COMMAND", type=word, help="a command (default: all of them)"
    )


def add_completion(parser: argparse.ArgumentParser) -> None:
    """Add the shell."""
    parser.add_argument("shell", choices=SHELLS, metavar="bash|zsh|fish", help="the shell")


def add_list(parser: argparse.ArgumentParser) -> None:
    """Add the namespace that is listed."""
    parser.add_argument(
        "topic",
        nargs="?",
        metavar="NAMESPACE",
        type=word,
        help="what stands before a colon: setup, info, info:backups (default: all)",
    )
