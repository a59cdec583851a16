"""The output of an archive and of its index beside it, in the order of writing.

Segments packed elsewhere are put between pieces compressed here. It owns the positions at which the
stream is cut, so that each member can be read without most of the stream before it: before each
segment, before and after a large file, and else after a mebibyte. It knows nothing of the tree.
"""

from __future__ import annotations

from typing import Final

from core.archive.create.pack_worker import SMALL
from core.archive.index.blocks import IndexRow, stored
from core.archive.index.writer import ArchiveIndexWriter, IndexedArchive, RowGatherer
from core.archive.tar.gzip import GzipWriter, Segment
from core.archive.tar.member_writer import Facts
from core.durable import translate

_PIECE: Final = 1 << 20
_STRETCH: Final = 1 << 20  # bytes before compression, after which the piece compressed here is cut


class Output:
    """An archive on its way to `gzip`, and its index, where one is written. Raises StorageError."""

    def __init__(self, gzip: GzipWriter, index: ArchiveIndexWriter | None) -> None:
        self.members = 0
        self.content_bytes = 0
        self.level = gzip.level
        self.is_indexed = index is not None
        self._gzip = gzip
        self._index = index
        self._rows = None if index is None else RowGatherer(index)
        self._parts: list[bytes] = []
        self._gathered = 0  # their bytes
        self._written = 0  # bytes of the archive, those that are gathered among them
        self._ended = 0  # where the last member ends
        self._begun = 0  # begin of the piece compressed here
        self._is_full = False  # enough rows for a block

    def put(self, content: bytes) -> None:
        """Write content of the last member."""
        self._parts.append(content)
        self._written += len(content)
        self._gathered += len(content)
        if self._gathered >= _PIECE:
            self._hand_over()

    def _hand_over(self) -> None:
        if not self._parts:
            return
        content = b"".join(self._parts)
        self._parts.clear()
        self._gathered = 0
        try:
            self._gzip.write(content)
        except OSError as error:  # here, so that it is not taken for one of reading a file
            raise translate(error, "writing the archive") from error

    def member(self, head: bytes, facts: Facts) -> None:
        """Write all blocks of a header; of a file, its content is to follow."""
        path, kind, mode, owner, size, mtime_ns, link = facts
        if self._is_full or self._written - self._begun >= _STRETCH or size > SMALL:
            self.cut()
        if self._rows is not None:
            lead = self._written - self._ended + len(head)
            row = IndexRow(path, kind, mode, owner, size, mtime_ns, link, lead)
            self._is_full = self._rows.add(row, self._ended)
        self.put(head)
        self._ended = self._written + stored(kind, size)
        self.members += 1
        self.content_bytes += size

    def segment(self, segment: Segment) -> None:
        """Write a segment packed elsewhere."""
        self.cut()
        try:
            stretch = self._gzip.add(segment)
            if self._index is not None:
                at = stretch.begin
                self._index.add(segment.block, segment.first, segment.members, at, stretch)
        except OSError as error:
            raise translate(error, "writing the archive") from error
        self._written = self._ended = self._begun = self._gzip.inflated
        self.members += segment.members
        self.content_bytes += segment.content_bytes

    def cut(self) -> None:
        """End the piece compressed here, so that the rest can be read without it."""
        self._hand_over()
        try:
            stretch = self._gzip.cut()
            if stretch is not None and self._rows is not None:
                self._rows.end(stretch)
        except OSError as error:
            raise translate(error, "writing the archive") from error
        self._begun = self._written
        self._is_full = False

    def finish(self) -> str:
        """Write the end of both; return the digest of the index, empty where there is none."""
        self.cut()
        self._gzip.close()
        if self._index is None:
            return ""
        subject = IndexedArchive(
            sha256=self._gzip.sha256,
            size_bytes=self._gzip.size,
            members=self.members,
            content_bytes=self.content_bytes,
            ordered=True,
        )
        return self._index.finish(subject)
