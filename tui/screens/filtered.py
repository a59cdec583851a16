"""A page with a list that is filtered while one types into its field `#filter`."""

from __future__ import annotations

from textual.widgets import Input

from tui.screens.page import Page
from tui.widgets.rows import Rows


class FilteredPage(Page):
    """Opens and closes the field; `redraw` of the page lists the rows that match `_term`."""

    _term = ""

    def action_filter(self) -> None:
        """Open the field of the filter."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show the matching rows at once."""
        self._term = event.value.strip()
        self.redraw()

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Go back to the list, which stays filtered."""
        self.query_one(Rows).focus()

    def close_filter(self) -> bool:
        """Take the filter away; return whether there was one."""
        field = self.query_one("#filter", Input)
        if not field.display:
            return False
        field.value = ""
        field.display = False
        self.query_one(Rows).focus()
        return True
