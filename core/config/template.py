"""Texts with `${name}` in them: the known names, and the insertion of values.

A value is inserted into a text only, never into JSON or a header unescaped: no part of a value can
become syntax.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "summary": "one line: store, operation and how it ended",
    "store": "the name of the store, else the last part of its root",
    "root": "the root of the store",
    "host": "the name of this machine",
    "operation": "backup, rollback, undo, discard or repair",
    "event": "start, success, warnings or fail",
    "outcome": "done, warnings, failed, cancelled, reverted or closed; empty at the start",
    "job_id": "the id of the job; empty when none could be started",
    "user": "who started it",
    "kinds": "the kinds, with commas between them",
    "message": "why it failed; empty otherwise",
    "exit_code": "the exit code, a number",
    "elapsed_s": "how long it took, in seconds",
    "closed_s": "how long the store was closed, in seconds",
    "size_bytes": "the size of the backups that were made, in bytes",
    "warnings": "how many warnings there are",
    "time": "when it began or ended, ISO 8601 with zone",
    "log": "the last lines of the job's text, where `log_lines` asks for them",
}
_NAME: Final = re.compile(r"\$\{([^}]*)\}|\$\$")


def json_of(template: object) -> Any:  # noqa: ANN401 - a JSON value
    """Return a template as a JSON value. Raises ValueError for a text that is no JSON."""
    return json.loads(template) if isinstance(template, str) else template


def problem_of(value: object) -> str | None:
    """Return the first problem of the placeholders of a template; None for a sound template."""
    for text in _texts(value):
        for found in _NAME.finditer(text):
            name = found[1]
            if name is not None and name not in PLACEHOLDERS:
                close = difflib.get_close_matches(name, PLACEHOLDERS, n=1)
                return f"unknown ${{{name}}}" + (
                    f": did you mean ${{{close[0]}}}?" if close else ""
                )
    return None


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield str(key)
            yield from _texts(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _texts(inner)


def filled(value: Any, values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a JSON value
    """Return a template with values in it. A text that is one placeholder becomes its value."""
    if isinstance(value, str):
        alone = _NAME.fullmatch(value)
        if alone is not None and alone[1] is not None:
            return values.get(alone[1], "")
        return text_of(value, values)
    if isinstance(value, Mapping):
        return {text_of(str(key), values): filled(inner, values) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [filled(inner, values) for inner in value]
    return value


def text_of(template: str, values: Mapping[str, Any]) -> str:
    """Return a text with values in it; `$$` is one dollar sign."""
    return _NAME.sub(
        lambda found: "$" if found[1] is None else str(values.get(found[1], "")), template
    )
