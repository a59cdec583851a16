"""The database's part of a rollback: loaded beside, swapped, reverted, finished.

Its import loads every module that it needs until the store is open again.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection
from typing import Final, TypeVar

from core import cancellation
from core.archive.plan.summary import FilePlan
from core.backups.catalog import Backup
from core.database.load.dump_check import DumpCheck
from core.database.schema.marker import set_phase
from core.database.schema.names import short_id
from core.database.schema.swap_file import Source, StagedTables, Swap, load_swap
from core.database.server.connection import connect
from core.database.swap.after_commit import forward_tables
from core.database.swap.changed_tables import Seen, look_at_tables, written_between
from core.database.swap.swap import revert_tables, swap_tables
from core.database.swap.undo import undo_tables
from core.directories import Directory, StateFile
from core.errors import ConnectionFailed, ConnectionLost, MagerewindError
from core.events import Kind, RollbackPlanned, Step, Warned
from core.kept_memory import keep_memory
from core.operations.connection_file import connection_of, needed_connection
from core.operations.context import JobContext
from core.operations.database_load import (
    AnyLoader,
    Loader,
    UndoLoader,
    job_mark,
    loaded_bytes,
    needed_backup,
)
from core.operations.difference import dump_index
from core.operations.early_comparison import LEAST_KEPT_BYTES, MOST_LOADED_BYTES
from core.operations.fetched_dump import forget_dump
from core.operations.findings import Finding, refuse, say_findings
from core.operations.job_files import DEFINITIONS
from core.operations.kept_tables import KeptTables
from core.operations.leftovers import drop_leftovers, drop_trials
from core.operations.records import SwapEnded, TablesSwapBegun, swap_begun
from core.operations.requests import UndoRequest
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
        self._kept = KeptTables((), source=None, index=None)
        self._index: contextlib.ExitStack = contextlib.ExitStack()
        self._loader: AnyLoader | None = None
        self._staged: StagedTables | None = None  # set once the dump is loaded beside
        self._early_swapped: frozenset[str] = frozenset()  # where kept tables are compared early
        self.changes_nothing = False  # by a comparison of this job, not by the shown plan alone
        self._seen: Seen | None = None  # the live tables when the load began, the store closed

    def plan(self, job: RollbackJob) -> None:
        """Check the dump by itself and against the server."""
        keep_memory()
        context, backup = job.context, job.sources.backups[Kind.DB]
        findings: list[Finding] = []
        with context.step(Step.PLAN, Kind.DB, total_bytes=backup.size_bytes) as report:
            known: Collection[str] | None = job.sources.known
            if known is None and job.shown is not None:
                known = job.shown.kept_at(context.clock())
            plan = plan_database(job.request, job.sources, report, findings, known=known)
            say_findings(context, findings)
            refuse(findings)
        check, server, difference = plan.check, plan.server, plan.difference
        kept = () if difference is None else difference.kept
        if (
            difference is not None
            and difference.kept_bytes >= LEAST_KEPT_BYTES
            and difference.loaded_bytes <= MOST_LOADED_BYTES
        ):
            removed = server.removed if server is not None else ()
            self._early_swapped = frozenset({*difference.loaded, *removed})
        self.changes_nothing = plan.unchanged and (known is None or job.shown is None)
        self._loader = self._prepared(job, backup, check, kept)
        context.emit(
            RollbackPlanned(
                kind=Kind.DB,
                identical=len(kept),
                added=len(server.added) if server is not None else 0,
                changed=len(server.replaced) if server is not None else len(check.tables),
                removed=len(server.removed) if server is not None else 0,
                mode_only=0,
                bytes_to_write=loaded_bytes(check, self._kept.names),
            )
        )

    def _prepared(
        self, job: RollbackJob, backup: Backup, check: DumpCheck, kept: Collection[str]
    ) -> AnyLoader:
        """Hold the index of the tables that stay, and return the loader of the others."""
        context, remote, fetched = job.context, job.sources.remote, job.sources.fetched
        if remote is None or fetched is None:
            self._keep(backup, kept)
            return Loader(context, backup.path, check, job.request, backup.manifest)
        from core.operations.kept_elsewhere import keep_source  # noqa: PLC0415 - few need it
        from core.operations.remote_load import PartLoader  # noqa: PLC0415

        source, index = keep_source(context.directory, remote, backup.name.text, self._index)
        self._kept = KeptTables(kept, source=source, index=index)
        return PartLoader(context, backup, check, job.request, remote, fetched)

    def _keep(self, backup: Backup, names: Collection[str]) -> None:
        """Hold the index of a backup open for the tables that are to stay.

        Without one none of them is the same, and all are loaded.
        """
        manifest, index = backup.manifest, self._index.enter_context(dump_index(backup))
        source = None
        if manifest is not None:
            source = Source(
                name=backup.name.text, sha256=manifest.sha256, index_sha256=manifest.index_sha256
            )
        usable = None if isinstance(index, str) else index
        self._kept = KeptTables(names, source=source, index=usable)

    def prepare(self, job: RollbackJob) -> None:
        """Load while the store is open, where that was chosen."""
        if job.request.load_open:
            drop_leftovers(job.context, needed_connection(job.context))
            self._add(None, self._kept.names)

    def recheck(self, _job: RollbackJob) -> None:
        """Do nothing: a swap replaces the tables with any contents of then."""

    def load(self, job: RollbackJob) -> None:
        """Load the differing tables beside the live ones, then lock and compare those that stay."""
        self._seen = look_at_tables(needed_connection(job.context))
        if self._staged is None:
            drop_leftovers(job.context, needed_connection(job.context))
            if self._early_swapped:
                self._kept.begin(needed_connection(job.context), self._early_swapped)
            self._add(None, self._kept.names)
        self._lock_kept(job.context)

    def _add(self, staged: StagedTables | None, kept: frozenset[str]) -> StagedTables:
        """Load all tables of the dump that are not staged and not to stay."""
        if self._loader is None:
            raise MagerewindError("The dump was not checked.")
        self._staged = self._loader.load(staged, kept)
        return self._staged

    def _lock_kept(self, context: JobContext) -> None:
        if self._staged is None:
            raise MagerewindError("No dump has been loaded.")
        with context.step(Step.RECHECK, Kind.DB) as report:
            settings = needed_connection(context)
            self._staged = self._kept.lock_and_reload(settings, self._staged, self._add, report)

    def prepare_undo(self, context: JobContext, undone: Directory, request: UndoRequest) -> None:
        """Take the old tables of the undone job for staged ones; compare the tables that stayed.

        Raises NothingToUndo where those cannot be compared, and none of them may be left out.
        """
        settings = needed_connection(context)
        swap = load_swap(StateFile(undone, DEFINITIONS), schema=settings.schema)
        kept = () if request.partial else swap.kept
        self._staged = undo_tables(
            settings,
            context.journal,
            job_id=context.job_id,
            mark=job_mark(context),
            definitions_path=StateFile(undone, DEFINITIONS),
            stays=swap.kept if request.partial else (),
        )
        if not kept:
            return
        loader = self._undo_loader(context, undone, swap)
        self._loader = loader
        changed = self._kept.names - self._kept.same(settings)
        if changed:
            self._kept.leave(settings, self._staged, changed)
            loader.make_ready(frozenset(kept) - self._kept.names)

    def _undo_loader(self, context: JobContext, undone: Directory, swap: Swap) -> UndoLoader:
        """Hold the index of the tables that stayed, and return the loader of those that changed."""
        if swap.source is None or not swap.source.repository:
            backup = needed_backup(context.store, swap)
            self._keep(backup, swap.kept)
            return UndoLoader(context, backup, frozenset(swap.kept))
        from core.operations.kept_elsewhere import KeptElsewhere  # noqa: PLC0415 - few need it
        from core.operations.remote_load import PartUndoLoader  # noqa: PLC0415

        elsewhere = KeptElsewhere(undone, swap.source, swap.kept)
        elsewhere.copy_to(context.directory)
        index = elsewhere.index(self._index)
        self._kept = KeptTables(swap.kept, source=swap.source, index=index)
        return PartUndoLoader(
            context,
            elsewhere.backup(context.store),
            frozenset(swap.kept),
            lambda: elsewhere.find(context.store, environ=context.environ),
        )

    def complete_undo(self, context: JobContext) -> None:
        """Load the tables that stayed and changed since; hold still and compare the others."""
        if self._staged is None:
            raise MagerewindError("Nothing was prepared.")
        self._seen = None
        if self._loader is not None:
            self._add(self._staged, self._kept.names)
        self._lock_kept(context)

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
            swapped = {one.name for one in self._staged.tables}
            written = tuple(
                name
                for name in written_between(self._seen, seen)
                if name in swapped or name not in self._kept.names
            )
            context.journal.write(TablesSwapBegun(kind=Kind.DB, written=written))
            swap_tables(
                self._staged,
                settings,
                journal=context.journal,
                definitions_path=context.file(DEFINITIONS),
            )
            self._kept.prove(settings)
            context.journal.write(SwapEnded(kind=Kind.DB))

    def revert(self, context: JobContext) -> tuple[Warned, ...]:
        """Bring the old tables back and drop the staged ones.

        Before the swap has begun the live tables are untouched, so a server that is gone is no
        reason to keep the store closed: only staging tables are left behind.
        """
        forget_dump(context.directory)
        self._kept.release()
        settings = connection_of(context)
        if settings is None:
            return ()  # it ended before the database was looked at

        def act() -> None:
            revert_tables(settings, context.journal)
            drop_trials(settings)

        if swap_begun(context.journal, Kind.DB):
            retry_while_away(act, clock=context.clock)
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

    def finish(self, context: JobContext) -> tuple[Warned, ...]:
        """Triggers, foreign keys, views, routines, events: each step in the journal."""
        forget_dump(context.directory)
        settings = needed_connection(context)

        def act() -> tuple[Warned, ...]:
            hold, self._kept.hold = self._kept.hold, None  # a second try takes locks of its own
            return forward_tables(settings, context.journal, hold)

        with context.step(Step.FORWARD, Kind.DB):
            done = retry_while_away(act, clock=context.clock)
        return (*_written_while_closed(context), *done)


def _written_while_closed(context: JobContext) -> tuple[Warned, ...]:
    """Return the old tables that were written to although the store was closed."""
    message = "Written to while the store was closed; the undo keeps what these tables had:"
    begun = (one for one in context.journal.each(TablesSwapBegun) if one.kind is Kind.DB)
    names = next((one.written for one in begun), ())
    if not names:
        return ()
    return (Warned(code="written-while-closed", message=message, names=tuple(map(str, names))),)


def retry_while_away(
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
            patience_s = HURRIED_FOR_S if cancellation.hurried() else RECONNECT_FOR_S
            if clock() - began_s >= patience_s:
                raise
            sleep(RECONNECT_PAUSE_S)
