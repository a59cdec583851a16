"""Staging tables that a job could not drop when it ended, because its server was gone.

Only tables of ended jobs of this store are dropped, and only under the schema's lock: another
release may share the schema.
"""

from __future__ import annotations

import re
import time
from typing import Final

from core.database.load.staging import drop_staging
from core.database.schema.names import short_id
from core.database.server.connection import Connection, connect
from core.database.server.dialect import quote_name
from core.database.swap.undo import leftovers
from core.events import Noted
from core.magento.settings import DatabaseConnection
from core.operations.context import JobContext
from core.operations.job_files import job_ids

_TRIAL: Final = re.compile(r"trial([0-9]+)")  # the scratch table of a check, by its connection
_SCRATCH: Final = """
SELECT TABLE_NAME, TABLE_TYPE FROM information_schema.TABLES
 WHERE TABLE_SCHEMA = DATABASE() AND LEFT(TABLE_NAME, 10) = '_mrs_trial'
UNION ALL SELECT ROUTINE_NAME, ROUTINE_TYPE FROM information_schema.ROUTINES
 WHERE ROUTINE_SCHEMA = DATABASE() AND LEFT(ROUTINE_NAME, 10) = '_mrs_trial'
UNION ALL SELECT EVENT_NAME, 'EVENT' FROM information_schema.EVENTS
 WHERE EVENT_SCHEMA = DATABASE() AND LEFT(EVENT_NAME, 10) = '_mrs_trial'
"""
_TABLES: Final = ("BASE TABLE", "SYSTEM VERSIONED", "SEQUENCE")
_TRIAL_TRIES: Final = 20
_TRIAL_PAUSE_S: Final = 0.1


def drop_trials(settings: DatabaseConnection) -> None:
    """Drop the scratch objects of checks whose connection is gone, as one killed leaves them.

    The server may take a moment to notice that the connection has ended.
    """
    with connect(settings) as connection:
        for name, kind in connection.query(_SCRATCH):
            trial = _TRIAL.match(str(name).removeprefix("_mrs_"))
            if trial is not None and _is_gone(connection, int(trial[1])):
                what = "TABLE" if str(kind) in _TABLES else str(kind)
                connection.execute(f"DROP {what} IF EXISTS {quote_name(str(name))}")


def _is_gone(connection: Connection, number: int) -> bool:
    """Wait a moment for another connection to end; tell whether it has."""
    for _ in range(_TRIAL_TRIES):
        if not connection.query(
            "SELECT ID FROM information_schema.PROCESSLIST WHERE ID = %s", (number,)
        ):
            return True
        time.sleep(_TRIAL_PAUSE_S)
    return False


def drop_leftovers(context: JobContext, settings: DatabaseConnection) -> None:
    """Drop the staging tables of this store's finished jobs; name those of unknown ones."""
    jobs = context.directory.parent
    known = {
        short_id(job_id)
        for job_id in ([] if jobs is None else job_ids(jobs))
        if job_id != context.job_id
    }
    drop_trials(settings)
    unknown: list[str] = []
    for leftover in leftovers(settings):
        if not leftover.staged or _TRIAL.match(leftover.short):
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
