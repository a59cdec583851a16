"""What is inside a backup as lines: a name, its size, its mode; of a table its rows."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from tui.engine.plan_port import InsideView
from tui.render import text
from tui.render.text import Glyphs, assemble

_MODE: Final = 7
_SIZE: Final = 10
_ROWS: Final = 14


def head(width: int, *, tables: bool) -> Content:
    """Return the heads of the columns, for rows with the cursor's gutter before them."""
    if tables:
        words = text.right("ROWS THEN", _ROWS) + text.right("SIZE", _SIZE)
    else:
        words = text.right("SIZE", _SIZE) + text.right("MODE", _MODE)
    lead = "TABLE" if tables else "NAME"
    return assemble((f"  {lead:<{max(5, width - 2 - len(words))}}{words}", "$foreground-muted"))


def row(part: InsideView, depth: int, width: int, glyphs: Glyphs, *, is_open: bool) -> Content:
    """Return one row."""
    if part.kind not in ("directory", "file", "link"):
        words = "" if part.rows is None else text.count(part.rows)
        right = text.right(words, _ROWS) + text.right(text.column_size(part.size), _SIZE)
        kind = "" if part.kind == "table" else f"  ({part.kind})"
        name = text.fit(text.clean(f"{part.path}{kind}"), max(8, width - len(right)), glyphs)
        return assemble(name, (right, ""))
    sign = "  "
    size = "" if part.kind == "link" else text.column_size(part.size)
    if part.kind == "directory":
        sign, size = f"{glyphs.opened if is_open else glyphs.shut} ", ""
    mode = "" if part.mode is None else f"{part.mode & 0o7777:04o}"
    name = part.path.rpartition("/")[2]
    if part.kind == "link":
        name = f"{name} {glyphs.arrow} {part.link}"
    right = text.right(size, _SIZE) + text.right(mode, _MODE)
    room = max(8, width - len(right))
    lead = ("  " * depth)[: room // 2] + sign
    style = "bold" if part.kind == "directory" else ""
    return assemble((text.fit(lead + text.clean(name), room, glyphs), style), right)
