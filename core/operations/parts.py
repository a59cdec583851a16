"""The parts of a rollback or an undo, as one protocol: files of one kind, or the database.

    rollback    plan, prepare | close | recheck, load, swap | commit | finish
    undo        prepare_undo  | close | complete_undo, swap | commit | finish

Operations call these methods in this order for any kind. After the close a part is built from the
job's directory and journal alone, so that a recovery does the same as the runner.
"""

from __future__ import annotations

from typing import Protocol

from core.archive.plan.summary import FilePlan
from core.directories import Directory
from core.events import Kind, Warned
from core.operations import closing
from core.operations.context import JobContext
from core.operations.files_part import FilesPart
from core.operations.job_files import JOURNAL
from core.operations.requests import UndoRequest
from core.operations.rollback_job import RollbackJob


class Part(Protocol):
    """The work of a job on one kind."""

    @property
    def kind(self) -> Kind:
        """Which kind it is."""

    @property
    def file_plan(self) -> FilePlan | None:
        """The plan of files, once it is made; None for the database."""

    def plan(self, job: RollbackJob) -> None:
        """Compare the backup with the store, which stays open and as it is."""

    def prepare(self, job: RollbackJob) -> None:
        """Make ready all that can be made ready while the store is open."""

    def recheck(self, job: RollbackJob) -> None:
        """Look, with the store closed, for changes since the plan."""

    def load(self, job: RollbackJob) -> None:
        """Prepare, with the store closed, the data that must be loaded then."""

    def prepare_undo(self, context: JobContext, undone: Directory, request: UndoRequest, /) -> None:
        """Make ready the way back from the job whose directory is `undone`."""

    def complete_undo(self, context: JobContext) -> None:
        """Make ready, with the store closed, the rest of that way."""

    def swap(self, context: JobContext) -> None:
        """Make the staged live and set the live aside. May be run again after a crash."""

    def moving(self, context: JobContext) -> None:
        """Tell its second trace, if it has one, that the job moves live entries."""

    def unmovable(self, context: JobContext) -> tuple[str, ...]:
        """Name entries that this account could not move back."""

    def revert(self, context: JobContext) -> tuple[Warned, ...]:
        """Restore the state before the job, from any half-done state before the commit."""

    def finish(self, context: JobContext) -> tuple[Warned, ...]:
        """Do the acts that are possible only after the commit. May be run again after a crash."""


def file_plans(parts: tuple[Part, ...]) -> dict[Kind, FilePlan]:
    """Return the plans of files that are made, by kind."""
    return {part.kind: part.file_plan for part in parts if part.file_plan is not None}


def begin_moving(context: JobContext, parts: tuple[Part, ...]) -> None:
    """Tell the second traces of a job that from now on it moves live entries.

    Raises StorageError where the job's memory is gone: nothing is moved then.
    """
    if not context.has_file(JOURNAL):
        raise context.memory_gone()
    closing.mark(context, "moving")
    for part in parts[1:]:  # one that is moved first of all tells it by itself
        part.moving(context)


def parts_of(kinds: tuple[Kind, ...]) -> tuple[Part, ...]:
    """Return the parts in the order of work.

    All that a part needs is loaded with it: not while the store is closed, when the package's files
    may have been replaced or the disk be in trouble.
    """
    parts: list[Part] = [FilesPart(kind) for kind in Kind if kind in kinds and kind is not Kind.DB]
    if Kind.DB in kinds:
        # The start of a rollback of files waits for these imports.
        from core.operations.database_part import DatabasePart  # noqa: PLC0415

        parts.append(DatabasePart())
    return tuple(parts)
