"""Closing the store for a job and opening it again: remembered first, then done.

Opening is never mere cleanup: it is called only where the store has been proven whole.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from core.errors import StorageError
from core.events import MaintenanceDisabled, MaintenanceEnabled, Step
from core.journal import Record
from core.magento.maintenance import (
    FlagMark,
    close_store,
    maintenance_state,
    mark_flag,
    open_store,
)
from core.operations.context import JobContext


def close(context: JobContext) -> None:
    """Turn maintenance mode on; what it was before is in the journal before it is touched."""
    with context.step(Step.CLOSE):
        already = maintenance_state(context.store).on
        context.journal.append("close", already=already, at_s=context.clock())
        close_store(context.store, _mark(context, "closed"))
        context.emit(MaintenanceEnabled(already=already))


def mark(context: JobContext, phase: str) -> None:
    """Let the flag say how far the job is: all that tells it if the job's memory is lost."""
    if not context.journal.last_payload("close").get("already", True):
        mark_flag(context.store, _mark(context, phase))


def _mark(context: JobContext, phase: str) -> FlagMark:
    kinds = context.journal.records[0].payload.get("kinds", ())
    return FlagMark(job_id=context.job_id, phase=phase, kinds=tuple(kinds))


def reopen(context: JobContext) -> None:
    """Put maintenance mode back to what it was before this job; does nothing if it never closed."""
    closed = context.journal.last("close")
    if closed is None or context.journal.has("opened"):
        return
    context.cancellation.forbid()  # whatever happens, the store is opened now
    with context.step(Step.OPEN):
        already = bool(closed.payload["already"])
        if not already:
            open_store(context.store)
        # On a full disk the store is open all the same; a recovery would just open it once more.
        with suppress(StorageError):
            context.journal.append("opened", at_s=context.clock())
        context.emit(MaintenanceDisabled(skipped=already))


def closed_seconds(records: Iterable[Record], now_s: float) -> float:
    """Return how long the store has been closed for the job that wrote these records."""
    closed_s: float | None = None
    for record in records:
        if record.kind == "close" and not record.payload["already"]:
            closed_s = float(record.payload["at_s"])
        if record.kind == "opened" and closed_s is not None:
            return max(0.0, float(record.payload["at_s"]) - closed_s)
    return 0.0 if closed_s is None else max(0.0, now_s - closed_s)
