"""Reads the index of a dump: all tables by name, and the places of rows of one table at a time."""

from __future__ import annotations

import base64
import json
import os
import re
import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from core.database.index.entries import (
    FIRST_LINE,
    LARGEST_SKELETON,
    LAST_LENGTH,
    IndexedObject,
    IndexedTable,
    Place,
    RowsAt,
    Session,
    Span,
)
from core.errors import MALFORMED

_LARGEST: Final = 256 << 20  # bytes of the directory, or of one block
_LAST: Final = re.compile(rb"directory (\d{20}) (\d{20})\n")
_HEX: Final = re.compile(r"[0-9a-f]{64}")


class DumpIndex:
    """The index in an open file. Raises ValueError for a file that `IndexWriter` did not write."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._size = os.fstat(fd).st_size
        if self._read(Place(offset=0, length=len(FIRST_LINE))) != FIRST_LINE:
            raise ValueError("it is no index of a dump of this format")
        end = self._size - LAST_LENGTH
        last = _LAST.fullmatch(self._read(Place(offset=end, length=LAST_LENGTH)))
        if last is None:
            raise ValueError("its end is missing")
        try:
            directory = json.loads(self._read(Place(offset=int(last[1]), length=int(last[2]))))
            self.session = _session(directory["session"])
            tables = [_table(row) for row in directory["tables"]]
            self.objects = tuple(_object(row) for row in directory["objects"])
            framed = directory.get("frames")
            self.about: Mapping[str, Any] = dict(directory.get("about", {}))
            self._framed = None if framed is None else _place(framed)
            text_at = directory.get("skeleton")
            self._skeleton_at = None if text_at is None else _place(text_at)
        except MALFORMED as error:
            raise ValueError(f"its directory is damaged: {error}") from error
        self.tables: Mapping[str, IndexedTable] = {one.name: one for one in tables}

    def rows_of(self, table: str) -> Iterator[RowsAt]:
        """Yield the positions of a table's rows, in the order of writing, each range once."""
        for block in self.tables[table].blocks:
            for line in self._read(block).splitlines():
                yield _rows_at(line)

    @property
    def frames(self) -> list[tuple[int, int]]:
        """Where each frame of a compressed dump begins: in the text, and in the file."""
        if self._framed is None:
            return []
        try:
            return [(int(text), int(file)) for text, file in json.loads(self._read(self._framed))]
        except MALFORMED as error:
            raise ValueError(f"its frames are damaged: {error}") from error

    @property
    def skeleton(self) -> bytes:
        """The text of the dump without its rows, empty where it is not in the index."""
        if self._skeleton_at is None:
            return b""
        inflater = zlib.decompressobj()
        try:
            packed = base64.b64decode(self._read(self._skeleton_at))
            text = inflater.decompress(packed, LARGEST_SKELETON + 1)
        except (ValueError, zlib.error) as error:
            raise ValueError(f"the text in it is damaged: {error}") from error
        if not inflater.eof or len(text) > LARGEST_SKELETON:
            raise ValueError("the text in it is damaged")
        return text

    def _read(self, place: Place) -> bytes:
        if not 0 <= place.offset <= place.offset + place.length <= self._size:
            raise ValueError("it is cut")
        if place.length > _LARGEST:
            raise ValueError("a part of it is too large")
        text = os.pread(self._fd, place.length, place.offset)
        if len(text) != place.length:
            raise ValueError("it is cut")
        return text


def _session(row: Mapping[str, Any]) -> Session:
    return Session(
        flavour=str(row["flavour"]),
        version=tuple(int(number) for number in row["version"]),
        time_zone=str(row["time_zone"]),
        sql_mode=str(row["sql_mode"]),
        charset=str(row["charset"]),
    )


def _table(row: Mapping[str, Any]) -> IndexedTable:
    return IndexedTable(
        name=_text(row["name"]),
        definition=_place(row["definition"]),
        fingerprint=_text(row["fingerprint"]),
        rendering=_text(row["rendering"]),
        columns=tuple(_text(name) for name in row["columns"]),
        key=tuple(_text(name) for name in row["key"]),
        rows=int(row["rows"]),
        bytes=int(row["bytes"]),
        blocks=tuple(_place(pair) for pair in row["blocks"]),
        alters=tuple(_place(pair) for pair in row.get("alters", ())),
    )


def _object(row: Mapping[str, Any]) -> IndexedObject:
    return IndexedObject(
        kind=_text(row["kind"]),
        name=_text(row["name"]),
        table=_text(row["table"]),
        place=_place(row["place"]),
    )


def _rows_at(line: bytes) -> RowsAt:
    try:
        offset, length, rows, after, upto, digest = json.loads(line)
        if digest is not None and not _HEX.fullmatch(digest):
            raise ValueError("a digest in it is none")
        return RowsAt(
            offset=int(offset),
            length=int(length),
            rows=int(rows),
            span=Span(
                after=None if after is None else _text(after),
                upto=None if upto is None else _text(upto),
                digest=digest,
            ),
        )
    except MALFORMED as error:
        raise ValueError(f"a line of it is damaged: {error}") from error


def _place(pair: Any) -> Place:  # noqa: ANN401 - of JSON
    offset, length = pair
    return Place(offset=int(offset), length=int(length))


def _text(value: Any) -> str:  # noqa: ANN401 - of JSON
    if not isinstance(value, str):
        raise TypeError("a text is expected")
    return value
