"""A block of text that is drawn for its own width, and costs a slow link as little as possible.

How to use it: `Lines(draw, id="facts")` in `compose`, where `draw(width)` returns the rows as
`Content`; `lines.show(draw)` draws anew and paints only the rows that differ. Its height is that of
its rows, unless CSS gives it one. Changing text belongs at the left of its row: a partial repaint
is written from the left edge of the widget to the end of the change.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.content import Content
from textual.geometry import Region, Size

from tui.render import text
from tui.widgets.painted import PaintedOnce

Draw = Callable[[int], list[Content]]
"""Lines for a width in cells."""


class Lines(PaintedOnce):
    """Lines of content, drawn again for each width; only rows that differ are painted.

    At four updates a second, 80x24, a job's steps and numbers cost 1.7 kB/s like this, 7.3 kB/s
    when the whole block is painted, and 24 kB/s with a new layout each time (measured on a pty).
    """

    DEFAULT_CSS = """
    Lines { height: auto; width: 1fr; }
    """

    def __init__(
        self,
        draw: Draw | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the name that Textual gives it
        classes: str = "",
    ) -> None:
        super().__init__(id=id, classes=classes, markup=False)
        self._draw = draw
        self._rows: list[Content] = []
        self._drawn_width = 0

    def show(self, draw: Draw) -> None:
        """Draw this from now on."""
        self._draw = draw
        self._redraw()

    def on_resize(self, _event: events.Resize) -> None:
        """Draw for the new width."""
        self._redraw()

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002 - Textual's signature
        """Draw for the width that the layout gives: the first layout is then the last one."""
        if self._draw is not None and width and width != self._drawn_width:
            self._rows, self._drawn_width = self._draw(width), width
        return len(self._rows)

    def render(self) -> Content:
        """Return the lines."""
        return text.lines(self._rows)

    def _redraw(self) -> None:
        width = self.content_size.width
        if self._draw is None or not width:
            return
        before, self._rows = self._rows, self._draw(width)
        self._drawn_width = width
        if len(before) != len(self._rows):
            self.refresh(layout=self.styles.is_auto_height)
            return
        changed = [
            Region(0, number, width, 1)  # of the content: padding and border do not count
            for number, row in enumerate(self._rows)
            if not row.is_same(before[number])
        ]
        if changed:
            self.refresh(*changed)

    @property
    def count(self) -> int:
        """How many rows there are; none before it has a width."""
        return len(self._rows)

    @property
    def plain(self) -> str:
        """The text that is shown."""
        return "\n".join(row.plain for row in self._rows)
