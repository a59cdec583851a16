"""The problems of the tables of one file: each key and value is checked by its type.

Every problem is one line with the key as written in TOML, and the likely correct key. A value is
shown only where one of a few words is expected: a password may have been put in the wrong place.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, get_args

import msgspec
from msgspec.structs import FieldInfo, fields

from core.config.fields import ConfigTable, RepositoryFields, StoreFields, StoreSettings
from core.config.receivers import RECEIVERS
from core.config.types import NAME_PATTERN, WORDS_OF_PATTERNS

TABLES: Final = ("defaults", "stores", "repositories", "notify")
_CLASSES: Final[Mapping[str, type[ConfigTable]]] = {
    "stores": StoreSettings,
    "repositories": RepositoryFields,
}
_HOOKS: Final = frozenset({"before", "after", "on_success", "on_failure"})
SECRET: Final = re.compile(r"pass|secret|token|key|credential", re.IGNORECASE)
_TYPES: Final[Mapping[str, str]] = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "array": "a list",
    "object": "a table",
    "null": "nothing",
    "datetime": "a date",
    "date": "a date",
    "time": "a time",
}
_EXPECTED: Final = re.compile(r"^Expected `([^`]+)`(?:, got `(\w+)`)?(.*?)(?: - at `\$(.*)`)?$")
_ENUM: Final = re.compile(r"^Invalid (?:enum )?value (.+?)(?: - at `\$(.*)`)?$")
_MATCHING: Final = " matching regex "


def problems_of(tables: Mapping[str, Any]) -> Iterator[str]:
    """Yield the problems of one file's tables; other files may set the missing fields."""
    for key, value in tables.items():
        if key not in TABLES:
            yield f"unknown field '{key}'{_meant(key, TABLES)}"
        elif not isinstance(value, dict):
            yield f"{key}: expected a table, got {_type_of(value)}"
        elif key == "defaults":
            yield from _of_struct(value, StoreFields, "defaults")
        else:
            for name, table in value.items():
                yield from _of_named(key, name, table)


def sound_part(tables: Mapping[str, Any]) -> tuple[dict[str, Any], set[tuple[str, ...]]]:
    """Return the values of one file that are right by themselves, and the keys of other tables.

    A table with a problem is among the keys. It keeps its name and its values of the right types,
    so that other tables may be held against it; it may lack any field.
    """
    found: dict[str, Any] = {}
    broken: set[tuple[str, ...]] = set()
    for kind in TABLES:
        value = tables.get(kind, {})
        if not isinstance(value, dict):
            broken.add((kind,))
            continue
        if kind == "defaults":
            found[kind] = _sound(value, StoreFields)
            continue
        found[kind] = {}
        for name, table in value.items():
            if next(_of_named(kind, name, table), None) is None:
                found[kind][name] = table
            else:
                broken.add((kind, name))
                found[kind][name] = _sound_named(kind, table) if isinstance(table, dict) else {}
    return found, broken


def _sound_named(kind: str, table: Mapping[str, Any]) -> dict[str, Any]:
    if kind != "notify":
        return _sound(table, _CLASSES[kind])
    cls = receiver_class(table.get("type"))
    return {} if cls is None else {"type": table["type"], **_sound(table, cls)}


def _sound(table: Mapping[str, Any], cls: type[ConfigTable]) -> dict[str, Any]:
    """Return the values of a table that have their types."""
    found: dict[str, Any] = {}
    known = {field.encode_name: field for field in fields(cls)}
    for key, value in table.items():
        field = known.get(key)
        inner = None if field is None else table_of(field)
        if field is None:
            continue
        if inner is not None and isinstance(value, dict):
            found[key] = _sound(value, inner)
            continue
        with suppress(msgspec.ValidationError):
            msgspec.convert(normal(key, value), field.type)
            found[key] = value
    return found


def _of_named(kind: str, name: str, table: object) -> Iterator[str]:
    where = f"{kind}.{name if re.match(NAME_PATTERN, name) else repr(name)}"
    if not re.match(NAME_PATTERN, name):
        yield f"{where}: expected {WORDS_OF_PATTERNS[NAME_PATTERN]}"
        return
    if not isinstance(table, dict):
        yield f"{where}: expected a table, got {_type_of(table)}"
        return
    if kind == "stores":
        yield from _of_struct(table, StoreSettings, where)
    elif kind == "repositories":
        yield from _of_struct(table, RepositoryFields, where)
    else:
        yield from _of_receiver(table, where)


