"""Gzip, both ways: written of segments, and read by a thread that inflates ahead of the caller.

It owns the thread, checksums over the compressed bytes and the limits of a gzip file (one member,
nothing behind it). Foreign archives may also be zstd, or not compressed. It knows nothing of tar.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import queue
import struct
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, Protocol

from isal import isal_zlib
from isal.igzip_lib import DECOMP_DEFLATE, DECOMP_GZIP, IgzipDecompressor, IsalError

from core import compression
from core.compression import Compression, compression_of
from core.durable import FlushBegun, translate, write_all
from core.errors import DamagedBackup, MagerewindError, UsageError
from core.inflating import ZstdError, ZstdInflater

DEFAULT_LEVEL: Final = 1
FASTEST_ZLIB_LEVEL: Final = 4  # 0 to 3 are igzip's, 4 to 9 zlib's
_GZIP_HEADER: Final = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # no name, no time
_LAST_BLOCK: Final = b"\x03\0"  # of deflate, empty
# The inflater asks for the interpreter's lock each time its output doubles from 16 KiB on: of large
# blocks that is seldom.
_INFLATED: Final = 1 << 21
_READ: Final = 1 << 20
_AHEAD: Final = 2  # blocks
_TURN_S: Final = 0.0005
_ALLOCATIONS: Final = 100_000  # between two looks for cycles


class _FastThreads:
    """Sets the interpreter up for streams, until all that asked for it have ended it.

    Threads take turns every half millisecond: one that has inflated a block waits for the
    interpreter's lock until the other's turn is over, 5 ms as Python starts, which was a third of
    the time of a verification. Much shorter turns cost more than they bring (measured at 0.05 ms).

    Cycles are looked for seldom: a stream makes millions of tuples and no cycle, and the looks took
    a fifth of the time of a comparison.
    """

    _lock = threading.Lock()
    _asked = 0
    _turn_s, _threshold = 0.0, (0, 0, 0)

    def __init__(self) -> None:
        self._ended = False
        with _FastThreads._lock:
            _FastThreads._asked += 1
            if _FastThreads._asked == 1:
                _FastThreads._turn_s = sys.getswitchinterval()
                _FastThreads._threshold = gc.get_threshold()
                sys.setswitchinterval(min(_TURN_S, _FastThreads._turn_s))
                gc.set_threshold(_ALLOCATIONS, *_FastThreads._threshold[1:])

    def end(self) -> None:
        """Ask for it no more; may be called again."""
        with _FastThreads._lock:
            _FastThreads._asked -= not self._ended
            if not _FastThreads._asked and not self._ended:
                sys.setswitchinterval(_FastThreads._turn_s)
                gc.set_threshold(*_FastThreads._threshold)
            self._ended = True


class Stretch(NamedTuple):
    """A piece of an archive that can be inflated without the archive before it.

    `at` is its position in the compressed file, `begin` the one in the inflated archive, `size` its
    inflated bytes and `crc` their CRC-32.
    """

    at: int
    begin: int
    size: int
    crc: int


class Segment(NamedTuple):
    """Members as raw deflate that ends on a whole byte, to be put into a stream at any place."""

    deflated: bytes
    crc: int  # of the inflated bytes
    size: int  # of the same, in bytes
    members: int
    content_bytes: int
    block: bytes = b""
    """Of the index: its members."""
    first: bytes = b""
    """The path of its first member."""

    @property
    def entries(self) -> int:
        """The number of entries of its batch that it covers."""
        return self.members

    @property
    def held(self) -> int:
        """Bytes that it takes."""
        return len(self.deflated) + len(self.block)


class Compressor(Protocol):
    """Of zlib or of ISA-L: both have the same form."""

    def compress(self, content: bytes, /) -> bytes:
        """Take the next bytes and return the compressed output."""

    def flush(self, mode: int = ..., /) -> bytes:
        """Return the rest of the output."""


def compressor(level: int) -> Compressor:
    """Return a compressor of raw deflate at one of our levels."""
    maker: Any = isal_zlib if level < FASTEST_ZLIB_LEVEL else zlib
    made: Compressor = maker.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    return made


def cut(compressing: Compressor) -> bytes:
    """Return the rest of a segment, up to a whole byte."""
    return compressing.flush(zlib.Z_SYNC_FLUSH)


class GzipWriter:
    """A gzip file that is being written to `fd` (which stays open and is not fsynced).

    Bytes written here are compressed here, and segments that were compressed elsewhere are put
    between. `level` 0 to 3 is igzip's, 4 to 9 zlib's. `close` must come before `sha256` and `size`
    are read; `abandon` ends a failed one.
    """

    def __init__(self, fd: int, level: int | None) -> None:
        self.level = DEFAULT_LEVEL if level is None else level
        if not 0 <= self.level <= 9:
            raise UsageError("The compression level is a number from 0 to 9.")
        self._fd = fd
        self._flush = FlushBegun(fd)
        self._hash = hashlib.sha256()
        self._crc = 0
        self.inflated = 0
        """Bytes of content taken in so far."""
        self._begun = Stretch(0, 0, 0, 0)  # the piece compressed here since the last cut
        self._compressing: Compressor | None = None
        self._closed = False
        self.size = 0
        """Bytes written so far."""
        self._out(_GZIP_HEADER)
        self._fast = _FastThreads()

    def write(self, content: bytes) -> None:
        """Compress the next bytes."""
        if self._compressing is None:
            self._compressing = compressor(self.level)
            self._begun = Stretch(self.size, self.inflated, 0, 0)
        at, begin, size, crc = self._begun
        size += len(content)
        self._begun = Stretch(at, begin, size, isal_zlib.crc32(content, crc))
        self.inflated += len(content)
        self._out(self._compressing.compress(content))

    def add(self, segment: Segment) -> Stretch:
        """Append a segment that was compressed elsewhere; return its place."""
        self.cut()
        stretch = Stretch(self.size, self.inflated, segment.size, segment.crc)
        self._crc = isal_zlib.crc32_combine(self._crc, segment.crc, segment.size)
        self.inflated += segment.size
        self._out(segment.deflated)
        return stretch

    def cut(self) -> Stretch | None:
        """End the piece compressed here; return its position, None for an empty one."""
        if self._compressing is None:
            return None
        self._out(cut(self._compressing))
        self._compressing = None
        begun = self._begun
        self._crc = isal_zlib.crc32_combine(self._crc, begun.crc, begun.size)
        return begun

    def _out(self, content: bytes) -> None:
        write_all(self._fd, content)
        self._hash.update(content)
        self.size += len(content)
        self._flush.up_to(self.size)

    def close(self) -> None:
        """Write the rest; may be called again. Raises OSError."""
        if not self._closed:
            self._closed = True
            self.cut()
            self._out(_LAST_BLOCK + struct.pack("<II", self._crc, self.inflated & 0xFFFFFFFF))
        self._fast.end()

    def abandon(self) -> None:
        """Stop; the written bytes are abandoned."""
        self._closed = True
        self._fast.end()

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes written."""
        return self._hash.hexdigest()


