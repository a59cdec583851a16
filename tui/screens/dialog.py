"""A question over a page: a frame with its title, its keys in the frame's lower edge.

How to use it: subclass `Dialog`, yield the content from `inside`, name title and keys, end it with
`dismiss(answer)`; `page.ask(dialog, answered)` shows it. It is a panel on a layer of the page, not
a screen of its own: that paints itself and nothing else, 2 to 3 kB where a screen costs 24 to 52.
While it is up, keys and clicks reach nothing but it (`is_modal`, `Page.get_widget_at`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar, Final, Generic, TypeVar

from rich.cells import cell_len
from textual import events
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Input

from tui.render import text

Answer = TypeVar("Answer")

_KEY: Final = re.compile(r"\[(\w+|\^\w)\][^\[]*")
_KEYS: Final = {"Enter": "enter", "Esc": "escape"}


class Dialog(VerticalScroll, Generic[Answer], can_focus=True):
    """A framed question."""

    DANGER: ClassVar[bool] = False

    def __init__(self) -> None:
        super().__init__(classes="dialog")
        self.answered: Callable[[Answer | None], object] = lambda _answer: None

    @property
    def is_modal(self) -> bool:
        """Whether keys end here: those of the page below do nothing."""
        return True

    def compose(self) -> ComposeResult:
        """Frame and content."""
        self.set_class(self.is_dangerous(), "danger")
        self._border_title = Content(text.clean(self.title_words()))  # never markup
        self._border_subtitle = Content(self.keys_words())
        yield from self.inside()

    def is_dangerous(self) -> bool:
        """Return whether agreeing takes something away."""
        return self.DANGER

    def title_words(self) -> str:
        """Return the title, as data."""
        return ""

    def keys_words(self) -> str:
        """Return the keys in the lower edge: `[Enter] Take it   [Esc] Leave it`."""
        return ""

    def inside(self) -> ComposeResult:
        """Return the content."""
        yield from ()

    def typed(self, value: str) -> None:
        """Draw the consequences of a changed text. Each dialog has its own."""

    def entered(self, value: str) -> None:
        """Take a text that was ended with Enter. Each dialog has its own."""

    def dismiss(self, answer: Answer | None = None) -> None:
        """Close the dialog, then hand its answer to the asker. Once."""
        answered, self.answered = self.answered, lambda _answer: None
        answered(answer)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Stop the event: the page may have a field of its own."""
        event.stop()
        self.typed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Stop the event: the page may have a field of its own."""
        event.stop()
        self.entered(event.value)

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked in the lower edge."""
        event.stop()
        if event.y != self.outer_size.height - 1:
            return
        words = self.keys_words()
        begin = self.outer_size.width - 3 - cell_len(words)  # a corner, an edge, a blank behind
        for found in _KEY.finditer(words):
            if 0 <= event.x - begin - found.start() < len(found.group().rstrip()):
                self.app.simulate_key(_KEYS.get(found[1], found[1]))
