"""Discards an undo: removes the aside trees, drops the aside tables, forgets the connection."""

from __future__ import annotations

import os
from contextlib import suppress

from core.archive.restore.asides import aside_bytes, kept_by_others, remove_aside
from core.archive.tree.remove import remove_tree
from core.directories import Directory, StateFile
from core.durable import translate
from core.errors import DatabaseError, MagerewindError, NothingToUndo, reason_of
from core.events import Kind, Report, Step, StepsPlanned, Warned, step_key
from core.magento.store import Store
from core.operations.connection_file import forget_connection, has_connection, kept_connection
from core.operations.context import JobContext
from core.operations.findings import Finding, owner_hint, refuse, stop
from core.operations.job_files import (
    DEFINITIONS,
    DISCARDING,
    UNDO,
    is_job_id,
    job_ids,
    plan_of,
    read_mark,
    sibling,
    undo_kinds,
)
from core.operations.records import DiscardBegun
from core.operations.release_root import other_root
from core.operations.requests import DiscardRequest
from core.operations.results import OperationResult


def kept_undos(context: JobContext) -> tuple[str, ...]:
    """Return the ids of the jobs that keep an undo, oldest first."""
    return tuple(job_id for job_id, _ in _marked(context, UNDO))


def _marked(context: JobContext, mark: str) -> list[tuple[str, Directory]]:
    """Return the jobs of ours that have a mark, oldest first."""
    jobs = context.directory.parent
    found: list[tuple[str, Directory]] = []
    for job_id in [] if jobs is None else job_ids(jobs):
        with suppress(MagerewindError):  # one that is not ours was said before the start
            directory = sibling(context.directory, job_id)
            if directory.has(mark):
                found.append((job_id, directory))
    return found


def undo_bytes(store: Store, directory: Directory, kinds: tuple[Kind, ...]) -> int:
    """Return the bytes that aside trees take, and aside tables by the guess of the server."""
    taken = 0
    for kind in kinds:
        if kind is not Kind.DB:
            taken += aside_bytes(plan_of(store, directory, kind))
            continue
        from core.database.swap.undo import aside_bytes as table_bytes  # noqa: PLC0415 - only where needed

        with suppress(DatabaseError):  # a number for people is no reason for a job to fail
            taken += table_bytes(kept_connection(directory), StateFile(directory, DEFINITIONS))
    return taken


def discard_undo(context: JobContext, job_id: str, report: Report) -> None:
    """Remove the asides of job `job_id`; report those that could not be removed.

    The mark of the undo goes first: half an undo must never be offered. Another mark takes its
    place until all is gone, so that a later job can finish a failed one.
    """
    directory = sibling(context.directory, job_id)
    kinds = undo_kinds(directory)
    context.journal.write(DiscardBegun(job_id=job_id, kinds=kinds))
    _begin(directory)
    _remove(context, directory, kinds, report)


def _begin(directory: Directory) -> None:
    try:
        directory.rename(UNDO, DISCARDING)
        directory.flush()
    except OSError as error:
        raise translate(error, f"discarding the undo in {directory.path}") from error


def _remove(
    context: JobContext, directory: Directory, kinds: tuple[Kind, ...], report: Report
) -> None:
    context.say(*remove_parts(context.store, directory, kinds, report))
    directory.remove(DISCARDING)


def finish_discards(context: JobContext, report: Report) -> None:
    """Remove the rest of undos that were being discarded, by this job or an earlier one."""
    for record in context.journal.each(DiscardBegun):
        if is_job_id(record.job_id):
            directory = sibling(context.directory, record.job_id)
            if directory.has(UNDO):
                _begin(directory)
    for job_id, directory in _marked(context, DISCARDING):
        try:
            mark = read_mark(directory, DISCARDING)
            if mark is None:
                raise NothingToUndo("its discard.json cannot be read.")
            _remove(context, directory, mark.kinds, report)
        except (OSError, MagerewindError) as error:
            reason = reason_of(error)
            context.say(
                Warned(
                    code="undo-left",
                    message=f"What was the undo of job {job_id} is left until the next rollback: "
                    f"{reason}",
                )
            )


def take_mark(directory: Directory) -> None:
    """Let a job's undo be offered no more, since another job has used it up."""
    directory.remove(UNDO)
    directory.flush()


def remove_parts(
    store: Store, directory: Directory, kinds: tuple[Kind, ...], report: Report
) -> tuple[Warned, ...]:
    """Free the space of a job's aside trees and tables. May be run again after a crash."""
    warnings: list[Warned] = []
    gone = other_root(store, directory) is not None
    for kind in kinds:
        if kind is not Kind.DB and gone:
            _remove_by_name(directory, kind, report)
        elif kind is not Kind.DB:
            remove_aside(plan_of(store, directory, kind), report=report)
        elif has_connection(directory):  # else it was done before the crash
            from core.database.swap.undo import drop_aside  # noqa: PLC0415 - only where needed

            discarded = drop_aside(
                kept_connection(directory), StateFile(directory, DEFINITIONS), report=report
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


def _remove_by_name(directory: Directory, kind: Kind, report: Report) -> None:
    """Remove the state of another release's job in `var/.magerewind`; its plan is not of this one.

    Its directories at the top of other mounts stay, and are named once the job is forgotten.
    """
    state = None if directory.parent is None else directory.parent.parent
    if state is not None:
        for what in ("stage", "aside"):
            name = os.fsencode(f"{what}-{directory.name}-{kind}")
            remove_tree(name, dir_fd=state.fd, report=report)


def _kept_by_others(store: Store, directory: Directory) -> list[Finding]:
    """Return the parts of an undo that this account could not remove: half an undo is useless."""
    if other_root(store, directory) is not None:
        return []
    names = [
        name
        for kind in undo_kinds(directory)
        if kind is not Kind.DB
        for name in kept_by_others(plan_of(store, directory, kind))
    ]
    message = "What was set aside holds directories of other accounts, which this one cannot empty."
    return [stop("not-writable", message, hint=owner_hint(store), names=names)] if names else []


def run_discard(context: JobContext, request: DiscardRequest) -> OperationResult:
    """Give up the undo of a job. The store stays open all the time."""
    context.emit(StepsPlanned(steps=(step_key(Step.REMOVE),)))
    directory = sibling(context.directory, request.job_id)
    refuse(_kept_by_others(context.store, directory))
    with context.step(Step.REMOVE) as report:
        finish_discards(context, report)
        discard_undo(context, request.job_id, report)
    return OperationResult(strict=request.strict)
