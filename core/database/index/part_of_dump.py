"""A part of a dump: all of its text without rows, and the rows of some tables.

It is a dump itself: made of the text in the index, and of places of the dump that have to be read.
"""

from __future__ import annotations

from collections.abc import Collection

from core.database.index.entries import Place
from core.database.index.read_index import DumpIndex

Piece = bytes | Place
"""Text, or the place of the dump where it is."""


def part_of_dump(index: DumpIndex, tables: Collection[str], *, size: int) -> list[Piece]:
    """Return the pieces of a dump with the rows of these tables alone; `size` is the whole one's.

    Raises ValueError where the index has no text, or is not one of such a dump.
    """
    text = index.skeleton
    if not text:
        raise ValueError("it has no text of definitions")
    rows = sorted(
        (one.offset, one.length, name in tables)
        for name in index.tables
        for one in index.rows_of(name)
    )
    pieces: list[Piece] = []
    end = taken = begun = 0  # of the rows before, of the text; and what of it is no piece yet
    for offset, length, wanted in rows:
        if offset < end or length < 0 or taken + offset - end > len(text):
            raise ValueError("its rows are not where they can be")
        taken += offset - end
        end = offset + length
        if not wanted:
            continue
        last = pieces[-1] if pieces else None
        if taken > begun or not isinstance(last, Place) or last.offset + last.length != offset:
            pieces += [text[begun:taken], Place(offset=offset, length=length)]
        else:
            pieces[-1] = Place(offset=last.offset, length=last.length + length)
        begun = taken
    if end + len(text) - taken != size:
        raise ValueError("it is of a dump of another size")
    return [*pieces, text[begun:]]
