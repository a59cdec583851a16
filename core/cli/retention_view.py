"""Retention as text and JSON: for every set, the rule that keeps it or the reason to delete it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.backups.catalog import Backup, BackupSet
from core.backups.retention import Reason, Rule
from core.cli.tables import table
from core.events import encode_text
from core.operations.pruning import PrunePlan, SetDecision
from core.text import numbers
from core.text.printable import printable

_WORDS: Final[Mapping[Rule, str]] = {
    Rule.LAST: "last",
    Rule.DAILY: "daily",
    Rule.WEEKLY: "weekly",
    Rule.MONTHLY: "monthly",
    Rule.YEARLY: "yearly",
    Rule.WITHIN: "within",
    Rule.NEWEST: "newest sound",
    Rule.MARKED: "marked to be kept",
    Rule.NEEDED: "needed by",
    Rule.FOREIGN: "not ours",
    Rule.FUTURE: "in the future, counts for nothing",
    Rule.CLOCK: "made while the clock was off, counts for nothing",
    Rule.UNRULED: "no rule is given",
    Rule.NONE: "no rule keeps it",
}


def reason_text(reason: Reason) -> str:
    """Return a reason in a few words: `daily (code, db)`."""
    words = _WORDS[reason.rule]
    if reason.detail:
        words = f"{words} {printable(reason.detail)}"
    return f"{words} ({', '.join(reason.kinds)})" if reason.kinds else words


def kinds_text(backups: BackupSet) -> str:
    """Return the kinds of a set: `code media db`."""
    return " ".join(dict.fromkeys(map(_kind, backups.backups)))


def _kind(backup: Backup) -> str:
    return backup.name.variant if backup.kind is None else backup.kind.value


def _row(one: SetDecision) -> tuple[str, ...]:
    backups = one.backups
    return (
        printable(backups.key),
        numbers.moment(backups.timestamp),
        kinds_text(backups),
        numbers.size(backups.size_bytes),
        "keep" if one.keep else "delete",
        "; ".join(map(reason_text, one.decision.reasons)),
    )


def plan_lines(plan: PrunePlan) -> Iterator[str]:
    """Yield the table of sets with the decision on each, and the totals."""
    if not plan.sets:
        yield "No backup files found."
        return
    headers = ("Set", "Date", "Kinds", "Size", "Decision", "Why")
    yield from table(headers, [_row(one) for one in plan.sets], right=frozenset({3}))
    doomed = numbers.counted(len(plan.doomed), "set")
    kept = numbers.counted(len(plan.sets) - len(plan.doomed), "set")
    size = numbers.size(plan.freed_bytes)
    yield f"{doomed} to delete ({size}), {kept} to keep. Times are {numbers.zone()}."


def judged_json(one: SetDecision) -> dict[str, Any]:
    """Return the decision on a set as a JSON object."""
    backups = one.backups
    return {
        "type": "PruneDecision",
        "set": encode_text(backups.key),
        "timestamp": backups.timestamp,
        "time": numbers.iso(backups.timestamp),
        "files": [encode_text(backup.name.text) for backup in backups.backups],
        "kinds": kinds_text(backups).split(),
        "size_bytes": backups.size_bytes,
        "keep": one.keep,
        "reasons": [
            {"rule": reason.rule.value, "kinds": list(reason.kinds), "detail": reason.detail}
            for reason in one.decision.reasons
        ],
    }
