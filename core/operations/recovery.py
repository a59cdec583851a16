"""Recovery: continues the job of a dead runner. The journal decides in which direction.

A backup loses its unfinished files. A rollback or an undo is reverted before its commit point and
rolled forward after it. A discard is finished. Every way may itself be interrupted and run again.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from typing import Final

from core.database.server.connection import schema_lock
from core.errors import ConnectionFailed, JobRunning, StoreLeftClosed
from core.events import Kind, Outcome, RecoveryBegan, Step
from core.operations import commit_or_revert
from core.operations.backup import abandon
from core.operations.connection_file import has_connection, kept_connection
from core.operations.context import JobContext
from core.operations.discard import finish_discards
from core.operations.drill import tidy
from core.operations.findings import SHOWN_NAMES, owner_hint
from core.operations.parts import Part, parts_of
from core.operations.records import Committed, kinds_of
from core.operations.repair import run_repair
from core.operations.requests import (
    BackupRequest,
    DiscardRequest,
    DrillRequest,
    RepairRequest,
    Request,
    RollbackRequest,
    UndoRequest,
)
from core.operations.results import OperationResult

_LOCK_TRIES: Final = 20
_LOCK_PAUSE_S: Final = 0.5


def recover(context: JobContext, request: Request) -> OperationResult:
    """Bring the store to a whole state: the old one or the new one, never a mix.

    Raises StoreLeftClosed when neither can be completed.
    """
    committed = context.journal.has(Committed)
    context.emit(
        RecoveryBegan(
            way="forward"
            if committed or isinstance(request, DiscardRequest | RepairRequest)
            else "revert",
            host=context.host,
            user=context.user,
            pid=os.getpid(),
        )
    )
    match request:
        case BackupRequest():
            abandon(context)
            return _reverted("The interrupted backup was tidied up.")
        case DiscardRequest():
            with context.step(Step.REMOVE) as report:
                finish_discards(context, report)
            return OperationResult(message="The interrupted discard was finished.")
        case RepairRequest():
            return run_repair(context, request)
        case DrillRequest():
            with _schema_held(context, parts_of(kinds_of(context.journal))):
                tidy(context)
            return _reverted("What the interrupted drill had made was removed.")
        case RollbackRequest() | UndoRequest():
            return _recover_rollback(context, request, committed=committed)


def _recover_rollback(
    context: JobContext, request: RollbackRequest | UndoRequest, *, committed: bool
) -> OperationResult:
    parts = parts_of(kinds_of(context.journal))
    replaces = request.job_id if isinstance(request, UndoRequest) else None
    with _schema_held(context, parts):
        if committed:
            return commit_or_revert.forward(
                context, parts, flush=request.flush, replaces=replaces, strict=request.strict
            )
        _refuse_unmovable(context, parts)
        commit_or_revert.revert(context, parts)
    return _reverted("The interrupted job was reverted: the store is as it was before it.")


def _refuse_unmovable(context: JobContext, parts: tuple[Part, ...]) -> None:
    """Raise StoreLeftClosed, nothing moved yet, for entries that this account cannot move back."""
    names = [name for part in parts for name in part.unmovable(context)]
    if names:
        raise StoreLeftClosed(
            "The job cannot be reverted by this account: it would have to move what is in "
            f"directories of others: {', '.join(names[:SHOWN_NAMES])}",
            hint=owner_hint(context.store),
        )


@contextlib.contextmanager
def _schema_held(context: JobContext, parts: tuple[Part, ...]) -> Iterator[None]:
    """Hold the schema against jobs of other releases.

    A server that is down ends no recovery: the parts that need it wait for it, or say so. The
    dead runner's own connection may hold the lock until the server has noticed its end.
    """
    with contextlib.ExitStack() as locks:
        if any(part.kind is Kind.DB for part in parts) and has_connection(context.directory):
            settings = kept_connection(context.directory)
            for _ in range(_LOCK_TRIES - 1):
                try:
                    locks.enter_context(schema_lock(settings))
                    break
                except JobRunning:
                    time.sleep(_LOCK_PAUSE_S)
                except ConnectionFailed:
                    break
            else:
                locks.enter_context(schema_lock(settings))
        yield


def _reverted(message: str) -> OperationResult:
    return OperationResult(outcome=Outcome.REVERTED, message=message)
