"""How a row becomes text: the SQL that makes the server render it, and the rest of the work here.

The server joins a whole range of rows into one string (`GROUP_CONCAT`), so that Python only moves
bytes. Escaping on the server (`QUOTE`) would be its largest cost; instead it sets control bytes as
marks, and a few `bytes.replace` over the whole text escape the values and then turn the marks into
SQL: ^A either side of a string, ^B between rows, ^C for NULL, ^D for the ENUM value of index 0.

Marks that occur in the data are noticed by counting: every row has exactly one string or NULL or
zero for each marked column, and data can only add to the counts. Rows of such a range, and rows
too large for a function of the server, are rendered here, value by value.

Every type is written so that it reads back the same under any server's defaults: FLOAT by its
exact double, BIT as a number, binary and spatial values in hexadecimal, text of other character
sets than UTF-8 (and latin1, which maps one to one) in hexadecimal with its introducer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final

from msgspec import Struct

from core.database.schema.definitions import Column, Table, Versioning
from core.database.server.dialect import one_line, quote_name
from core.errors import DumpFailed

_NAMES: Final = ("utf-8", "surrogateescape")
_NUMBERS: Final = frozenset(
    {"tinyint", "smallint", "mediumint", "int", "bigint", "decimal", "year"}
)
_PLAIN: Final = frozenset(
    {"date", "datetime", "timestamp", "time", "inet4", "inet6", "uuid", "json"}
)
_TEXTS: Final = frozenset(
    {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "json", "enum", "set"}
)
_BINARY: Final = frozenset(
    {
        "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector",
        "geometry", "point", "linestring", "polygon", "multipoint", "multilinestring",
        "multipolygon", "geometrycollection", "geomcollection",
    }
)  # fmt: skip
# Every value of these has one place in utf8mb4 and comes back the same, 0x80 to 0x9F included.
_NEAR_UTF8: Final = frozenset({"utf8mb3", "utf8", "latin1"})
# All pieces of a row are UTF-8 already. As binary text they are joined as they are; as UTF-8 the
# server would look at each letter again, for half of its work on long texts (MariaDB 10.11).
_COMMA: Final = "CAST(',' AS BINARY)"


class ValueForm(Enum):
    """The forms of a value that is rendered here."""

    PLAIN = auto()  # as it is
    TEXT = auto()  # escaped and quoted
    HEX = auto()  # in hexadecimal


class Rendering(Struct, frozen=True, kw_only=True):
    """How the rows of one table are rendered.

    `marked` is SQL for a whole row as text with marks, `marks` how many marked values that has;
    `raw` is SQL for the values one by one, `columns` are their names, and `forms` the form of
    each, with the text before its quote. `insert` begins the statements.
    """

    table: str
    columns: tuple[str, ...]
    source: str
    marked: str
    marks: int
    raw: str
    forms: tuple[tuple[ValueForm, bytes], ...]
    insert: bytes

    @property
    def fingerprint(self) -> str:
        """Names the way of rendering: two texts of different ways are not to be compared.

        That the text is joined as binary makes no other text, so the name does not tell.
        """
        marked = self.marked.replace(_COMMA, "','", 1)
        return hashlib.sha256(f"{self.source}\n{marked}".encode(*_NAMES)).hexdigest()


def rendering_of(table: Table, *, history: bool) -> Rendering:
    """Return how to render a table; `history` takes the old rows of a versioned one too.

    Raises DumpFailed for a column of a type that is not known to survive.
    """
    columns = list(table.stored)
    if history:
        columns += _period_columns(table)
    names = ",".join(quote_name(column.name) for column in columns)
    source = quote_name(table.name)
    if history:
        source += " FOR SYSTEM_TIME ALL"
    pieces = [_piece(column, table.name) for column in columns]
    return Rendering(
        table=table.name,
        columns=tuple(column.name for column in columns),
        source=source,
        # CONCAT_WS over flat CONCAT: a third less time on wide rows (measured, MariaDB 10.11).
        marked=f"CONCAT_WS({_COMMA}," + (",".join(piece.marked for piece in pieces) or "''") + ")",
        marks=sum(piece.form is not ValueForm.PLAIN or piece.enum for piece in pieces),
        raw=",".join(piece.raw for piece in pieces) or "''",
        forms=tuple((piece.form, piece.before) for piece in pieces) or ((ValueForm.PLAIN, b""),),
        insert=f"INSERT INTO {quote_name(table.name)} ({names}) VALUES (".encode(),
    )


def _period_columns(table: Table) -> list[Column]:
    """Return the columns that say from when until when a row of history was in force."""
    if table.versioning is Versioning.EXPLICIT:
        return [c for c in table.columns if c.generation.upper() in {"ROW START", "ROW END"}]
    return [
        Column(
            name=name,
            type="timestamp",
            full_type="timestamp(6)",
            charset=None,
            nullable=False,
            generated=True,
        )
        for name in ("row_start", "row_end")
    ]


class _Piece(Struct, frozen=True, kw_only=True):
    """One column of a row, in both ways of rendering."""

    marked: str
    raw: str
    form: ValueForm
    before: bytes = b""
    enum: bool = False


def _piece(column: Column, table: str) -> _Piece:
    name = quote_name(column.name)
    if column.type in _NUMBERS or column.type == "bit":
        value = f"({name}+0)" if column.type == "bit" else name
        marked = f"IFNULL({value},'NULL')" if column.nullable else value
        return _Piece(marked=marked, raw=value, form=ValueForm.PLAIN)
    before, text, raw, form = _text(column, table)
    marked = f"CONCAT('{before}\x01',{text},'\x01')"
    if column.type == "enum":  # index 0, refused by strict servers, is not a member ''
        marked = f"IF({name}=0,'\x04',{marked})"
        raw = f"IF({name}=0,'0',CONCAT('{before}',QUOTE({text})))"
        form = ValueForm.PLAIN
    if column.nullable:
        marked = f"IFNULL({marked},'\x03')"
    return _Piece(
        marked=marked, raw=raw, form=form, before=before.encode(), enum=column.type == "enum"
    )


def _text(column: Column, table: str) -> tuple[str, str, str, ValueForm]:
    """Return the text before the quote, SQL of the inside, SQL of the value, its form."""
    name = quote_name(column.name)
    if column.type == "float":
        exact = f"({name}*1e0)"  # as text a FLOAT loses digits (16777216: 16777200); +0e0 loses -0
        return "", exact, exact, ValueForm.TEXT
    if column.type == "double":  # not +0e0: MySQL cuts a computed value after 22 characters
        return "", name, name, ValueForm.TEXT
    if column.type in _BINARY or (column.type in _TEXTS and column.charset == "binary"):
        return "X", f"HEX({name})", name, ValueForm.HEX
    if column.type in _TEXTS and column.charset is not None and column.charset != "utf8mb4":
        if column.charset in _NEAR_UTF8:
            converted = f"CONVERT({name} USING utf8mb4)"
            return "", converted, converted, ValueForm.TEXT
        return (
            f"_{column.charset} X",
            f"HEX({name})",
            f"CONVERT({name} USING binary)",
            ValueForm.HEX,
        )
    if column.type in _TEXTS or column.type in _PLAIN:
        return "", name, name, ValueForm.TEXT
    raise DumpFailed(
        f"The column '{one_line(column.name)}' of the table '{one_line(table)}' has the type"
        f" {one_line(column.full_type)}, which this version cannot dump exactly.",
        hint="Leave its rows out with --strip, or dump that table by other means.",
    )


def finish_marked(text: bytes, *, rows: int, marks: int) -> bytes | None:
    """Return the VALUES list, without its outer parentheses, of a range rendered with marks.

    None where the counts of the marks do not fit `rows` rows of `marks` values: a mark is part of
    the data, or a row is missing. The counts are taken from the effect of each replacement on the
    length, because `bytes.count` is many times slower than `bytes.replace` (CPython 3.11 to 3.13).
    """
    values = len(text) - len(text.replace(b"\x01", b""))
    text = escape(text).replace(b"\x01", b"'")
    size = len(text)
    text = text.replace(b"\x03", b"NULL")
    values += (len(text) - size) // 3 * 2
    size = len(text)
    text = text.replace(b"\x04", b" 0")
    values += (len(text) - size) * 2
    size = len(text)
    text = text.replace(b"\x02", b"),(")
    if values != 2 * rows * marks or (len(text) - size) // 2 != rows - 1:
        return None
    return text


def render_row(values: Sequence[bytes | None], forms: Sequence[tuple[ValueForm, bytes]]) -> bytes:
    """Return one row, without its parentheses, from its values one by one."""
    return b",".join(
        render_value(value, form, before)
        for value, (form, before) in zip(values, forms, strict=True)
    )


def render_value(value: bytes | None, form: ValueForm, before: bytes) -> bytes:
    """Return one value as SQL; `before` is the text before its quote."""
    if value is None:
        return b"NULL"
    if form is ValueForm.HEX:
        return before + b"'" + value.hex().upper().encode() + b"'"
    if form is ValueForm.TEXT:
        return b"'" + escape(value) + b"'"
    return value.replace(b"\n", b"\\n").replace(b"\r", b"\\r")  # an ENUM; numbers have neither


def escape(text: bytes) -> bytes:
    """Return the inside of a string literal; the result has no line ends."""
    text = text.replace(b"\\", b"\\\\").replace(b"'", b"\\'")
    text = text.replace(b"\n", b"\\n").replace(b"\r", b"\\r").replace(b"\0", b"\\0")
    return text.replace(b"\x1a", b"\\Z")
