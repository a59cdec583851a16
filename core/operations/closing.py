"""Closes and reopens the store; the journal record is written before each change.

Reopening is not cleanup: it is called only after the store was proven whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from core.errors import StorageError
from core.events import MaintenanceDisabled, MaintenanceEnabled, Step
from core.journal import Record
from core.magento.maintenance import (
    FlagContent,
    close_store,
    maintenance_state,
    mark_flag,
    open_store,
)
from core.operations.context import JobContext
from core.operations.records import Close, Opened, kinds_of


def close(context: JobContext) -> None:
    """Turn maintenance mode on; its earlier state is in the journal before it is touched."""
    with context.step(Step.CLOSE):
        already = maintenance_state(context.store).on
        context.journal.write(Close(already=already, at_s=context.clock()))
        close_store(context.store, _mark(context, "closed"))
        context.emit(MaintenanceEnabled(already=already))


def mark(context: JobContext, phase: str) -> None:
    """Let the flag say how far the job is: all that tells it if the job's memory is lost."""
    closed = context.journal.newest(Close)
    if closed is not None and not closed.already:
        mark_flag(context.store, _mark(context, phase))


def _mark(context: JobContext, phase: str) -> FlagContent:
    kinds = tuple(kind.value for kind in kinds_of(context.journal))
    return FlagContent(job_id=context.job_id, phase=phase, kinds=kinds)


def reopen(context: JobContext) -> None:
    """Restore maintenance mode from before this job; does nothing if the job never closed it."""
    closed = context.journal.newest(Close)
    if closed is None or context.journal.has(Opened):
        return
    context.cancellation.forbid()  # the store is opened now, in any case
    with context.step(Step.OPEN):
        already = closed.already
        if not already:
            open_store(context.store)
        # On a full disk the store is open all the same; a recovery would just open it once more.
        with suppress(StorageError):
            context.journal.write(Opened(at_s=context.clock()))
        context.emit(MaintenanceDisabled(skipped=already))


def closed_seconds(records: Iterable[Record], now_s: float) -> float:
    """Return how long the store has been closed for the job that wrote these records."""
    closed_s: float | None = None
    for record in records:
        if record.kind == Close.KIND:
            closed = Close.read(record)
            closed_s = closed_s if closed.already else closed.at_s
        if record.kind == Opened.KIND and closed_s is not None:
            return max(0.0, Opened.read(record).at_s - closed_s)
    return 0.0 if closed_s is None else max(0.0, now_s - closed_s)
