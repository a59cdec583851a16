"""Backups that a job or an undo needs, and that no other job may delete."""

from __future__ import annotations

from core.directories import Directory, StateFile
from core.errors import JobNotFound
from core.events import Kind
from core.journal import each, has, read_journal
from core.operations.job_files import (
    JOURNAL,
    REQUEST,
    RESULT,
    UNDO,
    job_ids,
    open_job,
    read_json,
)
from core.operations.records import BackupBegun, End, begin_of
from core.operations.requests import DrillRequest, Request, RollbackRequest, UndoRequest, from_json

_CHAIN = 50  # undos of undos that are followed


def needed_backups(
    jobs: Directory | None, *, besides: str = "", undos: bool = True
) -> dict[str, str]:
    """Return the names of backups that are needed, with a description of the job that needs each.

    A job needs them while it has not ended, and as long as its undo is kept. `besides` is a job
    that does not count; without `undos` none of them counts. Raises JobError and StorageError for
    state that cannot be believed or read: then nothing is known.
    """
    found: dict[str, str] = {}
    for job_id in [] if jobs is None else job_ids(jobs):
        if jobs is None or job_id == besides:
            continue
        with open_job(jobs, job_id) as directory:
            if directory.has(UNDO):
                if not undos:
                    continue
                names, why = _asked_for(jobs, directory), f"the undo of job {job_id}"
            elif _is_over(directory):
                continue
            else:
                names, why = _asked_for(jobs, directory) + _written(directory), f"job {job_id}"
        for name in names:
            found.setdefault(name, why)
    return found


def _is_over(directory: Directory) -> bool:
    result = read_json(directory, RESULT)
    if result is not None and not result.get("closed_store"):
        return True
    records = read_journal(StateFile(directory, JOURNAL))
    return begin_of(records) is None or has(records, End)


def _written(directory: Directory) -> list[str]:
    records = read_journal(StateFile(directory, JOURNAL))
    return [name for begun in each(records, BackupBegun) for name in begun.names.values()]


def _request(directory: Directory) -> Request | None:
    try:
        return from_json(directory.read(REQUEST))
    except (FileNotFoundError, ValueError, KeyError):
        return None


def _asked_for(jobs: Directory, directory: Directory) -> list[str]:
    """Return the backups named by the job's request; for an undo, by the request it undoes."""
    request = _request(directory)
    for _ in range(_CHAIN):
        if not isinstance(request, UndoRequest):
            break
        try:
            with open_job(jobs, request.job_id) as undone:
                request = _request(undone)
        except JobNotFound:  # forgotten
            return []
    if isinstance(request, DrillRequest):
        return list(request.names)
    if isinstance(request, RollbackRequest):
        files = [request.file_of(kind) for kind in Kind]
        return [name for name in files if name is not None]
    return []
