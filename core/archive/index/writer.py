"""Writes an index: blocks as they come, a page of their places now and then, the root at the end.

Memory holds one page and a line for each page before it, however many members there are. The file
is not fsynced here, and has no name yet.

    block*  page  block*  page  …  root  trailer

A page says of each of its blocks: first path, members, place, digest, stretch. The root says the
same of the pages, and of which archive all of it is. The trailer says where the root is. Digests
lead from the root to every byte: who knows the root's digest can check the rest as it is read.
"""

from __future__ import annotations

import hashlib
import json
import struct
import zlib
from typing import Any, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import asdict

from core.archive.index.blocks import IndexRow, encode
from core.archive.tar.gzip import Stretch
from core.durable import write_all

MAGIC: Final = b"magerewind index"
FORMAT: Final = 1
TRAILER: Final = struct.Struct("<16sIQI32s")
"""Magic, format, place and length of the root, and its SHA-256."""
DIGEST: Final = 16  # bytes, of blocks and pages
_PAGE: Final = 512  # blocks
ROWS: Final = 512
"""Members of a block that is gathered row by row, at most."""
_ROW_BYTES: Final = 1 << 20  # of their paths and links


NO_STRETCH: Final = Stretch(-1, 0, 0, 0)
"""Of an archive that can only be read from its beginning."""


class IndexEntry(NamedTuple):
    """The entry of a block in a page; `begin` is the position of its first member."""

    first: bytes
    members: int
    at: int
    length: int
    digest: bytes
    begin: int
    stretch: Stretch


class IndexedArchive(Struct, frozen=True, kw_only=True):
    """The archive that an index is of: its digest, its size, totals, and whose order it is in.

    `ordered`: its members come in the order of our walk, and their places are those of their
    contents. `identity` tells the file from others where nothing vouches for its digest.
    """

    sha256: str
    size_bytes: int
    members: int
    content_bytes: int
    ordered: bool
    identity: str = ""


def digest_of(content: bytes) -> bytes:
    """Return the digest of a block or a page."""
    return hashlib.blake2b(content, digest_size=DIGEST).digest()


def packed(value: Any) -> bytes:  # noqa: ANN401 - a JSON value
    """Return a page or root as bytes; bytes in it are text of Latin-1."""
    text = json.dumps(value, default=lambda raw: raw.decode("latin-1"), separators=(",", ":"))
    return zlib.compress(text.encode(), 6)


class ArchiveIndexWriter:
    """An index that is being written to `fd`, which stays open. All raise OSError."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._at = 0
        self._page: list[IndexEntry] = []
        self._pages: list[tuple[bytes, int, int, int, bytes]] = []

    def _out(self, content: bytes) -> int:
        place = self._at
        write_all(self._fd, content)
        self._at += len(content)
        return place

    def add(self, block: bytes, first: bytes, members: int, begin: int, stretch: Stretch) -> None:
        """Put in the block of the next members, which begin at `begin`."""
        place = self._out(block)
        self._page.append(
            IndexEntry(first, members, place, len(block), digest_of(block), begin, stretch)
        )
        if len(self._page) == _PAGE:
            self._end_page()

    def _end_page(self) -> None:
        if not self._page:
            return
        content = packed(self._page)
        members = sum(entry.members for entry in self._page)
        first = self._page[0].first
        self._pages.append((first, members, self._out(content), len(content), digest_of(content)))
        self._page = []

    def finish(self, subject: IndexedArchive) -> str:
        """Write the end; return the digest of the root, as hex."""
        self._end_page()
        root = packed({**asdict(subject), "pages": self._pages})
        place = self._out(root)
        digest = hashlib.sha256(root)
        self._out(TRAILER.pack(MAGIC, FORMAT, place, len(root), digest.digest()))
        return digest.hexdigest()


class RowGatherer:
    """Gathers rows that follow one another in an archive into blocks."""

    def __init__(self, writer: ArchiveIndexWriter) -> None:
        self._writer = writer
        self._rows: list[IndexRow] = []
        self._bytes = 0
        self._begin = 0

    def add(self, row: IndexRow, before: int) -> bool:
        """Take in a member; `before` is where the one before it ended. True: it is enough."""
        if not self._rows:
            self._begin = before
        self._rows.append(row)
        self._bytes += len(row.path) + len(row.link)
        return len(self._rows) >= ROWS or self._bytes >= _ROW_BYTES

    def end(self, stretch: Stretch) -> None:
        """Write the gathered members, all of this stretch, as a block."""
        if self._rows:
            first = self._rows[0].path
            self._writer.add(encode(self._rows), first, len(self._rows), self._begin, stretch)
            self._rows, self._bytes = [], 0
