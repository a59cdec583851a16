"""Removes from a unit of a plan the entries that have to stay, such as a mount or an ignored path.

The directories above it stay then; the other children of those become units of their own.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from core.archive.plan.plan_file import PlanFile
from core.archive.plan.rows import Action, PlanRow

_OWNER = "owner or group"


def split(
    plan: PlanFile,
    kept: bytes,
    region_of: Callable[[bytes], int],
    cannot_restore: Callable[[bytes, str], None],
) -> None:
    """Let the directories above `kept` stay; their other entries become units.

    `region_of` returns the region of a path; `cannot_restore` gets paths that stay as they are
    although the archive has them otherwise, and why.
    """
    above = [kept] + [kept[:at] for at in range(len(kept)) if kept[at : at + 1] == b"/"]
    found = (plan.row_at(path) for path in above)
    # A directory of which only the mode changes stays where it is, and is in no unit.
    tops = [row for row in found if row is not None and row.action is not Action.MODE]
    if not tops:
        return
    unit = tops[0].unit if tops[0].unit is not None else tops[0].id
    changed = next((row.path for row in tops if _is_exchanged(row)), None)
    if changed is not None:
        cannot_restore(changed, f"it holds {os.fsdecode(kept)}, which stays")
        plan.delete_unit(unit)
        return
    for row in tops:
        if row.action is Action.CHANGE:  # only for its owner
            cannot_restore(row.path, _OWNER)
        plan.delete(row.id)
    _regroup(plan, unit, region_of)


def _regroup(plan: PlanFile, unit: int | None, region_of: Callable[[bytes], int]) -> None:
    """Make units of the children of directories that stay."""
    current, below = None, b"\0"
    for row in plan.rows_of_unit(unit):
        if row.path.startswith(below):
            plan.set_unit(row.id, current)
            continue
        current, below = row.id, row.path + b"/"
        plan.make_unit(row.id, region_of(row.path))


def _is_exchanged(row: PlanRow) -> bool:
    """Tell whether something of another type takes the place of a directory."""
    return row.action is Action.CHANGE and row.type_now != row.type_then
