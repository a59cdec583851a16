"""Entries that a rollback has set aside: their size, and their removal.

`core.archive.restore.undo` restores them.
"""

from __future__ import annotations

from core.archive.plan.closed_directories import unremovable
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanPlace
from core.archive.restore.places import StagePlaces
from core.events import Report, no_report


def remove_aside(plan_path: PlanPlace, *, report: Report = no_report) -> int:
    """Give up the undo of a plan: remove the entries set aside; return the bytes freed."""
    with PlanFile(plan_path, only_read=True) as plan, StagePlaces(plan) as places:
        return sum(places.remove(path, report=report) for path in _asides(plan))


def kept_by_others(plan_path: PlanPlace) -> tuple[str, ...]:
    """Return the directories in the undo of a plan that this account could not empty."""
    with PlanFile(plan_path, only_read=True) as plan:
        return tuple(name for path in _asides(plan) for name in unremovable(path))


def aside_bytes(plan_path: PlanPlace) -> int:
    """Return how many bytes on disk the undo of a plan holds."""
    with PlanFile(plan_path, only_read=True) as plan, StagePlaces(plan) as places:
        return sum(places.size(path) for path in _asides(plan))


def _asides(plan: PlanFile) -> list[bytes]:
    return [region.aside for region in plan.regions() if region.aside]
