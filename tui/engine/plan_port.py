"""What the screens ask of the plan that was made last, and of the inside of backups.

Answers are frozen values. Everything may take a while, and is asked from threads; a plan that was
replaced meanwhile answers with a StorageError, which nobody waits for any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideView:
    """One part of a backup. `kind` is `directory`, `file`, `link`, `table`, `view` and so on.

    Sizes are bytes; `mode` and `rows` are None where nothing has them.
    """

    path: str
    kind: str
    size: int = 0
    mode: int | None = None
    link: str = ""
    rows: int | None = None


class Insides(Protocol):
    """The inside of backups, beside the store as it is now."""

    def children(
        self, name: str, directory: str, *, after: str, stop: Stop
    ) -> tuple[InsideView, ...]:
        """Return at most `PAGE` parts of a directory of a backup, those behind `after`.

        "" is the top of an archive, and all of a dump. The first question may have to read the
        whole backup, for its index. Raises DamagedBackup, Cancelled.
        """
        ...

    def extract(self, name: str, part: str, to: str, *, stop: Stop) -> tuple[int, int, int]:
        """Write a part, and all below it, into a directory outside the store.

        Return how many files were written, their bytes, and how many were left out.
        """
        ...

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
