"""The text of a dump, read at the positions of its index: without the text before, if possible."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final, Self

from core import compression
from core.compression import Compression, compression_of
from core.database.index.entries import Place
from core.durable import translate
from core.errors import DamagedBackup
from core.inflating import Inflated
from core.owned_files import open_regular

PIECE: Final = 1 << 20
_WHOLE: Final = ((0, 0),)


def _of_text(frame: tuple[int, int]) -> int:
    return frame[0]


class DumpText:
    """An open dump, to be used with `with`. Raises DamagedBackup, StorageError.

    `frames`: where a compressed one can be begun, in the text and in the file; `content_bytes`: how
    long its text is. Places that are read in their order are read in one go.
    """

    def __init__(
        self, path: str, frames: Sequence[tuple[int, int]] = (), *, content_bytes: int
    ) -> None:
        self._path = path
        self._frames = sorted({*frames, *_WHOLE})
        self._limit = content_bytes
        try:
            self._fd = open_regular(path)
        except OSError as error:
            raise translate(error, f"reading {path}") from error
        self._found = compression_of(os.pread(self._fd, compression.NEEDED, 0))
        self._stream: Inflated | None = None
        self._at = 0  # of the stream, in the text
        self._raw = 0  # of the stream, in the file

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)

    def pieces(self, place: Place) -> Iterator[bytes]:
        """Yield the text of a place in pieces of up to a mebibyte."""
        offset, left = place.offset, place.length
        while left:
            piece = self._read(offset, min(left, PIECE))
            yield piece
            offset += len(piece)
            left -= len(piece)

    def text(self, place: Place) -> bytes:
        """Return the text of a place, whole."""
        return b"".join(self.pieces(place))

    def _read(self, offset: int, size: int) -> bytes:
        if self._found is Compression.NONE:
            content = self._pread(offset, size)
        else:
            content = self._stream_at(offset).read(size)
            self._at += len(content)
        if len(content) != size:
            raise DamagedBackup(f"{self._path} is shorter than its index says.")
        return content

    def _pread(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._fd, size, offset)
        except OSError as error:
            raise translate(error, f"reading {self._path}") from error

    def _stream_at(self, offset: int) -> Inflated:
        """Return the inflated text from `offset` on, by the nearest way to it."""
        text, file = self._frames[bisect_right(self._frames, offset, key=_of_text) - 1]
        if self._stream is None or not text <= self._at <= offset:
            self._raw, self._at = file, text
            self._stream = Inflated(
                self._raw_bytes, self._found, name=self._path, limit=self._limit - text
            )
        while self._at < offset:
            passed = self._stream.read(min(PIECE, offset - self._at))
            if not passed:
                raise DamagedBackup(f"{self._path} is shorter than its index says.")
            self._at += len(passed)
        return self._stream

    def _raw_bytes(self, size: int) -> bytes:
        content = self._pread(self._raw, size)
        self._raw += len(content)
        return content
