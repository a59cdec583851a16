"""The plan that is shown now, which answers the questions of the screens."""

from __future__ import annotations

import threading

from core.archive.plan.tree import PlannedNode, PlanTree
from core.errors import Cancelled, UsageError
from core.events import Kind, Report
from core.operations.requests import Request, RollbackRequest
from core.operations.rollback_plan import RollbackPlan
from core.operations.undo_plan import UndoPlan
from core.text.plan_list import write_list
from tui.engine.plan_port import PAGE


class ShownPlan:
    """The plan of a store that is shown now; its lists lie in a temporary directory."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._plan: RollbackPlan | UndoPlan | None = None

    def keep(self, plan: RollbackPlan | UndoPlan, report: Report) -> None:
        """Show this plan; the one before is let go of.

        `report` raises Cancelled where a newer plan was asked for meanwhile: that one is shown.
        """
        with self._turn:
            try:
                report(0, 0, "")
            except Cancelled:
                _let_go(plan)
                raise
            before, self._plan = self._plan, plan
        _let_go(before)

    def drop(self) -> None:
        """Let go of the plan and its lists."""
        with self._turn:
            plan, self._plan = self._plan, None
        _let_go(plan)

    def confirmed(self, request: Request) -> RollbackPlan | None:
        """Return the plan that a request confirms, for its runner to compare with its own."""
        plan = self._plan
        if not isinstance(plan, RollbackPlan) or not isinstance(request, RollbackRequest):
            return None
        return plan if plan.fingerprint == request.confirmed_plan else None

    def _tree(self, kind: Kind) -> PlanTree | None:
        plan = self._plan
        files = None if plan is None else plan.files.get(kind)
        return None if files is None else files.tree

    def children(self, kind: Kind, directory: str, offset: int) -> tuple[PlannedNode, ...]:
        """Return a page of the children of a directory."""
        tree = self._tree(kind)
        return () if tree is None else tree.children(directory, offset=offset, limit=PAGE)

    def found(self, kind: Kind, word: str) -> tuple[int, tuple[PlannedNode, ...]]:
        """Return the entries with a word in their path, and how many there are."""
        tree = self._tree(kind)
        if tree is None:
            return 0, ()
        nodes = tree.find(word, limit=PAGE)
        return (len(nodes) if len(nodes) < PAGE else tree.found(word)), nodes

    def write(self, path: str) -> int:
        """Write the whole list to a new file, 0600."""
        if self._plan is None:
            raise UsageError("There is no plan to write.")
        return write_list(self._plan.files, path)


def _let_go(plan: RollbackPlan | UndoPlan | None) -> None:
    if plan is not None and plan.scratch is not None:
        plan.scratch.cleanup()
