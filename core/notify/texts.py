"""The words of a message: one line, and the values that templates can name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

_ENDS: Final[Mapping[str, str]] = {
    "start": "began",
    "success": "is complete",
    "warnings": "is complete, with warnings",
    "fail": "failed",
}
_UNITS: Final = ("B", "KiB", "MiB", "GiB", "TiB")


def summary(facts: Mapping[str, Any]) -> str:
    """Return one line about a job."""
    kinds = ", ".join(facts["kinds"])
    what = f"{facts['store']}: {facts['operation']}{f' of {kinds}' if kinds else ''}"
    if facts["outcome"] in {"cancelled", "reverted"}:
        said = f"{what} was {facts['outcome']}"
    elif facts["outcome"] == "closed":
        said = f"{what} failed, and the store is left closed"
    else:
        said = f"{what} {_ENDS[facts['event']]}"
    message = " ".join(str(facts["message"]).split())
    return f"{said}: {message}" if message else f"{said}."


def values_of(facts: Mapping[str, Any], messages: Sequence[str], log_lines: int) -> dict[str, Any]:
    """Return the value of each placeholder of a template."""
    log = [*messages][-log_lines:] if log_lines else []
    values = {key: value for key, value in facts.items() if key not in {"type", "backups", "note"}}
    return {
        **values,
        "kinds": ", ".join(facts["kinds"]),
        "summary": summary(facts),
        "log": "\n".join(log),
    }


def text_of(facts: Mapping[str, Any], messages: Sequence[str], log_lines: int) -> str:
    """Return a message of several lines, for people."""
    lines = [summary(facts), ""]
    for key, words in (
        ("host", "Host"),
        ("root", "Root"),
        ("job_id", "Job"),
        ("user", "By"),
        ("time", "At"),
    ):
        if facts[key]:
            lines.append(f"{words}: {facts[key]}")
    if facts["event"] != "start":
        lines.append(
            f"Took: {facts['elapsed_s']:.0f} s, the store closed {facts['closed_s']:.0f} s"
        )
    lines += [
        f"{backup['kind']}: {backup['file_name']}, {_size(backup['size_bytes'])}"
        for backup in facts["backups"]
    ]
    if facts["warnings"]:
        lines.append(f"Warnings: {facts['warnings']}")
    if log_lines and messages:
        lines += ["", *[*messages][-log_lines:]]
    return "\n".join(lines) + "\n"


def _size(size_bytes: float) -> str:
    for unit in _UNITS[:-1]:
        if size_bytes < 1024:
            return f"{size_bytes:.1f} {unit}" if unit != "B" else f"{size_bytes:.0f} {unit}"
        size_bytes /= 1024
    return f"{size_bytes:.1f} {_UNITS[-1]}"
