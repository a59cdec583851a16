"""Give up an undo: remove the aside trees, drop the aside tables, forget the connection."""

from __future__ import annotations

import json
import os

from core.archive.swap import aside_bytes, remove_aside
from core.database.undo import drop_aside
from core.durable import unlink_if_there
from core.errors import NothingToUndo
from core.events import Kind, Report, Step, StepsPlanned, Warned, step_key
from core.magento.store import Store
from core.operations.connection_file import forget_connection, kept_connection
from core.operations.context import JobContext
from core.operations.done import Done
from core.operations.requests import DiscardRequest


def kept_undos(store: Store) -> tuple[str, ...]:
    """Return the ids of the jobs that keep an undo, oldest first."""
    try:
        names = sorted(os.listdir(store.jobs_directory))
    except FileNotFoundError:
        return ()
    return tuple(
        name
        for name in names
        if os.path.isfile(os.path.join(store.jobs_directory, name, "undo.json"))
    )


def undo_kinds(directory: str) -> tuple[Kind, ...]:
    """Return the kinds that a job's undo holds. Raises NothingToUndo when it keeps none."""
    try:
        with open(os.path.join(directory, "undo.json"), "rb") as file:
            kinds = json.loads(file.read())["kinds"]
    except (OSError, ValueError, KeyError):
        raise NothingToUndo(f"Job {os.path.basename(directory)} keeps no undo.") from None
    return tuple(Kind(kind) for kind in kinds)


def undo_bytes(directory: str, kinds: tuple[Kind, ...]) -> int:
    """Return the bytes that the aside trees of a job take; tables are not counted."""
    return sum(
        aside_bytes(os.path.join(directory, f"plan-{kind}"))
        for kind in kinds
        if kind is not Kind.DB
    )


def discard_undo(context: JobContext, job_id: str, report: Report) -> tuple[Warned, ...]:
    """Remove what job `job_id` has aside; return what could not be removed and why.

    The mark of the undo goes first: half an undo must never be offered.
    """
    directory = os.path.join(context.store.jobs_directory, job_id)
    kinds = undo_kinds(directory)
    context.journal.append("discard", job_id=job_id, kinds=[kind.value for kind in kinds])
    unlink_if_there(os.path.join(directory, "undo.json"))
    return remove_parts(directory, kinds, report)


def remove_parts(directory: str, kinds: tuple[Kind, ...], report: Report) -> tuple[Warned, ...]:
    """Free the space of a job's aside trees and tables. May be run again after a crash."""
    warnings: list[Warned] = []
    for kind in kinds:
        if kind is Kind.DB:
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
        else:
            remove_aside(os.path.join(directory, f"plan-{kind}"), report=report)
    return tuple(warnings)


def run_discard(context: JobContext, request: DiscardRequest) -> Done:
    """Give up the undo of a job. The store stays open all the time."""
    context.emit(StepsPlanned(steps=(step_key(Step.REMOVE),)))
    undo_kinds(os.path.join(context.store.jobs_directory, request.job_id))
    with context.step(Step.REMOVE) as report:
        context.say(*discard_undo(context, request.job_id, report))
    return Done(strict=request.strict)


def finish_discard(context: JobContext) -> None:
    """Go on with a discard that was interrupted."""
    for record in context.journal.records:
        if record.kind == "discard":
            directory = os.path.join(context.store.jobs_directory, record.payload["job_id"])
            kinds = tuple(Kind(kind) for kind in record.payload["kinds"])
            with context.step(Step.REMOVE) as report:
                context.say(*remove_parts(directory, kinds, report))