def _of_receiver(table: dict[str, Any], where: str) -> Iterator[str]:
    if "type" not in table:  # another file may say it
        known = {field.encode_name for cls in RECEIVERS for field in fields(cls)}
        yield from (_unknown(key, where, known) for key in table if key not in known)
        return
    cls = receiver_class(table["type"])
    if cls is None:
        yield f"{where}.type: expected {_one_of(_tags())}{_got(table['type'])}"
        return
    yield from _of_struct({k: v for k, v in table.items() if k != "type"}, cls, where)


def _tags() -> tuple[str, ...]:
    return tuple(str(cls.__struct_config__.tag) for cls in RECEIVERS)


def receiver_class(tag: object) -> type[ConfigTable] | None:
    """Return the class for a `type` of `[notify.NAME]`; None for an unknown one."""
    return next((cls for cls in RECEIVERS if cls.__struct_config__.tag == tag), None)


def _of_struct(table: Mapping[str, Any], cls: type[ConfigTable], where: str) -> Iterator[str]:
    known = {field.encode_name: field for field in fields(cls)}
    for key, value in table.items():
        field = known.get(key)
        if field is None:
            yield _unknown(key, where, known)
            continue
        inner = table_of(field)
        if inner is not None and isinstance(value, dict):
            yield from _of_struct(value, inner, f"{where}.{key}")
            continue
        try:
            msgspec.convert(normal(key, value), field.type)
        except msgspec.ValidationError as error:
            yield _said(str(error), f"{where}.{key}", field.type)


def missing_of(table: Mapping[str, Any], cls: type[ConfigTable], where: str) -> Iterator[str]:
    """Yield a problem for each required field that a merged table lacks."""
    for field in fields(cls):
        if field.required and field.encode_name not in table:
            yield f"{where}: '{field.encode_name}' is missing"


def table_of(field: FieldInfo) -> type[ConfigTable] | None:
    """Return the struct that a field holds, if it is a table."""
    left = [field.type]
    while left:
        one = left.pop()
        if isinstance(one, type) and issubclass(one, ConfigTable):
            return one
        left += [arg for arg in get_args(one) if not isinstance(arg, msgspec.Meta)]
    return None


def normal(key: str, value: Any) -> Any:  # noqa: ANN401 - values of TOML
    """Return a value in its one form: a single command of a hook becomes a list of one."""
    alone = key in _HOOKS and isinstance(value, list) and value
    return [value] if alone and all(isinstance(word, str) for word in value) else value


def _unknown(key: str, where: str, known: Mapping[str, Any] | set[str]) -> str:
    meant = _meant(key, known)
    ways = [f"{stem}_{way}" for stem in (key, "password", "url") for way in ("file", "command")]
    if not meant or SECRET.search(key):
        found = [way for way in ways if way in known]
        if SECRET.search(key):
            say = " or ".join(found[:2]) or "a file or a command"
            meant = f": a secret does not stand here; give {say}"
    return f"unknown field '{key}' in {where}{meant}"


def _meant(key: str, known: Mapping[str, Any] | set[str] | tuple[str, ...]) -> str:
    like = key.replace("-", "_").lower()
    close = difflib.get_close_matches(like, sorted(known), n=1, cutoff=0.6)
    return f": did you mean '{close[0]}'?" if close else ""


def _said(message: str, where: str, wanted: object) -> str:
    """Return a message of msgspec in words; the place inside of a list is added to the key."""
    enum = _ENUM.match(message)
    if enum is not None:
        return f"{where}{enum[2] or ''}: expected {_one_of(_choices(wanted))}, got {enum[1]}"
    expected = _EXPECTED.match(message)
    if expected is None:
        return f"{where}: {message}"
    types, got, more, place = expected.groups()
    where += place or ""
    if _MATCHING in message:
        pattern = next((known for known in WORDS_OF_PATTERNS if repr(known) in message), None)
        return f"{where}: expected {WORDS_OF_PATTERNS.get(pattern or '', 'another text')}"
    words = " or ".join(_TYPES.get(one, one) for one in types.split(" | ") if one != "null")
    return f"{where}: expected {words}{more}" + (f", got {_TYPES.get(got, got)}" if got else "")


def _choices(wanted: object) -> tuple[str, ...]:
    found: list[str] = []
    left = [wanted]
    while left:
        one = left.pop(0)
        if isinstance(one, str):
            found.append(one)
        elif isinstance(one, type) and hasattr(one, "__members__"):
            found += [str(member.value) for member in one.__members__.values()]
        left += [arg for arg in get_args(one) if not isinstance(arg, msgspec.Meta)]
    return tuple(found)


def _one_of(words: tuple[str, ...]) -> str:
    return f"one of {', '.join(words)}"


def _got(value: object) -> str:
    return f", got '{value}'" if isinstance(value, str) and len(value) < 32 else ""


def _type_of(value: object) -> str:
    name = type(value).__name__
    return _TYPES.get({"dict": "object", "list": "array"}.get(name, name), "something else")
