"""What every kind of backup answers about what is inside it.

A part is what a person names: the path of a member, or a table. How parts are listed and compared
is each kind's own, since files and tables have other columns: see `core.cli.contents_view`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from core.contents.target import Target
from core.errors import BackupNotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    """A part that was written. `kind` is `file`, `directory`, `link` or `table`; size in bytes."""

    path: str
    kind: str
    size: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class NotExtracted:
    """A part that was left out, and why, as a sentence without its name: `it exists already`."""

    path: str
    reason: str


class Contents(Protocol):
    """What is inside one backup. Raises DamagedBackup, HostileArchive, StorageError.

    A part that the backup has not raises BackupNotFound, by `no_such_part`.
    """

    def require(self, parts: Sequence[str]) -> None:
        """Raise BackupNotFound or UsageError unless all of these are in the backup."""

    def show(self, part: str) -> Iterator[bytes]:
        """Yield the bytes of a part. Raises UsageError for one that has none, such as a directory.

        What is wrong with the name is raised by the call, before anything is yielded.
        """

    def extract(self, parts: Sequence[str], target: Target) -> Iterator[Extracted | NotExtracted]:
        """Write parts, and all below them, into a directory; yield what became of each entry.

        All parts are looked for before anything is written.
        """


def no_such_part(part: str, name: str, *, nor: str = "") -> BackupNotFound:
    """Return the error for a part that a backup has not; `nor` says where it is not either."""
    return BackupNotFound(
        f"There is no {part} in {name}{nor}.",
        hint=f"magerewind info:backups:files {name} lists what there is.",
    )
