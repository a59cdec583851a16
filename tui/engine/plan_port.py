"""What the screens ask of the plan that was made last, and of the inside of backups.

Answers are frozen values. Everything may take a while, and is asked from threads; a plan that was
replaced meanwhile answers with a StorageError, which nobody waits for any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

from core.events import Kind

if TYPE_CHECKING:  # what is shown first does not wait for what plans are made with
    from core.archive.plan.tree import PlannedNode

Stop = Callable[[], bool]

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


class Insides(Protocol):
    """The inside of backups, beside the store as it is now."""

    def difference(
        self, name: str, part: str, *, show_secrets: bool, stop: Stop
    ) -> tuple[str, ...]:
        """Return how a file, directory or table of a backup differs from the store's, as lines.

        `+` is what a rollback brings, `-` what is there only now. Secrets are masked unless they
        are to be shown. Raises BackupNotFound for a part of neither, and Cancelled.
        """
        ...


def goes(node: PlannedNode) -> bool:
    """Tell whether an entry, or something below it, leaves the store."""
    return node.action == "remove" or (node.sums is not None and node.sums.removed > 0)
