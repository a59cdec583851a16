"""Pages generated from the fields: the documentation, a commented file, the JSON schema."""

from __future__ import annotations

import enum
import inspect
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal, get_args, get_origin

import msgspec
from msgspec import Meta
from msgspec.structs import FieldInfo, fields

from core.config.examples import EXAMPLES
from core.config.fields import (
    ConfigTable,
    Hooks,
    Keep,
    OperationHooks,
    RepositoryFields,
    RollbackOptions,
    ScheduleFields,
    StoreFields,
    StoreSettings,
)
from core.config.file_problems import table_of
from core.config.load import VARIABLE
from core.config.receivers import RECEIVERS, Apprise, Mail, Ping, Receiver, Webhook
from core.config.template import PLACEHOLDERS
from core.config.types import WORDS_OF_PATTERNS, Command

_MADE: Final = "<!-- Made from the code by `make docs`. Do not edit. -->"
_HOOK_KEYS: Final = ("before", "on_success", "on_failure", "after")
_SECTIONS: Final[tuple[tuple[str, str, type[ConfigTable]], ...]] = (
    ("[defaults] and [stores.NAME]", "defaults", StoreFields),
    ("[stores.NAME]", "stores.shop", StoreSettings),
    ("keep", "defaults.keep", Keep),
    ("schedule", "defaults.schedule", ScheduleFields),
    ("rollback", "defaults.rollback", RollbackOptions),
    ("hooks, and hooks.backup, hooks.rollback, hooks.undo, hooks.discard", "defaults.hooks", Hooks),
    ('[notify.NAME] with type = "ping"', "notify.check", Ping),
    ('[notify.NAME] with type = "webhook"', "notify.chat", Webhook),
    ('[notify.NAME] with type = "mail"', "notify.mail", Mail),
    ('[notify.NAME] with type = "apprise"', "notify.phone", Apprise),
    ("[repositories.NAME]", "repositories.offsite", RepositoryFields),
)


class File(ConfigTable, frozen=True, kw_only=True):
    """A file of the configuration."""

    defaults: StoreFields = msgspec.field(default_factory=StoreFields)
    stores: dict[str, StoreSettings] = msgspec.field(default_factory=dict)
    notify: dict[str, Receiver] = msgspec.field(default_factory=dict)
    repositories: dict[str, RepositoryFields] = msgspec.field(default_factory=dict)


def _metas(annotation: object) -> Iterator[Meta]:
    for one in get_args(annotation):
        if isinstance(one, Meta):
            yield one


def description_of(field: FieldInfo) -> str:
    """Return the description of a field."""
    return next((meta.description for meta in _metas(field.type) if meta.description), "")


def _example_of(field: FieldInfo) -> Any:  # noqa: ANN401 - a value of TOML
    return next((meta.examples[0] for meta in _metas(field.type) if meta.examples), None)


def words_of_type(annotation: Any) -> str:  # noqa: ANN401 - an annotation
    """Return a type in words."""
    for meta in _metas(annotation):
        words = WORDS_OF_PATTERNS.get(meta.pattern or "")
        if words is not None:
            return words.removeprefix("a ").removeprefix("an ")
    if annotation == Command:
        return "list of arguments"
    origin = get_origin(annotation)
    if hasattr(annotation, "__metadata__"):
        return words_of_type(annotation.__origin__)
    if origin is Literal:
        return ", ".join(f"`{word}`" for word in get_args(annotation))
    if origin is tuple:
        inner = get_args(annotation)[0]
        return "list of commands" if inner == Command else f"list of: {words_of_type(inner)}"
    if origin is dict:
        return "table"
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return ", ".join(f"`{one.value}`" for one in annotation)
    inner = [one for one in get_args(annotation) if one is not type(None)]
    if inner:
        return " or ".join(dict.fromkeys(words_of_type(one) for one in inner))
    simple = {bool: "true or false", int: "whole number", str: "text", Any: "anything"}
    return simple.get(annotation, "table")


def _default_of(field: FieldInfo) -> str:
    if field.required:
        return "required"
    if field.default is msgspec.NODEFAULT:
        return ""
    value = field.default
    return "" if value is None or value in ((), "") else f"`{_toml(value)}`"


