"""What a rollback has set aside: how much it is, and how it is given up.

It owns nothing else of the undo; what brings it back is `core.archive.restore.undo`.
"""

from __future__ import annotations

from core.archive.plan.closed_directories import unremovable
from core.archive.plan.plan_file import PlanFile
from core.archive.tree.remove import remove_tree, tree_bytes
from core.events import Report, no_report


def remove_aside(plan_path: str, *, report: Report = no_report) -> int:
    """Give up the undo of a plan: remove what was set aside; return the bytes freed."""
    freed = 0
    for path in _asides(plan_path):
        freed += remove_tree(path, report=report)
    return freed


def kept_by_others(plan_path: str) -> tuple[str, ...]:
    """Return the directories in the undo of a plan that this account could not empty."""
    return tuple(name for path in _asides(plan_path) for name in unremovable(path))


def aside_bytes(plan_path: str) -> int:
    """Return how many bytes on disk the undo of a plan holds."""
    return sum(tree_bytes(path) for path in _asides(plan_path))


def _asides(plan_path: str) -> list[bytes]:
    with PlanFile(plan_path, only_read=True) as plan:
        return [region.aside for region in plan.regions() if region.aside]
