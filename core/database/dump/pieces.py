"""Rows that do not fit into one statement: their large values are put together in variables.

A value in hexadecimal is twice as long as it is, so a row that a server holds may be one that no
statement brings back: it takes at most max_allowed_packet. Such a value goes into a variable of the
session, piece by piece, and the row names the variable:

    SET @magerewind_piece1 = X'…';
    SET @magerewind_piece1 = CONCAT(@magerewind_piece1,X'…');
    SET @magerewind_piece1 = CONVERT(@magerewind_piece1 USING utf8mb4);
    SET foreign_key_checks = IF(LENGTH(@magerewind_piece1) <=> 20000000,0,2);
    INSERT INTO `t` (`id`,`body`) VALUES (7,@magerewind_piece1);
    SET @magerewind_piece1 = NULL;

No key is needed for that, no UPDATE touches a time stamp, a history or a generated column, and any
type takes its value whole. The server cuts a CONCAT that is larger than max_allowed_packet to NULL,
with a warning only: the line before the INSERT, which otherwise repeats a setting, makes an
error of that (1231), also for a plain client.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from core.database.dump.row_text import ValueForm, render_value
from core.database.sql.statement import PIECE_NAME

_AROUND: Final = 128
"""The largest part of a statement around a piece, in bytes."""


class TooLarge(Exception):
    """No statements bring a row back; `size` is that of its value, `column` its place."""

    def __init__(self, column: int, size: int) -> None:
        super().__init__()
        self.column, self.size = column, size


class Pieces(Struct, frozen=True, kw_only=True):
    """The statements before and after a row that needs them, each with its line end."""

    before: tuple[bytes, ...] = ()
    after: tuple[bytes, ...] = ()


NO_PIECES: Final = Pieces()


def split_row(
    values: Sequence[bytes | None],
    forms: Sequence[tuple[ValueForm, bytes]],
    *,
    room: int,
    largest: int,
) -> tuple[bytes, Pieces]:
    """Return a row of at most `room` bytes, without parentheses, and the statements of its values.

    `largest`: how long a value may be for the server. The largest values are taken out of the row,
    as few as need be. Raises TooLarge.
    """
    texts = [render_value(value, *form) for value, form in zip(values, forms, strict=True)]
    size = sum(map(len, texts)) + len(texts)
    before: list[bytes] = []
    after: list[bytes] = []
    for at in sorted(range(len(texts)), key=lambda at: -len(texts[at])):
        if size <= room:
            break
        value, (form, introducer) = values[at], forms[at]
        if value is None or form is ValueForm.PLAIN or len(value) > largest:
            raise TooLarge(at, len(texts[at]) if value is None else len(value))
        name = b"%s%d" % (PIECE_NAME, len(after) + 1)
        size += len(name) - len(texts[at])
        texts[at] = name
        before += _making(name, value, _charset(form, introducer), room)
        after.append(b"SET %s = NULL;\n" % name)
    if size > room:
        raise TooLarge(0, size)
    return b",".join(texts), Pieces(before=tuple(before), after=tuple(after))


def _charset(form: ValueForm, introducer: bytes) -> bytes:
    """Return the character set that the bytes of a value are in."""
    if form is ValueForm.TEXT:
        return b"utf8mb4"
    return introducer.removesuffix(b"X").strip().removeprefix(b"_") or b"binary"


def _making(name: bytes, value: bytes, charset: bytes, room: int) -> list[bytes]:
    length = max(1, (room - _AROUND) // 2)
    pieces = [value[start : start + length].hex().upper() for start in range(0, len(value), length)]
    made = [b"SET %s = X'%s';\n" % (name, pieces[0].encode())]
    made += [b"SET %s = CONCAT(%s,X'%s');\n" % (name, name, piece.encode()) for piece in pieces[1:]]
    made.append(b"SET %s = CONVERT(%s USING %s);\n" % (name, name, charset))
    made.append(b"SET foreign_key_checks = IF(LENGTH(%s) <=> %d,0,2);\n" % (name, len(value)))
    return made
