"""The directory of one job, and of all jobs of a store: `var/.magerewind/jobs/<id>/`.

Owns how jobs are made, found and forgotten; the names of their files are in
`core.operations.job_files`. The meaning of a journal or an event is not known here.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from typing import Any, Final

from core.directories import Directory, StateFile
from core.errors import ForeignState, JobNotFound, MagerewindError, StorageError
from core.journal import Record, read_journal
from core.magento.store import Store
from core.operations import job_files
from core.operations.job_files import UndoMark, job_ids, open_job, open_jobs
from core.operations.requests import Request, from_json, to_json

KEPT_JOBS: Final = 50


class JobDirectory:
    """One job's directory, opened at the first use and held open."""

    __slots__ = ("_directory", "_jobs", "job_id", "store")

    def __init__(self, store: Store, job_id: str, *, jobs: Directory | None = None) -> None:
        self.store = store
        self.job_id = job_id
        self._jobs = jobs
        self._directory: Directory | None = None

    @property
    def directory(self) -> Directory:
        """The directory itself. Raises JobNotFound, ForeignState."""
        if self._directory is None:
            jobs = self._jobs or open_jobs(self.store)
            if jobs is None:
                raise JobNotFound(f"There is no job {self.job_id}.")
            self._directory = open_job(jobs, self.job_id)
        return self._directory

    @property
    def path(self) -> str:
        """Its path, for people."""
        return os.path.join(self.store.jobs_directory, self.job_id)

    @property
    def log_path(self) -> str:
        """Where the runner's standard error is, for people."""
        return os.path.join(self.path, job_files.LOG)

    def file(self, name: str) -> StateFile:
        """Return a file of the job. Raises as `directory`."""
        return StateFile(self.directory, name)

    @property
    def journal(self) -> StateFile:
        """The engine's memory."""
        return self.file(job_files.JOURNAL)

    @property
    def events(self) -> StateFile:
        """The watchers' stream."""
        return self.file(job_files.EVENTS)

    def request(self) -> Request:
        """Return the request. Raises JobNotFound when it cannot be read."""
        try:
            return from_json(self.file(job_files.REQUEST).read())
        except FileNotFoundError:
            raise JobNotFound(f"There is no job {self.job_id}.") from None
        except (OSError, StorageError, ValueError, KeyError) as error:
            raise JobNotFound(f"The request of job {self.job_id} cannot be read: {error}") from None

    def records(self) -> tuple[Record, ...]:
        """Return the journal so far."""
        return read_journal(self.journal)

    def has_result(self) -> bool:
        """Return whether the job has put down its end; False where its memory was removed."""
        try:
            return self.result() is not None
        except JobNotFound:
            return False

    def result(self) -> dict[str, Any] | None:
        """Return how the job ended, or None while that is not known."""
        return job_files.read_json(self.directory, job_files.RESULT)

    def undo(self) -> UndoMark | None:
        """Return the contents of the job's undo, or None when it keeps none."""
        return job_files.read_mark(self.directory, job_files.UNDO)


def new_job_id(now_s: float, random: bytes) -> str:
    """Return an id that sorts by time, such as `20261123-031500-1a2b`."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime(now_s)) + random[:2].hex()


def prepare_state_directory(store: Store) -> Directory:
    """Make `var/.magerewind` and its `jobs` where they are missing, and return the latter."""
    jobs = open_jobs(store, make=True)
    assert jobs is not None  # noqa: S101 - it was made
    return jobs


def create_job(store: Store, job_id: str, request: Request) -> JobDirectory:
    """Make the directory of a new job with its request."""
    jobs = prepare_state_directory(store)
    if jobs.has(job_id):
        raise StorageError(f"There is a job {job_id} already.")
    try:
        jobs.make_directory(job_id).write(job_files.REQUEST, to_json(request))
    except MagerewindError:
        jobs.remove_tree(job_id)  # a full disk: there is no job without its request
        raise
    return JobDirectory(store, job_id, jobs=jobs)


def job_directories(store: Store) -> tuple[JobDirectory, ...]:
    """Return all jobs of a store, newest first. Raises ForeignState, StoreError."""
    jobs = open_jobs(store)
    if jobs is None:
        return ()
    return tuple(JobDirectory(store, job_id, jobs=jobs) for job_id in reversed(job_ids(jobs)))


def find_job(store: Store, job_id: str) -> JobDirectory:
    """Return a job by its id, or by a beginning of it that only one has. Raises JobNotFound."""
    matching = [job for job in job_directories(store) if job.job_id.startswith(job_id)]
    exact = [job for job in matching if job.job_id == job_id]
    found = exact or matching
    if not job_id or not found:
        raise JobNotFound(f"There is no job {job_id}.", hint="magerewind job:list shows them.")
    if len(found) > 1:
        raise JobNotFound(f"More than one job begins with {job_id}.")
    return found[0]


def remove_job(job: JobDirectory) -> None:
    """Forget a job; one that is not ours is left alone."""
    with suppress(ForeignState, JobNotFound):
        directory = job.directory
        directory.remove(job_files.CONNECTION)  # first of all the password
        if directory.parent is not None:
            directory.parent.remove_tree(job.job_id)
