"""The source of a backup that is no file here, as used by `members` and `tables`.

It owns the questions alone. Their answers are given by `core.operations`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from core.events import Report

if TYPE_CHECKING:
    from core.archive.index.reader import IndexReader
    from core.archive.plan.summary import FilePlan
    from core.archive.tree.selection import Selection
    from core.database.index.entries import Place
    from core.database.index.read_index import DumpIndex


class Text(Protocol):
    """The text of a dump."""

    def pieces(self, place: Place) -> Iterator[bytes]:
        """Yield the text of a place in pieces of up to a mebibyte."""

    def text(self, place: Place) -> bytes:
        """Return the text of a place, whole."""


class Origin(Protocol):
    """One backup that is elsewhere. Raises RepositoryError, StorageError."""

    def tree_index(self) -> AbstractContextManager[IndexReader]:
        """Give the index of a tree, in the order of the walk."""

    def gather(self, paths: Sequence[bytes]) -> None:
        """Bring these files, which are going to be asked for one after the other."""

    def file(self, path: bytes, size: int) -> Iterator[bytes]:
        """Yield the content of one file of a tree."""

    def plan(self, selection: Selection, place: str, report: Report) -> FilePlan:
        """Compare a tree with the live one; write the plan to `place`."""

    def dump_index(self) -> AbstractContextManager[DumpIndex]:
        """Give the index of a dump."""

    def dump_text(self) -> AbstractContextManager[Text]:
        """Give the text of a dump."""
