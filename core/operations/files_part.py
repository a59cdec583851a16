"""The part of a rollback or an undo that works on files of one kind: code or media.

A plan in the job's directory says all: the entries staged, moved and set aside.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from core.archive.plan.closed_directories import still_open, unmovable
from core.archive.plan.fetched import fetch_for_stage
from core.archive.plan.plan_location import PlanLocation
from core.archive.plan.summary import FilePlan
from core.archive.restore.give_away import give_directories
from core.archive.restore.recheck import recheck_files
from core.archive.restore.stage import StagedFiles, remove_stage, stage_files
from core.archive.restore.swap import SwapReverted, moves_anything, revert_files, swap_files
from core.archive.restore.undo import undo_plan
from core.directories import Directory
from core.errors import MagerewindError, PlanChanged
from core.events import Kind, Noted, RollbackPlanned, Step, Warned
from core.operations.context import JobContext
from core.operations.job_files import plan_name, plan_of
from core.operations.records import StageBegun, SwapBegun, SwapEnded, swap_begun
from core.operations.requests import UndoRequest
from core.operations.rollback_job import RollbackJob
from core.operations.rollback_plan import plan_kind, selection_for

_NAMED: Final = 50


class FilesPart:
    """Code or media: a plan file in the job's directory says all."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self.file_plan: FilePlan | None = None
        self._staged: StagedFiles | None = None
        self._taken_back = False

    def _home(self, context: JobContext) -> PlanLocation:
        """Return where the plan of this part lies."""
        return plan_of(context.store, context.directory, self.kind)

    def plan(self, job: RollbackJob) -> None:
        """Compare the archive with the live tree; name the changes since the plan was shown."""
        context, backup = job.context, job.sources.backups[self.kind]
        with context.step(Step.PLAN, self.kind, total_bytes=backup.size_bytes) as report:
            plan = self._handed_over(job) or plan_kind(
                context.store,
                job.request,
                job.sources,
                self.kind,
                self._home(context),
                report,
                cache_contents=True,
            )
            self.file_plan = plan
        context.emit(
            RollbackPlanned(
                kind=self.kind,
                identical=plan.identical,
                added=plan.added,
                changed=plan.changed,
                removed=plan.removed,
                mode_only=plan.mode_only,
                bytes_to_write=plan.bytes_to_write,
            )
        )
        if job.shown is not None:
            meanwhile = job.shown.changed_since(self.kind, plan)
            _tell_changes(
                context,
                self.kind,
                names=meanwhile.names,
                too_many=meanwhile.too_many,
                of=meanwhile.of,
            )

    def _handed_over(self, job: RollbackJob) -> FilePlan | None:
        """Return the plan that was shown a moment ago, where it is one of a listing."""
        context, remote = job.context, job.sources.remote
        if remote is None or job.shown is None or not job.shown.is_fresh(context.clock()):
            return None
        selection = selection_for(context.store, job.request, job.sources, self.kind)
        return remote.planned(self.kind, selection, self._home(context))

    def prepare(self, job: RollbackJob) -> None:
        """Write beside the live tree all that the plan adds or changes."""
        context, plan = job.context, self.file_plan
        if plan is None:
            raise MagerewindError("The files were not compared.")
        remote = job.sources.remote
        if remote is not None:
            with context.step(Step.FETCH, self.kind, total_bytes=plan.bytes_to_write) as report:
                fetch_for_stage(plan.plan_path, remote.fetch(self.kind, plan.plan_path, report))
        with context.step(Step.STAGE, self.kind, total_bytes=plan.bytes_to_write) as report:
            context.journal.write(StageBegun(kind=self.kind))
            self._staged = stage_files(plan, job_id=context.job_id, report=report)

    def recheck(self, job: RollbackJob) -> None:
        """Look, with the store closed, for changes since the plan, and take them in."""
        if self._staged is None:
            raise MagerewindError("Nothing was staged.")
        with job.context.step(Step.RECHECK, self.kind) as report:
            remote, place = job.sources.remote, self._staged.plan_path
            fetch = None if remote is None else remote.fetch(self.kind, place)
            refreshed = recheck_files(self._staged, report=report, fetch=fetch)
        self._staged = refreshed.staged
        _tell_changes(
            job.context,
            self.kind,
            names=refreshed.changed,
            too_many=refreshed.too_many,
            of=refreshed.of,
        )

    def load(self, _job: RollbackJob) -> None:
        """Do nothing: all that is new was staged while the store was open."""

    def complete_undo(self, _context: JobContext) -> None:
        """Do nothing: an undo moves the entries that it finds."""

    def prepare_undo(self, context: JobContext, undone: Directory, _request: UndoRequest) -> None:
        """Write the plan of the reverse; its stage is the rollback's aside."""
        staged = undo_plan(
            plan_of(context.store, undone, self.kind), self._home(context), job_id=context.job_id
        )
        self.file_plan = staged.plan

    def changes(self, context: JobContext) -> bool:
        """Whether the plan moves anything; True if the plan file is missing."""
        if not context.has_file(plan_name(self.kind)):
            return True
        return moves_anything(self._home(context))

    def swap(self, context: JobContext) -> None:
        """Rename live to aside and staged to live, entry by entry."""
        with context.step(Step.SWAP, self.kind) as report:
            if not context.has_file(plan_name(self.kind)):  # before it counts as begun
                raise context.memory_gone()
            context.journal.write(SwapBegun(kind=self.kind))
            try:
                swap_files(self._home(context), report=report)
            except SwapReverted:
                self._taken_back = True
                raise
            context.journal.write(SwapEnded(kind=self.kind))

    def moving(self, context: JobContext) -> None:
        """Do nothing: the maintenance flag tells it."""

    def unmovable(self, context: JobContext) -> tuple[str, ...]:
        """Name the directories of others in which this account could not move anything back."""
        return unmovable(self._home(context)) if swap_begun(context.journal, self.kind) else ()

    def revert(self, context: JobContext) -> tuple[Warned, ...]:
        """Rename everything back by inode; then the stage can go."""
        plan = self._home(context)
        if swap_begun(context.journal, self.kind) and not self._taken_back:
            revert_files(plan)
        with suppress(OSError, MagerewindError):
            remove_stage(plan)  # the rest of a stage harms nothing, and is removed later
        left = still_open(plan) if swap_begun(context.journal, self.kind) else ()
        if not left:
            return ()
        message = f"These directories of other accounts ({self.kind}) still let this one in (ACL):"
        return (Warned(code="access-left", message=message, names=left),)

    def finish(self, context: JobContext) -> tuple[Warned, ...]:
        """Give directories away, remove the empty stage; the aside tree is the undo and stays."""
        left = give_directories(self._home(context))
        with suppress(OSError, MagerewindError):
            remove_stage(self._home(context))
        if not left:
            return ()
        message = f"{len(left)} directories of {self.kind} stay this account's, not their owner's:"
        return (Warned(code="owners-left", message=message, names=left),)


def _tell_changes(
    context: JobContext, kind: Kind, *, names: tuple[str, ...], too_many: bool, of: int
) -> None:
    """Name the changes of an open store since the plan was shown; refuse if they are too many."""
    if not names:
        return
    if too_many:
        raise PlanChanged(
            f"{len(names)} of {of} entries of {kind} changed since the plan was made: "
            f"{', '.join(names[:5])}",
            hint="Look at a new plan: run the rollback again.",
        )
    context.emit(
        Noted(
            code="changed-meanwhile",
            message=f"{len(names)} entries of {kind} changed meanwhile, and are taken in:",
            names=names[:_NAMED],
        )
    )
