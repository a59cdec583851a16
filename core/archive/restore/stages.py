"""The places of stages, and of the entries of units in them.

It owns the records of a plan about these places, written before the first stage is made.
"""

from __future__ import annotations

from typing import Final

from core.archive.plan.plan_facts import MOVABLE, PlanStep
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.rows import PlanRow, Region
from core.archive.restore.places import StagePlaces
from core.archive.tree.mounts import place_pair
from core.durable import make_directory
from core.errors import StorageError

_PATHS_KEPT: Final = 10_000


class UnitPaths:
    """Where the entries of units lie in their stage."""

    def __init__(self, plan: PlanFile) -> None:
        self._plan = plan
        self._known: dict[int, bytes] = {}

    def components(self, row: PlanRow) -> list[bytes]:
        """Return the way from the stage to an entry."""
        if row.unit is None:
            return [b"%d" % (row.id or 0)]
        path = self._known.get(row.unit)
        if path is None:
            if len(self._known) > _PATHS_KEPT:
                self._known.clear()
            unit = self._plan.row_of(row.unit)
            assert unit is not None  # noqa: S101 - for the type checker: a plan has its units
            path = self._known[row.unit] = unit.path
        return [b"%d" % row.unit, *row.path[len(path) + 1 :].split(b"/")]


def prepare_stages(plan: PlanFile, job_id: str) -> None:
    """Choose where stages and asides are, write that down, and only then make the stages."""
    state = plan.facts.state
    if plan.home.state is None:
        make_directory(state, mode=0o700)
    label = f"{job_id}-{plan.facts.kind}"
    regions = [
        Region(region.id, region.root, *place_pair(region.root, state, label))
        for region in plan.regions()
    ]
    plan.set_regions(regions)
    plan.remember(job_id=job_id, step=PlanStep.STAGING, borrowed=False)
    plan.save()
    make_stages(plan)


def refuse_unstaged(plan: PlanFile) -> None:
    """Raise StorageError for a plan of which nothing was staged."""
    if plan.facts.step not in MOVABLE:
        raise StorageError(f"The plan {plan.path} was never staged.")


def make_stages(plan: PlanFile) -> None:
    """Make the stages that have something to hold."""
    with StagePlaces(plan) as places:
        for region in plan.regions():
            if plan.count_staged_in(region.id):
                places.make(region.stage)
