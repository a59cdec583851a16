"""Small files into compressed segments: the work of several processes side by side in a backup.

An archive is one gzip stream, but deflate can be cut: segments that were compressed apart, each
ending on a whole byte, follow one another in a stream as pigz makes it
(https://zlib.net/pigz/pigz.pdf), and the checksum of the whole is put together from theirs.

It owns the form of a small file's member. A file that needs a decision (a large file, one with
several names, one that changed while it was read, or is gone) is left out of the segments, for the
writer.
"""

from __future__ import annotations

import marshal
import os
import stat
from typing import Any, Final

from isal import isal_zlib

from core.archive.index.blocks import encode
from core.archive.tar.gzip import Segment, compressor, cut
from core.archive.tar.header import BLOCK, REGULAR, SYMLINK
from core.archive.tar.member_writer import FILE_MODE, PADDING, Facts, MemberWriter
from core.archive.tree.selection import Selection
from core.archive.workers import child
from core.archive.workers.batch_reader import SmallFiles
from core.archive.workers.pool import Worker, WorkerPool, serve

SMALL: Final = 4 << 20
"""Files up to here, in bytes, are read whole, so that their members are consistent."""
_SEGMENT: Final = 2 << 20  # bytes before compression, after which a segment is closed


_HELD: Final = 16 << 20  # bytes of segments that wait for their turn


class Packer(SmallFiles[Segment]):
    """Makes segments of batches."""

    largest = SMALL

    def __init__(self, selection: Selection, level: int, *, indexed: bool = True) -> None:
        super().__init__(selection)
        self._level = level
        self._indexed = indexed
        self._members = MemberWriter()
        self._pieces: list[bytes] = []
        self._rows: list[tuple[Any, ...]] = []  # as `core.archive.index.blocks` takes them
        self._size = 0
        self._content_bytes = 0

    def _known(self, entry: tuple[bytes, ...]) -> None:
        head, facts = entry
        self._add(head, b"", marshal.loads(facts))  # noqa: S302 - of the process that walks

    def _file(self, path: bytes, fd: int, status: os.stat_result, content: bytes) -> bool | None:
        if os.fstat(fd).st_mtime_ns != status.st_mtime_ns:
            return True
        mode, size = status.st_mode & FILE_MODE, status.st_size
        self._add(self._members.head(path, status, REGULAR, mode, size=size, fd=fd), content,
                  self._members.last)  # fmt: skip
        return None

    def _other(self, path: bytes, name: bytes, fd: int) -> bool | None:
        status = os.lstat(name, dir_fd=fd)
        if not stat.S_ISLNK(status.st_mode):
            return False
        link = os.readlink(name, dir_fd=fd)
        self._add(self._members.head(path, status, SYMLINK, 0o777, link=link), b"",
                  self._members.last)  # fmt: skip
        return None

    def _add(self, head: bytes, content: bytes, facts: Facts) -> None:
        pieces, size = self._pieces, len(content)
        pieces.append(head)
        if size:
            pieces.append(content)
            pieces.append(PADDING[size % BLOCK])
        self._rows.append((*facts, len(head)))
        self._content_bytes += size
        self._size += size + len(head)

    def _is_full(self) -> bool:
        return self._size >= _SEGMENT

    def _gathered(self) -> Segment | None:
        if not self._pieces:
            return None
        content = b"".join(self._pieces)
        compressing = compressor(self._level)
        deflated = compressing.compress(content) + cut(compressing)
        rows = self._rows
        segment = Segment(
            deflated, isal_zlib.crc32(content), len(content), len(rows), self._content_bytes,
            encode(rows) if self._indexed else b"", rows[0][0],
        )  # fmt: skip
        self._pieces.clear()
        self._rows = []
        self._size = self._content_bytes = 0
        return segment


class _PackWorker(Worker[Segment]):
    def made(self, values: tuple[Any, ...]) -> Segment:
        return Segment(*values)


def pack_pool(selection: Selection, level: int, *, indexed: bool = True) -> WorkerPool[Segment]:
    """Return a pool that makes segments of a backup, and blocks of its index where asked."""
    return WorkerPool(
        selection,
        Packer(selection, level, indexed=indexed),
        lambda: _PackWorker(
            child.start(__name__, selection, talk=True, level=level, indexed=int(indexed))
        ),
        most=_HELD,
    )


def main() -> None:
    """Be a child that packs."""
    selection, words = child.told()
    serve(Packer(selection, words["level"], indexed=bool(words["indexed"])), tuple)


if __name__ == "__main__":
    try:
        main()
    finally:
        os._exit(0)  # nothing to clean up, and a thread that may be waiting for more
