"""A question over a screen: a frame with its title, its keys in the frame's lower edge.

How to use it: subclass `Dialog`, yield the content from `inside`, name title and keys. While one is
up, the page below is not painted (`Application.poll`).
"""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.reactive import Reactive
from textual.screen import ModalScreen
from textual.widget import Widget

from tui.render import text

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer]):
    """A framed question."""

    DANGER: ClassVar[bool] = False
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    def compose(self) -> ComposeResult:
        """Frame and content."""
        frame = VerticalScroll(id="dialog", can_focus=False)
        frame.set_class(self.is_dangerous(), "danger")
        frame._border_title = Content(text.clean(self.title_words()))  # noqa: SLF001 - never markup
        frame._border_subtitle = Content(self.keys_words())  # noqa: SLF001
        with frame:
            yield from self.inside()

    def is_dangerous(self) -> bool:
        """Return whether agreeing takes something away."""
        return self.DANGER

    def title_words(self) -> str:
        """Return the title, as data."""
        return ""

    def keys_words(self) -> str:
        """Return what stands in the lower edge."""
        return ""

    def inside(self) -> ComposeResult:
        """Return the content."""
        yield from ()
