"""Compares a plan that was read back with the limits of a plan of that job.

A plan decides about renames and removals, and their places. So its roots must be those of the
store, its stages and asides the names that we form for the job, in the regions of that root.
`core.archive.plan.plan_file` checks that its entries begin with its prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from core.archive.plan.plan_facts import PlanFacts
from core.archive.plan.plan_location import PlanBounds
from core.archive.plan.rows import Region

_ASIDE: Final = re.compile(rb"aside-[0-9a-f-]{1,64}-[a-z]+")
_HIDDEN: Final = b".magerewind-"


def check_facts(facts: PlanFacts, bounds: PlanBounds) -> None:
    """Raise ValueError, which says why, for facts that are not of this job, or of this store."""
    if (facts.root, facts.prefix) not in bounds.trees:
        raise ValueError("it is of another directory than this store's")
    if facts.state != bounds.state:
        raise ValueError("it is of another store")
    if facts.kind.value != bounds.kind:
        raise ValueError("it is of another kind")
    if facts.job_id not in (None, bounds.job_id):
        raise ValueError("it is of another job")
    if not all(_is_below(parent.path) for parent in facts.parents):
        raise ValueError("a directory in it is outside the store")


def check_regions(regions: Iterable[Region], facts: PlanFacts, bounds: PlanBounds) -> None:
    """Raise ValueError for a region outside the store, or a stage or aside of another job."""
    for region in regions:
        _check_region(region, facts, bounds)


def _check_region(found: Region, facts: PlanFacts, bounds: PlanBounds) -> None:
    _, region, stage, aside = found
    if not all(isinstance(path, bytes) for path in (region, stage, aside)):
        raise ValueError("a region in it is none")
    if region != facts.root and not (
        region.startswith(facts.root + b"/") and _is_below(region[len(facts.root) + 1 :])
    ):
        raise ValueError("a region in it is outside the store")
    label = f"-{bounds.job_id}-{bounds.kind}".encode()
    tops = (bounds.state + b"/", region + b"/" + _HIDDEN)
    if aside and aside not in {top + b"aside" + label for top in tops}:
        raise ValueError("what it set aside is not where this job sets things aside")
    if not stage or stage in {top + b"stage" + label for top in tops}:
        return
    names = [stage[len(top) :] for top in tops if stage.startswith(top)]
    if not facts.borrowed or not any(_ASIDE.fullmatch(name) for name in names):
        raise ValueError("its stage is not where this job stages")


def _is_below(path: bytes) -> bool:
    """Tell whether a relative path stays below where it begins."""
    return b"\0" not in path and not {b"", b".", b".."} & set(path.split(b"/"))
