"""The walk over a selection as batches of names, with notes on its directories.

It owns how much goes into a batch. Directories are members already when they are in it: they are
open, and there is nothing to read. It knows nothing of who packs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final, Generic

from core.archive.tree.selection import Run
from core.archive.workers.batch_reader import Group
from core.archive.workers.pool import Made, Notes, Task

_BATCH: Final = 256  # entries
_BATCH_BYTES: Final = 1 << 18  # that have to be sent with it


class Batches(ABC, Generic[Made]):
    """A walk in batches, for a worker pool."""

    def __init__(self) -> None:
        self._batch: list[Group] = []
        self._prefix: bytes | None = None  # of its last group
        self._entries = 0
        self._bytes = 0  # of heads and ways to directories, which can be long
        self._notes: Notes = {}

    def _is_full(self) -> bool:
        return self._entries >= _BATCH or self._bytes >= _BATCH_BYTES

    def __iter__(self) -> Iterator[Task[Made]]:
        for prefix, fd, names in self._runs():
            if names is None:
                self._directory(prefix, fd)
                if self._is_full():
                    yield from self._gathered()
                continue
            if isinstance(names, tuple):
                names = [names[0] + b"/"]  # noqa: PLW2901 - in the form of a group
            for at in range(0, len(names), _BATCH):
                self._add(prefix, names[at : at + _BATCH])
                if self._is_full():
                    yield from self._gathered()
        yield from self._gathered()

    @abstractmethod
    def _runs(self) -> Iterator[Run]:
        """Walk."""

    @abstractmethod
    def _directory(self, prefix: bytes, fd: int) -> None:
        """Take in an open directory."""

    def _known(self, path: bytes, *known: bytes) -> None:
        """Take in an entry that needs no more looking, with any group last."""
        group = self._prefix
        self._add(path[: path.rfind(b"/") + 1] if group is None else group, [known])
        self._bytes += sum(map(len, known))

    def _add(self, prefix: bytes, entries: Sequence[bytes | tuple[bytes, ...]]) -> None:
        if prefix != self._prefix:
            self._batch.append((prefix, []))
            self._prefix = prefix
            self._bytes += len(prefix)
        self._batch[-1][1].extend(entries)
        self._entries += len(entries)

    def _gathered(self) -> Iterator[Task[Made]]:
        if self._batch:
            yield Task(self._batch, self._notes)
            self._batch, self._prefix, self._entries, self._bytes = [], None, 0, 0
            self._notes = {}
