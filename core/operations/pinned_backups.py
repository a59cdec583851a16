"""Backups needed by an undo (its kept tables equal them) or by an unfinished job.

These cannot be deleted by hand.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from core.directories import Directory
from core.errors import MALFORMED, BackupNeeded
from core.magento.store import Store
from core.operations.job_files import DEFINITIONS, UNDO, job_ids, open_job, open_jobs
from core.operations.needed_backups import needed_backups
from core.owned_files import LARGE


def pinned_backups(jobs: Directory | None) -> dict[str, str]:
    """Return the names of these backups, each with the id of a job whose undo needs it.

    Raises JobError and StorageError for state that cannot be believed or read.
    """
    found: dict[str, str] = {}
    for job_id in [] if jobs is None else job_ids(jobs):
        if jobs is None:
            break
        with open_job(jobs, job_id) as directory:
            name = _needed_by(directory) if directory.has(UNDO) else ""
        if name:
            found.setdefault(name, job_id)
    return found


def _needed_by(directory: Directory) -> str:
    """Return the backup that a job's undo needs, empty for none."""
    try:
        row = json.loads(directory.read(DEFINITIONS, limit=LARGE))
        return str(row["source"]["name"]) if row.get("kept") and row.get("source") else ""
    except (FileNotFoundError, *MALFORMED):
        return ""  # an undo of files, or one that cannot be done anyway


def needs_of(store: Store, names: Sequence[str]) -> dict[str, str]:
    """Return those of these backups that may not be deleted, each with what needs it.

    Raises JobError and StorageError for state that cannot be believed or read.
    """
    jobs = open_jobs(store)
    found = {
        name: f"{why}, which has not ended"
        for name, why in needed_backups(jobs, undos=False).items()
    }
    found |= {name: f"the undo of job {job_id}" for name, job_id in pinned_backups(jobs).items()}
    return {name: found[name] for name in names if name in found}


def refuse_pinned(store: Store, name: str) -> None:
    """Raise BackupNeeded for a backup that an undo needs."""
    job_id = pinned_backups(open_jobs(store)).get(name)
    if job_id is not None:
        raise BackupNeeded(
            f"{name} is not deleted: the undo of job {job_id} needs it for the tables that stayed.",
            hint=f"magerewind job:discard {job_id} discards that undo.",
        )


def refuse_needed(store: Store, name: str) -> None:
    """Raise BackupNeeded for a backup of a job that has not ended."""
    why = needed_backups(open_jobs(store), undos=False).get(name)
    if why is not None:
        raise BackupNeeded(
            f"{name} is not deleted: {why} has not ended, and needs it.",
            hint="magerewind job:recover puts an end to an interrupted job.",
        )
