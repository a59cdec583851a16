"""One line of a difference: its sign gives the kind, its colour repeats that."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from tui.render import text
from tui.render.text import Glyphs, assemble

_STYLES: Final = {
    "+": "$text-success",
    "-": "$text-error",
    "~": "$text-warning",
    "@": "$text-accent",
}


def line_of(line: str, width: int, glyphs: Glyphs) -> Content:
    """Return a line of exactly `width` cells; tabs become blanks."""
    shown = text.clean(line.replace("\t", "    "))
    return assemble((text.fit(shown, width, glyphs), _STYLES.get(line[:1], "")))
