"""Lines of a log with their times, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo

from textual.content import Content

from tui.render import text
from tui.render.text import Glyphs, assemble


def tail_lines(
    lines: Sequence[tuple[float, str]],
    width: int,
    height: int,
    glyphs: Glyphs,
    zone: tzinfo | None,
) -> list[Content]:
    """Return the last lines that fit, each with its time of day."""
    rows = []
    for when_s, words in lines[-height:] if height > 0 else ():
        shown = text.fit(words, max(8, width - 10), glyphs).rstrip()
        rows.append(
            assemble(
                (f"{text.clock_time(when_s, zone, seconds=True)}  ", "$foreground-muted"), shown
            )
        )
    return rows
