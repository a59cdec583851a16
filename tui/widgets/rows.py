"""A list of any length with a cursor: only the rows that are seen are ever drawn.

How to use it: `Rows(line, id="sets")` in `compose`, where `line(index, width)` returns one row as
`Content` of at most `width` cells; `rows.show(count)` says how many there are, and paints. Memory
and time do not depend on `count` (a million rows were tried). A step of the cursor paints two rows.
`Rows.Opened` comes for Enter and for a click on the row under the cursor, `Rows.Marked` for the
space bar, `Rows.Moved` when the cursor has moved. The first cell of a row is the cursor's own
sign, so that it is seen without any colour; the second is the sign of a mark (`rows.marked`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.style import Style
from textual.visual import Visual
from textual.widget import Widget

from tui.widgets.painted import PaintedOnce

Line = Callable[[int, int], Content]
"""One row, by its index and the width in cells."""

_SIGN = ">"
GUTTER = 2  # cells: the sign of the cursor, that of a mark


class Rows(PaintedOnce, ScrollView, can_focus=True):
    """Rows with a cursor."""

    DEFAULT_CSS = """
    Rows {
        height: 1fr; overflow-x: hidden; overflow-y: auto; text-wrap: nowrap;
        scrollbar-size-vertical: 1;
    }
    Rows > .rows--cursor { background: $cursor-ground; color: $cursor-text; text-style: bold; }
    Rows > .rows--resting { background: $cursor-blurred-ground; }
    Rows:ansi > .rows--cursor { text-style: reverse; }
    Rows:nocolor > .rows--cursor { text-style: reverse; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"rows--cursor", "rows--resting"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", show=False),
        Binding("down", "step(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("home", "first", show=False),
        Binding("end", "last", show=False),
        Binding("enter", "choose", "Open", show=False),
        Binding("space", "mark", "Mark", show=False),
    ]

    class Opened(Message):
        """Enter, or a click on the row under the cursor; of an empty list the index is 0."""

        def __init__(self, rows: Rows, index: int) -> None:
            self.rows = rows
            self.index = index
            super().__init__()

        @property
        def control(self) -> Rows:
            """The list, for `on`."""
            return self.rows

    class Marked(Opened):
        """The space bar."""

    class Moved(Opened):
        """The cursor is on another row."""

    def __init__(
        self,
        line: Line | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the name that Textual gives it
        classes: str = "",
    ) -> None:
        super().__init__(id=id, classes=classes)
        self._line = line
        self.marked: Callable[[int], bool] = lambda _index: False
        self.count = 0
        self.cursor = 0

    def show(self, count: int, *, line: Line | None = None, cursor: int | None = None) -> None:
        """Show this many rows; the cursor stays where it was, or goes to `cursor`."""
        if line is not None:
            self._line = line
        changed, self.count = count != self.count, count
        if cursor is not None:
            self.cursor = cursor
        self.cursor = self.near(max(0, min(self.cursor, count - 1)))
        if changed:
            self._measure()
        if changed or cursor is not None:
            self._keep_in_sight()
        self.refresh(layout=changed and self.styles.is_auto_height)

    def near(self, index: int) -> int:
        """Return the row nearest to this one that the cursor may be on."""
        if self.reachable(index):
            return index
        below = (at for at in range(index, self.count) if self.reachable(at))
        above = (at for at in range(index, -1, -1) if self.reachable(at))
        return next(below, next(above, index))

    def reachable(self, index: int) -> bool:  # noqa: ARG002 - for those that have headings
        """Return whether the cursor may be on a row."""
        return True

    def _measure(self) -> None:
        # Set the ordinary way, the size of scrolled content lays out, and paints, the whole screen.
        size = Size(self.scrollable_content_region.width, self.count)
        self.set_reactive(Widget.virtual_size, size)
        bar = self.count > self.content_region.height and not self.styles.is_auto_height
        if bar != self.show_vertical_scrollbar:
            self.show_vertical_scrollbar = bar
        if bar:
            self.vertical_scrollbar.window_virtual_size = self.count

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's signature
        """Return the number of rows, for a list that is as high as they are."""
        return self.count

    def on_resize(self, _event: events.Resize) -> None:
        """Keep the cursor in sight."""
        self._measure()
        self._keep_in_sight()
        self.refresh()

    # Moving

    def move_to_row(self, index: int) -> None:
        """Put the cursor on a row."""
        index = self.near(max(0, min(index, self.count - 1)))
        if index == self.cursor or not self.count:
            return
        before, self.cursor = self.cursor, index
        if not self._keep_in_sight():
            self._refresh_row(before)
            self._refresh_row(index)
        self._moved()

    def _moved(self) -> None:
        self.post_message(self.Moved(self, self.cursor))

    def _refresh_row(self, index: int) -> None:
        y = index - round(self.scroll_offset.y)
        region = self.scrollable_content_region
        if 0 <= y < region.height:
            self.refresh(Region(0, y, region.width, 1))

    def _keep_in_sight(self) -> bool:
        """Scroll so far that the cursor is seen; return whether that moved anything."""
        height = self.scrollable_content_region.height
        top = round(self.scroll_offset.y)
        wanted = min(max(top, self.cursor - height + 1), self.cursor) if height else top
        if self.cursor and not any(self.reachable(at) for at in range(self.cursor)):
            wanted = 0  # the headings above the first row are part of it
        wanted = max(0, min(wanted, self.count - height))
        if wanted == top:
            return False
        self.scroll_to(y=wanted, animate=False, immediate=True)
        self.refresh()
        return True

    def action_step(self, direction: int) -> None:
        """Go one row up or down, past those that cannot be reached."""
        index = self.cursor + direction
        while 0 <= index < self.count and not self.reachable(index):
            index += direction
        if 0 <= index < self.count:
            self.move_to_row(index)

    def action_page(self, direction: int) -> None:
        """Go as far as is seen at once."""
        height = max(1, self.scrollable_content_region.height - 1)
        self.move_to_row(self.cursor + direction * height)

    def action_first(self) -> None:
        """Go to the first row."""
        self.move_to_row(0)

    def action_last(self) -> None:
        """Go to the last row."""
        self.move_to_row(self.count - 1)

    def action_choose(self) -> None:
        """Open the row under the cursor."""
        self.post_message(self.Opened(self, self.cursor))

    def action_mark(self) -> None:
        """Mark the row under the cursor."""
        if self.count:
            self.post_message(self.Marked(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        """Go to the row that was clicked; open it when the cursor was on it already."""
        index = event.y - self.gutter.top + round(self.scroll_offset.y)
        if not 0 <= index < self.count or not self.reachable(index):
            return
        if index == self.cursor:
            self.action_choose()
        else:
            self.move_to_row(index)

    # Focus, without painting unchanged rows

    def _on_focus(self, event: events.Focus) -> None:
        event.prevent_default()
        self.set_reactive(Widget.has_focus, True)
        self._refresh_row(self.cursor)
        if self.parent is not None:
            self.parent.post_message(events.DescendantFocus(self))

    def _on_blur(self, event: events.Blur) -> None:
        event.prevent_default()
        self.set_reactive(Widget.has_focus, False)
        self._refresh_row(self.cursor)
        if self.parent is not None:
            self.parent.post_message(events.DescendantBlur(self))

    # Drawing

    def render_line(self, y: int) -> Strip:
        """Return one row of the window."""
        index = y + round(self.scroll_offset.y)
        width = self.scrollable_content_region.width
        style = self.visual_style
        if self._line is None or index >= self.count or width <= GUTTER:
            return Strip.blank(width, style.rich_style)
        content = self._line(index, width - GUTTER)
        sign, mark = " ", "*" if self.marked(index) else " "
        if index == self.cursor:
            part = "rows--cursor" if self.has_focus else "rows--resting"
            style = self.get_visual_style(part)
            if self.get_component_styles(part).text_style.reverse:
                style += Style(reverse=True)  # Textual 8.2.8 loses it on the way
            if self.has_focus:
                sign = _SIGN
                content = Content(content.plain)
        strip = Visual.to_strips(self, Content(sign + mark) + content, width, 1, style)[0]
        return strip.adjust_cell_length(width, style.rich_style).simplify()
