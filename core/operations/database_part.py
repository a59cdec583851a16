"""The database's part of a rollback: loaded beside, swapped, reverted, settled.

With it everything is loaded that it needs until the store is open again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from core import waiting
from core.archive.plan.summary import FilePlan
from core.database.load.load import load_beside
from core.database.load.server_check import DumpCheck
from core.database.schema.marker import JobMark, set_phase
from core.database.schema.names import short_id
from core.database.schema.swap_file import StagedTables
from core.database.server.connection import connect
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import revert_tables, swap_tables
from core.database.swap.undo import undo_tables
from core.database.swap.written import Seen, look_at_tables, written_between
from core.errors import ConnectionFailed, ConnectionLost, MagerewindError
from core.events import Kind, RollbackPlanned, Step, Warned
from core.held import Directory, StateFile
from core.magento.trusted_paths import resolved
from core.operations.connection_file import connection_of, needed_connection
from core.operations.context import JobContext
from core.operations.fetched_dump import forget_dump
from core.operations.findings import Finding, refuse, say_findings
from core.operations.job_files import DEFINITIONS
from core.operations.leftovers import drop_leftovers, drop_trials
from core.operations.records import SwapEnded, TablesSwapBegun, kinds_of, swap_begun
from core.operations.rollback_job import RollbackJob
from core.operations.rollback_plan import plan_database

RECONNECT_FOR_S: Final = 60.0
HURRIED_FOR_S: Final = 2.0
RECONNECT_PAUSE_S: Final = 1.0
_T = TypeVar("_T")


class DatabasePart:
    """The database: the journal maps the names, the server tells the finished acts."""

    kind = Kind.DB
    file_plan: FilePlan | None = None

    def __init__(self) -> None:
        self._check: DumpCheck | None = None
        self._staged: StagedTables | None = None  # set once the dump is loaded beside
        self._seen: Seen | None = None  # the live tables when the load began, the store closed

    def plan(self, job: RollbackJob) -> None:
        """Check the dump by itself and against the server."""
        context, backup = job.context, job.sources.backups[Kind.DB]
        findings: list[Finding] = []
        with context.step(Step.PLAN, Kind.DB, total_bytes=backup.size_bytes) as report:
            plan = plan_database(job.request, job.sources, report, findings)
            say_findings(context, findings)
            refuse(findings)
        check, server = plan.check, plan.server
        self._check = check
        context.emit(
            RollbackPlanned(
                kind=Kind.DB,
                identical=0,
                added=len(server.added) if server is not None else 0,
                changed=len(server.replaced) if server is not None else len(check.tables),
                removed=len(server.removed) if server is not None else 0,
                mode_only=0,
                bytes_to_write=check.content_bytes,
            )
        )

    def prepare(self, _job: RollbackJob) -> None:
        """Do nothing: a dump is loaded when the store is closed."""

    def recheck(self, _job: RollbackJob) -> None:
        """Do nothing: a swap replaces the tables with any contents of then."""

    def load(self, job: RollbackJob) -> None:
        """Load the dump that was checked beside the live tables."""
        context, backup, check = job.context, job.sources.backups[Kind.DB], self._check
        if check is None:
            raise MagerewindError("The dump was not checked.")
        settings = needed_connection(context)
        drop_leftovers(context, settings)
        rows = backup.manifest.rows if backup.manifest is not None else None
        self._seen = look_at_tables(settings)
        with context.step(
            Step.LOAD,
            Kind.DB,
            total_bytes=check.content_bytes,
            total_items=sum(rows.values()) if rows else None,
        ) as report:
            self._staged = load_beside(
                backup.path,
                check,
                settings,
                job_id=context.job_id,
                journal=context.journal,
                report=report,
                expected_rows=rows,
                map_collations=job.request.map_collations,
                partial=job.request.partial,
                mark=job_mark(context),
            )

    def prepare_undo(self, context: JobContext, undone: Directory) -> None:
        """Take the old tables of the undone job for staged ones."""
        self._staged = undo_tables(
            needed_connection(context),
            context.journal,
            job_id=context.job_id,
            mark=job_mark(context),
            definitions_path=StateFile(undone, DEFINITIONS),
        )

    def unmovable(self, _context: JobContext) -> tuple[str, ...]:
        """Return nothing: tables belong to no account of the system."""
        return ()

    def moving(self, context: JobContext) -> None:
        """Tell in the schema that other parts of the job are being moved."""
        with connect(needed_connection(context)) as connection:
            set_phase(connection, short_id(context.job_id), "moving")

    def swap(self, context: JobContext) -> None:
        """One RENAME TABLE for all tables."""
        with context.step(Step.SWAP, Kind.DB):
            if self._staged is None:
                raise MagerewindError("No dump has been loaded.")
            settings = needed_connection(context)
            seen = None if self._seen is None else look_at_tables(settings)
            written = written_between(self._seen, seen)
            context.journal.write(TablesSwapBegun(kind=Kind.DB, written=written))
            swap_tables(
                self._staged,
                settings,
                journal=context.journal,
                definitions_path=context.file(DEFINITIONS),
            )
            context.journal.write(SwapEnded(kind=Kind.DB))

    def revert(self, context: JobContext) -> tuple[Warned, ...]:
        """Bring the old tables back and drop the staged ones.

        Before the swap has begun the live tables are untouched, so a server that is gone is no
        reason to keep the store closed: only staging tables are left behind.
        """
        forget_dump(context.directory)
        settings = connection_of(context)
        if settings is None:
            return ()  # it ended before the database was looked at

        def act() -> None:
            revert_tables(settings, context.journal)
            drop_trials(settings)

        if swap_begun(context.journal, Kind.DB):
            with_patience(act, clock=context.clock)
            return ()
        try:
            act()
        except (ConnectionFailed, ConnectionLost) as error:
            return (
                Warned(
                    code="staging-tables-left",
                    message=f"Staging tables could not be removed: {error.message} "
                    "They are removed by the next job.",
                ),
            )
        return ()

    def settle(self, context: JobContext) -> tuple[Warned, ...]:
        """Triggers, foreign keys, views, routines, events: each step in the journal."""
        forget_dump(context.directory)
        settings = needed_connection(context)
        with context.step(Step.FORWARD, Kind.DB):
            done = with_patience(
                lambda: forward_tables(settings, context.journal),
                clock=context.clock,
            )
        return (*_written_while_closed(context), *done)


def _written_while_closed(context: JobContext) -> tuple[Warned, ...]:
    """Return which of the old tables somebody wrote to although the store was closed."""
    message = "Written to while the store was closed; the undo keeps what these tables had:"
    begun = (one for one in context.journal.each(TablesSwapBegun) if one.kind is Kind.DB)
    names = next((one.written for one in begun), ())
    if not names:
        return ()
    return (Warned(code="written-while-closed", message=message, names=tuple(map(str, names))),)


def job_mark(context: JobContext) -> JobMark:
    """Return the facts of a job that its marker table holds."""
    return JobMark(
        job_id=context.job_id,
        var=resolved(context.store.var),
        host=context.host,
        kinds=tuple(kind.value for kind in kinds_of(context.journal)),
    )


def with_patience(
    act: Callable[[], _T],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None] = time.sleep,
) -> _T:
    """Run `act` again while the server is away: it may just be starting again after a crash.

    Once a cancel was asked for, that is not waited for any more.
    """
    began_s = clock()
    while True:
        try:
            return act()
        except (ConnectionFailed, ConnectionLost):
            patience_s = HURRIED_FOR_S if waiting.hurried() else RECONNECT_FOR_S
            if clock() - began_s >= patience_s:
                raise
            sleep(RECONNECT_PAUSE_S)
