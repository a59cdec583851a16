"""The jobs of a store and their ends, told from their directories and the lock.

"Interrupted" is inferred: the journal has begun and not ended, and no process holds the store for
it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct, structs
from msgspec.structs import replace

from core.errors import ForeignState, JobError, JobInterrupted, MagerewindError
from core.events import Kind, Operation, Outcome
from core.jobs.directory import JobDirectory, job_directories
from core.jobs.lock import Holder, read_holder
from core.journal import Record, has
from core.magento.store import Store
from core.operations import job_files
from core.operations.job_files import UndoMark
from core.operations.records import Begin, Committed, End, begin_of

NOT_UNDERSTOOD: Final = "What a job in var/.magerewind says of itself cannot be understood."
_NOWHERE: Final = "unknown"  # in place of the id, where not even that can be believed

_HOST: Final = re.compile(r"[0-9A-Za-z_][0-9A-Za-z_.-]{0,254}")


class JobSummary(Struct, frozen=True, kw_only=True):
    """One job in a list. `outcome` is None while it runs or when it was interrupted."""

    job_id: str
    operation: Operation
    kinds: tuple[Kind, ...]
    began_s: float
    host: str
    user: str
    pid: int
    running: bool = False
    interrupted: bool = False
    committed: bool = False
    outcome: Outcome | None = None
    exit_code: int | None = None
    elapsed_s: float | None = None
    closed_s: float | None = None
    message: str = ""
    undo_kept: bool = False
    undo_bytes: int = 0
    foreign: bool = False  # not this account's, or not to be understood: no job may start

    @property
    def unreadable(self) -> bool:
        """Whether its journal lacks even the time of its begin."""
        return self.began_s <= 0

    @property
    def problem(self) -> str:
        """The reason why the job's state is not trusted; empty if it belongs to this account."""
        return self.message if self.foreign else ""


def unknown_job(job_id: str, message: str) -> JobSummary:
    """Return the listing of a job whose state cannot be believed; it counts as interrupted."""
    return JobSummary(
        job_id=job_id,
        operation=Operation.UNKNOWN,
        kinds=(),
        began_s=0.0,
        host="",
        user="",
        pid=0,
        interrupted=True,
        message=message,
        foreign=True,
    )


def has_begun(records: tuple[Record, ...]) -> bool:
    """Tell whether a journal has its first record."""
    return bool(records) and records[0].kind == Begin.KIND


def has_ended(records: tuple[Record, ...]) -> bool:
    """Tell whether the journal says that the job is over."""
    return has(records, End)


def _began(job: JobDirectory, records: tuple[Record, ...]) -> JobSummary | None:
    begin = begin_of(records)
    if begin is None:
        return None
    return JobSummary(
        job_id=job.job_id,
        operation=begin.operation,
        kinds=begin.kinds,
        began_s=begin.began_s,
        host=begin.host,
        user=begin.user,
        pid=begin.pid,
        committed=has(records, Committed),
    )


def _ended(summary: JobSummary, result: dict[str, Any], undo: UndoMark | None) -> JobSummary:
    return structs.replace(
        summary,
        outcome=Outcome(result["outcome"]),
        exit_code=int(result["exit_code"]),
        elapsed_s=float(result["elapsed_s"]),
        closed_s=float(result["closed_s"]),
        message=str(result.get("message", "")),
        undo_kept=undo is not None,
        undo_bytes=0 if undo is None else undo.bytes,
    )


def summarize(job: JobDirectory, holder: Holder | None) -> JobSummary | None:
    """Return a job as a list shows it, or None for one that never began."""
    try:
        records = job.records()
    except ForeignState:
        raise
    except MagerewindError as error:
        # A journal that is damaged in the middle must be seen, not passed over.
        damaged = unknown_job(job.job_id, error.message)
        return replace(damaged, operation=job.request().operation, foreign=False)
    summary = _began(job, records)
    if summary is None:
        return None
    if holder is not None and holder.job_id == job.job_id:
        return structs.replace(summary, running=True)
    result = job.result()
    if result is not None and (has_ended(records) or result.get("closed_store")):
        ended = _ended(summary, result, job.undo())
        return structs.replace(ended, interrupted=not has_ended(records))
    if has_ended(records):  # killed between the journal's end and the result
        return structs.replace(
            summary, outcome=Outcome.DONE, exit_code=0, undo_kept=job.undo() is not None
        )
    return structs.replace(summary, interrupted=True)


def recover_command(host: str) -> str:
    """Return the command that recovers a job of another host, fit to be copied into a shell.

    The name comes from a file: text that is no host's name is left for the person to write.
    """
    name = host if _HOST.fullmatch(host) else "NAME"
    return f"magerewind job:recover --from-host {name}"


def interrupted_error(job: JobSummary, *, host: str) -> JobError:
    """Return the error for a store on which a dead job waits for its recovery.

    `host` is this machine: whether a job of another one is dead is not known here.
    """
    if job.foreign:
        return ForeignState(
            job.message,
            hint=f"It is var/{job_files.STATE}/{job_files.JOBS}/{job.job_id}: look at it, and move "
            "out of var what is not a job's of this account."
            if job.job_id != _NOWHERE
            else job_files.MOVE_STATE_AWAY,
        )
    what = f"Job {job.job_id} ({job.operation})"
    if job.host and job.host != host:
        return JobInterrupted(
            f"{what} was begun on the host {job.host} and has not ended; this is {host}.",
            hint=f"If it runs there no more: {recover_command(job.host)}",
        )
    return JobInterrupted(
        f"{what} was interrupted and has not been recovered.",
        hint="magerewind job:recover brings the store back to a whole state.",
    )


def list_jobs(store: Store) -> tuple[JobSummary, ...]:
    """Return all jobs that ever began, newest first.

    State that is not this account's is among them as a job that nothing is known of: it must never
    be taken for none. Raises StorageError for a refusal of the disk.
    """
    try:
        holder = read_holder(store)
        summaries = [summary_of(job, holder) for job in job_directories(store)]
    except ForeignState as error:  # the directory of all jobs, or the lock
        return (unknown_job(_NOWHERE, error.message),)
    return tuple(summary for summary in summaries if summary is not None)


def summary_of(job: JobDirectory, holder: Holder | None) -> JobSummary | None:
    """Return a job as a list shows it, None for one that never began."""
    try:
        return summarize(job, holder)
    except ForeignState as error:
        return unknown_job(job.job_id, error.message)
    except (JobError, ValueError, KeyError, TypeError, OverflowError):
        with suppress(JobError):  # such as one that was just forgotten
            if job.journal.exists():
                return unknown_job(job.job_id, NOT_UNDERSTOOD)
        return None
