"""Problems of the merged files: names, roots and sources of secrets that contradict each other."""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

from core.archive.tree.patterns import resolve as resolve_exclude
from core.config.fields import RepositoryFields, StoreSettings
from core.config.file_problems import SECRET, missing_of, receiver_class
from core.config.template import json_of, problem_of
from core.config.types import is_loopback
from core.database.dump.strip import GROUPS
from core.errors import UsageError

_HEADER: Final = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,64}")
_WAYS: Final = ("", "_file", "_command", "_credential")
_SOURCES: Final[Mapping[str, tuple[str, bool]]] = {
    "ping": ("url", True),
    "webhook": ("url", True),
    "mail": ("password", False),
    "apprise": ("urls", True),
}


def problems_together(
    merged: Mapping[str, Any], broken: Collection[tuple[str, ...]] = ()
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the key and the line of each problem of tables whose values are right by themselves.

    `broken` are the keys of tables that have a problem already: fields that they lack are not told.
    """
    yield from _of_settings(merged, ("defaults",), merged.get("defaults", {}), broken)
    roots: dict[str, str] = {}
    metrics: dict[str, str] = {}
    common = merged.get("defaults", {}).get("metrics_file")
    for name, table in merged.get("stores", {}).items():
        key = ("stores", name)
        if key not in broken:
            yield from ((key, line) for line in missing_of(table, StoreSettings, ".".join(key)))
        yield from _of_settings(merged, key, table, broken)
        yield from _once(roots, (*key, "root"), os.path.normpath(table.get("root", "")))
        file = table.get("metrics_file", common)
        if file is not None:
            yield from _once(metrics, (*key, "metrics_file"), file.replace("{store}", name))
    for name, table in merged.get("repositories", {}).items():
        key = ("repositories", name)
        if key in broken:
            continue
        yield from ((key, line) for line in missing_of(table, RepositoryFields, ".".join(key)))
        yield from _sources(key, table, "password", needed=True)
    for name, table in merged.get("notify", {}).items():
        if ("notify", name) not in broken:
            yield from _of_receiver(("notify", name), table)


_FILLED: Final[Mapping[str, Mapping[str, Any]]] = {
    "stores": {"root": ""},
    "repositories": {"url": "-"},
    "mail": {"to": ["-"]},
}


def usable_part(
    merged: Mapping[str, Any], broken: Collection[tuple[str, ...]] = ()
) -> dict[str, Any]:
    """Return merged tables without their problems; a required field that is missing has a stand-in.

    So the checks of files and programs go through all of a configuration that is wrong somewhere.
    """
    wrong = {key for key, _ in problems_together(merged, broken)}
    found: dict[str, Any] = {
        kind: {name: {**_FILLED[kind], **table} for name, table in merged.get(kind, {}).items()}
        for kind in ("stores", "repositories")
    }
    found["notify"] = {
        name: {**_FILLED.get(table["type"], {}), **table}
        for name, table in merged.get("notify", {}).items()
        if receiver_class(table.get("type")) is not None
    }
    found["stores"] = {
        name: _settings_of(("stores", name), table, found, wrong)
        for name, table in found["stores"].items()
    }
    found["defaults"] = _settings_of(("defaults",), merged.get("defaults", {}), found, wrong)
    return found


def _settings_of(
    key: tuple[str, ...],
    table: Mapping[str, Any],
    known: Mapping[str, Any],
    wrong: Collection[tuple[str, ...]],
) -> dict[str, Any]:
    """Return the settings without wrong patterns and without names of tables that there are not."""
    found = {field: value for field, value in table.items() if (*key, field) not in wrong}
    for kind in ("notify", "repositories"):
        if kind in table:
            found[kind] = [name for name in table[kind] if name in known[kind]]
    if (*key, "rollback", "exclude") in wrong:
        found["rollback"] = {**table["rollback"], "exclude": []}
    return {**found, "root": table["root"]} if "root" in table else found


def _once(
    seen: dict[str, str], key: tuple[str, ...], value: str
) -> Iterator[tuple[tuple[str, ...], str]]:
    other = seen.setdefault(value, key[1])
    if other != key[1] and value != ".":
        yield key, f"{'.'.join(key)}: {value} is stores.{other}'s already"


def _of_settings(
    merged: Mapping[str, Any],
    key: tuple[str, ...],
    table: Mapping[str, Any],
    broken: Collection[tuple[str, ...]],
) -> Iterator[tuple[tuple[str, ...], str]]:
    where = ".".join(key)
    for field, kind in (("notify", "notify"), ("repositories", "repositories")):
        known = merged.get(kind, {})
        for name in table.get(field, ()):
            if name not in known and (kind,) not in broken:
                line = f"{where}.{field}: there is no [{kind}.{name}]{_meant(name, known)}"
                yield (*key, field), line
    for group in table.get("strip", ()):
        if group.startswith("@") and group not in GROUPS:
            line = f"{where}.strip: there is no group of tables '{group}'{_meant(group, GROUPS)}"
            yield (*key, "strip"), line
    for path, patterns in (
        (("exclude",), table.get("exclude", ())),
        (("rollback", "exclude"), table.get("rollback", {}).get("exclude", ())),
    ):
        try:
            resolve_exclude(patterns)
        except UsageError as error:
            yield (*key, *path), f"{'.'.join((*key, *path))}: {error.message}"


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean '{close[0]}'?" if close else ""


def _of_receiver(
    key: tuple[str, ...], table: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], str]]:
    where = ".".join(key)
    cls = receiver_class(table.get("type"))
    if cls is None:
        yield key, f"{where}: 'type' is missing"
        return
    yield from ((key, line) for line in missing_of(table, cls, where))
    if table["type"] == "mail" and _is_plain(table):
        yield (*key, "user"), f"{where}: the password would go unencrypted; set tls"
    stem, needed = _SOURCES[table["type"]]
    yield from _sources(key, table, stem, needed=needed or "user" in table)
    if "token_file" in table or "token_command" in table or "token_credential" in table:
        yield from _sources(key, table, "token", needed=False)
    yield from _headers(key, table)
    try:
        content = json_of(table.get("template"))
        json.dumps(content, allow_nan=False)
    except (TypeError, ValueError) as error:
        yield (*key, "template"), f"{where}.template is not JSON: {error}"
        return
    for field, value in (("template", content), ("subject", table.get("subject"))):
        problem = problem_of(value)
        if problem is not None:
            yield (*key, field), f"{where}.{field}: {problem}"


def _headers(
    key: tuple[str, ...], table: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the problems of the headers of a webhook: invalid names, and secrets in the file."""
    for name in (*table.get("headers", {}), table.get("token_header", "x")):
        if not _HEADER.fullmatch(name):
            yield (*key, "headers"), f"{'.'.join(key)}: '{name}' is no name of a header"
    for name in table.get("headers", {}):
        if SECRET.search(name) or name.lower() in {"authorization", "cookie"}:
            line = f"a secret does not stand here; give token_file, token_header = '{name}'"
            yield (*key, "headers"), f"{'.'.join(key)}.headers.{name}: {line}"


def _is_plain(table: Mapping[str, Any]) -> bool:
    """Tell whether a login would be sent over a network as it is."""
    away = not is_loopback(table.get("host", "localhost"))
    return away and "user" in table and table.get("tls") == "none"


def _sources(
    key: tuple[str, ...], table: Mapping[str, Any], stem: str, *, needed: bool
) -> Iterator[tuple[tuple[str, ...], str]]:
    given = [stem + way for way in _WAYS if stem + way in table]
    where = ".".join(key)
    if len(given) > 1:
        yield (*key, given[1]), f"{where}: give only one of {' and '.join(given)}"
    elif needed and not given:
        ways = [stem + way for way in _WAYS if way or stem == "url"]
        yield key, f"{where}: one of {', '.join(ways)} is missing"
