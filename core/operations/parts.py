"""The parts of a rollback: files of one kind, or the database.

Each can be swapped in, reverted before the commit, and settled after it.

All of them follow one protocol, so that the operations read as one order of things. Each is built
from the job's directory and journal alone, so that a recovery does what the runner would have.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from core.archive.stage import remove_stage
from core.archive.swap import moves_anything, revert_files, swap_files
from core.errors import ConnectionFailed, ConnectionLost, MagerewindError
from core.events import Kind, Step, Warned
from core.operations.connection_file import has_connection, kept_connection
from core.operations.context import JobContext

if TYPE_CHECKING:  # of a database: whoever starts a rollback of files waits for what is imported
    from core.database.description import StagedTables

RECONNECT_FOR_S: Final = 60.0
RECONNECT_PAUSE_S: Final = 1.0
_T = TypeVar("_T")


class Part(Protocol):
    """What a job does with one kind once everything is staged."""

    @property
    def kind(self) -> Kind:
        """Which kind it is."""

    def swap(self, context: JobContext) -> None:
        """Put the staged in force; the live goes aside. May be run again after a crash."""

    def revert(self, context: JobContext) -> tuple[Warned, ...]:
        """Bring back what was before, from any half-done state before the commit."""

    def settle(self, context: JobContext) -> tuple[Warned, ...]:
        """Do what can only be done after the commit. May be run again after a crash."""


def swap_begun(context: JobContext, kind: Kind) -> bool:
    """Tell whether anything of this kind can have been moved."""
    return any(
        record.kind == "swap-begin" and record.payload["kind"] == kind.value
        for record in context.journal.records
    )


class FilesPart:
    """Code or media: a plan file in the job's directory says all."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def plan_path(self, context: JobContext) -> str:
        """Where the plan of this part lies."""
        return context.path(f"plan-{self.kind}")

    def changes(self, context: JobContext) -> bool:
        """Whether the plan moves anything at all."""
        return moves_anything(self.plan_path(context))

    def swap(self, context: JobContext) -> None:
        """Rename live to aside and staged to live, entry by entry."""
        with context.step(Step.SWAP, self.kind) as report:
            context.journal.append("swap-begin", kind=self.kind.value)
            swap_files(self.plan_path(context), report=report)
            context.journal.append("swap-end", kind=self.kind.value)

    def revert(self, context: JobContext) -> tuple[Warned, ...]:
        """Rename everything back by inode; then the stage can go."""
        path = self.plan_path(context)
        if swap_begun(context, self.kind):
            revert_files(path)
        with suppress(OSError, MagerewindError):
            remove_stage(path)  # what is left of a stage is in nobody's way, and removed later
        return ()

    def settle(self, context: JobContext) -> tuple[Warned, ...]:
        """Remove the empty stage; the aside tree is the undo and stays."""
        with suppress(OSError, MagerewindError):
            remove_stage(self.plan_path(context))
        return ()


class DatabasePart:
    """The database: the journal maps the names, the server says what has been done."""

    kind = Kind.DB

    def __init__(self) -> None:
        self.staged: StagedTables | None = None  # set once the dump is loaded beside

    def swap(self, context: JobContext) -> None:
        """One RENAME TABLE for all tables."""
        with context.step(Step.SWAP, Kind.DB):
            from core.database.swap import swap_tables  # noqa: PLC0415 - as said above

            if self.staged is None:
                raise MagerewindError("No dump has been loaded.")
            context.journal.append("swap-begin", kind=Kind.DB.value)
            swap_tables(
                self.staged,
                kept_connection(context.directory),
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
        from core.database.swap import revert_tables  # noqa: PLC0415 - as said above
        from core.operations.leftovers import drop_trials  # noqa: PLC0415

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
        from core.database.forward import forward_tables  # noqa: PLC0415 - as said above

        settings = kept_connection(context.directory)
        with context.step(Step.FORWARD, Kind.DB):
            return with_patience(
                lambda: forward_tables(settings, context.journal),
                clock=context.clock,
            )


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


def part_of(kind: Kind) -> Part:
    """Return the part for a kind."""
    return DatabasePart() if kind is Kind.DB else FilesPart(kind)


def parts_of(kinds: tuple[Kind, ...]) -> tuple[Part, ...]:
    """Return the parts in the order of work."""
    return tuple(part_of(kind) for kind in Kind if kind in kinds)
