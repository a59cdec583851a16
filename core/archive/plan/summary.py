"""A plan as people see it: its totals, and its lines one after the other.

It owns which facts of a plan are shown, and knows nothing of how they are kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from msgspec import Struct, field

from core.archive.plan.completeness import Survey
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanPlace
from core.archive.plan.rows import Action, DirectoryTotals
from core.archive.plan.tree import PlanTree
from core.events import Kind, Warned


class PlannedEntry(Struct, frozen=True, kw_only=True):
    """One line of a plan, for people. Sizes in bytes; None where that side does not exist."""

    action: Action
    path: str
    size_now: int | None
    size_then: int | None
    mode_now: int | None
    mode_then: int | None


class FilePlan(Struct, frozen=True, kw_only=True):
    """The changes that the rollback of one archive will make to the live tree.

    Counts are entries. `bytes_to_write` is the content that has to be extracted. `fingerprint` is a
    digest of the archive and the list. `unrestorable` names entries that this account cannot
    restore exactly, `unwritable` the directories in which it may not rename at all, and entries
    that a flag of `chattr` protects (named with the flag), `becoming` how many entries of which
    accounts become this account's, `kept` entries that stay although the archive does not have them
    (mounts, and paths that the maker of a foreign archive leaves out). `sizes` are at most 2 levels
    deep. `survey` is of an archive without a manifest. `chosen` are the patterns of the compared
    paths (none: all), `unmatched` the patterns without an entry in the archive or the live tree,
    `in_the_way` live links and files that would have to be directories.
    """

    plan_path: PlanPlace
    archive_path: str
    kind: Kind
    members: int
    identical: int
    added: int
    changed: int
    removed: int
    mode_only: int
    bytes_to_write: int
    fingerprint: str
    by_directory: tuple[DirectoryTotals, ...] = ()
    unrestorable: tuple[str, ...] = ()
    unwritable: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    becoming: tuple[tuple[str, int], ...] = ()
    skipped: int = 0
    chosen: tuple[str, ...] = ()
    unmatched: tuple[str, ...] = ()
    in_the_way: tuple[str, ...] = ()
    warnings: tuple[Warned, ...] = field(default=())
    survey: Survey | None = None

    @property
    def differs(self) -> int:
        """How many entries will change."""
        return self.added + self.changed + self.removed + self.mode_only

    @property
    def tree(self) -> PlanTree:
        """The list as a tree, a page at a time."""
        return PlanTree(self.plan_path)

    def entries(self) -> Iterator[PlannedEntry]:
        """Yield the whole list from the file, in the order of the walk; memory stays flat."""
        with PlanFile(self.plan_path, only_read=True) as plan:
            for row in plan.rows():
                yield PlannedEntry(
                    action=row.action,
                    path=os.fsdecode(row.path),
                    size_now=None if row.type_now is None else row.size_now,
                    size_then=None if row.type_then is None else row.size_then,
                    mode_now=row.mode_now,
                    mode_then=row.mode_then,
                )


def summary_of(plan: PlanFile, *, as_added: bool = False) -> FilePlan:
    """Return the plan's totals as they are now; `as_added`: no row has changed since `add`."""
    totals, facts = plan.totals(as_added=as_added), plan.facts
    counts = totals.counts
    return FilePlan(
        plan_path=plan.home,
        archive_path=facts.archive,
        kind=facts.kind,
        members=facts.members or 0,
        identical=facts.identical,
        added=counts[Action.ADD],
        changed=counts[Action.CHANGE],
        removed=counts[Action.REMOVE],
        mode_only=counts[Action.MODE],
        bytes_to_write=totals.written,
        fingerprint=totals.fingerprint(facts.sha256),
        by_directory=totals.directories(),
        unrestorable=facts.unrestorable,
        unwritable=facts.unwritable,
        kept=facts.kept,
        becoming=tuple(sorted(facts.becoming.items())),
        skipped=facts.skipped,
        chosen=facts.chosen,
        unmatched=facts.unmatched,
        in_the_way=facts.in_the_way,
        warnings=facts.warnings,
        survey=facts.survey,
    )
