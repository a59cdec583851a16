"""The bytes inside a gzip file, read forwards once: taken, skipped, or reached by position.

It owns the current block and its position. `core.archive.tar.reader` knows the meaning of the
bytes; for a known position this module suffices.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final, NoReturn, Self

from core.archive.tar.gzip import GzipBlocks, InflateWatch, Stretch
from core.compression import refuse_twice
from core.durable import translate
from core.errors import BackupNotFound, DamagedBackup
from core.events import Report, no_report
from core.owned_files import open_regular

_PIECE: Final = 1 << 20


class InflatedArchive:
    """One archive file from its beginning, or the beginning of a stretch, to its end.

    Raises BackupNotFound, DamagedBackup. `report` gets compressed bytes, whenever a block was read.
    """

    def __init__(
        self,
        path: str,
        *,
        report: Report = no_report,
        watch: InflateWatch | None = None,
        start: Stretch | None = None,
    ) -> None:
        self.path = path
        self.file_name = os.path.basename(path)
        self._report = report
        try:
            self._fd = open_regular(path)
        except FileNotFoundError:
            raise BackupNotFound(f"There is no backup file {path}.") from None
        except OSError as error:
            raise translate(error, f"opening {path}") from error
        self.compressed_bytes = os.fstat(self._fd).st_size
        self._blocks = GzipBlocks(self._fd, self.file_name, watch=watch, start=start)
        self._stream = iter(self._blocks)
        self._buffer = b""
        self._at = 0  # in the buffer; negative where something before it was not taken
        self._before = 0 if start is None else start.begin  # bytes before the buffer

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._blocks.close()
        os.close(self._fd)

    @property
    def sha256(self) -> str:
        """Hex digest of the file; right once all of it was read."""
        return self._blocks.sha256

    def damaged(self, reason: str) -> NoReturn:
        """Refuse the archive as damaged."""
        raise DamagedBackup(f"{self.file_name} is damaged: {reason}.")

    def report(self) -> None:
        """Report the progress, also while other work goes on; may raise."""
        self._report(self._blocks.consumed, 0, "")

    def read_through(self) -> None:
        """Read to the end of the file and check its sums, with no look at anything."""
        for _ in self._stream:
            self.report()
        self.report()

    def read_rest(self) -> None:
        """Read the rest of the file for its digest alone; nothing of it can be taken any more."""
        self._blocks.read_rest(self.report)

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        end = self._at + size
        taken = self._buffer[self._at : end]
        if end <= len(self._buffer):
            self._at = end
            return taken
        pieces, left = [taken], size - len(taken)
        while left:
            self._refill()
            piece = self._buffer[:left]
            self._at = len(piece)
            left -= len(piece)
            pieces.append(piece)
        return b"".join(pieces)

    def take_pieces(self, size: int) -> Iterator[bytes]:
        """Yield the next bytes in pieces of up to 1 MiB."""
        left = size
        while left:
            if self._at == len(self._buffer):
                self._refill()
            piece = self.take(min(left, len(self._buffer) - self._at, _PIECE))
            left -= len(piece)
            yield piece

    def go_to(self, place: int) -> None:
        """Go on at a place, in bytes from the beginning, which is not behind the present one."""
        at = place - self._before
        if at < self._at:
            raise ValueError(f"{place} is behind")
        while at > len(self._buffer):
            self._refill()
            at = place - self._before
        self._at = at

    def _pass(self, size: int) -> None:
        """Go on behind the next bytes."""
        self.go_to(self._before + self._at + size)

    def _refill(self) -> None:
        if not self._has_more():
            self.damaged("it was cut short: the end of the archive is missing")

    def _has_more(self) -> bool:
        """Have the next block in place of this one; tell whether there is one."""
        self.report()
        block = next(self._stream, None)
        if block is None:
            return False
        if not (self._before or self._buffer):
            refuse_twice(self.file_name, block)
        self._before += len(self._buffer)
        self._buffer, self._at = block, 0
        return True
