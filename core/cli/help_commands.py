"""The commands about the commands: `help` and `list`. No store is opened, no setting is read."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from core import __version__
from core.cli.command_table import COMMANDS as TABLE
from core.cli.command_table import Command
from core.cli.configured import Configuration
from core.cli.console import Console
from core.cli.options import PROGRAM
from core.cli.parser import CommandLine, help_text
from core.errors import UsageError


def commands_in(wanted: str) -> list[Command]:
    """Return the commands of a namespace and of those below it, by name; of "", all.

    Those without a namespace come first. Raises UsageError for an unknown namespace.
    """
    found = [
        command
        for command in TABLE
        if not wanted or f"{command.namespace}:".startswith(f"{wanted}:")
    ]
    if not found:
        known = sorted({command.namespace for command in TABLE} - {""})
        close = difflib.get_close_matches(wanted, known, n=1)
        raise UsageError(
            f"There is no namespace {wanted}.",
            hint=f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}.",
        )
    return sorted(found, key=lambda command: (command.namespace, command.name))


def _lines(commands: list[Command], wanted: str) -> Iterator[str]:
    width = max(len(command.name) for command in commands) + 2
    if not wanted:
        yield f"{PROGRAM} {__version__}"
        yield ""
        yield "Usage:"
        yield "  command [options] [arguments]"
        yield ""
    yield f'Available commands for the "{wanted}" namespace:' if wanted else "Available commands:"
    before = "" if not wanted else None
    for command in commands:
        if command.namespace != before and not wanted:
            yield f" {command.namespace}"
        before = command.namespace
        yield f"  {command.name:<{width}}{command.summary}"


def list_command(line: CommandLine, console: Console, _configuration: Configuration) -> int:
    """`list`."""
    commands = commands_in(line.topic)
    if console.as_json:
        for command in commands:
            console.print_json(
                {
                    "type": "Command",
                    "name": command.name,
                    "namespace": command.namespace,
                    "summary": command.summary,
                }
            )
    else:
        console.print(*_lines(commands, line.topic))
    return 0


def help_command(line: CommandLine, console: Console, _configuration: Configuration) -> int:
    """`help`."""
    console.print(help_text(line.topic).rstrip("\n"))
    return 0


def completion_command(line: CommandLine, console: Console, _configuration: Configuration) -> int:
    """`completion`."""
    from core.cli.completion import completion_script  # noqa: PLC0415 - shtab is for this alone

    console.print(completion_script(line.shell).rstrip("\n"))
    return 0


COMMANDS: Final[Mapping[str, Callable[[CommandLine, Console, Configuration], int]]] = {
    "help": help_command,
    "list": list_command,
    "completion": completion_command,
}
