"""Old jobs: the oldest are forgotten, and counted; those with an undo stay.

Nothing of an undo is removed here: `core.operations.discard` does that, when a newer undo replaces
it or a person gives it up.
"""

from __future__ import annotations

from core.jobs.directory import KEPT_JOBS, job_directories, remove_job
from core.jobs.listing import summary_of
from core.jobs.lock import read_holder
from core.magento.store import Store
from core.operations import job_files


def forget_old_jobs(store: Store, *, keep: int = KEPT_JOBS) -> None:
    """Forget the oldest jobs; never one that runs, is interrupted, or has anything aside."""
    holder = read_holder(store)
    gone = 0
    for position, job in enumerate(job_directories(store)):
        if position < keep:
            continue
        summary = summary_of(job, holder)
        if summary is None or not (summary.running or summary.interrupted or summary.undo_kept):
            if summary is not None and job.directory.has(job_files.DISCARDING):
                continue
            remove_job(job)
            gone += summary is not None
    if gone:
        job_files.add_forgotten(store, gone)


def forgotten(store: Store) -> int:
    """Return how many jobs of this store ran and are listed no more; 0 where nothing tells."""
    return job_files.forgotten(store)
