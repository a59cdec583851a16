"""The file of a dump's text: uncompressed, or in compressed pieces independent of each other.

    text       write(text)              waits until a frame is full
    a frame    cut(), or FRAME_BYTES    compressed by another thread, while the next one fills
    the file   frames in their order    a gzip member, or a zstd frame, each

A frame can be inflated without those before it, and `frames` holds the begin of each. The file as a
whole is read by `gzip -dc` and `zstd -dc`. Nothing here knows SQL: the writer of a dump decides
where a frame may end.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

from isal import isal_zlib

from core import durable
from core.compression import Compression
from core.inflating import zstd

FRAME_BYTES: Final = 2 << 20
"""Text of a frame. Larger ones compress hardly better (less than 1 %), and cost who reads one."""
_LEVEL: Final = 1
"""Of both: zstd's third took half as long again, and made rows of a store no smaller."""
_FASTEST_ZLIB_LEVEL: Final = 4  # 0 to 3 are igzip's, 4 to 9 zlib's
_WAITING: Final = 3  # frames: the text of each is held until it is written
_GZIP_WRAPPED: Final = 16 + zlib.MAX_WBITS


class DumpOutput(Protocol):
    """The output of a dump's text. Not for several threads at once."""

    frames: list[tuple[int, int]]
    """Where each frame begins: in the text, and in the file. Empty for text as it is."""

    @property
    def sha256(self) -> str:
        """Hex digest of the file's content."""

    def write(self, text: bytes) -> None:
        """Append text. Raises OSError."""

    def may_cut(self) -> None:
        """End the frame here if it is full."""

    def cut(self) -> None:
        """End the frame here: the next text goes into another one."""

    def finish(self) -> None:
        """Write all that waits. Raises OSError."""

    def abandon(self) -> None:
        """Discard the waiting text; may be called again, also after `finish`."""


class PlainText:
    """Text as it is."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._digest = hashlib.sha256()
        self._flush = durable.FlushBegun(fd)
        self.size = 0
        self.frames: list[tuple[int, int]] = []

    @property
    def sha256(self) -> str:
        """Hex digest of the written bytes."""
        return self._digest.hexdigest()

    def write(self, text: bytes) -> None:
        """Append text. Raises OSError."""
        durable.write_all(self._fd, text)
        self._digest.update(text)
        self.size += len(text)
        self._flush.up_to(self.size)

    def may_cut(self) -> None:
        """Do nothing: there are no frames."""

    cut = finish = abandon = may_cut


class Frames:
    """Text in frames, compressed by threads: both compressors let go of the interpreter's lock."""

    def __init__(self, fd: int, compress: Compression, level: int | None = None) -> None:
        self._out = PlainText(fd)
        self._pack = _packer(compress, _LEVEL if level is None else level)
        self._threads = ThreadPoolExecutor(len(os.sched_getaffinity(0)), "compress")
        self._waiting: deque[tuple[int, Future[list[bytes]]]] = deque()
        self._filling: list[bytes] = []
        self._filled = 0
        self._begun = 0  # where in the text the frame begins that is being filled
        self.frames: list[tuple[int, int]] = []

    @property
    def sha256(self) -> str:
        """Hex digest of the file's content so far; of all of it after `finish`."""
        return self._out.sha256

    def write(self, text: bytes) -> None:
        """Append text. Raises OSError."""
        self._filling.append(text)
        self._filled += len(text)

    def may_cut(self) -> None:
        """End the frame here if it is full. Raises OSError."""
        if self._filled >= FRAME_BYTES:
            self.cut()

    def cut(self) -> None:
        """End the frame here, and write those that are compressed. Raises OSError."""
        if self._filled:
            packed = self._threads.submit(self._pack, self._filling)
            self._waiting.append((self._begun, packed))
            self._begun += self._filled
            self._filling, self._filled = [], 0
        while self._waiting and (len(self._waiting) > _WAITING or self._waiting[0][1].done()):
            self._write_one()

    def _write_one(self) -> None:
        begun, packed = self._waiting.popleft()
        self.frames.append((begun, self._out.size))
        for part in packed.result():
            self._out.write(part)

    def finish(self) -> None:
        """Write all that waits. Raises OSError."""
        self.cut()
        while self._waiting:
            self._write_one()
        self.abandon()

    def abandon(self) -> None:
        """Discard the waiting text; may be called again, also after `finish`."""
        self._threads.shutdown(cancel_futures=True)
        self._waiting.clear()


def _packer(compress: Compression, level: int) -> Callable[[Sequence[bytes]], list[bytes]]:
    """Return the function that makes one frame of texts. It runs in any thread."""

    def gzip(texts: Sequence[bytes]) -> list[bytes]:
        maker = isal_zlib if level < _FASTEST_ZLIB_LEVEL else zlib
        packing = maker.compressobj(level, zlib.DEFLATED, _GZIP_WRAPPED)
        return [*map(packing.compress, texts), packing.flush()]

    def zstandard(texts: Sequence[bytes]) -> list[bytes]:
        options: dict[int, int] = {
            zstd.CompressionParameter.compression_level: level,
            zstd.CompressionParameter.checksum_flag: 1,
        }
        packing = zstd.ZstdCompressor(options=options)
        packing.set_pledged_input_size(sum(map(len, texts)))  # so that a reader knows it beforehand
        return [*map(packing.compress, texts), packing.flush()]

    return gzip if compress is Compression.GZIP else zstandard


def dump_file(fd: int, compress: Compression, level: int | None) -> DumpOutput:
    """Return the file of a dump, written to `fd` from its present position."""
    return PlainText(fd) if compress is Compression.NONE else Frames(fd, compress, level)
