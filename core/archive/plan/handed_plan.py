"""Hands a plan of a listing from the process that showed it to the one that stages it.

The plan was correct when it was made. The recheck, with the store closed, finds all later changes,
so the job need not plan again. This module owns the names of the handed files and the conditions
under which they are accepted.
"""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from typing import Final

from core.archive.plan.listing_file import listing_file
from core.archive.plan.plan_facts import PlanStep
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanLocation, PlanPlace, plan_location, seen_file
from core.archive.plan.summary import FilePlan, summary_of
from core.archive.tree.selection import Selection
from core.directories import StateFile
from core.errors import MagerewindError

_SUFFIX: Final = ".shown"
_BUFFER: Final = 1 << 18
_ONE_CLOCK_NS: Final = 10_000_000
"""Files of two file systems get their times from one clock, if they are not further apart."""


def _copy(source: StateFile, target: StateFile) -> int:
    """Copy a file; return the time of the copy by the clock of its file system."""
    target.remove()
    with open(source.open(), "rb", buffering=0) as read, open(target.create(), "wb") as written:
        began_ns = os.fstat(written.fileno()).st_ctime_ns
        shutil.copyfileobj(read, written, _BUFFER)
    return began_ns


def hand_over(plan: PlanPlace, target: StateFile) -> None:
    """Lay a plan down beside the one that `target` will be; without room for it, do not.

    Nor where the target's file system has another clock: a recheck compares its times with those
    of the plan.
    """
    shown = target.beside(_SUFFIX)
    try:
        began_ns = _copy(plan_location(plan).file, shown)
        if abs(time.time_ns() - began_ns) > _ONE_CLOCK_NS:
            _forget(shown)
            return
        _copy(seen_file(plan), seen_file(PlanLocation(shown)))
    except (OSError, MagerewindError):
        _forget(shown)


def take_over(
    place: PlanLocation, selection: Selection, *, snapshot: str, prefix: bytes
) -> FilePlan | None:
    """Return the plan that was handed over, now at `place`; None where there is none that fits.

    It fits if it is one of this snapshot and selection, of which nothing was staged yet.
    """
    shown = PlanLocation(place.file.beside(_SUFFIX), place.bounds)
    try:
        if not (shown.file.exists() and seen_file(shown).exists()):
            return None
        with PlanFile(shown) as plan:
            facts = plan.facts
            fits = (
                facts.selection() == selection
                and facts.sha256 == snapshot
                and facts.listed == os.fsdecode(prefix)
                and facts.step is PlanStep.PLANNED
            )
        if not fits:
            _forget(shown.file)
            return None
        directory = place.directory
        directory.rename(seen_file(shown).name, seen_file(place).name)
        directory.rename(shown.file.name, place.file.name)
        with PlanFile(place) as plan:
            plan.remember(archive=listing_file(place).path)
            plan.save()
            return summary_of(plan)
    except (OSError, MagerewindError):
        _forget(shown.file)
        return None


def _forget(shown: StateFile) -> None:
    with suppress(OSError, MagerewindError):
        seen_file(PlanLocation(shown)).remove()
        shown.remove()
