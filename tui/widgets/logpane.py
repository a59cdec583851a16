"""The log of a job: follows its end, scrolls, searches, and stays small.

Textual's `Log` measures each batch of lines in a thread that waits for the event loop, shows a line
cut at the edge and cannot search; this one keeps at most `LOG_LINES` lines, folds them to the width
and paints only the rows that are seen.
"""

from __future__ import annotations

import re
import textwrap
from collections import deque
from collections.abc import Iterable
from typing import ClassVar, Final

from rich.cells import chop_cells
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from core.cli.text import Line
from core.cli.text import Style as Meaning
from tui.bridge import LOG_LINES

_INDENT: Final = "  "
_COMPONENTS: Final = {
    Meaning.SUCCESS: "log--success",
    Meaning.NOTE: "log--note",
    Meaning.WARNING: "log--warning",
    Meaning.ERROR: "log--error",
}


class LogPane(ScrollView, can_focus=True):
    """Lines of text that are already fit for a terminal."""

    DEFAULT_CSS = """
    LogPane { height: 1fr; overflow-x: hidden; overflow-y: scroll; background: $surface; }
    LogPane > .log--success { color: $text-success; text-style: bold; background: $surface; }
    LogPane > .log--note { color: $foreground-muted; background: $surface; }
    LogPane > .log--warning { color: $text-warning; background: $surface; }
    LogPane > .log--error { color: $text-error; text-style: bold; background: $surface; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = set(_COMPONENTS.values())
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home,g", "scroll_home", "First line", show=False),
        Binding("end,G", "follow", "Last line, follow", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - the name that Textual gives it
        super().__init__(id=id)
        self.following = True
        self.term = ""
        self._lines: deque[Line] = deque(maxlen=LOG_LINES)
        self._rows: list[Line] = []
        self._folded_width = 0

    def extend(self, lines: Iterable[Line]) -> None:
        """Add lines at the end."""
        fresh = list(lines)[-LOG_LINES:]
        if not fresh:
            return
        overflow = len(self._lines) + len(fresh) - LOG_LINES
        self._lines.extend(fresh)
        if overflow > 0:
            self._fold_all()
            return
        self._rows.extend(row for line in fresh for row in self._fold(line))
        self._measure()

    def clear(self) -> None:
        """Forget all lines."""
        self._lines.clear()
        self._fold_all()

    def search(self, term: str) -> int:
        """Show only the lines that hold `term` in any case (empty: all); return how many."""
        self.term = term
        self._fold_all()
        return sum(1 for line in self._lines if self._matches(line))

    @property
    def plain(self) -> str:
        """All lines that are shown."""
        return "\n".join(line.text for line in self._lines if self._matches(line))

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self.following = True
        self._to_end()

    def on_resize(self, _event: events.Resize) -> None:
        """Fold for the new width."""
        if self._width() != self._folded_width:
            self._fold_all()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow only while the end is seen."""
        super().watch_scroll_y(old_value, new_value)
        self.following = new_value >= self.max_scroll_y - 0.5

    def _matches(self, line: Line) -> bool:
        return not self.term or self.term.casefold() in line.text.casefold()

    def _width(self) -> int:
        return max(10, self.scrollable_content_region.width)

    def _fold(self, line: Line) -> list[Line]:
        if not self._matches(line):
            return []
        width = self._width()
        if len(line.text) <= width and line.text.isascii():
            return [line]
        if line.text.isascii():
            rows = textwrap.wrap(
                line.text, width, subsequent_indent=_INDENT, break_on_hyphens=False
            )
            return [Line(row, line.style) for row in rows] or [line]
        first, *rest = chop_cells(line.text, width) or [""]
        if not rest:
            return [line]
        folded = chop_cells("".join(rest), width - len(_INDENT))
        return [Line(first, line.style), *(Line(_INDENT + row, line.style) for row in folded)]

    def _fold_all(self) -> None:
        self._folded_width = self._width()
        self._rows = [row for line in self._lines for row in self._fold(line)]
        self._measure()

    def _measure(self) -> None:
        following = self.following
        # Set the ordinary way, the size of what scrolls lays out, and paints, the whole screen.
        self.set_reactive(Widget.virtual_size, Size(self._width(), len(self._rows)))
        self.vertical_scrollbar.window_virtual_size = len(self._rows)
        if following:
            self._to_end()
            self.following = True
        self.refresh()

    def _to_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        """Return one row of the window."""
        style = self.rich_style
        index = y + round(self.scroll_offset.y)
        width = self.scrollable_content_region.width
        if index >= len(self._rows):
            return Strip.blank(width, style)
        return Strip(self._segments(self._rows[index], style)).extend_cell_length(width, style)

    def _segments(self, row: Line, base: Style) -> list[Segment]:
        name = _COMPONENTS.get(row.style)
        style = self.get_component_rich_style(name) if name else base
        if not self.term:
            return [Segment(row.text, style)]
        parts = re.split(f"({re.escape(self.term)})", row.text, flags=re.IGNORECASE)
        return [
            Segment(part, style + Style(reverse=True) if number % 2 else style)
            for number, part in enumerate(parts)
            if part
        ]
