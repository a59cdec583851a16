"""The contents of members by their places: inflates the stretches that they are in, and no more.

What is inflated of a stretch is held against its checksum before any of it is given, unless it is a
large file's; that one's is compared at its end.
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
from core.owned import open_regular

_PIECE: Final = 1 << 20
_READ: Final = 1 << 18
_WHOLE: Final = 8 << 20  # bytes of a stretch that is inflated whole: a segment has less


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
        self._known: tuple[Stretch | None, bytes] = (None, b"")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)

    def pieces(self, located: Located) -> Iterator[bytes]:
        """Yield the content of a regular member in pieces of up to 1 MiB."""
        row, place, stretch = located
        skip = place - stretch.begin
        if 0 < stretch.size <= _WHOLE and skip + row.size <= stretch.size:
            content = self._whole(stretch)
            for at in range(skip, skip + row.size, _PIECE):
                yield content[at : min(at + _PIECE, skip + row.size)]
            return
        yield from self._streamed(stretch, skip, row.size)

    def _damaged(self, reason: str) -> DamagedBackup:
        return DamagedBackup(
            f"{self._name} is damaged: {reason}.",
            hint="magerewind info:backups:verify reads all of it.",
        )

    def _whole(self, stretch: Stretch) -> bytes:
        known, content = self._known
        if known != stretch:
            content = b"".join(self._inflated(stretch, stretch.size))
            if len(content) != stretch.size or isal_zlib.crc32(content) != stretch.crc:
                raise self._damaged("the checksum does not match the content")
            self._known = (stretch, content)
        return content

    def _streamed(self, stretch: Stretch, skip: int, size: int) -> Iterator[bytes]:
        end, at, crc = skip + size, 0, 0
        needed = max(end, stretch.size)
        for piece in self._inflated(stretch, needed):
            if at < stretch.size:
                crc = isal_zlib.crc32(piece[: stretch.size - at], crc)
            wanted = piece[max(0, skip - at) : max(0, end - at)]
            at += len(piece)
            if wanted:
                yield wanted
        if at < end:
            raise self._damaged("it was cut short")
        if stretch.size and crc != stretch.crc:
            raise self._damaged("the checksum does not match the content")

    def _inflated(self, stretch: Stretch, size: int) -> Iterator[bytes]:
        """Yield the first `size` bytes of a stretch and what is behind it, or fewer."""
        inflater: Any = isal_zlib.decompressobj(-zlib.MAX_WBITS)
        at, raw, left = stretch.at, b"", size
        try:
            while left and not inflater.eof:
                if not raw:
                    raw = os.pread(self._fd, _READ, at)
                    at += len(raw)
                    if not raw:
                        return
                piece = inflater.decompress(raw, min(left, _PIECE))
                raw = inflater.unconsumed_tail
                left -= len(piece)
                if piece:
                    yield piece
        except IsalError as error:  # type: ignore[misc]
            raise self._damaged("corrupt compressed content") from error
        except OSError as error:
            raise translate(error, f"reading {self._name}") from error
