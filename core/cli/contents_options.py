"""The options of the commands that look inside a backup."""

from __future__ import annotations

import argparse
from typing import Final

from core.cli.option_values import count, word

_PARTS: Final = "PATH|TABLE"


def _add_contents(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name",
        metavar="NAME",
        type=word,
        help="base name of a backup in var/backups, or in a repository, as the list shows it",
    )
    parser.add_argument(
        "--from",
        dest="from_repository",
        metavar="REPOSITORY",
        type=word,
        help="look into the copy in this repository (default: into the one here, if there is one)",
    )


def _add_part(parser: argparse.ArgumentParser, *, optional: bool) -> None:
    parser.add_argument(
        "part",
        metavar=_PARTS,
        type=word,
        nargs="?" if optional else None,
        help="a path as the backup has it, or as it is on the disk; of a dump, a table"
        + (" (default: all)" if optional else ""),
    )


def add_files(parser: argparse.ArgumentParser) -> None:
    """Add the options of info:backups:files."""
    _add_contents(parser)
    _add_part(parser, optional=True)


def add_show(parser: argparse.ArgumentParser) -> None:
    """Add the options of info:backups:show."""
    _add_contents(parser)
    _add_part(parser, optional=False)


def add_extract(parser: argparse.ArgumentParser) -> None:
    """Add the options of info:backups:extract."""
    _add_contents(parser)
    add = parser.add_argument
    add("parts", metavar=_PARTS, nargs="+", type=word,
        help="paths, with all below them; of a dump, tables")  # fmt: skip
    add("--to", metavar="DIR", type=word, required=True,
        help="where to; made (0700) where it is missing, and never in the store")  # fmt: skip


def add_diff(parser: argparse.ArgumentParser) -> None:
    """Add the options of info:backups:diff."""
    _add_contents(parser)
    _add_part(parser, optional=True)
    parser.add_argument(
        "--show-secrets",
        action="store_true",
        help="show passwords and keys of app/etc/env.php and of tables, which are masked else",
    )
    parser.add_argument(
        "--limit",
        type=count,
        metavar="N",
        help="of one table of a dump: how many rows to show (default: 50); all are counted",
    )
