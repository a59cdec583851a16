"""The commands about the configuration itself: no store is opened, and no account switched."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec.structs import fields

from core.cli.configured import Configuration, words_of_backup
from core.cli.console import Console
from core.cli.parser import CommandLine
from core.config.fields import StoreFields
from core.config.load import Config, Effective, check
from core.config.machine_problems import problems_on_disk
from core.config.pages import commented_file, schema_page
from core.errors import UsageError
from core.events import Kind
from core.text.lines import error, note
from core.text.printable import printable


def check_command(_line: CommandLine, console: Console, configuration: Configuration) -> int:
    """`config:check`."""
    environ = configuration.environ
    paths, in_files, config = check(environ, file=configuration.file)
    problems = (*in_files, *problems_on_disk(config, environ), *_of_use(config, environ))
    if console.as_json:
        for path in paths:
            console.print_json({"type": "ConfigFile", "path": path})
        for problem in problems:
            console.print_json({"type": "ConfigProblem", "message": problem})
    for problem in problems:
        console.say(error(problem))
    if not console.as_json and not problems:
        console.print(*(printable(f"{path}: no problem") for path in paths))
        if not paths:
            console.say(note("There is no file: all settings have their defaults."))
    return 1 if problems else 0


def _of_use(config: Config, environ: Mapping[str, str]) -> Iterator[str]:
    """Yield settings of each store that a command would refuse, though each is valid."""
    from core.cli.backup_request import backup_request  # noqa: PLC0415 - loads much
    from core.cli.schedule_commands import check_calendar  # noqa: PLC0415 - as above

    for name in config.stores:
        effective = config.effective(name, {})
        try:
            backup_request(CommandLine(), effective, environ, kinds=(Kind.DB,))
        except UsageError as error:
            yield f"stores.{name}: {error.message}"
        try:
            check_calendar(effective.settings.schedule.on_calendar.strip() or "daily", environ)
        except UsageError as error:
            yield f"stores.{name}.schedule.on_calendar: {error.message}"


def show_command(line: CommandLine, console: Console, configuration: Configuration) -> int:
    """`config:show`."""
    config = configuration.get()
    every: list[str | None] = [*config.stores]
    names = [line.store] if line.store else every or [None]
    for name in names:
        effective = config.effective(name, configuration.environ).with_words(words_of_backup(line))
        rows = [*_rows(effective, config.stores.get(name or "", {}))]
        if console.as_json:
            for key, value, origin in rows:
                console.print_json(
                    {
                        "type": "Setting",
                        "store": name,
                        "key": key,
                        "value": value,
                        "origin": origin,
                    }
                )
            continue
        console.print(f"[{'defaults' if name is None else f'stores.{name}'}]")
        for key, value, origin in rows:
            console.print(f"{key} = {_shown(value)}{f'  # {printable(origin)}' if origin else ''}")
    return 0


def _rows(effective: Effective, table: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    """Yield key, value and origin of each setting, and of the receivers that it names."""
    for key in ("root", "as"):
        if key in table:
            yield key, table[key], effective.origins.get(key, "")
    values = msgspec.to_builtins(effective.settings)
    for key, origin in sorted(effective.origins.items(), key=lambda item: _order(item[0])):
        value: Any = values
        for part in key.split("."):
            value = None if value is None else value.get(part)
        if key.startswith("hooks.") and key.count(".") > 1 and value is None:
            continue
        yield key, value, origin
    settings = effective.settings
    for kind, names, known in (
        ("notify", settings.notify, effective.receivers),
        ("repositories", settings.repositories, effective.repositories),
    ):
        for name in names:
            for key, value in msgspec.to_builtins(known[name]).items():
                if value not in (None, [], {}, ""):
                    yield f"[{kind}.{name}] {key}", value, ""


def _order(key: str) -> tuple[int, str]:
    names = [field.encode_name for field in fields(StoreFields)]
    return names.index(key.partition(".")[0]), key


def _shown(value: object) -> str:
    return "-" if value is None else printable(json.dumps(value, ensure_ascii=False))


def generate_command(line: CommandLine, console: Console, _configuration: Configuration) -> int:
    """`config:generate`."""
    if line.root is not None and not line.root.startswith("/"):
        raise UsageError("--root must be an absolute path here.")
    console.print(commented_file(line.root).rstrip("\n"))
    return 0


def schema_command(_line: CommandLine, console: Console, _configuration: Configuration) -> int:
    """`config:schema`."""
    console.print(schema_page().rstrip("\n"))
    return 0


COMMANDS: Final[Mapping[str, Callable[[CommandLine, Console, Configuration], int]]] = {
    "config:check": check_command,
    "config:show": show_command,
    "config:generate": generate_command,
    "config:schema": schema_command,
}
