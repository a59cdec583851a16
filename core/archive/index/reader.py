"""Reads an index: all blocks in order, those of a subtree, or the one that a path is in.

It checks digests from the root down as it reads, and limits every size that the file names. A wrong
index raises `Broken` and is rebuilt, since no decision depends on it.
"""

from __future__ import annotations

import bisect
import hashlib
import json
import os
import zlib
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from core.archive.index.blocks import Block, Broken, IndexRow, decode
from core.archive.index.writer import FORMAT, MAGIC, TRAILER, IndexedArchive, IndexEntry, digest_of
from core.archive.tar.gzip import Stretch
from core.archive.tree.selection import walk_key
from core.closeable import Closeable
from core.errors import MALFORMED

_LARGEST_PAGE: Final = 64 << 20  # bytes when inflated
_LARGEST_BLOCK: Final = 32 << 20


class Located(NamedTuple):
    """A member, where its content is in the inflated archive, and the stretch of its block."""

    row: IndexRow
    place: int
    stretch: Stretch


def _loads(compressed: bytes) -> Any:  # noqa: ANN401 - a JSON value
    inflater = zlib.decompressobj()
    content = inflater.decompress(compressed, _LARGEST_PAGE)
    if not inflater.eof:
        raise Broken
    return json.loads(content)


def _entry(values: list[Any]) -> IndexEntry:
    first, members, at, length, digest, begin, stretch = values
    return IndexEntry(
        first.encode("latin-1"), int(members), int(at), int(length), digest.encode("latin-1"),
        int(begin), Stretch(*map(int, stretch)),
    )  # fmt: skip


class IndexReader(Closeable):
    """An index file that is open as `fd`, which it closes. Raises Broken, also while it is read."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        try:
            self._read_root()
        except BaseException as error:
            os.close(fd)
            if isinstance(error, (*MALFORMED, OSError, zlib.error)):
                raise Broken from error
            raise

    def _read_root(self) -> None:
        size = os.fstat(self._fd).st_size
        trailer = os.pread(self._fd, TRAILER.size, max(0, size - TRAILER.size))
        if len(trailer) != TRAILER.size:
            raise Broken
        magic, version, at, length, digest = TRAILER.unpack(trailer)
        if magic != MAGIC or version != FORMAT or length > _LARGEST_PAGE:
            raise Broken
        root = self._bytes(at, length)
        if hashlib.sha256(root).digest() != digest:
            raise Broken
        values = _loads(root)
        self.digest = digest.hex()
        """Of the root, as hex: who knows it can believe the rest as far as he believes that."""
        self._pages = [
            (first.encode("latin-1"), int(members), int(at), int(length), sum_.encode("latin-1"))
            for first, members, at, length, sum_ in values.pop("pages")
        ]
        self.subject = IndexedArchive(**values)
        self._keys = [walk_key(page[0]) for page in self._pages]
        self._page: tuple[int, list[IndexEntry], list[bytes]] = (-1, [], [])
        self._block: tuple[int, Block | None] = (-1, None)

    def close(self) -> None:
        """Close the file; may be called again."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def raw(self, size: int) -> Iterator[bytes]:
        """Yield all of the file in pieces of `size` bytes."""
        at = 0
        while piece := os.pread(self._fd, size, at):
            at += len(piece)
            yield piece

    def _bytes(self, at: int, length: int) -> bytes:
        if not (length >= 0 and 0 <= at <= os.fstat(self._fd).st_size - length):
            raise Broken
        try:
            content = os.pread(self._fd, length, at)
        except OSError as error:
            raise Broken from error
        if len(content) != length:
            raise Broken
        return content

    def _entries(self, number: int) -> tuple[list[IndexEntry], list[bytes]]:
        """Return the blocks of a page, and the keys of their first paths."""
        if self._page[0] != number:
            _, _, at, length, digest = self._pages[number]
            content = self._bytes(at, min(length, _LARGEST_PAGE))
            if digest_of(content) != digest:
                raise Broken
            try:
                entries = [_entry(values) for values in _loads(content)]
            except (*MALFORMED, zlib.error) as error:
                raise Broken from error
            self._page = (number, entries, [walk_key(entry.first) for entry in entries])
        return self._page[1], self._page[2]

    def block(self, entry: IndexEntry) -> Block:
        """Return the block of an entry."""
        at, known = self._block
        if known is not None and at == entry.at:
            return known
        content = self._bytes(entry.at, min(entry.length, _LARGEST_BLOCK))
        if digest_of(content) != entry.digest:
            raise Broken
        block = decode(content)
        if len(block.paths) != entry.members:
            raise Broken
        self._block = (entry.at, block)
        return block

    def check(self) -> None:
        """Read all of it and compare the digests. Raises Broken."""
        for entry in self.entries():
            if digest_of(self._bytes(entry.at, entry.length)) != entry.digest:
                raise Broken

    def entries(self, path: bytes = b"") -> Iterator[IndexEntry]:
        """Yield the blocks that may hold a path or entries below it; all blocks without a path."""
        if not path:
            for number in range(len(self._pages)):
                yield from self._entries(number)[0]
            return
        key = walk_key(path)
        begin = max(0, bisect.bisect_right(self._keys, key) - 1)
        for number in range(begin, len(self._pages)):
            entries, keys = self._entries(number)
            first = max(0, bisect.bisect_right(keys, key) - 1) if number == begin else 0
            for entry, first_key in zip(entries[first:], keys[first:], strict=True):
                if first_key > key and not first_key.startswith(key + b"\0"):
                    return
                yield entry

    def members(self, path: bytes = b"") -> Iterator[Located]:
        """Yield the member of this path and all below it, in our order; of no path, all."""
        below = path + b"/"
        for entry in self.entries(path):
            block = self.block(entry)
            for row, place in zip(block.rows(), block.places(entry.begin), strict=True):
                if not path or row.path == path or row.path.startswith(below):
                    yield Located(row, place, entry.stretch)

    def since(self, key: bytes) -> Iterator[Located]:
        """Yield the members whose `walk_key` is this one or comes behind it, in our order."""
        begin = max(0, bisect.bisect_right(self._keys, key) - 1)
        for number in range(begin, len(self._pages)):
            entries, keys = self._entries(number)
            first = max(0, bisect.bisect_right(keys, key) - 1) if number == begin else 0
            for entry in entries[first:]:
                block = self.block(entry)
                for row, place in zip(block.rows(), block.places(entry.begin), strict=True):
                    if walk_key(row.path) >= key:
                        yield Located(row, place, entry.stretch)

    def find(self, path: bytes) -> Located | None:
        """Return the member of exactly this path."""
        for entry in self.entries(path):
            block = self.block(entry)
            if path in block.paths:
                number = block.paths.index(path)
                place = block.places(entry.begin)[number]
                return Located(block.rows()[number], place, entry.stretch)
            return None
        return None
