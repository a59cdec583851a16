"""A line to type into, whose cursor does not blink: blinking writes to the link twice a second."""

from __future__ import annotations

from textual.widgets import Input


class Entry(Input):
    """Textual's own, calm."""

    def __init__(
        self,
        value: str = "",
        *,
        placeholder: str = "",
        id: str | None = None,  # noqa: A002 - the name that Textual gives it
    ) -> None:
        super().__init__(value, placeholder=placeholder, id=id, compact=True)
        self.set_reactive(Input.cursor_blink, False)
