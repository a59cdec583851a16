"""Questions: yes or no, a name to type before an irreversible act, a text to fill in.

The way out is the default everywhere: enter alone never agrees to anything that harms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, Static

from tui.render import text
from tui.render.text import assemble
from tui.screens.dialog import Dialog
from tui.widgets.entry import Entry
from tui.widgets.lines import Lines
from tui.widgets.typed_match import TypedMatch


def input_line(value: str = "") -> Horizontal:
    """Return a line to type into, with a sign before it that is seen without any colour."""
    return Horizontal(
        Static("> ", markup=False, classes="prompt"),
        Entry(value, id="typed"),
        classes="input-line",
    )


def folded(words: str, width: int, style: str = "") -> list[Content]:
    """Return a text as rows of one style; an empty one is an empty row."""
    return [assemble((row, style)) for row in text.fold(text.clean(words), max(20, width))]


class Ask(Dialog[bool]):
    """A question. With `typed`, exactly that text must be typed before it can be agreed to.

    Without `do` there is nothing to agree to: it tells why.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "agree", "Yes"),
        Binding("n", "refuse", "No", show=False),
        Binding("escape", "refuse", "No, go back"),
    ]

    def __init__(
        self, *, title: str, lines: Sequence[str], do: str, typed: str = "", danger: bool = False
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._do = do
        self._typed = text.clean(typed)
        self._danger = danger or bool(typed)

    def is_dangerous(self) -> bool:
        """Return whether agreeing takes something away."""
        return self._danger

    def title_words(self) -> str:
        """Return the question."""
        return self._title if len(self._title) <= 66 else self._title.split(" ", 1)[0].upper()

    def keys_words(self) -> str:
        """Return how to agree, and how not to."""
        agree = "[Enter]" if self._typed else "[y]"
        act = f"{agree} {self._do}   " if self._do else ""
        return f"{act}[Esc] Back, nothing happens"

    def inside(self) -> ComposeResult:
        """Show the consequences, and take the typed text."""
        yield Lines(self._draw)
        if self._typed:
            yield input_line()
            yield TypedMatch(self._typed, f"It matches: Enter does it ({self._do}).")

    def on_mount(self) -> None:
        """Put the cursor where the answer goes."""
        if self._typed:
            self.query_one(Input).focus()

    def _draw(self, width: int) -> list[Content]:
        style = "bold $text-error" if self._danger else "bold"
        rows: list[Content] = []
        if self.title_words() != self._title:
            rows += [*folded(self._title, width, style), Content("")]
        for line in self._lines:
            rows += folded(line, width)
        if self._typed:
            rows += [Content(""), assemble("To go on, type exactly  ", (self._typed, "bold"))]
        return rows

    def typed(self, value: str) -> None:
        """Say whether it matches."""
        self.query_one(TypedMatch).compare(value)

    def entered(self, value: str) -> None:
        """Agree, if exactly the text was typed."""
        if value == self._typed:
            self.dismiss(True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        """Where a text must be typed, or nothing can be done, a single key does not agree."""
        return action != "agree" or bool(self._do and not self._typed)

    def action_agree(self) -> None:
        """Yes."""
        self.dismiss(True)

    def action_refuse(self) -> None:
        """No."""
        self.dismiss(False)


class Prompt(Dialog[str]):
    """A line of text to fill in; None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave as it was")]

    def __init__(self, *, title: str, lines: Sequence[str], value: str = "") -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._value = value

    def title_words(self) -> str:
        """Return the question."""
        return self._title

    def keys_words(self) -> str:
        """Return how to take it, and how not to."""
        return "[Enter] Take it   [Esc] Leave it as it was"

    def inside(self) -> ComposeResult:
        """Explain, and take the line."""
        yield Lines(self._draw)
        yield input_line(self._value)

    def on_mount(self) -> None:
        """Put the cursor into the line."""
        self.query_one(Input).focus()

    def _draw(self, width: int) -> list[Content]:
        return [row for line in self._lines for row in folded(line, width)]

    def entered(self, value: str) -> None:
        """Take the text."""
        self.dismiss(value)

    def action_leave(self) -> None:
        """Leave the text as it was."""
        self.dismiss(None)
