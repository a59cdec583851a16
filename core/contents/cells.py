"""The rows of an INSERT as values, cell by cell: bytes as a server would hold them, None for NULL.

It reads the literals of dump programs: quoted text, hexadecimal, numbers. A value built by a
function is returned as its text in the dump.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from core.database.sql.literal_rows import HEAD
from core.errors import DamagedBackup

Cells = tuple[bytes | None, ...]

_TEXT: Final = {
    True: rb"'[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*+'|\"[^\"\\]*+(?:(?:\\.|\"\")[^\"\\]*+)*+\"",
    False: rb"'[^']*+(?:''[^']*+)*+'|\"[^\"]*+(?:\"\"[^\"]*+)*+\"",
}
_CELLS: Final = {
    escapes: re.compile(
        rb"\s*+(?P<cell>(?:_[A-Za-z0-9]++\s*+)?[XxBbNn]?(?:" + text + rb")|[^,()'\"]*+"
        rb"(?:\((?:[^()'\"]|" + text + rb")*+\))?)\s*+(?P<end>,|\)\s*+(?:,\s*+\(|;|\Z|ON\b))",
        re.DOTALL,
    )
    for escapes, text in _TEXT.items()
}
_INTRODUCER: Final = re.compile(rb"_[A-Za-z0-9]++\s*+(?=[XxBb'\"0])")
_ESCAPED: Final = re.compile(rb"\\(.)", re.DOTALL)
_LETTERS: Final = {b"0": b"\0", b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"Z": b"\x1a",
                   b"%": b"\\%", b"_": b"\\_"}  # fmt: skip
_NAMES: Final = re.compile(rb"`((?:[^`]|``)*+)`|\"((?:[^\"]|\"\")*+)\"|([A-Za-z0-9_$]++)")


def rows_in(text: bytes, *, escapes: bool = True) -> Iterator[Cells]:
    """Yield the rows of the INSERT statement in `text`. Raises DamagedBackup where it is none."""
    head = _head(text)
    if head is None:
        raise DamagedBackup("The dump has no rows where its index says: it was changed.")
    pattern, at, cells = _CELLS[escapes], head.end(), list[bytes | None]()
    while True:
        found = pattern.match(text, at)
        if found is None:
            raise DamagedBackup("The dump has a row that cannot be read.")
        cells.append(value_of(found["cell"], escapes=escapes))
        at, end = found.end(), found["end"]
        if end != b",":
            yield tuple(cells)
            cells = []
            if not end.endswith(b"("):
                return


def _head(text: bytes) -> re.Match[bytes] | None:
    """Return the beginning of a row statement; other statements may precede it."""
    return HEAD.match(text) or HEAD.match(text, max(0, text.find(b"INSERT")))


def columns_in(text: bytes) -> tuple[str, ...]:
    """Return the columns that an INSERT statement names, none where it names none."""
    head = _head(text)
    if head is None:
        return ()
    _, bracket, names = text[
        head.end("second" if head["second"] else "name") : head.end()
    ].partition(b"(")
    if not bracket or not names.rstrip(b"( \t\r\n").upper().rstrip().endswith(
        (b"VALUES", b"VALUE")
    ):
        return ()
    listed = names.rpartition(b")")[0]
    found = (next(filter(None, match.groups()), b"") for match in _NAMES.finditer(listed))
    return tuple(one.replace(b"``", b"`").decode("utf-8", "surrogateescape") for one in found)


def value_of(cell: bytes, *, escapes: bool = True) -> bytes | None:
    """Return the value of a literal."""
    first = cell[:1]
    if first == b"_":
        cell = _INTRODUCER.sub(b"", cell, count=1)
        first = cell[:1]
    if first in {b"'", b'"'}:
        inside = cell[1:-1].replace(first * 2, first)
        if escapes and b"\\" in inside:
            inside = _ESCAPED.sub(lambda found: _LETTERS.get(found[1], found[1]), inside)
        return inside
    if first in b"Nn" and cell.upper() == b"NULL":
        return None
    try:
        if first in {b"X", b"x"} and cell[1:2] == b"'":
            return bytes.fromhex(cell[2:-1].decode("ascii"))
        if cell[:2] in {b"0x", b"0X"}:
            return bytes.fromhex(cell[2:].decode("ascii"))
        if first in {b"b", b"B"} and cell[1:2] == b"'":
            bits = cell[2:-1]
            return int(bits, 2).to_bytes((len(bits) + 7) // 8, "big")
    except ValueError:
        return cell
    return cell.strip()
