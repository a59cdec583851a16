"""The pages that are generated from the code: the commands and the events.

A test compares them with `docs/`, so that they cannot be out of date.
"""

from __future__ import annotations

import argparse
import inspect
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from core import errors, events
from core.cli.command_table import COMMANDS, Command
from core.cli.exit_code_docs import EXIT_CODES
from core.cli.man_page import man_page
from core.cli.parser import make_parser
from core.config.pages import configuration_page, schema_page
from core.field_types import field_types

_COMMENT: Final = re.compile(r"^    (\w+): [^#\n]*#\s*(.+)$", re.MULTILINE)
_MADE: Final = "<!-- Made from the code by `make docs`. Do not edit. -->"

JSON_OBJECTS: Final = (
    (
        "any command that root runs on the store of another account",
        "`WorkingAs` first: `account`, `uid`, `asked` (with `--as`), `by` (`root` or `sudo NAME`)",
    ),
    ("info:backups:list", "`Backup`, then `PartialBackup` and `UnknownFile`"),
    ("info:backups:verify", "`Verified`"),
    ("info:backups:delete", "`Deleted`"),
    ("info:backups:prune", "`PruneDecision` for each set, then `Deleted`"),
    ("info:backups:note", "`Backup` for each file of the set"),
    ("info:store", "`Store`; with `--check`, `Check`"),
    ("schedule:install", "`Schedule`; with `--dry-run`, a `ScheduleFile` for each file"),
    ("schedule:remove", "`ScheduleRemoved`"),
    ("schedule:status", "`Schedule` for each one, then `Due`"),
    (
        "info:backups:files",
        (
            "`Member`: `path`, `kind` (`file`, `directory`, `link`, `hard-link`), `mode` as octal "
            "text, `uid`, `gid`, `user`, `group`, `size`, `mtime_s`, `link`; of a dump `Part`: "
            "`name`, `kind`, `rows`, `size_bytes`, `table` of a trigger; of one table `Table`, "
            "then `Rows` for each range: `rows`, `size_bytes`, `after`, `upto`, `digest`"
        ),
    ),
    (
        "info:backups:diff",
        (
            "`Difference`: `sign`, `path`, `content`, `then` and `now` (`kind`, `mode`, `size`, "
            "`uid`, `gid`, `link`; `null` for none), of one text file `diff`; then "
            "`DifferenceTotals`; of a dump `TableDifference`: `name`, `state`, `rows_then`, "
            "`rows_now` (about), `rows` (`comes_back`, `only_now`, `changed`, `same`; `null` where "
            "they were not compared), `reason`; then `TableTotals`; of one table "
            "`DefinitionDifference`, then `RowDifference`: `sign`, `key`, `changed`, `then`, `now` "
            "(binary cells as `hex`); then `RowTotals`"
        ),
    ),
    (
        "info:backups:extract",
        "`Extracted` (`path`, `kind`, `size`) or `NotExtracted` (`path`, `reason`)",
    ),
    (
        "any command with --all-stores",
        "`StoreBegan` (`store`, `root`) before its objects; at the end `StoreEnded` for each",
    ),
    ("list", "`Command`: `name`, `namespace`, `summary`"),
    ("config:check", "`ConfigFile`, then `ConfigProblem`"),
    ("config:show", "`Setting`: `store`, `key`, `value`, `origin`"),
    ("job:list", "`Job`"),
    ("job:cancel", "`CancelAsked`"),
    ("setup:backup --dry-run", "`BackupPlan`"),
    (
        "setup:rollback --dry-run",
        (
            "`RollbackPlan`, then of code and media a `PlannedDirectory` with the sums of each "
            "directory (the root first) and a `PlannedEntry` for each entry"
        ),
    ),
    ("job:undo --dry-run", "`UndoPlan`, then the same"),
    ("any command with --detach", "`JobStarted`"),
    ("any other command that starts or shows a job", "the events of the job"),
    ("a refusal before there is a job", "`Failed`, as in the events"),
)

_CLI_INTRODUCTION: Final = """\
# The commands

`magerewind` without a command opens the application. Everything it does can also be asked for with
a command; the names, the lines on standard output and their order are those of Magento's own
`bin/magento setup:backup`, `info:backups:list` and `setup:rollback`.

- Standard output holds what is documented and nothing else: the narration, a list, or JSON.
  Complaints, notes and progress go to standard error.
- The store is found from the working directory upwards, or named with `--root`.
- Started as root on the store of another account, all of it works as that account, and says so:
  the owner of the root, or of `app/etc` where the root is root's. Where that cannot be told,
  because others may exchange a directory on the way, `--as ACCOUNT` names it. Root works as root
  only where all is root's and nobody else may write to it.
- A long command starts a job in a process of its own and follows it. The first Ctrl-C asks the job
  to cancel and to put everything back, the second stops the watching only. A lost connection stops
  the watching only: `magerewind job:attach` shows the job again, from its beginning.
- Options may stand before or after the command, and are never abbreviated. A short option takes
  its value as `-c NAME`, never as `-c=NAME`.
- With `--json`, standard output holds one JSON value a line: the events of a job
  (see [events.md](events.md)), or the objects of a list or plan, told apart by `type`.
- `NO_COLOR`, `TERM=dumb` and output that is no terminal mean no colours."""

