"""The options of each command, as argparse takes them.

Names and meanings are Magento's where Magento has them. The work of the commands is not known here.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any, Final

from core import __version__
from core.backups.names import Naming
from core.cli.config_options import add_configuration
from core.cli.magento_arguments import check_init_params
from core.cli.option_values import level, pattern, table, tables, whole, word
from core.cli.repository_options import ALONE, add_destination, add_source
from core.cli.retention_options import add_prune_first, add_rules
from core.compression import OF_DUMPS
from core.events import Kind

PROGRAM: Final = "magerewind"


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command, before or after its name as in Magento."""
    add = parser.add_argument_group("common options").add_argument
    unset: dict[str, Any] = {"default": argparse.SUPPRESS}
    add("-h", "--help", action="help", help="show this help", **unset)
    add("-q", "--quiet", action="store_true", help="print nothing but errors", **unset)
    add(
        "-v",
        "--verbose",
        action="count",
        help="print all names under a warning, and more notes; -vv, -vvv, --verbose=1, 2 or 3 "
        "as in Magento",
        **unset,
    )
    version = f"{PROGRAM} {__version__}"
    add("-V", "--version", action="version", version=version, help="print the version", **unset)
    add(
        "-n",
        "--no-interaction",
        action="store_false",
        dest="interactive",
        help="ask nothing: what would have to be asked is refused without --yes",
        **unset,
    )
    add(
        "-y", "--yes", action="store_true", help="take every question as answered with yes", **unset
    )
    add(
        "--read-only",
        action="store_true",
        help="show everything, plans among it (--dry-run), and change nothing",
        **unset,
    )
    add(
        "--root",
        metavar="DIR",
        type=word,
        help="the root of the store (default: found from the working directory upwards)",
        **unset,
    )
    _add_account(add, unset)
    add_configuration(add, word)
    _add_output(add, unset)


def _add_account(add: Callable[..., argparse.Action], unset: dict[str, Any]) -> None:
    text = "as root: work as this account, by name or number (default: the store's owner)"
    add("--as", dest="account", metavar="ACCOUNT", type=word, help=text, **unset)


def _add_output(add: Callable[..., argparse.Action], unset: dict[str, Any]) -> None:
    add(
        "--json",
        action="store_true",
        dest="as_json",
        help="print JSON, one value a line, on stdout",
        **unset,
    )
    add(
        "--ansi",
        action="store_true",
        dest="ansi",
        help="use colours even where stdout is no terminal",
        **unset,
    )
    add(
        "--no-ansi",
        action="store_false",
        dest="ansi",
        help="use no colours (as does a set NO_COLOR)",
        **unset,
    )


def add_run(parser: argparse.ArgumentParser, *, dry_run: bool = True) -> None:
    """Add the options of every command that starts a job."""
    add = parser.add_argument
    if dry_run:
        add(
            "--dry-run",
            action="store_true",
            help="check everything, show the plan, change nothing; -v lists every entry of it",
        )
    add(
        "--strict",
        action=argparse.BooleanOptionalAction,
        help="exit 1 also where it is complete with warnings",
    )
    add("--detach", action="store_true", help="start the job, print its id and do not follow it")


def _add_magento_init_params(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--magento-init-params",
        action="append",
        type=check_init_params,
        metavar="PARAMS",
        help="accepted for scripts written for Magento, and without effect; refused where it "
        "moves directories (MAGE_DIRS) or replaces the configuration (MAGE_CONFIG, "
        "MAGE_CONFIG_FILE); may be repeated",
    )


def _add_exclude(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--exclude",
        action="append",
        metavar="PATTERN",
        type=pattern("--exclude"),
        help="exclude entries that match this pattern, besides the documented exclusions: a whole "
        "path from the root, with * and **, or @media-cache, @tmp, @node_modules; may be repeated",
    )


