"""The log of a job: follows its end, scrolls, searches, and stays small.

A search marks matches and moves from one to the next, as in `less`; nothing is hidden by it. While
it follows, it scrolls half a pane at a time, so that most lines paint one row: a line a second in a
full pane of 20 rows cost 2.5 kB/s when each painted all of it. Textual's `Log` measures each batch
of lines in a thread that waits for the event loop, shows a line cut at the edge and cannot search;
this one keeps at most `LOG_LINES` lines, folds them to the width and paints only the rows that are
seen.
"""

from __future__ import annotations

import re
import textwrap
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable
from typing import ClassVar, Final

from rich.cells import chop_cells
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from core.text.lines import Line
from core.text.lines import Style as Meaning
from tui.engine.port import LOG_LINES, LogLine

_INDENT: Final = "  "
TIME: Final = 10  # cells before a line
_COMPONENTS: Final = {
    Meaning.SUCCESS: "log--success",
    Meaning.NOTE: "log--note",
    Meaning.WARNING: "log--warning",
    Meaning.ERROR: "log--error",
}


class LogPane(ScrollView, can_focus=True):
    """Lines of text that are already fit for a terminal."""

    DEFAULT_CSS = """
    LogPane { height: 1fr; overflow-x: hidden; overflow-y: scroll; background: $background; }
    LogPane > .log--time { color: $foreground-muted; background: $background; }
    LogPane > .log--success { color: $text-success; text-style: bold; background: $background; }
    LogPane > .log--note { color: $foreground-muted; background: $background; }
    LogPane > .log--warning { color: $text-warning; background: $background; }
    LogPane > .log--error { color: $text-error; text-style: bold; background: $background; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {*_COMPONENTS.values(), "log--time"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("home", "scroll_home", "First line", show=False),
        Binding("end", "follow", "Last line, follow", show=False),
    ]

    def __init__(
        self,
        clock: Callable[[float], str] = lambda _when_s: "",
        *,
        id: str | None = None,  # noqa: A002 - the name that Textual gives it
    ) -> None:
        super().__init__(id=id)
        self._clock = clock  # a time of day in cells of one width
        self.padded = True  # blank rows at the end while it follows; none when nothing more comes
        self.following = True
        self.term = ""
        self._lines: deque[LogLine] = deque(maxlen=LOG_LINES)
        self._first = 0  # the number of the oldest line that is kept
        self._rows: list[tuple[str, Line]] = []  # the time, on the first row of a line
        self._numbers: list[int] = []  # of the line that each row is of
        self._matches: list[int] = []  # numbers of lines
        self._at: int | None = None  # the match that is looked at
        self._followed = True  # before the search
        self._folded_width = 0

    def extend(self, lines: Iterable[LogLine]) -> None:
        """Add lines at the end."""
        fresh = list(lines)
        if not fresh:
            return
        number, before = self._first + len(self._lines), len(self._rows)
        self._lines.extend(fresh)
        self._first = number + len(fresh) - len(self._lines)
        for line in fresh:
            self._add(number, line)
            number += 1
        gone = bisect_left(self._numbers, self._first)
        del self._rows[:gone], self._numbers[:gone]
        del self._matches[: bisect_left(self._matches, self._first)]
        if self._at is not None and self._at < self._first:
            self._at = None
        if gone and not self.following:
            self.scroll_to(y=self.scroll_y - gone, animate=False, immediate=True)
        self._measure(None if gone else before)

    def clear(self) -> None:
        """Forget all lines."""
        self._first += len(self._lines)
        self._lines.clear()
        self._fold_all()

    # Searching

    def search(self, term: str) -> int:
        """Mark matches in any case and go to the newest matching line; return their number.

        Following stops while a match is looked at. An empty term leaves the search.
        """
        if not term:
            self._leave_search()
            return 0
        if not self.term:
            self._followed = self.following
        self.term = term
        self._matches = [
            number for number, line in enumerate(self._lines, self._first) if self._matching(line)
        ]
        self._at = None
        if self._matches:
            self._go_to(self._matches[-1])
        self.refresh()
        return len(self._matches)

    def step(self, direction: int) -> None:
        """Go to the next match (1), or the one before (-1); round at either end."""
        if not self._matches:
            return
        if self._at is None:
            place = -1
        else:
            place = (bisect_left(self._matches, self._at) + direction) % len(self._matches)
        self._go_to(self._matches[place])

    @property
    def matches(self) -> tuple[int, int]:
        """Which match is looked at, from 1 (0: none), and how many there are."""
        place = 0 if self._at is None else bisect_left(self._matches, self._at) + 1
        return place, len(self._matches)

    def _leave_search(self) -> None:
        self.term, self._matches, self._at = "", [], None
        if self._followed:
            self.action_follow()
        self.refresh()

    def _go_to(self, number: int) -> None:
        self._at = number
        self.following = False
        row = bisect_left(self._numbers, number)
        top = max(0, row - self.scrollable_content_region.height // 2)
        self.scroll_to(y=top, animate=False, immediate=True)
        self.following = False
        self.refresh()

    def _matching(self, told: LogLine) -> bool:
        return bool(self.term) and self.term.casefold() in told.line.text.casefold()

    @property
    def plain(self) -> str:
        """All lines."""
        return "\n".join(told.line.text for told in self._lines)

    def action_follow(self) -> None:
        """Go to the end and stay there."""
        self.following = True
        self._at = None
        self._to_end()
        self.refresh()

    def on_resize(self, _event: events.Resize) -> None:
        """Fold for the new width; the end stays in sight when there is less height."""
        if self._width() != self._folded_width:
            self._fold_all()
        elif self.following:
            self.action_follow()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Follow only while the end is seen."""
        super().watch_scroll_y(old_value, new_value)
        self.following = self._at is None and new_value >= self.max_scroll_y - 0.5

    def _width(self) -> int:
        return max(10, self.scrollable_content_region.width - TIME)

    def _add(self, number: int, line: LogLine) -> None:
        rows = self._fold(line.line)
        self._rows.extend(
            (f"{self._clock(line.when_s) if not at else '':<{TIME}}", row)
            for at, row in enumerate(rows)
        )
        self._numbers.extend([number] * len(rows))
        if self._matching(line):
            self._matches.append(number)

    def _fold(self, line: Line) -> list[Line]:
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
        self._rows, self._numbers, self._matches = [], [], []
        for number, line in enumerate(self._lines, self._first):
            self._add(number, line)
        self._measure()
        if self._at is not None:
            self._go_to(self._at)

    def _measure(self, before: int | None = None) -> None:
        """Take in how many rows there are now; `before`: as many are painted already."""
        following, top = self.following, round(self.scroll_offset.y)
        height = self.scrollable_content_region.height
        number = len(self._rows)
        if following and self.padded and number > height > 2:
            step = height // 2
            number = height + -(-(number - height) // step) * step
        # Set the ordinary way, the size of scrolled content lays out, and paints, the whole screen.
        self.set_reactive(Widget.virtual_size, Size(self._width() + TIME, number))
        self.vertical_scrollbar.window_virtual_size = number
        if following:
            self._to_end()
            self.following = True
        if before is None or round(self.scroll_offset.y) != top:
            self.refresh()
            return
        width = self.scrollable_content_region.width
        first, last = before - top, min(len(self._rows) - top, height)
        if last > first:
            self.refresh(Region(0, first, width, last - first))

    def finish(self) -> None:
        """Leave no blank rows at the end: nothing more comes."""
        if self.padded:
            self.padded = False
            self._measure()

    def _to_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True)

    def render_line(self, y: int) -> Strip:
        """Return one row of the window."""
        style = self.rich_style
        index = y + round(self.scroll_offset.y)
        width = self.scrollable_content_region.width
        if index >= len(self._rows):
            return Strip.blank(width, style)
        current = self._at is not None and self._numbers[index] == self._at
        time, row = self._rows[index]
        lead = Segment(time, self.get_component_rich_style("log--time"))
        segments = [lead, *self._segments(row, style, current=current)]
        return Strip(segments).adjust_cell_length(width, style).simplify()

    def _segments(self, row: Line, base: Style, *, current: bool) -> list[Segment]:
        name = _COMPONENTS.get(row.style)
        style = self.get_component_rich_style(name) if name else base
        if not self.term:
            return [Segment(row.text, style)]
        if current:
            style += Style(bold=True, underline=True)
        parts = re.split(f"({re.escape(self.term)})", row.text, flags=re.IGNORECASE)
        return [
            Segment(part, style + Style(reverse=True) if number % 2 else style)
            for number, part in enumerate(parts)
            if part
        ]
