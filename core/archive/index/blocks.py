"""A block of an index: the facts of consecutive members as compressed columns.

It owns the bytes of a block and nothing else. Columns, because 110,000 members have to be listed in
a fraction of a second: each step of reading works on a whole column in C.
"""

from __future__ import annotations

import bisect
import itertools
import struct
import sys
import zlib
from array import array
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

from isal import isal_zlib
from isal.isal_zlib import error as IsalError  # noqa: N812 - its name says nothing
from msgspec import Struct

from core.archive.tar.header import BLOCK, REGULAR
from core.archive.tree.selection import walk_key

UNKNOWN: Final = -1
"""A mode, owner or place of a directory that an archive only implies."""
_LEVEL: Final = 2  # of isal: smaller than 1, and no slower here
_SECOND: Final = 1_000_000_000  # in nanoseconds
_LARGEST: Final = 64 << 20  # bytes of a block when inflated
_LENGTHS: Final = struct.Struct("<9I")
_COUNT: Final = struct.Struct("<I")
_TYPES: Final = {"B": 1, "H": 2, "I": 4, "Q": 8, "q": 8}

Owner = tuple[int, int, bytes, bytes]
"""Number of the account, of the group, and their names, which may be empty."""


class IndexRow(NamedTuple):
    """The indexed facts of a member; `lead` are the bytes since the end of the previous one.

    The end of a member is that of its content, filled up to whole blocks; its content begins `lead`
    bytes behind the end of the previous member.
    """

    path: bytes
    type: int
    mode: int
    owner: Owner
    size: int
    mtime_ns: int
    link: bytes
    lead: int


class Broken(Exception):
    """These bytes are no block of an index."""


def stored(kind: int, size: int) -> int:
    """Return how many bytes of an archive the content of a member takes."""
    return size + -size % BLOCK if kind == REGULAR else 0


def _packed(values: Sequence[int], code: str) -> bytes:
    """Return a column of numbers, in a form that holds nearly all there are, or in a wide one."""
    for wider in (code, "Q", "q"):
        with suppress(OverflowError):
            column = array(wider, values)
            if sys.byteorder == "big":
                column.byteswap()
            return wider.encode() + column.tobytes()
    raise ValueError("a number that no index holds")


def _numbers(packed: bytes, count: int) -> array[int]:
    code = chr(packed[0]) if packed else ""
    if code not in _TYPES or len(packed) != 1 + count * _TYPES[code]:
        raise Broken
    column = array(code, packed[1:])
    if sys.byteorder == "big":
        column.byteswap()
    return column


def encode(rows: Sequence[IndexRow | tuple[bytes, int, int, Owner, int, int, bytes, int]]) -> bytes:
    """Return the block of at least one row."""
    paths, types, modes, owners, sizes, times, links, leads = zip(*rows, strict=True)
    if owners.count(owners[0]) == len(owners):  # nearly always, and without a hash of each
        table, numbers = [owners[0]], [0] * len(owners)
    else:
        table = list(dict.fromkeys(owners))
        known = {owner: number for number, owner in enumerate(table)}
        numbers = list(map(known.__getitem__, owners))
    seconds, nanoseconds = zip(*map(divmod, times, itertools.repeat(_SECOND)), strict=True)
    columns = (
        b"\0".join(paths),
        b"\0".join(links) if any(links) else b"",
        b"\0".join([b"%d\0%d\0%s\0%s" % owner for owner in table]),
        bytes(types),
        _packed(modes, "H"),
        _packed(numbers, "B"),
        _packed(sizes, "I"),
        _packed(seconds, "I"),
        _packed(leads, "H") + _packed(nanoseconds, "I"),
    )
    body = b"".join(columns)
    lengths = _LENGTHS.pack(*map(len, columns))
    content = _COUNT.pack(len(paths)) + lengths + body
    compressed: bytes = isal_zlib.compress(content, _LEVEL, -zlib.MAX_WBITS)
    return compressed


