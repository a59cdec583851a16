"""The events of a stream as lines of JSON, and back.

Knows the form of a line and the types of its values; their meaning is in `core.events`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from core.events import (
    EVENT_TYPES,
    FORMAT_VERSION,
    Kind,
    Operation,
    Outcome,
    Stamped,
    Step,
    decode_text,
    encode_text,
)


def _encode(value: object) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, str):
        return encode_text(value)
    if isinstance(value, tuple):
        return [_encode(item) for item in value]
    return value


def to_line(stamped: Stamped) -> bytes:
    """Return the event as one line of JSON, newline included."""
    row: dict[str, Any] = {
        "v": FORMAT_VERSION,
        "seq": stamped.seq,
        "time_s": round(stamped.time_s, 3),
        "type": type(stamped.event).__name__,
    }
    for name in stamped.event.__struct_fields__:
        row[name] = _encode(getattr(stamped.event, name))
    return json.dumps(row, ensure_ascii=False).encode() + b"\n"


_ENUMS: Final[Mapping[str, type[StrEnum]]] = {
    "kind": Kind,
    "step": Step,
    "outcome": Outcome,
    "operation": Operation,
}


def _decode(name: str, value: object) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        if name == "sizes":
            return tuple(int(item) for item in value)
        decoded = tuple(decode_text(item) for item in value)
        return tuple(Kind(item) for item in decoded) if name == "kinds" else decoded
    text = decode_text(value)
    return _ENUMS[name](text) if name in _ENUMS else text


def from_line(line: bytes) -> Stamped | None:
    """Return the event of one line, or None for a type (or value) of a later version.

    Raises ValueError for a line that is not ours, such as one that was cut.
    """
    row = json.loads(line)
    if not isinstance(row, dict) or "type" not in row:
        raise ValueError("not an event")
    cls = EVENT_TYPES.get(str(row["type"]))
    if cls is None:
        return None
    known = row.keys() & cls.__struct_fields__
    try:
        event = cls(**{name: _decode(name, row[name]) for name in known})
    except (TypeError, ValueError):
        return None
    return Stamped(seq=int(row["seq"]), time_s=float(row["time_s"]), event=event)
