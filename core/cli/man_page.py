"""The page of the manual, in roff, made from the parser and the table of the commands."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from typing import Final

from core import __version__
from core.cli.command_table import COMMANDS, Command
from core.cli.exit_code_docs import EXIT_CODES
from core.cli.options import PROGRAM
from core.cli.parser import make_parser

_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]")
_FILES: Final = (
    ("var/backups", "The backups of a store, below its root."),
    ("var/.magerewind", "Jobs, and what an undo needs."),
    ("/etc/magerewind/config.toml, /etc/magerewind/conf.d/*.toml", "Settings of all accounts."),
    ("$XDG_CONFIG_HOME/magerewind/config.toml", "Settings of one account."),
)
_ENVIRONMENT: Final = (
    ("MAGEREWIND_CONFIG", "As --config."),
    ("MAGEREWIND_STORE", "As --store, where neither --root nor --all-stores is given."),
    ("MAGEREWIND_CACHE", "Where the single file lays its packages down."),
    ("NO_COLOR", "No colours."),
)


def escaped(text: str) -> str:
    """Return a line of text that roff shows as it is: no request, no escape, no typography."""
    shown = text.replace("…", "...").replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    shown = shown.replace("`", "\\(ga").replace("^", "\\(ha").replace("~", "\\(ti")
    shown = shown.replace("\n", " ")
    shown = _BEYOND_ASCII.sub(lambda found: f"\\[u{ord(found[0]):04X}]", shown)
    return f"\\&{shown}" if shown.startswith(".") else shown


def _bold(text: str) -> str:
    return f"\\fB{escaped(text)}\\fR"


def _value(action: argparse.Action) -> str:
    """Return the value of an option as it is written after the option; empty for none."""
    if action.nargs == 0:
        return ""
    name = action.metavar or "|".join(map(str, action.choices or ())) or action.dest.upper()
    shown = f"\\fI{escaped(str(name))}\\fR"
    return f" [{shown}]" if action.nargs == "?" else f" {shown}"


def _term(action: argparse.Action) -> str:
    if action.option_strings:
        return ", ".join(_bold(option) + _value(action) for option in action.option_strings)
    many = "..." if action.nargs in {"*", "+"} else ""
    return f"\\fI{escaped(str(action.metavar or action.dest))}\\fR{many}"


def _entries(actions: Sequence[argparse.Action]) -> Iterator[str]:
    for action in actions:
        if action.help == argparse.SUPPRESS:
            continue
        # As argparse shows it: a per cent sign is written twice there.
        yield from (".TP", _term(action), escaped((action.help or "").replace("%%", "%")))


def _command(command: Command) -> Iterator[str]:
    yield f".SS {escaped(command.name)}"
    yield escaped(f"{command.summary[0].upper()}{command.summary[1:]}.")
    if command.details:
        yield escaped(command.details)
    if command.add is not None:
        parser = argparse.ArgumentParser(add_help=False)
        command.add(parser)
        yield from _entries(parser._actions)  # noqa: SLF001 - argparse has no other way to them


def _groups() -> Iterator[str]:
    for group in make_parser()._action_groups:  # noqa: SLF001 - as above
        if group.title in {"common options", "options of the application"}:
            yield f".SS {escaped(group.title.capitalize())}"
            yield from _entries(group._group_actions)  # noqa: SLF001 - as above


def _section(title: str, entries: Sequence[tuple[str, str]]) -> Iterator[str]:
    yield f".SH {title}"
    for term, text in entries:
        yield from (".TP", _bold(term), escaped(text.replace("`", "")))


def man_page() -> str:
    """Return `magerewind.1`."""
    lines = [
        '.\\" Made from the code by `make docs`. Do not edit.',
        f'.TH {PROGRAM.upper()} 1 "" "{PROGRAM} {__version__}" "User Commands"',
        ".SH NAME",
        f"{PROGRAM} \\- back up a Magento 2 store and roll it back",
        ".SH SYNOPSIS",
        f"{_bold(PROGRAM)} [\\fIoptions\\fR] [\\fICOMMAND\\fR [\\fIoptions and arguments\\fR]]",
        ".SH DESCRIPTION",
        "Backs up code, media and database of a Magento 2 store and rolls them back: complete,",
        "atomic, undoable. Without a command, the application opens. The store is found from the",
        "working directory upwards. Options may stand before or after the command, and are never",
        "abbreviated. A long command starts a job, which goes on when the connection is lost.",
        ".SH OPTIONS",
        *_groups(),
        ".SH COMMANDS",
        *(line for command in COMMANDS for line in _command(command)),
        *_section("EXIT STATUS", EXIT_CODES),
        *_section("ENVIRONMENT", _ENVIRONMENT),
        *_section("FILES", _FILES),
    ]
    return "\n".join(lines) + "\n"
