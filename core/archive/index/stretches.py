"""The contents of members by their positions: inflates only the stretches that hold them.

The inflated bytes of a stretch are compared with its checksum before any of them is returned; the
checksum of a large file's stretch is compared at its end.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from typing import Any, Final, Self

from isal import isal_zlib
from isal.isal_zlib import error as IsalError  # noqa: N812 - its name says nothing

from core.archive.index.reader import Located
from core.archive.tar.gzip import Stretch
from core.durable import translate
from core.errors import DamagedBackup
from core.owned_files import open_regular

_PIECE: Final = 1 << 20
_READ: Final = 1 << 18
_WHOLE: Final = 8 << 20  # bytes of a stretch that is inflated whole: a segment has less


class _Run:
    """The content of a stretch and of all behind it, inflated forwards once."""

    def __init__(self, fd: int, name: str, stretch: Stretch) -> None:
        self.stretch = stretch
        self.at = 0
        """Bytes from the beginning of the stretch, up to here."""
        self._name = name
        self._crc = 0
        self._fd = fd
        self._next = stretch.at
        self._raw = b""
        self._inflater: Any = isal_zlib.decompressobj(-zlib.MAX_WBITS)

    def take(self, size: int) -> bytes:
        """Return the next bytes, at most `size` and a mebibyte; at least one."""
        try:
            while not self._inflater.eof:
                if not self._raw:
                    self._raw = os.pread(self._fd, _READ, self._next)
                    self._next += len(self._raw)
                is_last = not self._raw  # the inflater may still hold content
                piece: bytes = self._inflater.decompress(self._raw, min(size, _PIECE))
                self._raw = self._inflater.unconsumed_tail
                if piece:
                    return self._taken(piece)
                if is_last:
                    break
        except IsalError as error:  # type: ignore[misc]
            raise damaged(self._name, "corrupt compressed content") from error
        except OSError as error:
            raise translate(error, f"reading {self._name}") from error
        raise damaged(self._name, "it was cut short")

    def _taken(self, piece: bytes) -> bytes:
        end = self.stretch.size
        if self.at < end:
            self._crc = isal_zlib.crc32(piece[: end - self.at], self._crc)
            if self.at + len(piece) >= end and self._crc != self.stretch.crc:
                raise damaged(self._name, "the checksum does not match the content")
        self.at += len(piece)
        return piece

    def go_to(self, place: int) -> None:
        """Pass over all up to a place."""
        while self.at < place:
            self.take(place - self.at)


def damaged(name: str, reason: str) -> DamagedBackup:
    """Return the error for an archive that contradicts its index."""
    return DamagedBackup(
        f"{name} is damaged: {reason}.", hint="magerewind info:backups:verify reads all of it."
    )


class StretchContents:
    """The contents of an archive whose index knows stretches. Raises DamagedBackup, StorageError.

    Cheapest where members are asked for in their order.
    """

    def __init__(self, path: str) -> None:
        self._name = os.path.basename(path)
        try:
            self._fd = open_regular(path)
        except OSError as error:
            raise translate(error, f"opening {path}") from error
        self._whole: tuple[Stretch, bytes] | None = None
        self._run: _Run | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)

    def pieces(self, located: Located) -> Iterator[bytes]:
        """Yield the content of a regular member in pieces of up to 1 MiB."""
        row, place, stretch = located
        begin = place - stretch.begin
        end = begin + row.size
        if end <= stretch.size <= _WHOLE:
            content = self._content(stretch)
            for at in range(begin, end, _PIECE):
                yield content[at : min(at + _PIECE, end)]
            return
        run = self._run
        if run is None or run.stretch != stretch or run.at > begin:
            run = self._run = _Run(self._fd, self._name, stretch)
        run.go_to(begin)
        while run.at < end:
            yield run.take(end - run.at)
        if stretch.size - end <= _WHOLE:  # of a large file: to compare the checksum
            run.go_to(stretch.size)

    def _content(self, stretch: Stretch) -> bytes:
        """Return all of a stretch, once its checksum was compared."""
        if self._whole is None or self._whole[0] != stretch:
            run = _Run(self._fd, self._name, stretch)
            pieces = []
            while run.at < stretch.size:
                pieces.append(run.take(stretch.size - run.at))
            self._whole = (stretch, b"".join(pieces))
        return self._whole[1]
