"""The options of the commands that work on jobs."""

from __future__ import annotations

import argparse

from core.cli.option_values import word
from core.cli.options import add_no_flush, add_run


def add_job(parser: argparse.ArgumentParser) -> None:
    """Add a job; none means the running or the newest."""
    parser.add_argument(
        "job_id",
        nargs="?",
        metavar="ID",
        type=word,
        help="a job as job:list shows it (default: the one that runs, else the newest)",
    )


def add_running_job(parser: argparse.ArgumentParser) -> None:
    """Add a job; none means the running one."""
    parser.add_argument(
        "job_id",
        nargs="?",
        metavar="ID",
        type=word,
        help="a job as job:list shows it (default: the one that runs)",
    )


def add_recover(parser: argparse.ArgumentParser) -> None:
    """Add the options of job:recover."""
    parser.add_argument(
        "--from-host",
        metavar="NAME",
        type=word,
        help="recover a job that this other host began; only when you know that it is dead there",
    )
    parser.add_argument(
        "--without-memory",
        action="store_true",
        help="repair the store after a job whose directory in var/.magerewind is gone: shows its "
        "traces and asks first",
    )
    _add_detach(parser)


def add_discard(parser: argparse.ArgumentParser) -> None:
    """Add the options of job:discard."""
    _add_kept(parser)
    parser.add_argument(
        "--orphans",
        action="store_true",
        help="remove instead the leftovers of forgotten jobs: tables and directories, as "
        "info:store names them",
    )
    _add_detach(parser)


def _add_detach(parser: argparse.ArgumentParser) -> None:
    add_run(parser, dry_run=False)


def _add_kept(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "job_id",
        nargs="?",
        metavar="ID",
        type=word,
        help="the rollback that is meant (default: the newest that keeps an undo)",
    )


def add_undo(parser: argparse.ArgumentParser) -> None:
    """Add the options of job:undo."""
    _add_kept(parser)
    parser.add_argument(
        "--partial",
        action="store_true",
        help="leave tables that stayed in the rollback as they are now; for when their backup is"
        " gone",
    )
    add_run(parser)
    add_no_flush(parser)
