"""The line below an input that says whether the required text was typed."""

from __future__ import annotations

from textual.content import Content

from tui.render.text import assemble
from tui.widgets.lines import Lines


class TypedMatch(Lines):
    """A line that compares the typed value with the required text."""

    def __init__(self, required: str, agreement: str) -> None:
        """Show `agreement` once the value equals `required`."""
        super().__init__(self._draw_match, id="match")
        self._required = required
        self._agreement = agreement
        self._value = ""

    def compare(self, value: str) -> None:
        """Draw the line for a new value of the input."""
        self._value = value
        self.show(self._draw_match)

    def _draw_match(self, _width: int) -> list[Content]:
        if self._value == self._required:
            return [assemble((self._agreement, "bold $text-error"))]
        return [assemble(("Not matching: nothing happens.", "$foreground-muted"))]
