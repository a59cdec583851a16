"""The options of schedules, and of the check for monitoring."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping

from core.backups.duration import parse_duration
from core.cli.option_values import age, word
from core.cli.retention_options import add_rules
from core.errors import UsageError
from core.events import Kind


def add_schedule_install(parser: argparse.ArgumentParser) -> None:
    """Add the options of schedule:install."""
    add = parser.add_argument
    for kind in Kind:
        add(
            f"--{kind.value}",
            action="append_const",
            dest="kinds",
            const=kind,
            help=f"back up {kind.value} (default: as the configuration says, else all three)",
        )
    add(
        "--on-calendar",
        metavar="EVENT",
        type=word,
        help="when, as systemd writes it: daily, 02:30, Mon..Fri 03:00, *-*-01 04:00 "
        "(default: the configuration's, else daily)",
    )
    add(
        "--drill",
        action="store_true",
        help="afterwards try whether the newest backups can be restored (info:backups:drill)",
    )
    add_rules(parser, afterwards=True)
    _add_way(parser)
    add("--dry-run", action="store_true", help="print what would be written, and write nothing")


def add_drill(parser: argparse.ArgumentParser) -> None:
    """Add the options of info:backups:drill."""
    add = parser.add_argument
    add(
        "names",
        nargs="*",
        metavar="NAME",
        type=word,
        help="base name of a backup in var/backups, or the number that its set begins with",
    )
    add(
        "--newest",
        action="store_true",
        help="the newest backup of each kind (as without a name)",
    )
    add("--strict", action="store_true", help="exit 1 also where it is complete with warnings")
    add("--detach", action="store_true", help="start the job, print its id and do not follow it")


def _add_way(parser: argparse.ArgumentParser) -> None:
    way = parser.add_mutually_exclusive_group()
    for name, text in (
        ("system", "a timer of the system (root's default)"),
        ("user", "a timer of this account's own systemd"),
        ("cron", "lines of cron: root's in /etc/cron.d, others' in their own table"),
    ):
        way.add_argument(f"--{name}", action="store_const", dest="way", const=name, help=text)


def refuse_ages(values: Mapping[str, object]) -> None:
    """Raise UsageError for an age without --check, and for ages in the wrong order."""
    for name in ("warning", "critical"):
        if f"{name}_age" in values and not values.get("check"):
            raise UsageError("--warning and --critical go with --check.")
    warning, critical = values.get("warning_age"), values.get("critical_age")
    if isinstance(warning, str) and isinstance(critical, str):
        now_s = time.time()
        if parse_duration(critical).before(now_s) > parse_duration(warning).before(now_s):
            raise UsageError(
                f"--critical {critical} is less than --warning {warning}.",
                hint="A warning comes first: give --critical the greater age.",
            )


def add_store(parser: argparse.ArgumentParser) -> None:
    """Add the options of info:store."""
    add = parser.add_argument
    add(
        "--check",
        action="store_true",
        help="say in one line whether the backups are recent, as a plugin of Nagios does; exit "
        "code 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN",
    )
    for name, text in (
        ("warning", "with --check: the age from which it is a warning, such as 26h or 2d"),
        ("critical", "with --check: the age from which it is critical"),
    ):
        add(f"--{name}", metavar="AGE", type=age, dest=f"{name}_age", help=text)
