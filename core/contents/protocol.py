"""The questions that every kind of backup answers about its contents.

A part is a name given by the user: the path of a member, or a table. Each kind lists and compares
its parts in its own way, since files and tables have other columns: see `core.cli.contents_view`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from msgspec import Struct

from core.contents.extract_target import Target
from core.errors import BackupNotFound


class Extracted(Struct, frozen=True, kw_only=True):
    """A part that was written. `kind` is `file`, `directory`, `link` or `table`; size in bytes."""

    path: str
    kind: str
    size: int = 0


class NotExtracted(Struct, frozen=True, kw_only=True):
    """A part that was left out, and why, as a sentence without its name: `it exists already`."""

    path: str
    reason: str


class Contents(Protocol):
    """The contents of one backup. Raises DamagedBackup, HostileArchive, StorageError.

    A part that the backup has not raises BackupNotFound, by `no_such_part`.
    """

    def require(self, parts: Sequence[str]) -> None:
        """Raise BackupNotFound or UsageError unless all of these are in the backup."""

    def show(self, part: str) -> Iterator[bytes]:
        """Yield the bytes of a part. Raises UsageError for one that has none, such as a directory.

        Errors of the name are raised by the call itself, before the first bytes.
        """

    def extract(self, parts: Sequence[str], target: Target) -> Iterator[Extracted | NotExtracted]:
        """Write parts, and all below them, into a directory; yield the result for each entry.

        All parts are looked for before anything is written.
        """


def no_such_part(part: str, name: str, *, nor: str = "") -> BackupNotFound:
    """Return the error for a part that a backup has not; `nor` says where it is not either."""
    return BackupNotFound(
        f"There is no {part} in {name}{nor}.",
        hint=f"magerewind info:backups:files {name} lists what there is.",
    )
