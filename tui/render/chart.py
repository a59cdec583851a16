"""A chart of a rate, a column for each stretch of time; drawn seldom, since each drawing is whole.

Textual's Sparkline writes a segment a cell, 9 kB an update at 120x40 (measured); this is a row of
text for each row, in one colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from textual.content import Content

from tui.engine.pace import Pace
from tui.render import text
from tui.render.text import Glyphs, assemble

MOST_COLUMNS: Final = 40
_EIGHTHS: Final = " ▁▂▃▄▅▆▇█"
_HALVES: Final = " .:"


def chart_lines(rates: Sequence[float], width: int, height: int, glyphs: Glyphs) -> list[Content]:
    """Return `height` rows of at most `width` columns; the highest rate fills its column."""
    shown = list(rates)[-max(0, min(width, MOST_COLUMNS)) :]
    top = max(shown, default=0.0)
    signs = _HALVES if glyphs.full == "#" else _EIGHTHS
    steps = len(signs) - 1
    levels = [round(rate / top * height * steps) if top else 0 for rate in shown]
    rows = []
    for row in range(height - 1, -1, -1):
        line = "".join(signs[max(0, min(steps, level - row * steps))] for level in levels)
        rows.append(assemble((line.rstrip(), "$text-accent")))
    return rows


def slowest_lines(pace: Pace, width: int, glyphs: Glyphs) -> list[Content]:
    """Return the scale of the chart, and the part of the job that took longest."""
    rates, slowest = pace.rates(width), pace.slowest
    top = f"one column: 2 s, top {text.size(max(rates))}/s" if rates else ""
    words = ""
    if slowest is not None and slowest[1] >= 1.0:
        words = f"slowest: {text.clean(slowest[0])} {text.duration(slowest[1])}"
    return [
        assemble((text.fit(line, width, glyphs).rstrip(), "$foreground-muted"))
        for line in (top, words)
    ]
