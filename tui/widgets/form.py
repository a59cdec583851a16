"""A short list of rows with keys: boxes to tick, texts to fill in, actions.

One widget for every choice of the application, drawn in text alone, so that it looks and works the
same in every terminal. Space ticks, enter does. A row that cannot be chosen now stays visible, and
says why when it is tried.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.content import Content
from textual.message import Message

from tui.render.row import Row
from tui.widgets.rows import Rows


class Form(Rows):
    """Rows with a cursor, known by their keys."""

    DEFAULT_CSS = """
    Form { height: auto; max-height: 100%; }
    """

    class Chosen(Message):
        """A row was chosen with enter or space; `ticked` says that it was space."""

        def __init__(self, form: Form, key: str, *, ticked: bool) -> None:
            self.form = form
            self.key = key
            self.ticked = ticked
            super().__init__()

        @property
        def control(self) -> Form:
            """The form, for `on`."""
            return self.form

    class Refused(Message):
        """A row was tried that cannot be chosen now."""

        def __init__(self, reason: str) -> None:
            self.reason = reason
            super().__init__()

    class Reached(Message):
        """The cursor is on another row."""

        def __init__(self, form: Form, key: str) -> None:
            self.form = form
            self.key = key
            super().__init__()

        @property
        def control(self) -> Form:
            """The form, for `on`."""
            return self.form

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:  # noqa: A002 - the name that Textual gives it
        super().__init__(self._row, id=id, classes=classes)
        self._rows: Sequence[Row] = ()

    def fill(self, rows: Sequence[Row]) -> None:
        """Show these rows; the cursor stays on the row it was on, if that is still there."""
        before = self.key
        self._rows = rows
        keys = [row.key for row in rows]
        self.show(len(rows), cursor=keys.index(before) if before in keys else None)

    @property
    def key(self) -> str:
        """The key of the row under the cursor, or an empty text."""
        return self._rows[self.cursor].key if self.cursor < len(self._rows) else ""

    def move_to(self, key: str) -> None:
        """Put the cursor on a row."""
        self.move_to_row(next(at for at, row in enumerate(self._rows) if row.key == key))

    def reachable(self, index: int) -> bool:
        """Return whether a row is more than a heading."""
        return index < len(self._rows) and not self._rows[index].heading

    def _moved(self) -> None:
        self.post_message(self.Reached(self, self.key))

    def _row(self, index: int, width: int) -> Content:
        return self._rows[index].draw(width)

    def _choose(self, *, ticked: bool) -> None:
        if self.cursor >= len(self._rows):
            return
        row = self._rows[self.cursor]
        if row.refusal:
            self.post_message(self.Refused(row.refusal))
        elif not row.heading:
            self.post_message(self.Chosen(self, row.key, ticked=ticked))

    def action_choose(self) -> None:
        """Choose the row under the cursor."""
        self._choose(ticked=False)

    def action_mark(self) -> None:
        """Choose the row under the cursor with the space bar."""
        self._choose(ticked=True)

    def on_click(self, event: events.Click) -> None:
        """Choose the clicked row, as a button does."""
        event.prevent_default()
        index = event.y - self.gutter.top + round(self.scroll_offset.y)
        if index < len(self._rows) and self.reachable(index):
            self.move_to_row(index)
            self._choose(ticked=True)
