"""All files as one value: read, checked, merged, and reduced to the settings of one store.

Tables are merged key by key; of everything else, lists too, the later one is taken whole. The order
is: the system's file, `conf.d` by name, the account's own file. The same holds between `[defaults]`
and `[stores.NAME]`.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import fields, replace

from core.config.fields import OperationHooks, RepositoryFields, StoreFields
from core.config.file_problems import normal, problems_of, sound_part, table_of
from core.config.files import SYSTEM_DIRECTORY, Layer, read_layer, system_files, user_file
from core.config.receivers import Receiver
from core.errors import InvalidConfig, UsageError

VARIABLE: Final = "MAGEREWIND_"
COMMAND_LINE: Final = "command line"
DEFAULT: Final = "default"
_OPERATIONS: Final = ("backup", "rollback", "undo", "discard")


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return two tables as one: key by key where both have a table, else `above` is taken."""
    found = dict(below)
    for key, value in above.items():
        if isinstance(value, Mapping):
            old = found.get(key)
            found[key] = merge(old if isinstance(old, Mapping) else {}, value)
        else:
            found[key] = normal(key, value)
    return found


class Effective(Struct, frozen=True, kw_only=True):
    """The settings that apply to one store; `name` is None for a store that no file names.

    `origins` maps each key, its parts joined by dots, to the origin of its value.
    """

    name: str | None
    settings: StoreFields
    origins: Mapping[str, str]
    receivers: Mapping[str, Receiver]
    repositories: Mapping[str, RepositoryFields]

    def with_words(self, words: Mapping[str, Any]) -> Effective:
        """Return the settings with those of the command line, which take precedence over all."""
        if not words:
            return self
        return replace(
            self,
            settings=msgspec.structs.replace(self.settings, **words),
            origins={**self.origins, **dict.fromkeys(words, COMMAND_LINE)},
        )

    @property
    def label(self) -> str:
        """The name of the store for people and metrics; empty without one."""
        return self.name or ""


