"""How Magento makes one configuration of two files and the environment (App/DeploymentConfig.php).

env.php over config.php, then the first level of `MAGENTO_DC__OVERRIDE`, then leaves that say
`#env(NAME, "default")`, then each `MAGENTO_DC_…` variable at its path. Knows no files, and no key's
meaning.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from core.magento.php.values import Array, Value

PREFIX: Final = "MAGENTO_DC_"
_OVERRIDE: Final = "MAGENTO_DC__OVERRIDE"
_FROM_ENVIRONMENT: Final = re.compile(r'\A#env\(\s*(\w+)\s*(?:,\s*"([^"]+)")?\)\n?\Z', re.ASCII)

Level: TypeAlias = "dict[int | str, bool | int | float | str | Level | None]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The values, and the key paths among them that the environment gave."""

    values: Level = field(repr=False)
    from_environment: tuple[str, ...]


def merge(shared: Array, env: Array, *, environ: Mapping[str, str]) -> Merged:
    """Return config.php's and env.php's values with the environment's over them.

    In Magento up to 2.4.8 a variable reaches only who asks for the leaf, and a level asked for as a
    whole, as the database's is, keeps the file's value (magento/magento2 41206). The intention of
    the variable is followed here, and `from_environment` tells of it.
    """
    named: list[str] = []
    values = _as_text(_replaced(shared, env))
    values.update(_override(environ, named))
    values = _resolved(values, environ, named)
    for variable, value in environ.items():
        if PREFIX in variable and variable != _OVERRIDE:
            key_path = variable.replace(PREFIX, "").replace("__", "/").lower()
            _put(values, key_path.split("/"), switch(value))
            named.append(key_path)
    return Merged(values=values, from_environment=tuple(named))


def _replaced(below: Array, above: Array) -> Array:
    """Return PHP's array_replace_recursive of two arrays."""
    result = dict(below)
    for key, value in above.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        result[key] = _replaced(old, value) if both else value  # type: ignore[arg-type]
    return result


def _as_text(array: Array) -> Level:
    return {_decoded(key): _decoded_value(value) for key, value in array.items()}


def _decoded(key: int | bytes) -> int | str:
    return key if isinstance(key, int) else key.decode("utf-8", "surrogateescape")


def _decoded_value(value: Value) -> bool | int | float | str | Level | None:
    if isinstance(value, dict):
        return _as_text(value)
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value


def _override(environ: Mapping[str, str], named: list[str]) -> Level:
    """Return MAGENTO_DC__OVERRIDE: a JSON object whose first level replaces; not JSON is none."""
    try:
        value = json.loads(environ.get(_OVERRIDE) or "{}")
    except (ValueError, RecursionError):
        return {}
    level = _from_json(value)
    if not isinstance(level, dict):
        return {}
    named.extend(str(key) for key in level)
    return level


def _from_json(value: object) -> bool | int | float | str | Level | None:
    match value:
        case dict():
            return {
                int(key) if re.fullmatch(r"0|-?[1-9]\d{0,17}", key, re.ASCII) else key: _from_json(
                    inner
                )
                for key, inner in value.items()
            }
        case list():
            return {number: _from_json(inner) for number, inner in enumerate(value)}
        case None | bool() | int() | float() | str():
            return value
        case _:
            return None


def _resolved(level: Level, environ: Mapping[str, str], named: list[str], at: str = "") -> Level:
    """Return the values with each `#env(NAME, "default")` replaced.

    An empty or "0" variable counts as not set, as PHP's `?:` has it.
    """
    result: Level = {}
    for key, value in level.items():
        if isinstance(value, dict):
            result[key] = _resolved(value, environ, named, f"{at}{key}/")
            continue
        found = _FROM_ENVIRONMENT.match(value) if isinstance(value, str) else None
        if found is None:
            result[key] = value
            continue
        given = environ.get(found[1])
        result[key] = given if given and given != "0" else found[2]
        named.append(f"{at}{key}")
    return result


def _put(level: Level, keys: list[str], value: str | bool) -> None:
    """Set a value at a path, making the levels above it."""
    first, *rest = keys
    key: int | str = int(first) if first.isascii() and first.isdigit() else first
    if not rest:
        level[key] = value
        return
    inner = level.get(key)
    if not isinstance(inner, dict):
        inner = level[key] = {}
    _put(inner, rest, value)


def switch(value: str) -> str | bool:
    """Return the text of a variable, or the boolean that Magento since 2.4.8 takes it for."""
    return {"true": True, "TRUE": True, "false": False, "FALSE": False}.get(value, value)
