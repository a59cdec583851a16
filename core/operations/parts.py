"""The parts of a rollback: files of one kind, or the database (`core.operations.database_part`).

Each can be swapped in, reverted before the commit, and settled after it.

All of them follow one protocol, so that the operations read as one order of things. Each is built
from the job's directory and journal alone, so that a recovery does what the runner would have.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from core.archive.plan.home import PlanHome
from core.archive.restore.stage import remove_stage
from core.archive.restore.swap import moves_anything, revert_files, swap_files
from core.errors import MagerewindError
from core.events import Kind, Step, Warned
from core.operations.context import JobContext
from core.operations.job_files import plan_of


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

    def plan(self, context: JobContext) -> PlanHome:
        """Where the plan of this part lies."""
        return plan_of(context.store, context.directory, self.kind)

    def changes(self, context: JobContext) -> bool:
        """Whether the plan moves anything at all."""
        return moves_anything(self.plan(context))

    def swap(self, context: JobContext) -> None:
        """Rename live to aside and staged to live, entry by entry."""
        with context.step(Step.SWAP, self.kind) as report:
            context.journal.append("swap-begin", kind=self.kind.value)
            swap_files(self.plan(context), report=report)
            context.journal.append("swap-end", kind=self.kind.value)

    def revert(self, context: JobContext) -> tuple[Warned, ...]:
        """Rename everything back by inode; then the stage can go."""
        plan = self.plan(context)
        if swap_begun(context, self.kind):
            revert_files(plan)
        with suppress(OSError, MagerewindError):
            remove_stage(plan)  # what is left of a stage is in nobody's way, and removed later
        return ()

    def settle(self, context: JobContext) -> tuple[Warned, ...]:
        """Remove the empty stage; the aside tree is the undo and stays."""
        with suppress(OSError, MagerewindError):
            remove_stage(self.plan(context))
        return ()


def parts_of(kinds: tuple[Kind, ...]) -> tuple[Part, ...]:
    """Return the parts in the order of work.

    All that a part needs is loaded with it: not while the store is closed, when the package's files
    may have been replaced or the disk be in trouble.
    """
    parts: list[Part] = [FilesPart(kind) for kind in Kind if kind in kinds and kind is not Kind.DB]
    if Kind.DB in kinds:
        # Whoever starts a rollback of files waits for what is imported.
        from core.operations.database_part import DatabasePart  # noqa: PLC0415

        parts.append(DatabasePart())
    return tuple(parts)