class Config:
    """The configuration of all files; a later layer takes precedence."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = tuple(layers)

    @cached_property
    def merged(self) -> Mapping[str, Any]:
        """The tables of all files as one."""
        found: dict[str, Any] = {}
        for layer in self.layers:
            found = merge(found, layer.tables)
        return found

    @property
    def stores(self) -> Mapping[str, Mapping[str, Any]]:
        """The tables of the stores by name: `root` is always there, `as` where it is set."""
        found: Mapping[str, Mapping[str, Any]] = self.merged.get("stores", {})
        return found

    def problems(self) -> Iterator[str]:
        """Yield every problem, prefixed with its file."""
        from core.config.merged_problems import problems_together  # noqa: PLC0415 - loads much

        for layer in self.layers:
            yield from (f"{layer.path}: {problem}" for problem in problems_of(layer.tables))
        for key, problem in problems_together(*self._sound_tables()):
            yield f"{self._file_of(key)}: {problem}"

    def _sound_tables(self) -> tuple[dict[str, Any], set[tuple[str, ...]]]:
        """Return the merged values that are right by themselves, and the keys of other tables."""
        merged: dict[str, Any] = {}
        broken: set[tuple[str, ...]] = set()
        for layer in self.layers:
            tables, wrong = sound_part(layer.tables)
            merged = merge(merged, tables)
            broken |= wrong
        return merged, broken

    def usable_part(self) -> Config:
        """Return it without all that has a problem, for further checks; no job may use it."""
        from core.config.merged_problems import usable_part  # noqa: PLC0415 - as above

        return Config([Layer(path="", tables=usable_part(*self._sound_tables()))])

    def _file_of(self, key: Sequence[str]) -> str:
        """Return the last file that sets a key, or something below or above it."""
        for end in range(len(key), 0, -1):
            for layer in reversed(self.layers):
                value: Any = layer.tables
                with suppress(KeyError, TypeError):
                    for part in key[:end]:
                        value = value[part]
                    return layer.path
        return self.layers[-1].path if self.layers else ""

    def refuse_problems(self) -> Config:
        """Return itself. Raises InvalidConfig with the first problem."""
        found = list(self.problems()) if self.layers else []
        if found:
            more = f" shows all {len(found)} problems" if len(found) > 1 else " checks all of it"
            raise InvalidConfig(
                found[0], hint=f"magerewind config:check{more}; --no-config does without it."
            )
        return self

    def with_layer(self, layer: Layer | None) -> Config:
        """Return it with one more file, which counts most."""
        if layer is None or any(known.path == layer.path for known in self.layers):
            return self
        return Config((*self.layers, layer)).refuse_problems()

    def require(self, name: str) -> Mapping[str, Any]:
        """Return the table of a store by its name. Raises UsageError."""
        if name in self.stores:
            return self.stores[name]
        close = difflib.get_close_matches(name, list(self.stores), n=1)
        known = ", ".join(self.stores) or "none"
        raise UsageError(
            f"There is no store '{name}' in the configuration.",
            hint=f"Did you mean {close[0]}?" if close else f"Stores: {known}.",
        )

    def name_of(self, root: str) -> str | None:
        """Return the name of the store at this root, None where no file names it."""
        with suppress(OSError):
            status = os.stat(root)
            for name, table in self.stores.items():
                with suppress(OSError):
                    if os.path.samestat(os.stat(table["root"]), status):
                        return name
        return None

    def effective(self, name: str | None, environ: Mapping[str, str]) -> Effective:
        """Return the settings that apply to a store. Raises UsageError for a wrong variable."""
        below = self.merged.get("defaults", {})
        above = {} if name is None else dict(self.require(name))
        for key in ("root", "as"):
            above.pop(key, None)
        asked = _variables(environ)
        origins = {key: f"environment: {VARIABLE}{key.upper()}" for key in asked}
        table = merge(merge(below, above), asked)
        for key in _keys(StoreFields):
            origins.setdefault(key, self._origin(key, name))
        for key in [key for key in origins if key.startswith("hooks.") and key.count(".") == 2]:
            if origins[key] == DEFAULT:  # the general hook applies
                origins[key] = origins[f"hooks.{key.rpartition('.')[2]}"]
        return Effective(
            name=name,
            settings=msgspec.convert(_with_hooks(table), StoreFields),
            origins=origins,
            receivers=msgspec.convert(self.merged.get("notify", {}), dict[str, Receiver]),
            repositories=msgspec.convert(
                self.merged.get("repositories", {}), dict[str, RepositoryFields]
            ),
        )

    def _origin(self, key: str, name: str | None) -> str:
        for place in (*([("stores", name)] if name else []), ("defaults",)):
            for layer in reversed(self.layers):
                value: Any = layer.tables
                with suppress(KeyError, TypeError):
                    for part in (*place, *key.split(".")):
                        value = value[part]
                    return f"{layer.path} [{'.'.join(place)}]"
        return DEFAULT


def _with_hooks(table: dict[str, Any]) -> dict[str, Any]:
    """Return settings whose hooks of an operation hold the general ones where it has none."""
    hooks = table.get("hooks")
    if not hooks:
        return table
    known = {field.name for field in fields(OperationHooks)}
    general = {key: value for key, value in hooks.items() if key in known}
    own = {name: merge(general, hooks[name]) for name in _OPERATIONS if name in hooks}
    return {**table, "hooks": {**hooks, **own}}


def _keys(cls: type[Any], before: str = "") -> Iterator[str]:
    for field in fields(cls):
        inner = table_of(field)
        if inner is None:
            yield before + field.encode_name
        else:
            yield from _keys(inner, f"{before}{field.encode_name}.")


def _variables(environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of `MAGEREWIND_…` variables; tables have none. Raises UsageError."""
    found: dict[str, Any] = {}
    for field in fields(StoreFields):
        text = environ.get(VARIABLE + field.encode_name.upper())
        if text is None or table_of(field) is not None:
            continue
        many = isinstance(field.default, tuple)
        value = text.replace(",", " ").split() if many else text
        try:
            found[field.encode_name] = msgspec.convert(value, field.type, strict=False)
        except msgspec.ValidationError as error:
            table = {field.encode_name: value}
            lines = list(problems_of({"defaults": table}))
            why = lines[0].partition(": ")[2] if lines else str(error)
            name = VARIABLE + field.encode_name.upper()
            raise UsageError(f"{name}: {why}.") from None
    return found


def find_files(
    environ: Mapping[str, str], *, file: str | None = None, system: str = SYSTEM_DIRECTORY
) -> tuple[str, ...]:
    """Return the files that count, whether they are there or not. Raises InvalidConfig."""
    if file is not None:
        return (os.path.abspath(file),)
    own = user_file(environ)
    return (*system_files(system), *(() if own is None else (own,)))


def _layer(path: str, environ: Mapping[str, str], file: str | None) -> Layer | None:
    """Return the content of one of the files. Raises InvalidConfig."""
    named = file is not None
    listed = named or os.path.basename(os.path.dirname(path)) == "conf.d"
    return read_layer(path, must_exist=listed, own=not named and path == user_file(environ))


def load(
    environ: Mapping[str, str], *, file: str | None = None, system: str = SYSTEM_DIRECTORY
) -> Config:
    """Return the configuration. Raises InvalidConfig. With `file`, no other one is read."""
    paths = find_files(environ, file=file, system=system)
    layers = [_layer(path, environ, file) for path in paths]
    return Config([layer for layer in layers if layer is not None]).refuse_problems()


def check(
    environ: Mapping[str, str], *, file: str | None = None, system: str = SYSTEM_DIRECTORY
) -> tuple[tuple[str, ...], tuple[str, ...], Config]:
    """Return the files that were read, every problem of all of them, and their usable part."""
    layers, problems = list[Layer](), list[str]()
    try:
        paths = find_files(environ, file=file, system=system)
    except InvalidConfig as error:
        return (), (error.message,), Config(())
    for path in paths:
        try:
            layer = _layer(path, environ, file)
        except InvalidConfig as error:
            problems.append(error.message)
            continue
        layers += [] if layer is None else [layer]
    config = Config(layers)
    paths = tuple(layer.path for layer in layers)
    return paths, (*problems, *config.problems()), config.usable_part()
