"""The work of a backup, a rollback and an undo, as shown before the start."""

from __future__ import annotations

from collections.abc import Iterable

from core.events import Kind
from core.operations.job_files import OlderUndo
from core.operations.requests import BackupRequest, RollbackRequest, UndoRequest
from core.text import numbers
from core.text.steps import KIND_WORDS


def numbered(steps: Iterable[str]) -> str:
    """Return steps as one line."""
    return "  ".join(f"{number} {step}" for number, step in enumerate(steps, 1))


def backup_order(request: BackupRequest) -> tuple[str, ...]:
    """Return the work of a backup, to var/backups and to the repositories of the request."""
    repositories = [one.name for one in request.repositories]
    verb = "write and verify" if request.verify else "write"
    if not request.local:
        verb = f"send to {', '.join(repositories)}:"
    steps = [f"{verb} {KIND_WORDS[kind]}" for kind in Kind if kind in request.kinds]
    sent = [f"copy to {name}" for name in repositories if request.local]
    if request.keep_open:
        return (*steps, *sent)
    return ("close the store", *steps, "open the store", *sent)


def rollback_order(
    request: RollbackRequest | UndoRequest, kinds: Iterable[Kind]
) -> tuple[str, ...]:
    """Return the work of a rollback or an undo of these kinds."""
    kinds, again = frozenset(kinds), isinstance(request, UndoRequest)
    prepare = bool(kinds - {Kind.DB}) and not again
    load = Kind.DB in kinds and not again
    load_open = isinstance(request, RollbackRequest) and request.load_open
    far = isinstance(request, RollbackRequest) and request.repository is not None
    steps = (
        (far and load, "fetch and check the dump"),
        (far and prepare, "fetch what differs"),
        (prepare, "prepare what differs beside the store"),
        (load and load_open, "load tables that differ beside the live ones"),
        (True, "close the store"),
        (prepare, "look again at what changed meanwhile"),
        (load and not load_open, "load tables that differ beside the live ones"),
        (Kind.DB in kinds, "hold the other tables and compare them again"),
        (True, "exchange everything at once"),
        (request.flush, "flush the caches"),
        (True, "open the store"),
    )
    return tuple(step for wanted, step in steps if wanted)


def older_undo(older: OlderUndo, when: str) -> str:
    """Return the sentence about an undo that a rollback takes the place of."""
    size = numbers.size(older.bytes)
    return f"The undo of the {older.operation} of {when} ({size}) goes with this one."
