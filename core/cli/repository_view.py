"""Repositories as a person sees them: sets, a recovery sheet, numbers."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any

from core.backups.retention import Decision
from core.cli.retention_view import reason_text
from core.cli.tables import table
from core.events import encode_text
from core.repository.seen import Seen
from core.repository.sets import Holdings, RemoteSet, SetSnapshot
from core.repository.settings import Repository, variables_of
from core.text import numbers
from core.text.printable import printable

_ORDER = ("code", "media", "db")


def kinds_of(one: RemoteSet) -> str:
    """Return the kinds of a set in the order of work."""
    return " ".join(kind for kind in _ORDER if kind in one.manifest.names)


def state_of(one: RemoteSet, seen: Seen | None) -> str:
    """Return the state of a set in its repository."""
    if not one.is_whole:
        return f"MISSING {' '.join(one.missing)}"
    return "checked" if seen is not None and seen.is_checked(one) else "complete"


def holdings_lines(
    holdings: Holdings, repository: Repository, seen: Seen | None, now_s: float
) -> Iterator[str]:
    """Yield the sets of a repository as a table, and the snapshots of no set."""
    where = f"{repository.name} ({printable(repository.shown_url)})"
    if not holdings.sets:
        yield f"No complete set in {where}."
    else:
        yield f"Sets in {where}."
        headers = ("Set", "Kinds", "Date", "Age", "Size", "State", "Store")
        rows = [
            (
                str(one.timestamp),
                kinds_of(one),
                numbers.moment(one.timestamp),
                numbers.age(one.timestamp, now_s),
                numbers.size(one.bytes),
                state_of(one, seen),
                printable(one.store),
            )
            for one in holdings.sets
        ]
        yield from table(headers, rows, right=frozenset({4}))
        yield f"Times are {numbers.zone()}."
    if holdings.unfinished:
        count = numbers.counted(len(holdings.unfinished), "snapshot")
        yield (
            f"Unfinished: {count} of sets that were never completed; the next backup goes on from "
            "them, and repo:forget removes them after a day."
        )


def set_json(one: RemoteSet, seen: Seen | None) -> dict[str, Any]:
    """Return a set as a JSON object."""
    return {
        "type": "RemoteSet",
        "repository": one.repository,
        "store": encode_text(one.store),
        "timestamp": one.timestamp,
        "time": numbers.iso(one.timestamp),
        "complete": one.is_whole,
        "checked": seen is not None and seen.is_checked(one),
        "missing": [kind.value for kind in one.missing],
        "content_bytes": one.bytes,
        "snapshots": {
            "manifest": one.manifest.id,
            **{kind.value: part.id for kind, part in one.parts.items()},
        },
    }


def unfinished_json(one: SetSnapshot, repository: str) -> dict[str, Any]:
    """Return a snapshot of no set as a JSON object."""
    return {
        "type": "UnfinishedSnapshot",
        "repository": repository,
        "store": encode_text(one.store),
        "kind": one.kind,
        "timestamp": one.timestamp,
        "snapshot": one.id,
    }


def decision_lines(one: RemoteSet, decision: Decision) -> tuple[str, ...]:
    """Return a set as a row: whether it stays, and why."""
    return (
        str(one.timestamp),
        numbers.moment(one.timestamp),
        kinds_of(one),
        numbers.size(one.bytes),
        "keep" if decision.keep else "forget",
        "; ".join(map(reason_text, decision.reasons)),
    )


def decision_json(one: RemoteSet, decision: Decision) -> dict[str, Any]:
    """Return whether a set stays, and why, as a JSON object."""
    return {
        "type": "RemoteSetJudged",
        "repository": one.repository,
        "timestamp": one.timestamp,
        "time": numbers.iso(one.timestamp),
        "keep": decision.keep,
        "reasons": [
            {"rule": reason.rule.value, "kinds": list(reason.kinds)} for reason in decision.reasons
        ],
    }


def _password_words(repository: Repository) -> str:
    if repository.password_file:
        return f"in the file {repository.password_file} (not shown here)"
    return f"printed by: {repository.password_command}"


def sheet_lines(repository: Repository, store: str, now_s: float) -> Iterator[str]:
    """Yield the recovery sheet: the needs of a restore on another machine. It holds no secret."""
    names = sorted(variables_of(repository))
    options = "".join(f" -o {shlex.quote(option)}" for option in repository.options)
    url = printable(shlex.quote(repository.shown_url))
    yield f"Recovery sheet of the repository {repository.name}, {numbers.moment(now_s, named=True)}"
    yield "Keep it, and a copy of the password, away from this machine: nothing opens the"
    yield "repository without its password, and nobody can give you another one."
    yield ""
    yield f"Address:   {printable(repository.shown_url)}"
    yield f"Password:  {printable(_password_words(repository))}"
    if names:
        yield f"Variables: {', '.join(names)} (of {printable(repository.env_file or '')})"
    yield f"Store:     {store}"
    yield ""
    yield "Without magerewind, on any machine with restic (https://restic.net):"
    yield f"  export RESTIC_REPOSITORY={url} RESTIC_PASSWORD_FILE=FILE"
    yield f"  restic{options} snapshots --tag magerewind,store={store} --group-by tags"
    yield f"  restic{options} restore ID-OF-KIND-CODE-OR-MEDIA --target /srv/shop"
    yield f"  restic{options} dump ID-OF-KIND-DB db.sql > db.sql"
    yield ""
    yield "With it, on an empty machine:"
    yield f"  magerewind repo:bootstrap {url} --root /srv/shop"


def sheet_json(repository: Repository, store: str) -> dict[str, Any]:
    """Return the facts of the recovery sheet as a JSON object."""
    return {
        "type": "RecoverySheet",
        "repository": repository.name,
        "url": repository.shown_url,
        "password_file": repository.password_file,
        "password_command": repository.password_command,
        "variables": sorted(variables_of(repository)),
        "options": list(repository.options),
        "store": store,
    }
