"""Writes the text of a dump to a file, from several threads, and keeps count.

Owns the order of bytes, the COMMIT lines between rows, and where a compressed file may be cut: rows
of two tables never share a frame (`core.database.dump.frames`). Knows no SQL beyond that.
"""

from __future__ import annotations

import os
import stat
import threading
from typing import Final

from core import durable
from core.compression import Compression
from core.database.dump.frames import dump_file
from core.database.dump.pieces import Pieces
from core.database.dump.script import COMMIT_LINE
from core.database.index.entries import LARGEST_SKELETON, Place

_ENDING: Final = b");\n"
COMMIT_BYTES: Final = 32 << 20
"""How much a plain load puts into one transaction."""


class DumpWriter:
    """The file of a dump. Every write is whole: no two threads' statements are ever mixed."""

    def __init__(
        self, fd: int, compress: Compression = Compression.NONE, level: int | None = None
    ) -> None:
        self._fd = fd
        self._compress, self._level = compress, level
        self._lock = threading.Lock()
        self._start = 0
        self.rewindable = stat.S_ISREG(os.fstat(fd).st_mode)
        if self.rewindable:
            self._start = os.lseek(fd, 0, os.SEEK_CUR)
        self._reset()

    def _reset(self) -> None:
        self._file = dump_file(self._fd, self._compress, self._level)
        self._table = b""  # whose rows were written last, by the beginning of their statements
        self._uncommitted = 0
        self.bytes = 0
        self.rows = 0
        self.largest = 0
        self._skeleton: bytearray | None = bytearray()

    @property
    def skeleton(self) -> bytes:
        """The text without rows, empty where it is too large."""
        return b"" if self._skeleton is None else bytes(self._skeleton)

    @property
    def sha256(self) -> str:
        """The digest of the file, which is finished."""
        return self._file.sha256

    @property
    def frames(self) -> list[tuple[int, int]]:
        """Where each frame of a compressed file begins: in the text, and in the file."""
        return self._file.frames

    def finish(self) -> None:
        """Write the text that waits to be compressed."""
        with self._lock:
            try:
                self._file.finish()
            except OSError as error:
                raise durable.translate(error, "write the dump") from error

    def abandon(self) -> None:
        """Discard the waiting text; may be called again, also after `finish`."""
        with self._lock:
            self._file.abandon()

    def rewind(self) -> None:
        """Forget all that was written, for another try."""
        with self._lock:
            self._file.abandon()
            try:
                os.ftruncate(self._fd, self._start)
                os.lseek(self._fd, self._start, os.SEEK_SET)
            except OSError as error:
                raise durable.translate(error, "write the dump") from error
            self._reset()

    def write(self, text: bytes) -> Place:
        """Append text as it is; its longest statement is no longer than the text."""
        with self._lock:
            start = self.bytes
            self._of_table(b"")
            self._append(text)
            self._cut()
            return Place(offset=start, length=len(text))

    def cut(self) -> None:
        """End the frame of a compressed file here: the next text is of another kind."""
        with self._lock:
            self._cut(always=True)

    def statement(self, beginning: bytes, values: bytes, rows: int, pieces: Pieces) -> Place:
        """Append a statement of rows, with a COMMIT after it now and then."""
        with self._lock:
            place = self._append_rows(beginning, values, rows, pieces)
            self._uncommitted += place.length
            if self._uncommitted >= COMMIT_BYTES:
                self._uncommitted = 0
                self._append(COMMIT_LINE)
            return place

    def lone_statement(self, beginning: bytes, values: bytes, rows: int, pieces: Pieces) -> Place:
        """Append a statement of rows for a table outside transactions, in a transaction by itself.

        A server that enforces the consistency of its GTIDs (as MySQL 9 does) takes it in no other.
        """
        with self._lock:
            if self._uncommitted:
                self._append(COMMIT_LINE)
            place = self._append_rows(beginning, values, rows, pieces)
            self._append(COMMIT_LINE)
            self._uncommitted = 0
            return place

    def _append_rows(self, beginning: bytes, values: bytes, rows: int, pieces: Pieces) -> Place:
        """Append a statement and those around it; return their position."""
        start = self.bytes
        self._of_table(beginning)
        for part in pieces.before:
            self._append(part, rows=True)
            self._cut()
        for part in (beginning, values, _ENDING, *pieces.after):
            self._append(part, rows=True)  # joined they would be copied once more
        self._cut()
        self.rows += rows
        sizes = (len(beginning) + len(values) + len(_ENDING), *map(len, pieces.before))
        self.largest = max(self.largest, *sizes)
        return Place(offset=start, length=self.bytes - start)

    def _append(self, text: bytes, *, rows: bool = False) -> None:
        try:
            self._file.write(text)
        except OSError as error:
            raise durable.translate(error, "write the dump") from error
        self.bytes += len(text)
        if not rows and self._skeleton is not None:
            self._skeleton += text
            if len(self._skeleton) > LARGEST_SKELETON:
                self._skeleton = None

    def _of_table(self, beginning: bytes) -> None:
        """Let a frame end where the rows of a table do."""
        if beginning != self._table:
            self._table = beginning
            self._cut(always=True)

    def _cut(self, *, always: bool = False) -> None:
        try:
            (self._file.cut if always else self._file.may_cut)()
        except OSError as error:
            raise durable.translate(error, "write the dump") from error
