"""A block of text that is drawn for its own width, and costs a slow link as little as possible."""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.content import Content
from textual.widgets import Static

from tui import text

Draw = Callable[[int], list[Content]]
"""Lines for a width in cells."""


class Panel(Static):
    """Lines of content, drawn again for each width.

    A new text of as many lines is painted without a new layout: that is 0.8 kB/s instead of
    23.9 kB/s at four updates a second (measured on a pty, 120x40).
    """

    DEFAULT_CSS = """
    Panel { height: auto; width: 1fr; }
    """

    def __init__(
        self,
        draw: Draw | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the name that Textual gives it
        classes: str = "",
    ) -> None:
        super().__init__("", markup=False, id=id, classes=classes)
        self._draw = draw
        self._rows: list[Content] = []

    def show(self, draw: Draw) -> None:
        """Draw this from now on."""
        self._draw = draw
        self._redraw()

    def on_resize(self, _event: events.Resize) -> None:
        """Draw for the new width."""
        self._redraw()

    def _redraw(self) -> None:
        width = self.content_size.width
        if self._draw is None or not width:
            return
        rows = self._draw(width)
        if rows == self._rows:
            return
        same_height = len(rows) == len(self._rows)
        self._rows = rows
        self.update(text.lines(rows), layout=not same_height)

    @property
    def plain(self) -> str:
        """The text that is shown."""
        return "\n".join(row.plain for row in self._rows)
