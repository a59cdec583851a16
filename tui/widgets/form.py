"""A list of rows to walk through with the arrow keys: boxes to tick, texts to fill in, actions.

One widget for every choice of the application, drawn in text alone, so that it looks and works the
same in every terminal. Space ticks, enter does. A row that cannot be chosen now stays visible,
and says why when it is tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tui.render.row import Row


class Form(OptionList):
    """Rows with a cursor."""

    DEFAULT_CSS = """
    Form {
        border: none; padding: 0; height: auto; max-height: 100%;
        text-wrap: nowrap; text-overflow: ellipsis;
    }
    Form:focus { border: none; background-tint: $foreground 0%; }
    Form > .option-list--option { padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "Choose", show=False),
    ]

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
        super().__init__(id=id, classes=classes, markup=False)
        self._rows: Sequence[Row] = ()
        self._drawn_width = 0

    def show(self, rows: Sequence[Row]) -> None:
        """Show these rows; the cursor stays on the row it was on, if that is still there."""
        before = self.cursor
        same = [row.key for row in rows] == [row.key for row in self._rows]
        self._rows = rows
        width = self._width()
        if same and self.option_count == len(rows):
            for index, row in enumerate(rows):
                self.replace_option_prompt_at_index(index, row.draw(width))
            return
        self.set_options(Option(row.draw(width), id=row.key, disabled=row.heading) for row in rows)
        keys = [row.key for row in rows if not row.heading]
        if before in keys:
            self.highlighted = self.get_option_index(before)
        elif keys:
            self.highlighted = self.get_option_index(keys[0])

    @property
    def cursor(self) -> str:
        """The key of the row under the cursor, or an empty text."""
        option = self.highlighted_option
        return option.id or "" if option is not None else ""

    def move_to(self, key: str) -> None:
        """Put the cursor on a row."""
        self.highlighted = self.get_option_index(key)

    def _width(self) -> int:
        return self.scrollable_content_region.width or self.size.width or 80

    def on_resize(self, _event: events.Resize) -> None:
        """Draw the rows for the new width."""
        width = self._width()
        if width != self._drawn_width:
            self._drawn_width = width
            for index, row in enumerate(self._rows):
                self.replace_option_prompt_at_index(index, row.draw(width))
            # Rows that were given before there was a width have been measured as nothing.
            self.refresh(layout=True)

    def _choose(self, *, ticked: bool) -> None:
        row = next((row for row in self._rows if row.key == self.cursor), None)
        if row is None:
            return
        if row.refusal:
            self.post_message(self.Refused(row.refusal))
        else:
            self.post_message(self.Chosen(self, row.key, ticked=ticked))

    def action_select(self) -> None:
        """Choose the row under the cursor."""
        self._choose(ticked=False)

    def action_tick(self) -> None:
        """Choose the row under the cursor with the space bar."""
        self._choose(ticked=True)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """Tell where the cursor is now."""
        event.stop()
        self.post_message(self.Reached(self, event.option.id or ""))
