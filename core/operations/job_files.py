"""Where the state of jobs is, and every name inside a job's directory.

    var/.magerewind/lock              who works on the store
    var/.magerewind/forgotten         how many jobs ran whose directories are gone
    var/.magerewind/jobs/<id>/        one job:
        request.json      the request; never a password
        settings.json     the configuration around the job: hooks, receivers, metrics
        events.jsonl      the stream that everybody watches
        journal.jsonl     the engine's write-ahead memory
        connection.json   the database connection in force at the start, until the undo is gone
        definitions.json  the swap of tables
        shown.json        the plan that a person confirmed
        plan-<kind>…      the entries that a rollback moves; `.shown`: that of a listing, as shown
        caches/           caches on disk of the state before
        reserve           space for the last records on a full disk
        undo.json         there while the job's aside trees and tables are an undo
        discard.json      in its place while something of a discarded undo is left
        result.json       how it ended
        cancel            there when somebody asked the job to stop
        job.log           the runner's standard error

All of it is opened by descriptors, and believed only when it is this account's
(`core.owned_files`).
"""

from __future__ import annotations

import json
import os
import stat
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct

from core.archive.plan.plan_location import PlanBounds, PlanLocation
from core.directories import Directory, StateFile
from core.errors import ForeignState, JobNotFound, MagerewindError, NothingToUndo
from core.events import Kind
from core.magento.store import Store, open_var
from core.owned_files import why_foreign

REQUEST: Final = "request.json"
SETTINGS: Final = "settings.json"
EVENTS: Final = "events.jsonl"
JOURNAL: Final = "journal.jsonl"
CONNECTION: Final = "connection.json"
DEFINITIONS: Final = "definitions.json"
SHOWN: Final = "shown.json"
CACHES: Final = "caches"
RESERVE: Final = "reserve"
UNDO: Final = "undo.json"
DISCARDING: Final = "discard.json"
RESULT: Final = "result.json"
CANCEL: Final = "cancel"
LOG: Final = "job.log"

STATE: Final = ".magerewind"
JOBS: Final = "jobs"
FORGOTTEN: Final = "forgotten"
_SHOWN_STATE: Final = "var/.magerewind"
MOVE_STATE_AWAY: Final = "Look at it, and move out of var what is not this account's."
_SHOWN_JOB: Final = "A job in var/.magerewind"
_ID_LETTERS: Final = frozenset("0123456789abcdef-")
_ID_LENGTH: Final = 64
_COUNT_LIMIT: Final = 32


def is_job_id(text: object) -> bool:
    """Tell whether this may be the id of a job."""
    return isinstance(text, str) and 0 < len(text) <= _ID_LENGTH and set(text) <= _ID_LETTERS


def open_state(store: Store, *, make: bool = False) -> Directory | None:
    """Return `var/.magerewind`, None where there is none. Raises ForeignState, StoreError."""
    if not make and not os.path.lexists(store.var):
        return None
    with Directory(open_var(store, make=make), store.var, shown="var", ours=False) as var:
        if make:
            return var.make_directory(STATE, shown=_SHOWN_STATE)
        with suppress(FileNotFoundError):
            return var.open_directory(STATE, shown=_SHOWN_STATE)
    return None


def planted_state(store: Store) -> ForeignState | None:
    """Return the error for a `var/.magerewind` of neither this account nor the store's owner.

    An account that only gave it to the owner would have its contents believed.
    """
    try:
        status = os.lstat(store.state_directory)
    except OSError:
        return None
    reason = why_foreign(status, directory=True)
    if not reason or (stat.S_ISDIR(status.st_mode) and status.st_uid == store.owner_uid):
        return None
    return ForeignState(
        f"{_SHOWN_STATE} {reason}: nothing of it is used, and no job starts.",
        hint=MOVE_STATE_AWAY,
        reason=reason,
    )


