"""Parses the command line into values; it does not know their effects.

The commands and options are Magento's where Magento has them, and ours beside them. Abbreviations
are off: a script that says `--d` today would mean something else when an option is added. The same
table of argparse is also the source of `docs/cli.md`.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
from collections.abc import Sequence
from typing import Any, Final, NoReturn

from msgspec import Struct

from core.backups.names import Naming
from core.cli.command_table import COMMANDS
from core.cli.magento_arguments import refuse_equals_sign, with_short_verbose
from core.cli.options import PROGRAM, add_application, add_common
from core.cli.repository_options import refuse_alone
from core.cli.schedule_options import refuse_ages
from core.compression import Compression
from core.errors import UsageError
from core.events import Kind


class CommandLine(Struct, frozen=True, kw_only=True):
    """The request of a command line. Without a command, the application is to open."""

    command: str | None = None
    # common
    root: str | None = None
    account: str | None = None  # whose rights root is to have; None: the owner's
    quiet: bool = False
    verbose: int = 0
    interactive: bool = True
    ansi: bool | None = None  # None: as the terminal and NO_COLOR say
    as_json: bool = False
    yes: bool = False
    read_only: bool = False
    config_file: str | None = None
    use_config: bool = True
    store: str | None = None
    all_stores: bool = False
    # of several commands
    dry_run: bool = False
    strict: bool = False
    detach: bool = False
    exclude: tuple[str, ...] = ()
    flush: bool = True
    names: tuple[str, ...] = ()
    job_id: str | None = None
    # a look inside a backup
    name: str = ""
    part: str = ""
    parts: tuple[str, ...] = ()
    to: str = ""
    show_secrets: bool = False
    limit: int = 50
    # of setup:backup only
    kinds: tuple[Kind, ...] = ()
    keep_open: bool = False
    verify: bool = True
    strip: tuple[str, ...] = ()
    level: int | None = None
    destinations: tuple[str, ...] = ()
    copy_after: bool = False
    compress: str = Compression.NONE.value
    compress_level: int | None = None
    note: str = ""
    naming: str = Naming.DOCUMENTED.value
    # of setup:rollback only
    backup_set: str | None = None
    from_repository: str | None = None
    code_file: str | None = None
    media_file: str | None = None
    db_file: str | None = None
    keep_env: bool = False
    replace_env: bool = False
    from_elsewhere: bool = False
    partial: bool = False
    map_collations: bool = False
    from_schema: str | None = None
    keep_stripped: bool = False
    whole: bool = False
    load_open: bool = False
    only: tuple[str, ...] = ()
    only_table: tuple[str, ...] = ()
    exclude_table: tuple[str, ...] = ()
    with_related: bool = False
    # retention
    keep_rules: tuple[str, ...] = ()
    foreign: bool = False
    trust_clock: bool = False
    prune_first: bool = False
    # schedules, and the check of info:store
    on_calendar: str | None = None
    drill: bool = False
    way: str | None = None
    check: bool = False
    warning_age: str | None = None
    critical_age: str | None = None
    newest: bool = False
    # info:backups:note
    text: str | None = None
    mark: bool | None = None
    # of job:discard only
    orphans: bool = False
    # of job:recover only
    from_host: str | None = None
    without_memory: bool = False
    # of the repositories
    repository: str | None = None
    read_data_subset: str | None = None
    all_of: bool = False
    prune_data: bool = False
    url: str | None = None
    password_file: str | None = None
    env_file: str | None = None
    restic_options: tuple[str, ...] = ()
    store_in_repository: str | None = None
    db_host: str | None = None
    db_socket: str | None = None
    db_name: str | None = None
    db_user: str | None = None
    db_password_file: str | None = None
    # only job:run, which is for the client and not for people
    ready_fd: int | None = None
    keeper_fd: int | None = None
    door: str | None = None
    # the application
    mouse: bool | None = None
    ascii: bool | None = None
    # help, list, completion
    shell: str = ""
    topic: str = ""
    # demo
    size: str = "small"
    headless: bool = False
    # the fields set by the words, to any value; the others take the configuration's
    given: frozenset[str] = frozenset()

    @property
    def may_ask(self) -> bool:
        """Return whether a question may be put: a quiet command could not show it."""
        return self.interactive and not self.quiet and not self.as_json


NAMES: Final = "complete:names"
"""How a shell asks for names while one types: not for people."""
_OF_STORE: Final = {
    "--root": "root",
    "--store": "store",
    "--config": "config_file",
    "--as": "account",
}
_SHOWN: Final = 80  # letters of a wrong word
_LONG: Final = re.compile(rf"\S{{{2 * _SHOWN},}}")
_UNKNOWN_COMMAND: Final = re.compile(
    r"argument COMMAND: invalid choice: '(.*)' \(choose", re.DOTALL
)


def _no_such_command(word: str) -> UsageError:
    spaces = {command.namespace for command in COMMANDS} - {""}
    space = next((one for one in spaces if f"{one}:".startswith(f"{word.rstrip(':')}:")), None)
    close = difflib.get_close_matches(word, [command.name for command in COMMANDS], n=1)
    if not word:
        hint = "It is an empty word. Without a command, the application opens."
    elif space is not None:
        hint = f"{PROGRAM} list {word.rstrip(':')} shows the commands that begin so."
    else:
        hint = f"Did you mean {close[0]}?" if close else f"{PROGRAM} --help shows what there is."
    return UsageError(f"There is no command {_shortened(word) or repr(word)}.", hint=hint)


def _shortened(text: str) -> str:
    """Return a message with the beginnings of overlong words."""
    return _LONG.sub(lambda found: f"{found[0][:_SHOWN]}...", text)


class TextRequested(SystemExit):
    """The text of `--help` or `--version` was asked for."""

    def __init__(self, text: str) -> None:
        super().__init__(0)
        self.text = text


class _Parser(argparse.ArgumentParser):
    """An argparse parser that raises instead of printing or ending the process."""

    def _print_message(self, message: str, file: object = None) -> NoReturn:  # noqa: ARG002
        # argparse would pass over a disk that is full.
        raise TextRequested(message)

    def error(self, message: str) -> NoReturn:
        unknown = _UNKNOWN_COMMAND.match(message)
        if unknown is not None:
            raise _no_such_command(unknown[1])
        raise _Off(_shortened(message), hint=f"{self.prog} --help shows what there is.")


class _Off(UsageError):
    """Words that argparse refused; an option that was mistyped may be the reason."""


def _options_of(parser: argparse.ArgumentParser) -> list[str]:
    found = parser._option_string_actions  # noqa: SLF001 - argparse has no other way to them
    return [option for option in found if option.startswith("--")]


def _meant(parser: argparse.ArgumentParser, argv: Sequence[str]) -> str | None:
    """Return the known option closest to the first unknown one, as a hint; None without one."""
    words = argv[: argv.index("--")] if "--" in argv else argv
    parsers = _parsers_of_commands(parser)
    command = next((parsers[word] for word in words if word in parsers), None)
    known = _options_of(parser) + ([] if command is None else _options_of(command))
    for word in words:
        option = word.partition("=")[0]
        if not option.startswith("--") or option in known:
            continue
        # Without the dashes, which all of them share.
        close = difflib.get_close_matches(option[2:], [one[2:] for one in known], n=1)
        if close:
            return f"Did you mean --{close[0]}?"
        others = [name for name, other in parsers.items() if option in _options_of(other)]
        return f"{option} is an option of {', '.join(others)}." if others else None
    return None


def _parsers_of_commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:  # noqa: SLF001 - as above
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 - as above
            return dict(action.choices)
    return {}


def help_text(command: str) -> str:
    """Return the help of a command, or of all for "". Raises UsageError for an unknown one."""
    parser = make_parser()
    if not command:
        return parser.format_help()
    try:
        return _parsers_of_commands(parser)[command].format_help()
    except KeyError:
        raise _no_such_command(command) from None


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    parser = _Parser(
        prog=PROGRAM,
        description="Back up a Magento 2 store and roll it back: complete, atomic, undoable. "
        "Without a command, the application opens.",
        allow_abbrev=False,
        add_help=False,
        argument_default=argparse.SUPPRESS,
    )
    add_common(parser)
    add_application(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    for command in COMMANDS:
        added = commands.add_parser(
            command.name,
            help=command.summary,
            description=command.details or f"{command.summary[0].upper()}{command.summary[1:]}.",
            allow_abbrev=False,
            add_help=False,
            argument_default=argparse.SUPPRESS,
        )
        if command.add is not None:
            command.add(added)
        add_common(added)
    return parser


def parse(argv: Sequence[str]) -> CommandLine:
    """Return the request of the words.

    Raises UsageError, and TextRequested for `--help` and `--version`.
    """
    if argv[:1] == ["job:run"]:  # how the client starts a runner: not for people
        return _parse_run(argv[1:])
    if argv[:1] == [NAMES]:
        return _parse_names(argv[1:])
    refuse_equals_sign(argv)
    parser, argv = make_parser(), with_short_verbose(argv)
    try:
        found = vars(parser.parse_args(argv))
    except _Off as refused:
        raise UsageError(refused.message, hint=_meant(parser, argv) or refused.hint) from None
    values: dict[str, Any] = {}
    for name in CommandLine.__struct_fields__:
        value = found.get(name)
        if value is not None:
            values[name] = tuple(value) if isinstance(value, list) else value
    refuse_alone(values)
    refuse_ages(values)
    if "destinations" in values:
        values["destinations"] = tuple(name for group in values["destinations"] for name in group)
    if "strip" in values:
        values["strip"] = tuple(name for group in values["strip"] for name in group)
    return CommandLine(**values, given=frozenset(values))


def _parse_names(argv: Sequence[str]) -> CommandLine:
    """Return the request of a shell: the word to complete, and the words of the line so far.

    The words say which store is meant; they may be quoted as the person has typed them.
    """
    found: dict[str, Any] = {}
    words = iter(argv[1:])
    for word in words:
        option, equals, value = word.partition("=")
        if option == "--no-config":
            found["use_config"] = False
        elif option in _OF_STORE:
            found[_OF_STORE[option]] = _unquoted(value if equals else next(words, "")) or None
    return CommandLine(command=NAMES, names=tuple(argv[:1]), **found)


def _unquoted(word: str) -> str:
    """Return a word of a shell's line; fish hands it over without its quotes already."""
    try:
        parts = shlex.split(word)
    except ValueError:  # a quote without its other one
        parts = []
    return os.path.expanduser(parts[0] if len(parts) == 1 else word)


def _parse_run(argv: Sequence[str]) -> CommandLine:
    parser = _Parser(prog=f"{PROGRAM} job:run", allow_abbrev=False, add_help=False)
    parser.add_argument("job_id")
    parser.add_argument("--root", required=True)
    parser.add_argument("--ready-fd", type=int)
    parser.add_argument("--from-host")
    parser.add_argument("--keeper-fd", type=int)
    parser.add_argument("--door")
    return CommandLine(command="job:run", **vars(parser.parse_args(list(argv))))