def _toml(value: Any) -> str:  # noqa: ANN401 - a value of TOML
    """Return a value as TOML; a JSON text is a basic string of TOML as well."""
    if isinstance(value, enum.Enum):
        value = value.value
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key} = {_toml(one)}" for key, one in value.items())
        return f"{{ {inner} }}"
    return json.dumps(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _section(title: str, cls: type[ConfigTable]) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    yield " ".join(inspect.cleandoc(cls.__doc__ or "").split())
    yield ""
    yield "| key | value | default | meaning |"
    yield "|---|---|---|---|"
    known = {field.name for field in fields(StoreFields)} if cls is StoreSettings else set()
    for field in fields(cls):
        if field.name in known:
            continue
        cells = (
            f"`{field.encode_name}`",
            words_of_type(field.type),
            _default_of(field),
            description_of(field),
        )
        yield f"| {' | '.join(map(_cell, cells))} |"
    yield ""


def configuration_page() -> str:
    """Return `docs/configuration.md`."""
    lines = [_INTRODUCTION.format(variable=VARIABLE), "", _MADE, ""]
    for title, _, cls in _SECTIONS:
        lines += _section(title, cls)
    lines += ["## Words in templates", "", "| word | stands for |", "|---|---|"]
    lines += [f"| `${{{name}}}` | {_cell(text)} |" for name, text in PLACEHOLDERS.items()]
    lines += ["", EXAMPLES]
    return "\n".join(lines)


def schema() -> dict[str, Any]:
    """Return the JSON schema of a file."""
    found = msgspec.json.schema(File)
    for name in (Hooks.__name__, OperationHooks.__name__):
        properties = found["$defs"][name]["properties"]
        for key in _HOOK_KEYS:  # one command without a list: no type of msgspec
            items = properties[key]["items"]
            properties[key]["items"] = {"anyOf": [items, {"type": "string"}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def schema_page() -> str:
    """Return `docs/config.schema.json`."""
    return json.dumps(schema(), indent=1) + "\n"


def commented_file(root: str | None = None) -> str:
    """Return a file in which every key is explained, and set to its default in a comment."""
    lines = [_HEAD]
    for title, where, cls in _SECTIONS:
        lines += ["", f"# {title}: {' '.join(inspect.cleandoc(cls.__doc__ or '').split())}"]
        active = cls is StoreSettings and root is not None
        lines.append(f"{'' if active else '#'}[{where}]")
        if cls in RECEIVERS:
            lines.append(f'#type = "{cls.__struct_config__.tag}"')
        known = {field.name for field in fields(StoreFields)} if cls is StoreSettings else set()
        for field in fields(cls):
            if table_of(field) is None and field.name not in known:
                lines += _commented(field, root)
    return "\n".join(lines) + "\n"


def _commented(field: FieldInfo, root: str | None) -> Iterator[str]:
    value = None if field.required or field.default is msgspec.NODEFAULT else field.default
    example = _example_of(field)
    yield f"# {description_of(field)} ({words_of_type(field.type)})"
    if field.encode_name == "root" and root is not None:
        yield f"root = {_toml(root)}"
    elif field.required and example is None:
        yield f'#{field.encode_name} = ["admin@example.com"]'
    elif value in (None, (), ""):
        shown = _toml(example) if example is not None else '""' if value == "" else "[]"
        mark = "#" if example is not None or value is not None else "# no default: "
        yield f"{mark}{field.encode_name} = {shown}"
    else:
        yield f"#{field.encode_name} = {_toml(value)}"


_HEAD: Final = """\
# The configuration of magerewind. A key without its # is in force.
# magerewind config:check finds mistakes, config:show says where each value comes from."""

_INTRODUCTION: Final = """\
# The configuration

Settings that hold for every run, and for the runs that nobody watches. All of it is optional.
`magerewind config:generate` prints a file to begin with, `config:check` finds mistakes in all
files, and `config:show` says each value and where it comes from. `config.schema.json` beside this
page is for editors.

- Files, the later one counting more: `/etc/magerewind/config.toml`, `/etc/magerewind/conf.d/*.toml`
  in the order of their names, `$XDG_CONFIG_HOME/magerewind/config.toml` (without the variable
  `~/.config/...`). `--config FILE` is read alone; `--no-config` reads none. `MAGEREWIND_CONFIG`
  stands for `--config`, `MAGEREWIND_STORE` for `--store`.
- Tables are merged key by key. Of everything else, lists too, the later one is taken whole. The
  same holds between `[defaults]` and `[stores.NAME]`.
- The command line counts more than the environment, that more than the store, that more than
  `[defaults]`. A variable is `{variable}` and the key in capitals, such as `{variable}LEVEL=9` or
  `{variable}KINDS=code,db`, for keys that are no tables.
- A store is known by its name (`--store NAME`) or by its root: a command in `/srv/shop` takes the
  settings of the store with this root, and `[defaults]` where there is none.
- A file decides which programs run around a job. It is refused where anybody but root and the
  account itself may write to it, or to a directory on the way to it. At most 1 MiB is read.
- As root, the files are read before the process becomes the store's owner; the owner's own file is
  read after that, by the owner, and counts most.
- A secret never stands in a file: give `NAME_file`, `NAME_command` or `NAME_credential` (systemd).
  It is read when it is needed, by the account that works. A file that only root may read is refused
  before the job starts, and so is one that every account may read.
- What holds for a job is kept in the job's directory when it starts: a recovery runs the hooks of
  the start, whatever the files say by then."""
