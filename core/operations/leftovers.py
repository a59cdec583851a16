"""Staging tables that a job could not drop when it ended, because its server was gone.

Only those of jobs that this store knows and that are over are dropped, and only under the schema's
lock: another release may share the schema.
"""

from __future__ import annotations

import os

from core.database.load import drop_staging
from core.database.staging import short_id
from core.database.undo import leftovers
from core.events import Noted
from core.magento.settings import DatabaseConnection
from core.operations.context import JobContext


def drop_leftovers(context: JobContext, settings: DatabaseConnection) -> None:
    """Drop the staging tables of this store's finished jobs; name those of unknown ones."""
    known = {
        short_id(job_id)
        for job_id in os.listdir(context.store.jobs_directory)
        if job_id != context.job_id
    }
    unknown: list[str] = []
    for leftover in leftovers(settings):
        if not leftover.staged:
            continue
        if leftover.short in known:
            drop_staging(settings, leftover.short)
        elif leftover.short != short_id(context.job_id):
            unknown += leftover.staged
    if unknown:
        context.emit(
            Noted(
                code="staging-tables-unknown",
                message="Staging tables of jobs that this store does not know stay:",
                names=tuple(unknown),
            )
        )
