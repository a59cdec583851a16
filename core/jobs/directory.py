"""The directory of one job, and of all jobs of a store: `var/.magerewind/jobs/<id>/`.

Owns which files a job has and how they are named. What a journal or an event means is not known
here.

    request.json      what was asked for; never a password
    events.jsonl      the stream that everybody watches
    journal.jsonl     the engine's write-ahead memory
    connection.json   the database connection in force at the start (0600, until the undo is gone)
    plan-<kind>…      what a rollback moves
    undo.json         there while the job's aside trees and tables are an undo
    discard.json      in its place while something of a discarded undo is left
    result.json       how it ended
    cancel            there when somebody asked the job to stop
    job.log           what the runner wrote on standard error
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from typing import Any, Final

from core.durable import make_directory, owner_for, translate, unlink_if_there, write_file
from core.errors import JobNotFound, StorageError
from core.journal import Record, read_journal
from core.magento.store import Store
from core.operations.requests import Request, from_json, to_json

KEPT_JOBS: Final = 50
_ID_LETTERS: Final = frozenset("0123456789abcdef-")


@dataclass(frozen=True, slots=True)
class JobDirectory:
    """One job's directory; nothing is read before it is asked for."""

    store: Store
    job_id: str

    @property
    def path(self) -> str:
        """The directory itself."""
        return os.path.join(self.store.jobs_directory, self.job_id)

    @property
    def journal_path(self) -> str:
        """The engine's memory."""
        return os.path.join(self.path, "journal.jsonl")

    @property
    def events_path(self) -> str:
        """The watchers' stream."""
        return os.path.join(self.path, "events.jsonl")

    @property
    def result_path(self) -> str:
        """How the job ended."""
        return os.path.join(self.path, "result.json")

    @property
    def cancel_path(self) -> str:
        """Exists when somebody asked the job to stop."""
        return os.path.join(self.path, "cancel")

    @property
    def log_path(self) -> str:
        """What the runner wrote on standard error."""
        return os.path.join(self.path, "job.log")

    @property
    def undo_path(self) -> str:
        """Exists while the job keeps an undo."""
        return os.path.join(self.path, "undo.json")

    @property
    def discarding_path(self) -> str:
        """Exists while something of a discarded undo is left."""
        return os.path.join(self.path, "discard.json")

    def request(self) -> Request:
        """Return what was asked for. Raises JobNotFound when that cannot be read."""
        try:
            with open(os.path.join(self.path, "request.json"), "rb") as file:
                return from_json(file.read())
        except FileNotFoundError:
            raise JobNotFound(f"There is no job {self.job_id}.") from None
        except (OSError, ValueError, KeyError) as error:
            raise JobNotFound(f"The request of job {self.job_id} cannot be read: {error}") from None

    def records(self) -> tuple[Record, ...]:
        """Return the journal so far."""
        return read_journal(self.journal_path)

    def result(self) -> dict[str, Any] | None:
        """Return how the job ended, or None while that is not known."""
        return _read_json(self.result_path)

    def undo(self) -> dict[str, Any] | None:
        """Return what the job's undo holds (`kinds`, `bytes`), or None when it keeps none."""
        return _read_json(self.undo_path)


def _read_json(path: str) -> dict[str, Any] | None:
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read())
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def new_job_id(now_s: float, random: bytes) -> str:
    """Return an id that sorts by time, such as `20261123-031500-1a2b`."""
    return time.strftime("%Y%m%d-%H%M%S-", time.gmtime(now_s)) + random[:2].hex()


def prepare_state_directory(store: Store) -> None:
    """Make `var/.magerewind` and its `jobs`, for the owner of the root and nobody else."""
    owner = owner_for(store.root)
    if not os.path.isdir(store.var):
        make_directory(store.var, mode=0o770, owner=owner)
    make_directory(store.state_directory, owner=owner)
    make_directory(store.jobs_directory, owner=owner)


def create_job(store: Store, job_id: str, request: Request) -> JobDirectory:
    """Make the directory of a new job with its request."""
    prepare_state_directory(store)
    job = JobDirectory(store, job_id)
    owner = owner_for(store.root)
    if os.path.lexists(job.path):
        raise StorageError(f"There is a job {job_id} already.")
    make_directory(job.path, owner=owner)
    write_file(os.path.join(job.path, "request.json"), to_json(request), owner=owner)
    return job


def job_directories(store: Store) -> tuple[JobDirectory, ...]:
    """Return all jobs of a store, newest first."""
    try:
        names = os.listdir(store.jobs_directory)
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise translate(error, f"reading {store.jobs_directory}") from error
    ids = sorted((name for name in names if name and set(name) <= _ID_LETTERS), reverse=True)
    return tuple(JobDirectory(store, job_id) for job_id in ids)


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
    """Forget a job."""
    unlink_if_there(os.path.join(job.path, "connection.json"))  # first of all the password
    shutil.rmtree(job.path, ignore_errors=True)
