"""Plans made of rows, without an archive."""

from __future__ import annotations

from pathlib import Path

from core.archive.plan.plan_file import PlanFile
from core.archive.plan.rows import PlanRow
from core.archive.plan.tree import PlanTree

FILE, DIRECTORY = 0o100000, 0o040000
FACTS = {"kind": "code", "root": b"/x", "prefix": b"", "state": b"/x", "step": "planned"}


def plan_of_rows(path: Path, rows: list[PlanRow], *, as_added: bool) -> PlanTree:
    with PlanFile.create(str(path)) as plan:
        for row in rows:
            plan.add(row)
        plan.keep_sums(as_added=as_added)
        plan.remember(**FACTS)
        plan.save()
    return PlanTree(str(path))
