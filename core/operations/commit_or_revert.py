"""The two ends of a rollback or an undo: revert before the commit point, go forward after it.

Both work from the journal and the job's directory alone, may be run again at any point, and are
therefore also what recovery runs. The store is opened only at their end.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from core.errors import Cancelled, MagerewindError, StorageError, StoreLeftClosed, reason_of
from core.events import (
    CommitReached,
    FollowUp,
    Kind,
    Noted,
    Outcome,
    PermissionReminder,
    RollbackCompleted,
    Step,
    Warned,
)
from core.magento.caches import flush_caches, set_caches_aside
from core.operations import closing, job_files
from core.operations.connection_file import forget_connection
from core.operations.context import JobContext
from core.operations.discard import discard_undo, finish_discards, kept_undos, take_mark, undo_bytes
from core.operations.files_part import FilesPart
from core.operations.parts import Part
from core.operations.records import Close, Committed, ConsumersRan, FromElsewhere, Settled
from core.operations.results import OperationResult

NEXT_COMMAND = "magerewind job:recover"


def revert(context: JobContext, parts: tuple[Part, ...]) -> None:
    """Bring the store back to its state before the job and open it.

    Raises StoreLeftClosed when that cannot be proven; the store then stays closed.
    """
    context.cancellation.forbid()
    context.free_reserve()
    closed = context.journal.has(Close)
    cause: Exception | None = None
    with suppress(MagerewindError), context.step(Step.REVERT):
        for part in reversed(parts):
            try:
                context.say(*part.revert(context))
            except (OSError, MagerewindError) as error:
                cause = cause or error
        if cause is not None:
            raise MagerewindError(str(cause))
    if cause is not None:
        raise _left_closed("The rollback could not be reverted", cause, closed=closed) from cause
    closing.reopen(context)
    with suppress(OSError):
        forget_connection(context.directory)


def end_by_reverting(context: JobContext, parts: tuple[Part, ...], error: BaseException) -> None:
    """Revert after `error`, unless the commit may be on disk: then the next recovery decides."""
    if context.journal.broken or context.journal.has(Committed):
        return
    if isinstance(error, MagerewindError):
        # The cause precedes its effect: a reader of a log wants the reason first.
        message = f"{_sentence(error.message)} Everything is being reverted."
        context.emit(Noted(code="reverting", message=message))
    revert(context, parts)
    context.emit(Noted(code="reverted", message="Everything is reverted."))


def _sentence(text: str) -> str:
    """Return a message with the full stop that it needs where another sentence follows."""
    return text if text.endswith((".", "!", "?")) else f"{text}."


def _left_closed(what: str, cause: Exception, *, closed: bool) -> StoreLeftClosed:
    reason = cause.message if isinstance(cause, MagerewindError) else str(cause)
    state = "The store stays closed." if closed else "Nothing of the store was changed."
    return StoreLeftClosed(
        f"{what}: {_sentence(reason)} {state}",
        hint=f"When the cause is mended, run: {NEXT_COMMAND}",
    )


def commit(context: JobContext) -> None:
    """Pass the point of no return.

    Raises Cancelled before it; StoreLeftClosed when a failing disk leaves it unknown whether the
    record is there: the next recovery reads the true state of the disk, and decides by that.
    """
    with context.step(Step.COMMIT):
        context.cancellation.check()
        context.cancellation.forbid()
        try:
            context.journal.write(Committed(at_s=context.clock()))
        except StorageError as error:
            if context.journal.broken:
                raise _left_closed(
                    "It is not known whether the commit reached the disk", error, closed=True
                ) from error
            raise
        with suppress(MagerewindError):  # it only counts where the journal is lost
            closing.mark(context, "committed")
        context.emit(CommitReached())


def forward(
    context: JobContext, parts: tuple[Part, ...], *, flush: bool, replaces: str | None, strict: bool
) -> OperationResult:
    """Do everything that comes after the commit, open the store, discard the older undo.

    `replaces`: the job whose undo this job has used up. Raises StoreLeftClosed.
    """
    context.cancellation.forbid()
    context.free_reserve()
    kinds = tuple(part.kind for part in parts)
    try:
        kept = _keep_undo(context, kinds)
        for part in parts:
            context.say(*part.finish(context))
        if not context.journal.has(Settled):
            context.journal.write(Settled())
        if replaces is not None:
            _give_up(context, replaces, kinds)
    except (OSError, MagerewindError) as error:
        raise _left_closed(
            "The rollback is committed, but could not be finished", error, closed=True
        ) from error
    _flush(context, flush=flush)
    context.emit_all(RollbackCompleted(kind=kind) for kind in kinds)
    context.emit(PermissionReminder(already_executable=_executable(context)))
    context.emit_all(follow_ups(context, kinds))
    closing.reopen(context)
    _discard_older(context)
    kept = kept and _remembered(context)
    return OperationResult(outcome=Outcome.DONE, undo_kept=kept, strict=strict)


def _remembered(context: JobContext) -> bool:
    """Return whether the job's directory exists; report the consequence of its absence."""
    if context.directory.is_in_place:
        return True
    message = f"{context.memory_gone().message}. What it has set aside cannot be undone."
    context.say(Warned(code="memory-gone", message=message))
    return False


