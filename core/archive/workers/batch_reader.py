"""Reads the entries of a batch, one after the other: the work that several processes share.

The walking process distributes batches of names. Each process reads the files of its batches and
returns parts in the order of the walk; no content of a file goes through a pipe.

It owns the form of a batch, and finds its directories again. Subclasses decide how entries are
used, and which entries only the walking process can decide on.
"""

from __future__ import annotations

import os
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar

from core.archive.tree.open_directories import OPEN_FILE, OpenDirectories
from core.archive.tree.selection import Selection
from core.errors import StorageError

Group: TypeAlias = tuple[bytes, list[bytes | tuple[bytes, ...]]]
"""Entries of one directory, whose member path (empty or with a slash at its end) comes first: names
of files; names with a slash at their end of entries that are neither file nor directory; and tuples
of the facts that the walking process knows already."""
_TYPE_AND_SET_ID: Final = 0o176000


class BatchPart(Protocol):
    """The result of some consecutive entries of a batch."""

    @property
    def entries(self) -> int:
        """How many."""

    @property
    def held(self) -> int:
        """Bytes that it takes in the memory of the process that walks."""


class LeftOut(NamedTuple):
    """An entry for the walking process to look at, by its group and its place there."""

    group: int
    place: int
    changed: bool = False
    """Whether it changed while it was read."""

    @property
    def entries(self) -> int:
        """One."""
        return 1

    @property
    def held(self) -> int:
        """Nothing."""
        return 0


Made = TypeVar("Made", bound=BatchPart)


class BatchReader(ABC, Generic[Made]):
    """Makes parts of batches of entries of a selection."""

    def __init__(self, selection: Selection) -> None:
        self._root = selection.root
        self._start = len(selection.prefix)
        self._open_directories = OpenDirectories(self._root)

    def close(self) -> None:
        """Close the directories that are open."""
        self._open_directories.close()

    def pack(self, batch: list[Group], *, skip: int = 0) -> Iterator[Made | LeftOut]:
        """Yield the parts of a batch and, in their places, the entries left out of them.

        `skip` entries at its beginning are passed over. Between two parts other batches may be
        packed.
        """
        for number, (prefix, entries) in enumerate(batch):
            fd = self._directory(prefix)
            for place, entry in enumerate(entries):
                if skip:
                    skip -= 1
                    continue
                if isinstance(entry, tuple):
                    left_out = self._known(entry)
                else:
                    left_out = self._take(prefix, entry, fd)
                if left_out is None and not self._is_full():
                    continue
                if (part := self._gathered()) is not None:
                    yield part
                if left_out is not None:
                    yield LeftOut(number, place, left_out)
                fd = self._directory(prefix)  # another batch may have gone elsewhere meanwhile
        if (part := self._gathered()) is not None:
            yield part

    def _directory(self, prefix: bytes) -> int:
        """Return the descriptor of a directory, or -1 where there is none any more."""
        relative = prefix[self._start : -1]
        try:
            return self._open_directories.go(relative.split(b"/") if relative else [])
        except OSError:
            return -1
        except StorageError:  # moved while we were in it
            self._open_directories.close()
            self._open_directories = OpenDirectories(self._root)
            return -1

    @abstractmethod
    def _take(self, prefix: bytes, name: bytes, fd: int) -> bool | None:
        """Take an entry in. Not None: it is left out, and whether that is for a change."""

    @abstractmethod
    def _known(self, entry: tuple[bytes, ...]) -> bool | None:
        """Take in an entry that the walking process knows already."""

    @abstractmethod
    def _is_full(self) -> bool:
        """Tell whether the gathered entries are enough for a part."""

    @abstractmethod
    def _gathered(self) -> Made | None:
        """Return the gathered entries as a part, if there are any, and forget them."""


class SmallFiles(BatchReader[Made]):
    """Reads small files whole, up to `largest` bytes."""

    largest: int

    def _take(self, prefix: bytes, name: bytes, fd: int) -> bool | None:
        if fd < 0:
            return False
        try:
            if name[-1] == 0x2F:
                return self._other(prefix + name[:-1], name[:-1], fd)
            # An entry that was no file when it was listed is never opened: to open a fifo or a
            # device is felt at its other end.
            opened = os.open(name, OPEN_FILE, dir_fd=fd)
            try:
                status = os.fstat(opened)
                if (
                    status.st_mode & _TYPE_AND_SET_ID != stat.S_IFREG
                    or status.st_nlink > 1
                    or status.st_size > self.largest
                ):
                    return False
                content = os.read(opened, status.st_size + 1)
                if len(content) != status.st_size:
                    return True
                return self._file(prefix + name, opened, status, content)
            finally:
                os.close(opened)
        except OSError:
            return False

    @abstractmethod
    def _file(self, path: bytes, fd: int, status: os.stat_result, content: bytes) -> bool | None:
        """Take in a small file, as it looked before it was read. Raises OSError."""

    @abstractmethod
    def _other(self, path: bytes, name: bytes, fd: int) -> bool | None:
        """Take in an entry that was neither file nor directory when listed. Raises OSError."""
