"""The screens' questions on the newest plan.

Answers are frozen values. Everything may take a while, and is asked from threads; a plan that was
replaced meanwhile answers with a StorageError, which is then ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from core.events import Kind

if TYPE_CHECKING:  # the first screen does not wait for the modules that plan
    from core.archive.plan.tree import PlannedNode

PAGE: Final = 5000
"""Nodes of one answer."""


class PlannedFiles(Protocol):
    """The files of a plan. Removals come first everywhere."""

    def children(self, kind: Kind, directory: str, offset: int) -> tuple[PlannedNode, ...]:
        """Return at most `PAGE` children of a directory, "" being the root of the store."""
        ...

    def found(self, kind: Kind, word: str) -> tuple[int, tuple[PlannedNode, ...]]:
        """Return how many entries have a word in their path, and at most `PAGE` of them."""
        ...

    def write(self, path: str) -> int:
        """Write the whole list to a new file; return how many lines it has. StorageError."""
        ...


def goes(node: PlannedNode) -> bool:
    """Tell whether an entry, or something below it, leaves the store."""
    return node.action == "remove" or (node.sums is not None and node.sums.removed > 0)