def _keep_undo(context: JobContext, kinds: tuple[Kind, ...]) -> bool:
    """Write down that the job keeps an undo; return False where its directory is gone."""
    if not _remembered(context):
        return False
    committed = context.journal.newest(Committed)
    row = {
        "kinds": [kind.value for kind in kinds],
        "committed_s": context.clock() if committed is None else committed.at_s,
        "bytes": undo_bytes(context.store, context.directory, kinds),
    }
    context.directory.write(job_files.UNDO, json.dumps(row).encode())
    return True


def _give_up(context: JobContext, job_id: str, kinds: tuple[Kind, ...]) -> None:
    """Take the mark of an undo from the undone job: its asides are live again.

    Files of a release that is gone were not put back: those are left, and go as an older undo.
    """
    with suppress(FileNotFoundError):  # its memory is gone: nothing offers that undo any more
        directory = job_files.sibling(context.directory, job_id)
        mark = job_files.read_mark(directory, job_files.UNDO)
        left = [kind.value for kind in (mark.kinds if mark else ()) if kind not in kinds]
        if left:
            row = {"kinds": left, "committed_s": mark.committed_s if mark else 0}
            directory.write(job_files.UNDO, json.dumps(row).encode())
        else:
            take_mark(directory)
        forget_connection(directory)


def _flush(context: JobContext, *, flush: bool) -> None:
    """Set the caches of the other state aside; a failure is no reason to stay closed."""
    with context.step(Step.FLUSH):
        try:
            with context.directory.make_directory(job_files.CACHES) as aside:
                set_caches_aside(context.store, aside.fd)
        except (OSError, MagerewindError) as error:
            reason = reason_of(error)
            context.say(Warned(code="caches", message=f"Caches could not be set aside: {reason}"))
        if flush:
            failure = flush_caches(context.store)
            if failure is not None:
                context.say(Warned(code="cache-flush", message=f"cache:flush failed: {failure}"))


def _executable(context: JobContext) -> bool:
    return os.access(os.path.join(context.store.root, "bin", "magento"), os.X_OK)


def follow_ups(context: JobContext, kinds: tuple[Kind, ...]) -> list[FollowUp]:
    """Return the remaining tasks of the administrator, only where they apply."""
    found: list[FollowUp] = []
    changed_code = Kind.CODE in kinds and FilesPart(Kind.CODE).changes(context)
    if changed_code:
        found.append(
            FollowUp(code="php-fpm", message="Reload PHP-FPM: it may still run the old code.")
        )
        if os.path.isfile(os.path.join(context.store.static, "deployed_version.txt")):
            found.append(
                FollowUp(
                    code="static-content",
                    message="Static content is not part of a backup: "
                    "bin/magento setup:static-content:deploy",
                )
            )
    if (Kind.CODE in kinds) is not (Kind.DB in kinds) and (changed_code or Kind.DB in kinds):
        found.append(
            FollowUp(
                code="setup-upgrade",
                message="Code and database may be of different versions: bin/magento setup:upgrade",
            )
        )
    if Kind.DB in kinds and context.journal.has(FromElsewhere):
        found.append(
            FollowUp(
                code="base-urls",
                message="The base URLs are those of the other store: bin/magento config:set "
                "web/unsecure/base_url, and web/secure/base_url.",
            )
        )
    if context.journal.has(ConsumersRan):
        found.append(FollowUp(code="consumers", message="Restart the queue consumers and cron."))
    return found


def _discard_older(context: JobContext) -> None:
    """Remove the undo that this one takes the place of; the store is open again by now."""
    older = [job_id for job_id in kept_undos(context) if job_id != context.job_id]
    with suppress(MagerewindError, Cancelled), context.step(Step.REMOVE) as report:
        context.directory.remove_tree(job_files.CACHES)
        finish_discards(context, report)
        for job_id in older:
            try:
                discard_undo(context, job_id, report)
            except (OSError, MagerewindError) as error:
                reason = reason_of(error)
                context.say(
                    Warned(code="undo-left", message=f"The undo of job {job_id} is left: {reason}")
                )