class Block(Struct, frozen=True, kw_only=True):
    """The columns of consecutive members; each has an item for each of them.

    `owners` are numbers in `owner_table`. Times are in seconds and the nanoseconds beyond them.
    """

    paths: list[bytes]
    links: Sequence[bytes]
    types: bytes
    modes: Sequence[int]
    owners: Sequence[int]
    owner_table: list[Owner]
    sizes: Sequence[int]
    seconds: Sequence[int]
    nanoseconds: Sequence[int]
    leads: Sequence[int]

    def range_of(self, path: bytes) -> tuple[int, int]:
        """Return the range of the positions here of a path and everything below it."""
        key = walk_key(path)
        keys = [walk_key(one) for one in self.paths]
        begin = bisect.bisect_left(keys, key)
        return begin, bisect.bisect_left(keys, key + b"\1", begin)

    def part(self, begin: int, end: int) -> Block:
        """Return some of the members."""
        return Block(
            paths=self.paths[begin:end],
            links=self.links[begin:end],
            types=self.types[begin:end],
            modes=self.modes[begin:end],
            owners=self.owners[begin:end],
            owner_table=self.owner_table,
            sizes=self.sizes[begin:end],
            seconds=self.seconds[begin:end],
            nanoseconds=self.nanoseconds[begin:end],
            leads=self.leads[begin:end],
        )

    def rows(self) -> list[IndexRow]:
        """Return the members one by one."""
        times = [
            second * 1_000_000_000 + more
            for second, more in zip(self.seconds, self.nanoseconds, strict=True)
        ]
        owners = map(self.owner_table.__getitem__, self.owners)
        columns = (
            self.paths, self.types, self.modes, owners, self.sizes, times, self.links, self.leads,
        )  # fmt: skip
        return list(map(IndexRow._make, zip(*columns, strict=True)))

    def places(self, begin: int) -> list[int]:
        """Return where in the inflated archive the content of each member is.

        `begin` is where the first member begins.
        """
        places = []
        at = begin
        for kind, size, lead in zip(self.types, self.sizes, self.leads, strict=True):
            at += lead
            places.append(at)
            at += stored(kind, size)
        return places


def decode(compressed: bytes) -> Block:
    """Return the block of these bytes. Raises Broken."""
    try:
        inflater = isal_zlib.decompressobj(-zlib.MAX_WBITS)
        content = inflater.decompress(compressed, _LARGEST)
        if not inflater.eof:
            raise Broken
        return _decoded(content)
    except (IsalError, struct.error, ValueError, IndexError, OverflowError) as error:  # type: ignore[misc]
        raise Broken from error


def _decoded(content: bytes) -> Block:
    (count,) = _COUNT.unpack_from(content)
    lengths = _LENGTHS.unpack_from(content, _COUNT.size)
    ends = list(itertools.accumulate(lengths, initial=_COUNT.size + _LENGTHS.size))
    if ends[-1] != len(content) or not count:
        raise Broken
    columns = [content[begin:end] for begin, end in itertools.pairwise(ends)]
    paths = columns[0].split(b"\0")
    links = columns[1].split(b"\0") if columns[1] else [b""] * count
    if not (len(paths) == len(links) == len(columns[3]) == count):
        raise Broken
    last, code = columns[8], chr(columns[8][0])
    cut = 1 + count * _TYPES.get(code, 0)
    table = _owner_table(columns[2])
    owners = _numbers(columns[5], count)
    if max(owners) >= len(table) or min(owners) < 0:
        raise Broken
    return Block(
        paths=paths,
        links=links,
        types=columns[3],
        modes=_numbers(columns[4], count),
        owners=owners,
        owner_table=table,
        sizes=_numbers(columns[6], count),
        seconds=_numbers(columns[7], count),
        leads=_numbers(last[:cut], count),
        nanoseconds=_numbers(last[cut:], count),
    )


def _owner_table(column: bytes) -> list[Owner]:
    parts = column.split(b"\0")
    if len(parts) % 4:
        raise Broken
    return [
        (int(parts[at]), int(parts[at + 1]), parts[at + 2], parts[at + 3])
        for at in range(0, len(parts), 4)
    ]
