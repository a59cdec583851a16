"""The options that have to do with repositories, and those of the commands `repo:…`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping
from typing import Any, Final

from core.cli.retention_options import add_rules
from core.errors import UsageError
from core.events import Kind

_SUBSET: Final = re.compile(r"[0-9]{1,6}/[0-9]{1,6}|[0-9]{1,3}(\.[0-9]+)?%|[0-9]{1,12}[KMGTkmgt]?")
LOCAL: Final = "local"
ALONE: Final = "\0"
"""The value of an option for the name of a backup that is given without a name."""


def refuse_alone(values: Mapping[str, object]) -> None:
    """Raise UsageError for an option for the name of a backup that has none, without a set."""
    for kind in Kind:
        if values.get(f"{kind.value}_file") == ALONE and values.get("backup_set") is None:
            raise UsageError(
                f"argument -{kind.value[0]}/--{kind.value}-file: expected one argument",
                hint="With --set latest|TIME and --from NAME it stands alone.",
            )


def _names(text: str) -> tuple[str, ...]:
    names = tuple(text.replace(",", " ").split())
    if not names:
        raise argparse.ArgumentTypeError("the name of a repository is expected, or local")
    return names


def _word(text: str) -> str:
    if not text or text.startswith("-"):
        raise argparse.ArgumentTypeError("a name is expected")
    return text


def _subset(text: str) -> str:
    if not _SUBSET.fullmatch(text):
        raise argparse.ArgumentTypeError(f"a part such as 5%, 1/20 or 2G is expected, not {text!r}")
    return text


def add_destination(parser: argparse.ArgumentParser) -> None:
    """Add where a backup goes."""
    parser.add_argument(
        "--to",
        dest="destinations",
        action="append",
        type=_names,
        metavar="NAME[,local]",
        help="send the backup to this repository of the configuration; with local, to var/backups "
        "first, and then copied with the store open; may be repeated",
    )
    parser.add_argument(
        "--copy-after",
        action="store_true",
        help="write to var/backups first and copy with the store open, as --to NAME,local does",
    )


def add_source(parser: argparse.ArgumentParser) -> None:
    """Add which set of a repository a rollback takes."""
    parser.add_argument(
        "--set",
        dest="backup_set",
        metavar="latest|TIME",
        type=_word,
        help="the set of a repository (--from): the newest, or the number that begins its names; "
        "-c, -m and -d then stand alone and choose kinds (default: all of the set)",
    )
    parser.add_argument(
        "--from",
        dest="from_repository",
        metavar="NAME",
        type=_word,
        help="the repository that has the set",
    )
    parser.add_argument(
        "--of-store",
        dest="store_in_repository",
        metavar="NAME",
        type=_word,
        help="the set is of this store, not of the one that it is rolled back to",
    )


def add_repository(parser: argparse.ArgumentParser) -> None:
    """Add the repository that is meant."""
    parser.add_argument(
        "repository",
        nargs="?",
        metavar="REPOSITORY",
        type=_word,
        help="a [repositories.NAME] of the configuration (default: the only one of the store)",
    )


def add_list(parser: argparse.ArgumentParser) -> None:
    """Add the options of repo:list."""
    add_repository(parser)
    parser.add_argument(
        "--of-all-stores",
        dest="all_of",
        action="store_true",
        help="sets of other stores in the repository too",
    )


def add_check(parser: argparse.ArgumentParser) -> None:
    """Add the options of repo:check."""
    add_repository(parser)
    parser.add_argument(
        "--read-data-subset",
        metavar="PART",
        type=_subset,
        help="read this part of the data too: 5%%, 1/20 (a different twentieth each time you say "
        "2/20, 3/20, ...) or 2G; 100%% reads all",
    )


def add_fetch(parser: argparse.ArgumentParser) -> None:
    """Add the options of repo:fetch."""
    add = parser.add_argument
    add(
        "backup_set",
        metavar="SET",
        type=_word,
        help="latest, or the number that begins the names of the set",
    )
    add_repository(parser)
    kinds: dict[str, Any] = {"action": "append_const", "dest": "kinds"}
    add("--code", const=Kind.CODE, help="fetch the code (default: all of the set)", **kinds)
    add("--media", const=Kind.MEDIA, help="fetch the media", **kinds)
    add("--db", const=Kind.DB, help="fetch the database", **kinds)


def add_forget(parser: argparse.ArgumentParser) -> None:
    """Add the options of repo:forget."""
    add_repository(parser)
    add_rules(parser)
    add = parser.add_argument
    add(
        "--prune",
        dest="prune_data",
        action="store_true",
        help="free the space too; nobody else can use the repository meanwhile",
    )
    add(
        "--foreign",
        action="store_true",
        help="count and forget also sets of stores of this name at another root",
    )
    add(
        "--trust-clock",
        action="store_true",
        help="trust the clock of this machine, although it moved in an odd way",
    )
    add(
        "--dry-run",
        action="store_true",
        help="report for every set the reason to keep or forget it, and forget nothing",
    )


def add_bootstrap(parser: argparse.ArgumentParser) -> None:
    """Add the options of repo:bootstrap."""
    add = parser.add_argument
    add("url", metavar="URL", type=_word, help="where the repository is, in restic's words")
    add(
        "--password-file",
        metavar="FILE",
        type=_word,
        help="a file with the password of the repository (default: RESTIC_PASSWORD_FILE or "
        "RESTIC_PASSWORD_COMMAND of the environment, else it is asked for)",
    )
    add("--env-file", metavar="FILE", type=_word, help="NAME=value lines for restic: keys of S3")
    add(
        "-o",
        "--option",
        dest="restic_options",
        action="append",
        metavar="KEY=VALUE",
        type=_word,
        help="an extended option of restic; may be repeated",
    )
    add(
        "--set",
        dest="backup_set",
        metavar="latest|TIME",
        type=_word,
        help="the set to lay down (default: latest)",
    )
    add(
        "--store-name",
        dest="store_in_repository",
        metavar="NAME",
        type=_word,
        help="the store that is meant, where the repository holds several",
    )
    add(
        "--keep-env",
        action="store_true",
        help="the directory holds app/etc/env.php already: it stays, and the database goes where "
        "it says",
    )
    _add_database(parser)


def _add_database(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--db-name", metavar="NAME", type=_word, help="restore the database too, into this schema")
    add("--db-host", metavar="HOST[:PORT]", type=_word, help="where its server is")
    add("--db-socket", metavar="PATH", type=_word, help="or the socket of its server")
    add("--db-user", metavar="NAME", type=_word, help="the account there")
    add("--db-password-file", metavar="FILE", type=_word, help="a file with its password")
