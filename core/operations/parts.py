"""The parts of a rollback: files of one kind, or the database (`core.operations.database_part`).

Each can be swapped in, reverted before the commit, and settled after it.

All of them follow one protocol, so that the operations read as one order of things. Each is built
from the job's directory and journal alone, so that a recovery does what the runner would have.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Protocol

from core.archive.plan.closed_directories import still_open
from core.archive.plan.home import PlanHome
from core.archive.restore.give_away import give_directories
from core.archive.restore.stage import remove_stage
from core.archive.restore.swap import TakenBack, moves_anything, revert_files, swap_files
from core.errors import MagerewindError, StorageError
from core.events import Kind, Step, Warned
from core.operations import closing
from core.operations.context import JobContext
from core.operations.job_files import JOURNAL, plan_name, plan_of
from core.operations.records import swap_begun


class Part(Protocol):
    """What a job does with one kind once everything is staged."""

    @property
    def kind(self) -> Kind:
        """Which kind it is."""

    def swap(self, context: JobContext) -> None:
        """Put the staged in force; the live goes aside. May be run again after a crash."""

    def moving(self, context: JobContext) -> None:
        """Tell its second trace, if it has one, that the job moves what is live."""

    def revert(self, context: JobContext) -> tuple[Warned, ...]:
        """Bring back what was before, from any half-done state before the commit."""

    def settle(self, context: JobContext) -> tuple[Warned, ...]:
        """Do what can only be done after the commit. May be run again after a crash."""


class FilesPart:
    """Code or media: a plan file in the job's directory says all."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._taken_back = False

    def plan(self, context: JobContext) -> PlanHome:
        """Where the plan of this part lies."""
        return plan_of(context.store, context.directory, self.kind)

    def changes(self, context: JobContext) -> bool:
        """Whether the plan moves anything at all; so it is taken for a plan that is gone."""
        if not context.has_file(plan_name(self.kind)):
            return True
        return moves_anything(self.plan(context))

    def swap(self, context: JobContext) -> None:
        """Rename live to aside and staged to live, entry by entry."""
        with context.step(Step.SWAP, self.kind) as report:
            if not context.has_file(plan_name(self.kind)):  # before it counts as begun
                raise memory_gone(context)
            context.journal.append("swap-begin", kind=self.kind.value)
            try:
                swap_files(self.plan(context), report=report)
            except TakenBack:
                self._taken_back = True
                raise
            context.journal.append("swap-end", kind=self.kind.value)

    def moving(self, context: JobContext) -> None:
        """Do nothing: the maintenance flag tells it."""

    def revert(self, context: JobContext) -> tuple[Warned, ...]:
        """Rename everything back by inode; then the stage can go."""
        plan = self.plan(context)
        if swap_begun(context, self.kind) and not self._taken_back:
            revert_files(plan)
        with suppress(OSError, MagerewindError):
            remove_stage(plan)  # what is left of a stage is in nobody's way, and removed later
        left = still_open(plan) if swap_begun(context, self.kind) else ()
        if not left:
            return ()
        message = f"These directories of other accounts ({self.kind}) still let this one in (ACL):"
        return (Warned(code="access-left", message=message, names=left),)

    def settle(self, context: JobContext) -> tuple[Warned, ...]:
        """Give directories away, remove the empty stage; the aside tree is the undo and stays."""
        left = give_directories(self.plan(context))
        with suppress(OSError, MagerewindError):
            remove_stage(self.plan(context))
        if not left:
            return ()
        message = f"{len(left)} directories of {self.kind} stay this account's, not their owner's:"
        return (Warned(code="owners-left", message=message, names=left),)


def begin_moving(context: JobContext, parts: tuple[Part, ...]) -> None:
    """Tell the second traces of a job that from now on it moves what is live.

    Raises StorageError where the job's memory is gone: nothing is moved then.
    """
    if not context.has_file(JOURNAL):
        raise memory_gone(context)
    closing.mark(context, "moving")
    for part in parts[1:]:  # one that is moved first of all tells it by itself
        part.moving(context)


def memory_gone(context: JobContext) -> StorageError:
    """Return the error for a job whose directory was removed while it ran."""
    return StorageError(f"The memory of the job was removed while it ran: {context.directory.path}")


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
