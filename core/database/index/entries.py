"""The entries of an index as values, and the form of its file.

The file is ASCII. A first line names the format. Then come lines of rows, a JSON list each, in
blocks: the lines of a block are of one table. Then one line of JSON, the directory, which names
the blocks of each table. The last line has the place of the directory, in a fixed length:

    magerewind index of a dump, format 1
    [offset, length, rows, after, upto, digest]
    ...
    [[text offset, file offset], ...]
    <the text of the dump without its rows, zlib, base64>
    {"session": {...}, "tables": [...], "objects": [...], "frames": [offset, length],
     "skeleton": [offset, length]}
    directory <offset, 20 digits> <length, 20 digits>

Offsets and lengths of statements are in bytes of the dump, uncompressed. The line of pairs has the
frames of a compressed dump, where each begins; it is `[]` for a plain one. The line after it, and
its place, may be missing.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

FIRST_LINE: Final = b"magerewind index of a dump, format 1\n"
LAST_LINE: Final = "directory {offset:020d} {length:020d}\n"
LARGEST_SKELETON: Final = 16 << 20
"""Bytes of text without rows that an index takes; Magento's has half a mebibyte."""
LAST_LENGTH: Final = len(LAST_LINE.format(offset=0, length=0))


class Place(Struct, frozen=True, kw_only=True):
    """A range of bytes."""

    offset: int
    length: int


class Span(Struct, frozen=True, kw_only=True):
    """The part of a table's key that rows were read of: after one value, up to another one.

    The bounds are SQL literals for the first column of the key; None is the end of the axis.
    `digest`: SHA-256 (hex) of the text that the server rendered of all these rows, marks included;
    None where there is no such text.
    """

    after: str | None = None
    upto: str | None = None
    digest: str | None = None


WHOLE: Final = Span()


class RowsAt(Struct, frozen=True, kw_only=True):
    """A statement of rows, those around it included, and the span that the rows are of.

    Several statements without a digest may be of one span.
    """

    offset: int
    length: int
    rows: int
    span: Span


class Session(Struct, frozen=True, kw_only=True):
    """The factors of the text of rows: the server's version and the settings of the session."""

    flavour: str
    version: tuple[int, ...]
    time_zone: str
    sql_mode: str
    charset: str


class IndexedTable(Struct, frozen=True, kw_only=True):
    """A table of a dump. `definition` is the place of its DROP and CREATE.

    `fingerprint` is the SHA-256 of its definition without AUTO_INCREMENT, `rendering` that of the
    SQL by which its rows were rendered; it is empty where its rows were not read. `alters` are
    statements that change it later, which other programs write. `columns` are
    those that its rows have, in order, `key` is the key that spans are of.
    """

    name: str
    definition: Place
    fingerprint: str
    rendering: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: int
    bytes: int
    blocks: tuple[Place, ...]
    alters: tuple[Place, ...] = ()


class IndexedObject(Struct, frozen=True, kw_only=True):
    """A sequence, routine, view, trigger (of `table`) or event, with its own session around it."""

    kind: str
    name: str
    table: str
    place: Place