class InflateWatch(Protocol):
    """Is told how compressed bytes become content, in the thread that inflates."""

    def pieces(self, raw: bytes, /) -> Iterator[bytes]:
        """Yield the next compressed bytes, in pieces."""

    def saw(self, block: bytes, /) -> None:
        """Take in a block that came out of the last piece."""

    def finish(self) -> None:
        """Know that this was all."""


class GzipBlocks:
    """The content of a gzip file in blocks of up to 2 MiB, inflated ahead by a thread.

    A file of zstd frames, and a tar that is not compressed, are read as well. Raises DamagedBackup
    for anything else, for a cut, a wrong checksum, and for anything behind the end; from a `start`
    on, which has no checksum of the whole, only the digest tells. `consumed`
    counts compressed bytes; `sha256` is of the whole file, once it was read.
    """

    def __init__(
        self, fd: int, name: str, *, watch: InflateWatch | None = None, start: Stretch | None = None
    ) -> None:
        self._fd = fd
        self._start = start
        self._name = name
        self._watch = watch
        self._hash = hashlib.sha256()
        self.consumed = 0
        self._stop = False
        self._queue: queue.Queue[bytes | BaseException] = queue.Queue(_AHEAD)
        self._fast = _FastThreads()
        self._thread = threading.Thread(target=self._run, name="inflate", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[bytes]:
        while True:
            item = self._queue.get()
            if isinstance(item, BaseException):
                raise item
            if not item:
                return
            yield item

    @property
    def sha256(self) -> str:
        """Hex digest of all compressed bytes; only right after the last block."""
        return self._hash.hexdigest()

    def read_rest(self, tell: Callable[[], None]) -> None:
        """Read the rest of the file for its digest, and inflate no more of it.

        A matching digest proves the rest that was not inflated. Raises StorageError, and errors of
        `tell`.
        """
        self.close()
        try:
            while raw := os.read(self._fd, _READ):
                self.consumed += len(raw)
                self._hash.update(raw)
                tell()
        except OSError as error:
            raise translate(error, f"reading {self._name}") from error

    def close(self) -> None:
        """Stop the thread; the descriptor stays open."""
        self._stop = True
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._queue.get(timeout=0.02)
            self._thread.join(0.001)
        self._fast.end()

    def _run(self) -> None:
        try:
            self._inflate()
            self._queue.put(b"")
        except MagerewindError as error:
            self._queue.put(error)
        except OSError as error:
            self._queue.put(translate(error, f"reading {self._name}"))
        except IsalError as error:  # type: ignore[misc]
            reason = "not a gzip file" if self.consumed <= _READ else "corrupt compressed content"
            if "checksum" in str(error):
                reason = "the checksum does not match the content"
            self._queue.put(self._damaged(reason))
        except ZstdError as error:
            self._queue.put(self._damaged(f"corrupt compressed content ({error})"))
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            self._queue.put(error)

    def _damaged(self, reason: str) -> DamagedBackup:
        return DamagedBackup(f"{self._name} is damaged: {reason}.")

    def _inflate(self) -> None:
        if self._start is not None:
            self._inflate_from(self._start)
            return
        first = os.pread(self._fd, compression.NEEDED, 0)
        if not first:
            raise self._damaged("it is empty")
        found = compression_of(first)
        if found is Compression.GZIP:
            self._inflate_gzip()
        elif found is Compression.ZSTD:
            self._inflate_zstd()
        elif found is Compression.TAR:
            while raw := self._read():
                self._queue.put(raw)
        elif found is Compression.NONE:
            raise self._damaged("not a gzip file")
        else:
            raise compression.refuse(self._name, found)

    def _read(self) -> bytes:
        """Return the next bytes of the file, b"" at its end, and when the caller has gone."""
        if self._stop:
            return b""
        raw = os.read(self._fd, _READ)
        self.consumed += len(raw)
        self._hash.update(raw)
        return raw

    def _inflate_from(self, start: Stretch) -> None:
        """Give the content from a stretch on; the archive before it only counts for the digest."""
        left = start.at
        while left and not self._stop:
            raw = os.read(self._fd, min(left, _READ))
            if not raw:
                raise self._damaged("it was cut short")
            self.consumed += len(raw)
            self._hash.update(raw)
            left -= len(raw)
        inflater = IgzipDecompressor(flag=DECOMP_DEFLATE)
        while (raw := self._read()) and not inflater.eof:
            self._inflate_piece(inflater, raw)

    def _inflate_gzip(self) -> None:
        inflater = IgzipDecompressor(flag=DECOMP_GZIP)
        while not self._stop:
            raw = self._read()
            if not raw:
                raise self._damaged("it was cut short")
            watch = self._watch
            for piece in (raw,) if watch is None else watch.pieces(raw):
                self._inflate_piece(inflater, piece)
            if inflater.eof:
                self._expect_end(inflater.unused_data)
                if watch is not None:
                    watch.finish()
                return

    def _inflate_piece(self, inflater: Any, raw: bytes) -> None:  # noqa: ANN401 - of the library
        if inflater.eof:
            raise self._damaged("something follows its end")
        while not (self._stop or inflater.eof):
            block = inflater.decompress(raw, _INFLATED)
            raw = b""
            if block:
                if self._watch is not None:
                    self._watch.saw(block)
                self._queue.put(block)
            if inflater.needs_input:
                break

    def _inflate_zstd(self) -> None:
        inflater = ZstdInflater()
        while raw := self._read():
            while not self._stop:
                block = inflater.decompress(raw, _INFLATED)
                raw = b""
                if block:
                    self._queue.put(block)
                if inflater.needs_input:
                    break
        if not self._stop and not inflater.between_frames:
            raise self._damaged("it was cut short")

    def _expect_end(self, unused: bytes) -> None:
        if unused or os.read(self._fd, 1):
            raise self._damaged("something follows its end")