def open_jobs(store: Store, *, make: bool = False) -> Directory | None:
    """Return the directory of all jobs, None where there is none. Raises as `open_state`."""
    state = open_state(store, make=make)
    if state is None:
        return None
    if make:
        return state.make_directory(JOBS)
    with suppress(FileNotFoundError):
        return state.open_directory(JOBS)
    return None


def forgotten(store: Store) -> int:
    """Return how many jobs ran whose directories are gone, 0 where nothing tells."""
    with suppress(OSError, MagerewindError, ValueError):
        state = open_state(store)
        if state is not None:
            return max(0, int(state.read(FORGOTTEN, limit=_COUNT_LIMIT)))
    return 0


def add_forgotten(store: Store, number: int) -> None:
    """Count jobs whose directories were removed. That it cannot be written changes nothing."""
    total = forgotten(store) + number
    with suppress(OSError, MagerewindError):
        state = open_state(store)
        if state is not None:
            state.write(FORGOTTEN, f"{total}\n".encode("ascii"))


def job_ids(jobs: Directory) -> list[str]:
    """Return the ids of all jobs, oldest first."""
    return [name for name in jobs.names() if is_job_id(name)]


def open_job(jobs: Directory, job_id: str) -> Directory:
    """Return a job's directory. Raises JobNotFound, ForeignState."""
    if not is_job_id(job_id):
        raise JobNotFound("That is no id of a job.")
    try:
        return jobs.open_directory(job_id, shown=_SHOWN_JOB)
    except FileNotFoundError:
        raise JobNotFound(f"There is no job {job_id}.") from None


def sibling(directory: Directory, job_id: str) -> Directory:
    """Return the directory of another job of the same store. Raises as `open_job`."""
    if directory.parent is None:
        raise JobNotFound(f"There is no job {job_id}.")
    return open_job(directory.parent, job_id)


def read_json(directory: Directory, name: str) -> dict[str, Any] | None:
    """Return a JSON object, None for a file that is missing or damaged.

    Raises ForeignState, StorageError.
    """
    try:
        value = json.loads(directory.read(name))
    except (FileNotFoundError, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class UndoMark(Struct, frozen=True, kw_only=True):
    """The record of a job's undo: `undo.json`, or `discard.json` once it is given up."""

    kinds: tuple[Kind, ...]
    committed_s: float = 0.0
    bytes: int = 0


def read_mark(directory: Directory, name: str) -> UndoMark | None:
    """Return a job's mark of that name, None where there is none that can be understood.

    Raises ForeignState, StorageError.
    """
    row = read_json(directory, name)
    if row is None:
        return None
    try:
        return UndoMark(
            kinds=tuple(Kind(kind) for kind in row["kinds"]),
            committed_s=float(row.get("committed_s", 0)),
            bytes=max(0, int(row.get("bytes", 0))),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


def undo_kinds(directory: Directory) -> tuple[Kind, ...]:
    """Return the kinds that a job's undo holds. Raises NothingToUndo when it keeps none."""
    mark = read_mark(directory, UNDO)
    if mark is None:
        raise NothingToUndo(f"Job {directory.name} keeps no undo.")
    return mark.kinds


def plan_name(kind: Kind) -> str:
    """Return the name of a job's plan for one kind of files."""
    return f"plan-{kind}"


def plan_of(store: Store, directory: Directory, kind: Kind) -> PlanLocation:
    """Return the home of a job's plan for one kind of files, which may be there or not."""
    root = os.fsencode(store.root)
    media = os.fsencode(os.path.relpath(store.media, store.root)) + b"/"
    trees = {(root, b"")}
    if kind is Kind.MEDIA:
        trees.add((os.fsencode(store.media_target), media))
    return PlanLocation(
        StateFile(directory, plan_name(kind)),
        PlanBounds(
            trees=frozenset(trees),
            state=os.path.join(os.fsencode(store.var), os.fsencode(STATE)),
            job_id=directory.name,
            kind=kind.value,
        ),
    )
