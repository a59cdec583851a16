"""The walk over a selection as batches of names, and notes of what it comes past.

It owns how much goes into a batch. Directories are members already when they are in it: they are
open, and there is nothing to read. It knows nothing of who packs.
"""

from __future__ import annotations

import itertools
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic

from core.archive.create.pack_worker import DIRECTORY_MODE, MemberWriter, Segment
from core.archive.tar.header import DIRECTORY
from core.archive.tree.open_directories import is_gone
from core.archive.tree.selection import Run, Selection, runs, unreadable
from core.archive.workers.batch_reader import Group
from core.archive.workers.pool import Made, Notes, Task
from core.events import Warned

_BATCH: Final = 256  # entries
_BATCH_BYTES: Final = 1 << 18  # that have to be sent with it


@dataclass(slots=True)
class Noticed:
    """Names for the warnings."""

    changed: list[str] = field(default_factory=list)
    vanished: list[str] = field(default_factory=list)
    special: list[str] = field(default_factory=list)
    stripped: list[str] = field(default_factory=list)

    def warnings(self) -> tuple[Warned, ...]:
        """Return one warning for each sort of thing that was noticed."""
        sorts = (
            ("changed", "These files changed while they were read", self.changed),
            ("vanished", "These files vanished while the archive was written", self.vanished),
            ("special", "Sockets, fifos and devices are not kept", self.special),
            ("set_id", "Set-user-id and set-group-id bits of files are not kept", self.stripped),
        )
        return tuple(
            Warned(code=code, message=f"{text}: {len(names)}.", names=tuple(names))
            for code, text, names in sorts
            if names
        )


class Batches(ABC, Generic[Made]):
    """A walk in batches for whoever works on them."""

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
        """Take in what needs no more looking, whatever group is the last."""
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


class ArchiveBatches(Batches[Segment]):
    """The walk over a selection for whoever packs it."""

    def __init__(self, selection: Selection, noticed: Noticed, members: MemberWriter) -> None:
        super().__init__()
        self._selection = selection
        self._noticed = noticed
        self._members = members

    def _runs(self) -> Iterator[Run]:
        return itertools.chain(self._above(), runs(self._selection, problem=self.problem))

    def _above(self) -> Iterator[Run]:
        """Yield the directories that stand above the selection in the archive."""
        prefix = self._selection.prefix
        fd = os.open(self._selection.root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for end in [at for at, byte in enumerate(prefix) if byte == 0x2F]:
                yield prefix[: end + 1], fd, None
        finally:
            os.close(fd)

    def problem(self, path: bytes, error: OSError) -> None:
        """Take note of what vanished. Raises what forbids the archive."""
        if not is_gone(error):
            raise unreadable(path, error) from error
        self._noticed.vanished.append(os.fsdecode(path))

    def _directory(self, prefix: bytes, fd: int) -> None:
        """Take in a directory, whatever group is the last: it needs no more looking."""
        path, status = prefix[:-1], os.fstat(fd)
        head = self._members.head(path, status, DIRECTORY, status.st_mode & DIRECTORY_MODE, fd=fd)
        self._known(path, head)
