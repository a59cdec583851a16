"""Sparse members of foreign archives: where the stored pieces of a file with holes belong.

GNU tar has four forms (its old header, and three of PAX records); bsdtar writes the newest of them
for every file with a hole. Our own archives have none: zeros cost nearly nothing there. This module
owns the maps of these forms and the expansion to the whole content. It reads no file.

Source of the forms: the GNU tar manual, appendix "Sparse Formats".
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from msgspec import Struct

from core.archive.tar.header import BLOCK, REGULAR, BadHeader, Fields, parse_number

OLD_SPARSE: Final = b"S"[0]
RECORDS: Final = b"GNU.sparse."
LARGEST_MAP: Final = 1 << 16  # pieces of one file
_PIECES_LIMIT: Final = 1 << 20  # of all files of an archive
_SIZE_LIMIT: Final = 1 << 50
_ZEROS: Final = bytes(1 << 20)
_PAIR: Final = struct.Struct("<qq")
_OLD_FIRST: Final = slice(386, 482)
_OLD_MORE: Final = slice(0, 504)
_ENTRY: Final = 24


class SparseMap(Struct, frozen=True, kw_only=True):
    """The size of a whole file in bytes, and the (offset, size) of each stored piece, in order."""

    size: int
    pieces: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        """Refuse pieces that overlap, go backwards or end behind the file. Raises BadHeader."""
        end = 0
        for offset, size in self.pieces:
            if offset < end or size < 0:
                raise BadHeader("a sparse file whose pieces are out of order")
            end = offset + size
        if not end <= self.size <= _SIZE_LIMIT:
            raise BadHeader("a sparse file of impossible size")

    @property
    def stored(self) -> int:
        """The number of bytes that the archive holds of the file."""
        return sum(size for _, size in self.pieces)

    def packed(self) -> bytes:
        """Return the map as bytes, for a plan."""
        pairs = (_PAIR.pack(*pair) for pair in self.pieces)
        return _PAIR.pack(self.size, len(self.pieces)) + b"".join(pairs)

    @classmethod
    def unpacked(cls, packed: bytes) -> SparseMap:
        """Return the map of `packed`."""
        size, _ = _PAIR.unpack_from(packed)
        return cls(size=size, pieces=tuple(_PAIR.iter_unpack(packed[_PAIR.size :])))

    def expand(self, take: Callable[[int], Iterator[bytes]]) -> Iterator[bytes]:
        """Yield the whole content in pieces of up to 1 MiB.

        `take` yields the next so many stored bytes, in pieces of up to 1 MiB.
        """
        at = 0
        for offset, size in (*self.pieces, (self.size, 0)):
            while at < offset:
                hole = _ZEROS[: offset - at]
                at += len(hole)
                yield hole
            if size:
                yield from take(size)
            at += size


def old_map(header: bytes, take: Callable[[int], bytes]) -> SparseMap:
    """Return the map of a header of GNU's old form; `take` gives the blocks behind it.

    Raises BadHeader.
    """
    if header[257:265] != b"ustar  \0":
        raise BadHeader("a sparse member of an unknown tar")
    pieces = _old_entries(header[_OLD_FIRST])
    more = header[482]
    while more:
        block = take(BLOCK)
        pieces += _old_entries(block[_OLD_MORE])
        more = block[504]
        if len(pieces) > LARGEST_MAP:
            raise BadHeader("a sparse file of absurdly many pieces")
    return SparseMap(size=parse_number(header[483:495]), pieces=tuple(pieces))


def _old_entries(raw: bytes) -> list[tuple[int, int]]:
    entries = []
    for at in range(0, len(raw), _ENTRY):
        entry = raw[at : at + _ENTRY]
        if not entry[0]:
            break
        entries.append((parse_number(entry[:12]), parse_number(entry[12:])))
    return entries


def pax_map(records: Mapping[bytes, bytes], take: Callable[[int], bytes]) -> tuple[SparseMap, int]:
    """Return the map of a member with PAX records of GNU, and the bytes of content that it took.

    The newest form (1.0) has its map before the content, of which `take` gives the next bytes.
    Raises BadHeader.
    """
    form = (records.get(RECORDS + b"major", b"0"), records.get(RECORDS + b"minor", b"0"))
    if form == (b"1", b"0"):
        size = _number(records.get(RECORDS + b"realsize", b""))
        numbers, taken = _leading_numbers(take)
    elif form[0] == b"0":
        size = _number(records.get(RECORDS + b"size", b""))
        text = records.get(RECORDS + b"map", b"")
        if text.count(b",") > 2 * LARGEST_MAP:
            raise BadHeader("a sparse file of absurdly many pieces")
        numbers, taken = [_number(one) for one in text.split(b",") if one], 0
    else:
        raise BadHeader("a sparse member of an unknown form")
    if len(numbers) % 2:
        raise BadHeader("a sparse file with half a piece")
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return SparseMap(size=size, pieces=tuple(pairs)), taken


def _leading_numbers(take: Callable[[int], bytes]) -> tuple[list[int], int]:
    """Return the numbers before the content, a line each, and the size of the blocks they fill."""
    text, taken = b"", 0
    numbers: list[int] = []
    wanted = 1
    while len(numbers) < wanted:
        text += take(BLOCK)
        taken += BLOCK
        *lines, text = text.split(b"\n")
        numbers += [_number(line) for line in lines[: wanted - len(numbers)]]
        if numbers and wanted == 1:
            wanted = 1 + 2 * numbers[0]
            numbers += [_number(line) for line in lines[1:wanted]]
        if wanted > 2 * LARGEST_MAP or len(text) > BLOCK:
            raise BadHeader("a sparse file of absurdly many pieces")
    return numbers[1:], taken


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > 18:
        raise BadHeader("a sparse file with a number that is none")
    return int(text)


class SparseMembers:
    """The maps of one archive that is being read; `take` gives its next bytes.

    `holes` counts the bytes of whole files that are not in the archive, `maps` has each map by the
    place of its content in the inflated archive. All methods raise BadHeader.
    """

    def __init__(self, take: Callable[[int], bytes]) -> None:
        self._take = take
        self._pieces = 0
        self._new: SparseMap | None = None
        self.holes = 0
        self.maps: dict[int, SparseMap] = {}

    def old(self, header: bytes, fields: Fields) -> Fields:
        """Return the fields of a whole file for a member of GNU's old form."""
        return self._whole(fields, old_map(header, self._take))

    def pax(self, fields: Fields, records: Mapping[bytes, bytes]) -> Fields:
        """Return the fields of a whole file for a member with PAX records."""
        if not any(key.startswith(RECORDS) for key in records):
            return fields
        found, taken = pax_map(records, self._take)
        name = records.get(RECORDS + b"name", fields.name)
        return self._whole(fields._replace(name=name, size=fields.size - taken), found)

    def _whole(self, fields: Fields, found: SparseMap) -> Fields:
        if fields.size != found.stored:
            raise BadHeader("a sparse file whose pieces are not its size")
        self._pieces += len(found.pieces)
        if self._pieces > _PIECES_LIMIT:
            raise BadHeader("sparse files of absurdly many pieces")
        self._new = found
        self.holes += found.size - found.stored
        return fields._replace(type=REGULAR, size=found.size)

    def begin(self, content_at: int) -> SparseMap | None:
        """Return the map of the member whose content begins here, None where it has no holes."""
        found, self._new = self._new, None
        if found is not None:
            self.maps[content_at] = found
        return found
