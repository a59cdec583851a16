"""Where stages are, and where the entries of units lie in them.

It owns what is written into a plan about that, before the first stage is made.
"""

from __future__ import annotations

import os
from typing import Final

from core.archive.plan.plan_file import PlanFile, Region, Row
from core.archive.restore.places import Places
from core.archive.tree.mounts import place_pair
from core.durable import make_directory
from core.errors import StorageError

_IN_REGION: Final = "SELECT count(*) FROM entry WHERE action IN ('add', 'change') AND region = ?"
_PATHS_KEPT: Final = 10_000


class UnitPaths:
    """Where the entries of units lie in their stage."""

    def __init__(self, plan: PlanFile) -> None:
        self._plan = plan
        self._known: dict[int, bytes] = {}

    def components(self, row: Row) -> list[bytes]:
        """Return the way from the stage to an entry."""
        if row.unit is None:
            return [b"%d" % (row.id or 0)]
        path = self._known.get(row.unit)
        if path is None:
            if len(self._known) > _PATHS_KEPT:
                self._known.clear()
            path = self._known[row.unit] = next(self._plan.rows("WHERE id = ?", row.unit)).path
        return [b"%d" % row.unit, *row.path[len(path) + 1 :].split(b"/")]


def prepare_stages(plan: PlanFile, job_id: str) -> None:
    """Choose where stages and asides are, write that down, and only then make the stages."""
    state = os.fsencode(plan.fact("state"))
    if plan.home.state is None:
        make_directory(state, mode=0o700)
    label = f"{job_id}-{plan.fact('kind')}"
    regions = [
        Region(region.id, region.root, *place_pair(region.root, state, label))
        for region in plan.regions()
    ]
    plan.set_regions(regions)
    plan.remember(job_id=job_id, step="staging", borrowed=False)
    plan.save()
    make_stages(plan)


def refuse_unstaged(plan: PlanFile) -> None:
    """Raise StorageError for a plan of which nothing was staged."""
    if plan.fact("step") not in {"staged", "swapped"}:
        raise StorageError(f"The plan {plan.path} was never staged.")


def make_stages(plan: PlanFile) -> None:
    """Make the stages that have something to hold."""
    with Places(plan) as places:
        for region in plan.regions():
            if plan.count(_IN_REGION, region.id):
                places.make(region.stage)
