"""Give up an undo: remove the aside trees, drop the aside tables, forget the connection."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Final

from core.archive.restore.asides import aside_bytes, kept_by_others, remove_aside
from core.durable import fsync_directory, translate, unlink_if_there
from core.errors import DatabaseError, MagerewindError, NothingToUndo
from core.events import Kind, Report, Step, StepsPlanned, Warned, step_key
from core.magento.store import Store
from core.operations.connection_file import forget_connection, has_connection, kept_connection
from core.operations.context import JobContext
from core.operations.done import Done
from core.operations.findings import Finding, owner_hint, refuse, stop
from core.operations.requests import DiscardRequest

_UNDO: Final = "undo.json"
_DISCARDING: Final = "discard.json"


def kept_undos(store: Store) -> tuple[str, ...]:
    """Return the ids of the jobs that keep an undo, oldest first."""
    return _marked(store, _UNDO)


def _marked(store: Store, mark: str) -> tuple[str, ...]:
    try:
        names = sorted(os.listdir(store.jobs_directory))
    except FileNotFoundError:
        return ()
    return tuple(
        name for name in names if os.path.isfile(os.path.join(store.jobs_directory, name, mark))
    )


def undo_kinds(directory: str) -> tuple[Kind, ...]:
    """Return the kinds that a job's undo holds. Raises NothingToUndo when it keeps none."""
    return _kinds(directory, _UNDO)


def _kinds(directory: str, mark: str) -> tuple[Kind, ...]:
    try:
        with open(os.path.join(directory, mark), "rb") as file:
            kinds = json.loads(file.read())["kinds"]
    except (OSError, ValueError, KeyError):
        raise NothingToUndo(f"Job {os.path.basename(directory)} keeps no undo.") from None
    return tuple(Kind(kind) for kind in kinds)


def undo_bytes(directory: str, kinds: tuple[Kind, ...]) -> int:
    """Return the bytes that aside trees take, and aside tables by the guess of the server."""
    taken = 0
    for kind in kinds:
        if kind is not Kind.DB:
            taken += aside_bytes(os.path.join(directory, f"plan-{kind}"))
            continue
        from core.database.swap.undo import aside_bytes as table_bytes  # noqa: PLC0415 - only where needed

        with suppress(DatabaseError):  # a number for people is no reason for a job to fail
            taken += table_bytes(
                kept_connection(directory), os.path.join(directory, "definitions.json")
            )
    return taken


def discard_undo(context: JobContext, job_id: str, report: Report) -> None:
    """Remove what job `job_id` has aside; what could not be removed is said.

    The mark of the undo goes first: half an undo must never be offered. Another mark takes its
    place until all is gone, so that a later job can finish what failed.
    """
    directory = os.path.join(context.store.jobs_directory, job_id)
    kinds = undo_kinds(directory)
    context.journal.append("discard", job_id=job_id, kinds=[kind.value for kind in kinds])
    _begin(directory)
    _remove(context, directory, kinds, report)


def _begin(directory: str) -> None:
    try:
        os.rename(os.path.join(directory, _UNDO), os.path.join(directory, _DISCARDING))
        fsync_directory(directory)
    except OSError as error:
        raise translate(error, f"discarding the undo in {directory}") from error


def _remove(context: JobContext, directory: str, kinds: tuple[Kind, ...], report: Report) -> None:
    context.say(*remove_parts(directory, kinds, report))
    unlink_if_there(os.path.join(directory, _DISCARDING))


def finish_discards(context: JobContext, report: Report) -> None:
    """Remove what is left of undos that were being discarded, by this job or an earlier one."""
    for record in context.journal.records:
        if record.kind == "discard":
            directory = os.path.join(context.store.jobs_directory, record.payload["job_id"])
            if os.path.exists(os.path.join(directory, _UNDO)):
                _begin(directory)
    for job_id in _marked(context.store, _DISCARDING):
        directory = os.path.join(context.store.jobs_directory, job_id)
        try:
            _remove(context, directory, _kinds(directory, _DISCARDING), report)
        except (OSError, MagerewindError) as error:
            reason = error.message if isinstance(error, MagerewindError) else str(error)
            context.say(
                Warned(
                    code="undo-left",
                    message=f"What was the undo of job {job_id} is left until the next rollback: "
                    f"{reason}",
                )
            )


def take_mark(directory: str) -> None:
    """Let a job's undo be offered no more, since another job has used it up."""
    unlink_if_there(os.path.join(directory, _UNDO))
    fsync_directory(directory)


def remove_parts(directory: str, kinds: tuple[Kind, ...], report: Report) -> tuple[Warned, ...]:
    """Free the space of a job's aside trees and tables. May be run again after a crash."""
    warnings: list[Warned] = []
    for kind in kinds:
        if kind is not Kind.DB:
            remove_aside(os.path.join(directory, f"plan-{kind}"), report=report)
        elif has_connection(directory):  # else it was done before the crash
            from core.database.swap.undo import drop_aside  # noqa: PLC0415 - only where needed

            discarded = drop_aside(
                kept_connection(directory),
                os.path.join(directory, "definitions.json"),
                report=report,
            )
            if discarded.kept:
                warnings.append(
                    Warned(
                        code="aside-tables-kept",
                        message="Old tables that a foreign key of another schema refers to stay:",
                        names=discarded.kept,
                    )
                )
            forget_connection(directory)
    return tuple(warnings)


def _kept_by_others(store: Store, directory: str) -> list[Finding]:
    """Return what of a job's undo this account could not remove: half an undo helps nobody."""
    names = [
        name
        for kind in undo_kinds(directory)
        if kind is not Kind.DB
        for name in kept_by_others(os.path.join(directory, f"plan-{kind}"))
    ]
    message = "What was set aside holds directories of other accounts, which this one cannot empty."
    return [stop("not-writable", message, hint=owner_hint(store), names=names)] if names else []


def run_discard(context: JobContext, request: DiscardRequest) -> Done:
    """Give up the undo of a job. The store stays open all the time."""
    context.emit(StepsPlanned(steps=(step_key(Step.REMOVE),)))
    directory = os.path.join(context.store.jobs_directory, request.job_id)
    refuse(_kept_by_others(context.store, directory))
    with context.step(Step.REMOVE) as report:
        finish_discards(context, report)
        discard_undo(context, request.job_id, report)
    return Done(strict=request.strict)
