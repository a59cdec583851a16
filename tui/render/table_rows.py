"""Rows of a table: as columns of one line each, and one row with all of its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from rich.cells import cell_len
from textual.content import Content

from tui.engine.inside_port import RowsView, RowView
from tui.render import text
from tui.render.text import Glyphs, Part, assemble

_WIDEST: Final = 28
_NARROWEST: Final = 4
_CUT: Final = 8  # cells that tell something of a longer text
_NULL: Final = "NULL"
_STYLES: Final = {"+": "$text-success", "-": "$text-error", "~": "$text-warning"}
_LABEL: Final = 24


class Shape(Struct, frozen=True, kw_only=True):
    """Columns by name, and the cells that each takes; `right` are numbers."""

    names: tuple[str, ...] = ()
    widths: tuple[int, ...] = ()
    right: tuple[bool, ...] = ()


def shape_of(view: RowsView) -> Shape:
    """Return the shape of a table, by the rows of one page."""
    widths, right = [], []
    for number, name in enumerate(view.columns):
        values = [
            side[number]
            for row in view.rows
            for side in (row.then, row.now)
            if side is not None and number < len(side)
        ]
        known = [value for value in values if value is not None]
        longest = max((cell_len(text.clean(value)) for value in known), default=0)
        widths.append(max(_NARROWEST, min(_WIDEST, max(longest, cell_len(text.clean(name))))))
        right.append(bool(known) and all(_is_number(value) for value in known))
    return Shape(names=view.columns, widths=tuple(widths), right=tuple(right))


def wider(one: Shape, other: Shape) -> Shape:
    """Return a shape that fits both; a column without numbers in one page is not numeric."""
    if one.names != other.names:
        return other
    widths = tuple(map(max, one.widths, other.widths))
    return Shape(names=one.names, widths=widths, right=tuple(map(min, one.right, other.right)))


def _is_number(value: str) -> bool:
    return value.lstrip("-").replace(".", "", 1).isdigit()


def head(shape: Shape, left: int, width: int, glyphs: Glyphs) -> Content:
    """Return the names of the columns from number `left` on, for rows with the cursor's gutter."""
    return assemble(
        "    ", (_cells(shape, shape.names, left, width - 4, glyphs), "$foreground-muted")
    )


def row_line(row: RowView | None, shape: Shape, left: int, width: int, glyphs: Glyphs) -> Content:
    """Return one row: its sign, its values; unread ones are dots."""
    if row is None:
        return assemble((text.fit(glyphs.ellipsis, width, glyphs), "$foreground-muted"))
    side = row.then if row.then is not None else row.now or ()
    style = _STYLES.get(row.sign, "")
    sign = glyphs.ellipsis if row.sign == "?" else row.sign
    if row.sign != "~" or row.now is None:
        values = _cells(shape, side, left, width - 2, glyphs)
        return assemble((f"{sign} ", style or "$foreground-muted"), (values, style))
    parts: list[Part] = [(f"{sign} ", style)]
    room = width - 2
    for number in range(left, len(shape.names)):
        if not _has_room(shape, number, left, room):
            break
        cell = _cell(shape, number, side, glyphs)
        differs = number < len(side) and side[number] != row.now[number]
        parts.append((text.fit(f"{cell}  ", min(room, cell_len(cell) + 2), glyphs),
                      f"bold {style}" if differs else ""))  # fmt: skip
        room -= cell_len(cell) + 2
    return assemble(*parts)


def _has_room(shape: Shape, number: int, left: int, room: int) -> bool:
    """Tell whether a column is shown: a number whole, a text cut to some words if need be."""
    width = shape.widths[number]
    return room >= (width if shape.right[number] else min(width, _CUT)) or number == left


def _cells(
    shape: Shape, values: Sequence[str | None], left: int, width: int, glyphs: Glyphs
) -> str:
    words, room = [], width
    for number in range(left, len(shape.names)):
        if not _has_room(shape, number, left, room):
            break
        words.append(_cell(shape, number, values, glyphs))
        room -= shape.widths[number] + 2
    return text.fit("  ".join(words), width, glyphs)


def _cell(shape: Shape, number: int, values: Sequence[str | None], glyphs: Glyphs) -> str:
    value = values[number] if number < len(values) else ""
    shown = _NULL if value is None else text.clean(value)
    fitted = text.fit(shown, shape.widths[number], glyphs)
    return text.right(fitted.rstrip(), shape.widths[number]) if shape.right[number] else fitted


def value_rows(row: RowView, names: Sequence[str], width: int, glyphs: Glyphs) -> list[Content]:
    """Return all values of one row, a column a line, folded; both sides where they differ."""
    then, now = row.then, row.now
    label = min(_LABEL, max((cell_len(text.clean(name)) for name in names), default=0)) + 2
    found: list[Content] = []
    for number, name in enumerate(names):
        sides = [side[number] for side in (then, now) if side is not None and number < len(side)]
        shown = text.fit(text.clean(name), label - 2, glyphs) + "  "
        if len(sides) == 2 and sides[0] != sides[1]:
            found += _folded(shown, sides[0], width, "then ", "$text-success")
            found += _folded(" " * label, sides[1], width, "now  ", "$text-error")
        elif sides:
            found += _folded(shown, sides[0], width, "", "")
    return found


def _folded(label: str, value: str | None, width: int, lead: str, style: str) -> list[Content]:
    words = _NULL if value is None else text.clean(value)
    rows = text.fold(words, max(12, width - cell_len(label) - len(lead))) if words else [""]
    return [
        assemble((label if not at else " " * cell_len(label), "$foreground-muted"),
                 (f"{lead if not at else ' ' * len(lead)}{part}", style))
        for at, part in enumerate(rows)
    ]  # fmt: skip