def add_backup(parser: argparse.ArgumentParser) -> None:
    """Add the options of setup:backup."""
    add_run(parser)
    add_settings(parser)
    add_destination(parser)
    _add_magento_init_params(parser)


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the options of a backup that the configuration has a key for."""
    add = parser.add_argument
    kinds: dict[str, Any] = {"action": "append_const", "dest": "kinds"}
    add(
        "--code",
        const=Kind.CODE,
        help="take code and configuration files (excluding temporary files)",
        **kinds,
    )
    add("--media", const=Kind.MEDIA, help="take media", **kinds)
    add("--db", const=Kind.DB, help="take the complete database", **kinds)
    add(
        "--keep-open",
        action=argparse.BooleanOptionalAction,
        help="do not turn maintenance mode on; the manifest says so",
    )
    add(
        "--verify",
        action=argparse.BooleanOptionalAction,
        help="read the backups again after writing (default), or do not",
    )
    _add_exclude(parser)
    _add_dump(parser)
    add("--level", type=level, metavar="N", help="compression level of the archives, 0 to 9")
    add("--note", metavar="TEXT", help="a note on this backup, for the list")
    add_rules(parser, afterwards=True)
    add_prune_first(parser)
    add(
        "--names",
        dest="naming",
        choices=[naming.value for naming in Naming],
        help="name a code backup NUMBER_filesystem.tgz as documented (default), or "
        "NUMBER_filesystem_code.tgz, which alone Magento's own commands list and take since 2.1",
    )


def _add_dump(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--strip",
        action="append",
        type=tables("--strip"),
        metavar="LIST",
        help="tables, or groups such as @sessions,@log, that are dumped without their rows; "
        "may be repeated",
    )
    add(
        "--compress",
        choices=[one.value for one in OF_DUMPS],
        help="compress the dump: NUMBER_db.sql.gz or NUMBER_db.sql.zst, which zcat and zstd -dc "
        "turn into the plain dump (default: none)",
    )
    add(
        "--compress-level",
        type=whole,
        metavar="N",
        help="compression level of the dump: 0 to 9 for gzip, 1 to 19 for zstd (default: 1)",
    )


def add_rollback(parser: argparse.ArgumentParser) -> None:
    """Add the options of setup:rollback."""
    add = parser.add_argument
    for short, kind in (("-c", "code"), ("-m", "media"), ("-d", "db")):
        add(
            short,
            f"--{kind}-file",
            metavar="NAME",
            nargs="?",
            const=ALONE,
            help=f"base name of the {kind} backup in var/backups; with --set: take its {kind}",
        )
    add_source(parser)
    add_run(parser)
    add(
        "--keep-env",
        action=argparse.BooleanOptionalAction,
        help="keep the present app/etc/env.php",
    )
    add(
        "--replace-env",
        action="store_true",
        help="replace app/etc/env.php also by that of another store",
    )
    add(
        "--from-elsewhere",
        action="store_true",
        help="confirm that a backup of another store is meant, and keep the present env.php",
    )
    add_no_flush(parser)
    _add_tables(parser)
    _add_chosen(parser)
    _add_exclude(parser)
    _add_magento_init_params(parser)


def _add_tables(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--partial",
        action="store_true",
        help="accept backups that are not whole: replace only what they hold, remove nothing",
    )
    add(
        "--map-collations",
        action="store_true",
        help="turn collations that this server does not know into its nearest",
    )
    add(
        "--from-schema",
        metavar="NAME",
        type=word,
        help="replace this schema name in the dump by the store's schema, everywhere",
    )
    add(
        "--keep-stripped",
        action=argparse.BooleanOptionalAction,
        help="keep the present rows of tables of which the dump has only the structure",
    )
    add(
        "--whole",
        action="store_true",
        help="load and exchange all tables, also those that equal the dump",
    )
    add(
        "--load-open",
        action="store_true",
        help="load while the store is open; rows written meanwhile are lost like all newer ones",
    )


def _add_chosen(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--only",
        action="append",
        metavar="PATH",
        type=pattern("--only"),
        help="roll back only this path of code and media, with all below it; a pattern as for "
        "--exclude; may be repeated",
    )
    add(
        "--only-table",
        action="append",
        metavar="TABLE",
        type=table("--only-table"),
        help="roll back only this table of the database, named with or without the prefix, or a "
        "group as for --strip; patterns with * match several; may be repeated",
    )
    add(
        "--exclude-table",
        action="append",
        metavar="TABLE",
        type=table("--exclude-table"),
        help="leave this table of the database as it is now, named as for --only-table, also where "
        "the dump has none of that name; may be repeated",
    )
    add(
        "--with-related",
        action="store_true",
        help="with --only-table: also the tables that foreign keys tie to these, and to those",
    )


def add_no_flush(parser: argparse.ArgumentParser) -> None:
    """Add the choice about the flush of the caches."""
    parser.add_argument(
        "--flush",
        action=argparse.BooleanOptionalAction,
        help="run bin/magento cache:flush at the end (default), or do not",
    )


def add_names(parser: argparse.ArgumentParser) -> None:
    """Add the names of backups, one at least."""
    parser.add_argument(
        "names", nargs="+", metavar="NAME", type=word, help="base name of a backup in var/backups"
    )


def add_any_names(parser: argparse.ArgumentParser) -> None:
    """Add the names of backups; none means all."""
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        type=word,
        help="base name of a backup in var/backups (default: all of them)",
    )


def add_demo(parser: argparse.ArgumentParser) -> None:
    """Add the options of the demonstration."""
    add = parser.add_argument
    add(
        "--size",
        choices=("small", "medium", "large"),
        help="how large the sample store is (default: small)",
    )
    add(
        "--headless",
        action="store_true",
        help="walk through backup, damage and rollback without the application",
    )


def add_application(parser: argparse.ArgumentParser) -> None:
    """Add the options of the application alone: it opens where no command is given."""
    add = parser.add_argument_group("options of the application").add_argument
    add(
        "--mouse",
        action=argparse.BooleanOptionalAction,
        help="use the mouse (default: not over SSH)",
    )
    add(
        "--ascii",
        action=argparse.BooleanOptionalAction,
        help="draw with ASCII only (default: where the locale is not UTF-8)",
    )
