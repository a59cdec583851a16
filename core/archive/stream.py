"""Gzip, both ways, beside the work: a thread compresses or inflates while the caller goes on.

It owns threads, checksums over the compressed bytes and the limits of a gzip file (one member,
nothing behind it). It knows nothing of tar.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import io
import os
import queue
import sys
import threading
import zlib
from collections.abc import Iterator
from typing import Any, Final, Protocol

from isal import igzip_threaded
from isal.igzip import IGzipFile
from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor, IsalError

from core.durable import translate, write_all
from core.errors import DamagedBackup, MagerewindError, UsageError

DEFAULT_LEVEL: Final = 1
FASTEST_ZLIB_LEVEL: Final = 4  # 0 to 3 are igzip's, 4 to 9 zlib's
_BLOCK: Final = 1 << 20
# The inflater asks for the interpreter's lock each time its output doubles from 16 KiB on: of large
# blocks that is seldom.
_INFLATED: Final = 1 << 22
_READ: Final = 1 << 20
_AHEAD: Final = 2  # blocks
_TURN_S: Final = 0.0005
_ALLOCATIONS: Final = 100_000  # between two looks for cycles


class _Brisk:
    """Sets the interpreter up for streams, until all that asked for it have ended it.

    Threads take turns every half millisecond: one that has inflated a block waits for the
    interpreter's lock until the other's turn is over, 5 ms as Python starts, which was a third of
    the time of a verification. Much shorter turns cost more than they bring (measured at 0.05 ms).

    Cycles are looked for seldom: a stream makes millions of tuples and no cycle, and the looks took
    a fifth of the time of a comparison.
    """

    _lock = threading.Lock()
    _asked = 0
    _turn_s = 0.0
    _threshold = (0, 0, 0)

    def __init__(self) -> None:
        self._ended = False
        with _Brisk._lock:
            _Brisk._asked += 1
            if _Brisk._asked == 1:
                _Brisk._turn_s, _Brisk._threshold = sys.getswitchinterval(), gc.get_threshold()
                sys.setswitchinterval(min(_TURN_S, _Brisk._turn_s))
                gc.set_threshold(_ALLOCATIONS, *_Brisk._threshold[1:])

    def end(self) -> None:
        """Ask for it no more; may be called again."""
        with _Brisk._lock:
            _Brisk._asked -= not self._ended
            if not _Brisk._asked and not self._ended:
                sys.setswitchinterval(_Brisk._turn_s)
                gc.set_threshold(*_Brisk._threshold)
            self._ended = True


class Sink(Protocol):
    """Where the bytes of a tar go."""

    def write(self, content: bytes, /) -> object:
        """Take the next bytes."""

    def close(self) -> None:
        """Write what is left."""


class _Hashed(io.RawIOBase):
    """Writes to a descriptor, hashes and counts."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self.hash = hashlib.sha256()
        self.count = 0
        self.broken = False

    def writable(self) -> bool:
        return True

    def write(self, content: Any, /) -> int:  # noqa: ANN401 - any buffer
        if self.broken:  # the caller gave up; what the thread still holds goes nowhere
            return len(content)
        write_all(self._fd, content)
        self.hash.update(content)
        self.count += len(content)
        return len(content)


class _ZlibWriter:
    """Levels 4 to 9, in the caller's thread: small rather than fast."""

    def __init__(self, target: _Hashed, level: int) -> None:
        self._target = target
        self._compressor = zlib.compressobj(level, zlib.DEFLATED, 31)

    def write(self, content: bytes, /) -> None:
        self._target.write(self._compressor.compress(content))

    def close(self) -> None:
        self._target.write(self._compressor.flush())


class GzipWriter:
    """A gzip file that is being written to `fd` (which stays open and is not fsynced).

    `level` 0 to 3 is igzip's, with threads as far as there are cores for them: one is busy with the
    headers and one with the walk, and a thread beside them only waits for the interpreter's lock
    (of two cores, a tenth of the processor time). 4 to 9 is zlib's. `close` must come before
    `sha256` and `size` are read; `abandon` stops the threads of a failed one.
    """

    def __init__(self, fd: int, level: int | None) -> None:
        chosen = DEFAULT_LEVEL if level is None else level
        if not 0 <= chosen <= 9:
            raise UsageError("The compression level is a number from 0 to 9.")
        self._target = _Hashed(fd)
        self._sink: Sink
        threads = min(4, len(os.sched_getaffinity(0)) - 2)
        if chosen < FASTEST_ZLIB_LEVEL and threads > 0:
            self._sink = igzip_threaded.open(  # type: ignore[no-untyped-call]
                self._target, "wb", chosen, threads=threads, block_size=_BLOCK
            )
        elif chosen < FASTEST_ZLIB_LEVEL:
            self._sink = IGzipFile(  # type: ignore[no-untyped-call]
                "", "wb", chosen, self._target, mtime=0
            )
        else:
            self._sink = _ZlibWriter(self._target, chosen)
        self._brisk = _Brisk()
        self.write = self._sink.write

    def close(self) -> None:
        """Write what is left. Raises StorageError or DiskFull."""
        self._sink.close()
        self._brisk.end()

    def abandon(self) -> None:
        """Stop without caring for what was written."""
        self._target.broken = True
        with contextlib.suppress(OSError, ValueError, RuntimeError):
            self._sink.close()
        self._brisk.end()

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._target.count

    @property
    def sha256(self) -> str:
        """Hex digest of the bytes written."""
        return self._target.hash.hexdigest()


class GzipBlocks:
    """The content of a gzip file in blocks of up to 4 MiB, inflated ahead by a thread.

    Raises DamagedBackup for what is no gzip, for a cut, a wrong checksum, and for anything behind
    the end. `consumed` counts compressed bytes; `sha256` is of the whole file, once it was read.
    """

    def __init__(self, fd: int, name: str) -> None:
        self._fd = fd
        self._name = name
        self._hash = hashlib.sha256()
        self.consumed = 0
        self._stop = False
        self._queue: queue.Queue[bytes | BaseException] = queue.Queue(_AHEAD)
        self._brisk = _Brisk()
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

    def close(self) -> None:
        """Stop the thread; the descriptor stays open."""
        self._stop = True
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._queue.get(timeout=0.02)
            self._thread.join(0.001)
        self._brisk.end()

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
        except BaseException as error:  # noqa: BLE001 - it is raised again in the caller's thread
            self._queue.put(error)

    def _damaged(self, reason: str) -> DamagedBackup:
        return DamagedBackup(f"{self._name} is damaged: {reason}.")

    def _inflate(self) -> None:
        inflater = IgzipDecompressor(flag=DECOMP_GZIP)
        while not self._stop:
            raw = os.read(self._fd, _READ)
            if not raw:
                reason = "it is empty" if not self.consumed else "it was cut short"
                raise self._damaged(reason)
            if not self.consumed and raw[:2] != b"\x1f\x8b":
                raise self._damaged("not a gzip file")
            self.consumed += len(raw)
            self._hash.update(raw)
            while not self._stop:
                block = inflater.decompress(raw, _INFLATED)
                raw = b""
                if block:
                    self._queue.put(block)
                if inflater.eof or inflater.needs_input:
                    break
            if inflater.eof:
                self._expect_end(inflater.unused_data)
                return

    def _expect_end(self, unused: bytes) -> None:
        if unused or os.read(self._fd, 1):
            raise self._damaged("something follows its end")