_EVENTS_INTRODUCTION: Final = """\
# The events of a job

Every job writes what happens into `var/.magerewind/jobs/<id>/events.jsonl`, one JSON object a
line. The application, the text of the commands and `--json` are renderings of these lines.

- Every line has `v` (the version of the format, now {version}), `seq` (from 0, without gaps),
  `time_s` (unix seconds) and `type`.
- Readers ignore types and fields that they do not know: new ones may come within a version.
- A text that is not UTF-8, such as a file name, is an object `{{"text": approximation, "b64": the
  bytes in base64}}` instead of a string.
- `Progressed` comes at most ten times a second; the last one of a step is always written.
- `JobBegan` is the first event and `JobEnded` the last. A job that was interrupted and recovered
  has `RecoveryBegan` in between.
- Sizes are bytes, times are seconds."""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _spelling(action: argparse.Action) -> str:
    if not action.option_strings:
        name = str(action.metavar or action.dest)
        return f"`{name}…`" if action.nargs in {"+", "*"} else f"`{name}`"
    metavar = action.metavar or (
        f"{{{','.join(map(str, action.choices))}}}" if action.choices else ""
    )
    takes = action.nargs != 0 and metavar
    return ", ".join(
        f"`{name} {metavar}`" if takes else f"`{name}`" for name in action.option_strings
    )


def _options(actions: list[argparse.Action]) -> Iterator[str]:
    yield "| option | meaning |"
    yield "|---|---|"
    for action in actions:
        yield f"| {_cell(_spelling(action))} | {_cell((action.help or '').replace('%%', '%'))} |"


def _command_section(command: Command) -> Iterator[str]:
    yield f"## {command.name}"
    yield ""
    yield f"{command.summary[0].upper()}{command.summary[1:]}."
    if command.details:
        yield f"{command.details}"
    if command.add is not None:
        parser = argparse.ArgumentParser(add_help=False)
        command.add(parser)
        yield ""
        yield from _options(parser._actions)  # noqa: SLF001 - argparse has no other way to them
    yield ""


def _groups() -> Iterator[tuple[str, list[argparse.Action]]]:
    for group in make_parser()._action_groups:  # noqa: SLF001 - as above
        if group.title in {"common options", "options of the application"}:
            yield group.title.capitalize(), group._group_actions  # noqa: SLF001 - as above


def commands_page() -> str:
    """Return `docs/cli.md`."""
    lines = [_CLI_INTRODUCTION, "", _MADE, ""]
    for title, actions in _groups():
        lines += [f"## {title}", "", *_options(actions), ""]
    for command in COMMANDS:
        lines += _command_section(command)
    lines += ["## JSON", "", "| command | objects, one a line |", "|---|---|"]
    lines += [f"| {command} | {objects} |" for command, objects in JSON_OBJECTS]
    lines += ["", "Sizes are bytes, times unix seconds; what is not known is `null`.", ""]
    lines += ["## Exit codes", "", "| code | meaning |", "|---|---|"]
    lines += [f"| {code} | {meaning} |" for code, meaning in EXIT_CODES]
    return "\n".join(lines) + "\n"


def _type_text(annotation: object) -> str:
    text = str(annotation)
    for name, shown in (("tuple[str, ...]", "list of texts"), ("tuple[Kind, ...]", "list of Kind")):
        text = text.replace(name, shown)
    for name, shown in (
        ("str", "text"),
        ("int", "integer"),
        ("float", "number"),
        ("bool", "boolean"),
    ):
        text = re.sub(rf"\b{name}\b", shown, text)
    return text.replace(" | None", " or null").replace("None", "null")


def _event_section(cls: type[events.Event]) -> Iterator[str]:
    yield f"### {cls.__name__}"
    yield ""
    yield _paragraph(cls.__doc__)
    fields = field_types(cls)
    if fields:
        comments = dict(_COMMENT.findall(inspect.getsource(cls)))
        yield ""
        yield "| field | type | meaning |"
        yield "|---|---|---|"
        for name, kind in fields.items():
            meaning = _cell(comments.get(name, ""))
            yield f"| `{name}` | {_cell(_type_text(kind))} | {meaning} |"
    yield ""


def _paragraph(text: str | None) -> str:
    return " ".join(inspect.cleandoc(text or "").split())


def _words_section(cls: type[StrEnum]) -> Iterator[str]:
    yield f"### {cls.__name__}"
    yield ""
    yield _paragraph(cls.__doc__)
    comments = re.findall(r'= "([^"]+)"(?:\s*#\s*(.+))?', inspect.getsource(cls))
    yield ""
    for word, comment in comments:
        yield f"- `{word}`{': ' + comment if comment else ''}"
    yield ""


def _error_section() -> Iterator[str]:
    yield "## Errors"
    yield ""
    yield "The field `error` of `Failed` is one of these."
    yield ""
    yield "| error | exit code | meaning |"
    yield "|---|---|---|"
    for cls in _subclasses(errors.MagerewindError):
        yield f"| `{cls.__name__}` | {cls.exit_code} | {_cell(_paragraph(cls.__doc__))} |"


def _subclasses(cls: type[errors.MagerewindError]) -> Iterator[type[errors.MagerewindError]]:
    yield cls
    for below in cls.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _subclasses(below)


def events_page() -> str:
    """Return `docs/events.md`."""
    introduction = _EVENTS_INTRODUCTION.format(version=events.FORMAT_VERSION)
    lines = [introduction, "", _MADE, "", "## Events", ""]
    for cls in events.EVENT_TYPES.values():
        lines += _event_section(cls)
    lines += ["## Words", ""]
    for words in (events.Kind, events.Operation, events.Step, events.Outcome):
        lines += _words_section(words)
    lines += _error_section()
    return "\n".join(lines) + "\n"


PAGES: Final = {
    "cli.md": commands_page,
    "configuration.md": configuration_page,
    "config.schema.json": schema_page,
    "events.md": events_page,
    "magerewind.1": man_page,
}
