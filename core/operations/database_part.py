"""The database's part of a rollback: loaded beside, swapped, reverted, settled.

With it everything is loaded that it needs until the store is open again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from core.backups.catalog import Backup
from core.database.load.load import load_beside
from core.database.load.server_check import DumpCheck
from core.database.schema.swap_file import StagedTables
from core.database.swap.after_commit import forward_tables
from core.database.swap.swap import revert_tables, swap_tables
from core.database.swap.written import Seen, look_at_tables, written_between
from core.errors import ConnectionFailed, ConnectionLost, MagerewindError
from core.events import Kind, Step, Warned
from core.operations.connection_file import has_connection, kept_connection
from core.operations.context import JobContext
from core.operations.leftovers import drop_leftovers, drop_trials
from core.operations.parts import swap_begun

RECONNECT_FOR_S: Final = 60.0
RECONNECT_PAUSE_S: Final = 1.0
_T = TypeVar("_T")


class DatabasePart:
    """The database: the journal maps the names, the server says what has been done."""

    kind = Kind.DB

    def __init__(self) -> None:
        self.staged: StagedTables | None = None  # set once the dump is loaded beside
        self._seen: Seen | None = None  # the live tables when the load began, the store closed

    def load(
        self,
        context: JobContext,
        backup: Backup,
        check: DumpCheck,
        *,
        map_collations: bool,
        partial: bool,
    ) -> None:
        """Load a dump that was checked beside the live tables."""
        manifest = backup.manifest
        settings = kept_connection(context.directory)
        drop_leftovers(context, settings)
        rows = manifest.rows if manifest is not None else None
        self._seen = look_at_tables(settings)
        with context.step(
            Step.LOAD,
            Kind.DB,
            total_bytes=check.content_bytes,
            total_items=sum(rows.values()) if rows else None,
        ) as report:
            self.staged = load_beside(
                backup.path,
                check,
                settings,
                job_id=context.job_id,
                journal=context.journal,
                report=report,
                expected_rows=rows,
                map_collations=map_collations,
                partial=partial,
            )

    def swap(self, context: JobContext) -> None:
        """One RENAME TABLE for all tables."""
        with context.step(Step.SWAP, Kind.DB):
            if self.staged is None:
                raise MagerewindError("No dump has been loaded.")
            settings = kept_connection(context.directory)
            written = None if self._seen is None else look_at_tables(settings)
            context.journal.append(
                "swap-begin", kind=Kind.DB.value, written=written_between(self._seen, written)
            )
            swap_tables(
                self.staged,
                settings,
                journal=context.journal,
                definitions_path=context.path("definitions.json"),
                owner=context.owner,
            )
            context.journal.append("swap-end", kind=Kind.DB.value)

    def revert(self, context: JobContext) -> tuple[Warned, ...]:
        """Bring the old tables back and drop the staged ones.

        Before the swap has begun the live tables are untouched, so a server that is gone is no
        reason to keep the store closed: only staging tables are left behind.
        """
        if not has_connection(context.directory):
            return ()  # it ended before the database was looked at
        settings = kept_connection(context.directory)

        def act() -> None:
            revert_tables(settings, context.journal)
            drop_trials(settings)

        if swap_begun(context, Kind.DB):
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
        settings = kept_connection(context.directory)
        with context.step(Step.FORWARD, Kind.DB):
            done = with_patience(
                lambda: forward_tables(settings, context.journal),
                clock=context.clock,
            )
        return (*_written_while_closed(context), *done)


def _written_while_closed(context: JobContext) -> tuple[Warned, ...]:
    """Return which of the old tables somebody wrote to although the store was closed."""
    message = "Written to while the store was closed; the undo keeps what these tables had:"
    begins = [one.payload for one in context.journal.records if one.kind == "swap-begin"]
    names = next((one.get("written", ()) for one in begins if one["kind"] == Kind.DB.value), ())
    if not names:
        return ()
    return (Warned(code="written-while-closed", message=message, names=tuple(map(str, names))),)


def with_patience(
    act: Callable[[], _T],
    *,
    clock: Callable[[], float],
    sleep: Callable[[float], None] = time.sleep,
) -> _T:
    """Run `act` again while the server is away: it may just be starting again after a crash."""
    deadline_s = clock() + RECONNECT_FOR_S
    while True:
        try:
            return act()
        except (ConnectionFailed, ConnectionLost):
            if clock() > deadline_s:
                raise
            sleep(RECONNECT_PAUSE_S)
