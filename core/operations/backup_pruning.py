"""Pruning as a step of a backup: before it, where it would not fit, and after it.

A failed deletion afterwards is a warning: the backup is complete, and the next one tries again.
"""

from __future__ import annotations

from core.backups.catalog import Backup
from core.backups.clock import trust_clock
from core.errors import MagerewindError, PreflightRefused
from core.events import Noted, Step, Warned
from core.operations.context import JobContext
from core.operations.pruning import CLOCK_HINT, clock_doubt, delete_sets, plan_prune
from core.operations.requests import BackupRequest


def prune_before(context: JobContext, request: BackupRequest) -> None:
    """Delete the sets that no rule keeps, to make room. Raises PreflightRefused, StorageError."""
    doubt = _doubt(context)
    if doubt:
        raise PreflightRefused(doubt, hint=CLOCK_HINT)
    _prune(context, request)


def prune_after(context: JobContext, request: BackupRequest) -> None:
    """Delete the sets that no rule keeps any more, and leave the anchor of the clock."""
    try:
        doubt = _doubt(context)
        if doubt:
            if request.prune:
                _warn(context, f"{doubt} magerewind info:backups:prune says how to go on.")
            return
        if request.prune:
            with context.step(Step.PRUNE):
                _prune(context, request)
        now_s = context.clock()
        trust_clock(context.store.backups, host=context.host, now_s=now_s)
    except MagerewindError as error:
        if error.exit_code == 130:
            raise
        _warn(context, error.message)


def _doubt(context: JobContext) -> str:
    return clock_doubt(context.store, host=context.host, now_s=context.clock(), probe=True)


def _warn(context: JobContext, why: str) -> None:
    context.say(Warned(code="not-pruned", message=f"No old backups were deleted: {why}"))


def _prune(context: JobContext, request: BackupRequest) -> None:
    plan = plan_prune(
        context.store,
        request.policy,
        jobs=context.directory.parent,
        now_s=context.clock(),
        besides=context.job_id,
    )
    gone: list[str] = []

    def deleted(backup: Backup, _freed_bytes: int) -> None:
        gone.append(backup.name.text)

    try:
        delete_sets(plan, deleted)
    finally:
        if gone:
            message = "Old backups that no rule keeps were deleted:"
            context.emit(Noted(code="pruned", message=message, names=tuple(gone)))
