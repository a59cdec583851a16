"""The due backups, as text, as JSON, and as the line of a Nagios plugin."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from core.events import Kind, encode_text
from core.schedule.due import Due
from core.text import numbers
from core.text.printable import printable

OK: Final = 0
WARNING: Final = 1
CRITICAL: Final = 2
UNKNOWN: Final = 3
_DOES_NOT_COUNT: Final = "which does not count"
_ORDER: Final = (OK, WARNING, UNKNOWN, CRITICAL)
_STATES: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


def due_rows(due: Due, now_s: float) -> Iterator[tuple[str, str]]:
    """Yield label and text of each thing that is known."""
    overdue = due.overdue(now_s)
    for kind, last_s in due.last_s.items():
        when = "never"
        if last_s is not None:
            when = f"{numbers.moment(last_s, named=True)} ({numbers.age(last_s, now_s)})"
        yield f"Last {kind.value}", f"{when} OVERDUE" if kind in overdue else when
        if kind is Kind.DB and due.stripped_s is not None:
            yield "Stripped db", f"{numbers.age(due.stripped_s, now_s)}, {_DOES_NOT_COUNT}"
    for one in due.installed:
        state = {True: "", False: ", not active", None: ""}[one.active]
        yield "Schedule", f"{printable(one.schedule.on_calendar)}, by {one.way}{state}"
    if due.installed:
        idle = len(due.idle) == len(due.installed)
        unknown = "never, as long as nothing runs the schedule" if idle else "unknown"
        known = due.next_s is not None
        yield "Next run", numbers.moment(due.next_s or 0, named=True) if known else unknown
    if due.tried_s is not None:
        yield "Drill", numbers.age(due.tried_s, now_s)
    for name in due.not_restorable:
        yield "Drill", f"NOT RESTORABLE: {printable(name)}"


def due_lines(due: Due, now_s: float) -> Iterator[str]:
    """Yield the due kinds as lines."""
    for label, text in due_rows(due, now_s):
        yield f"{label:<12}  {text}"
    if not due.installed:
        yield "This store has no schedule: magerewind schedule:install makes one."


def due_json(due: Due, now_s: float) -> dict[str, Any]:
    """Return the due kinds as a JSON object. Ages in seconds, times in unix time and ISO 8601."""
    overdue = due.overdue(now_s)
    return {
        "type": "Due",
        "kinds": {
            kind.value: {
                "last_s": last_s,
                "last": None if last_s is None else numbers.iso(last_s),
                "age_s": None if last_s is None else round(now_s - last_s),
                "overdue": kind in overdue,
            }
            for kind, last_s in due.last_s.items()
        },
        "overdue": bool(overdue),
        "warning_s": due.warning_s if due.warning_s < math.inf else None,
        "critical_s": due.critical_s if due.critical_s < math.inf else None,
        "stripped_s": due.stripped_s,
        "next_s": due.next_s,
        "next": None if due.next_s is None else numbers.iso(due.next_s),
        "tried_s": due.tried_s,
        "not_restorable": [encode_text(name) for name in due.not_restorable],
    }


def judge(due: Due, now_s: float, *, problem: str = "") -> int:
    """Return the exit code of a check; a `problem` is critical by itself."""
    if problem or due.not_restorable or due.older_than(due.critical_s, now_s):
        return CRITICAL
    return WARNING if due.older_than(due.warning_s, now_s) or due.idle else OK


def check_line(due: Due, now_s: float, *, problem: str = "") -> str:
    """Return the line of a plugin of Nagios: state, text, and after a bar the measured ages."""
    state = judge(due, now_s, problem=problem)
    said = [problem] if problem else []
    said += [f"{name} is not restorable" for name in due.not_restorable]
    for kind, last_s in due.last_s.items():
        age = "never" if last_s is None else numbers.age(last_s, now_s)
        if kind is Kind.DB and due.stripped_s is not None:
            age += f" (stripped {numbers.age(due.stripped_s, now_s)}, {_DOES_NOT_COUNT})"
        said.append(f"{kind.value} {age}")
    said += [f"{words} is not active" for words in due.idle]
    if due.next_s is not None:
        said.append(f"next run {numbers.moment(due.next_s, named=True)}")
    limits = f"{_limit(due.warning_s)};{_limit(due.critical_s)};0"
    measured = [
        f"{kind.value}_age={round(now_s - last_s)}s;{limits}"
        for kind, last_s in due.last_s.items()
        if last_s is not None
    ]
    return plugin_line(state, ", ".join(said), " ".join(measured))


def _limit(age_s: float) -> str:
    return str(round(age_s)) if age_s < math.inf else ""


def worst_state(states: Sequence[int]) -> int:
    """Return the state of several checks: critical before unknown, unknown before warning."""
    return max((_known(state) for state in states), key=_ORDER.index, default=UNKNOWN)


def _known(state: int) -> int:
    return state if state in _ORDER else UNKNOWN


def one_line(checks: Sequence[tuple[str, int, str]]) -> tuple[int, str]:
    """Return the state and the line of checks of several stores: name, state and line of each."""
    state = worst_state([code for _, code, _ in checks])
    texts: list[str] = []
    measured: list[str] = []
    for name, code, line in checks:
        said, _, values = line.partition(" | ")
        word = _STATES[_known(code)]
        text = said.removeprefix(f"{word} - ") or "said nothing"
        texts.append(f"{name}: {text}" if code == OK else f"{name}: {word} {text}")
        measured += [f"{name}.{value}" for value in values.split()]
    return state, plugin_line(state, "; ".join(texts), " ".join(measured))


def plugin_line(state: int, text: str, measured: str = "") -> str:
    """Return one line of a plugin; a bar in the text would begin the measured values."""
    said = f"{_STATES[state]} - {printable(text).replace('|', '/')}"
    return f"{said} | {measured}" if measured else said
