"""The walk over a selection as batches of names, with notes on its directories.

It owns the begin of each batch. The checksum of a path decides, so that the same names begin a
batch independently of names added or removed before them. A batch is a segment of an archive, or
begins one; so two archives of nearly the same tree have nearly all segments in common, which saves
rsync and repositories of backups work. Directories in a batch are complete members: the walk has
opened them, and there is nothing to read. It does not know the packing processes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final, Generic
from zlib import crc32

from core.archive.tree.selection import Run
from core.archive.workers.batch_reader import Group
from core.archive.workers.pool import Made, Notes, Task

_LEAST: Final = 24  # entries of one that ends where a name begins the next
_BATCH: Final = 512  # entries of one, at most
_ONE_IN: Final = 160  # names begin a batch
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
                if self._entries >= _LEAST and not crc32(prefix) % _ONE_IN:
                    yield from self._gathered()
                self._directory(prefix, fd)
                if self._is_full():
                    yield from self._gathered()
                continue
            if isinstance(names, tuple):
                names = [names[0] + b"/"]  # noqa: PLW2901 - in the form of a group
            yield from self._names(prefix, names)
        yield from self._gathered()

    def _names(self, prefix: bytes, names: list[bytes]) -> Iterator[Task[Made]]:
        """Take in the names of files of a directory, which follow one another."""
        begin, above = 0, crc32(prefix)
        starts = [at for at, name in enumerate(names) if not crc32(name, above) % _ONE_IN]
        for at in (*starts, len(names)):
            while self._entries + at - begin >= _BATCH:
                room = _BATCH - self._entries
                self._add(prefix, names[begin : begin + room])
                begin += room
                yield from self._gathered()
            if begin < at:
                self._add(prefix, names[begin:at])
                begin = at
            if self._bytes >= _BATCH_BYTES or (at < len(names) and self._entries >= _LEAST):
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
