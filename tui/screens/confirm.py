"""The last question before a rollback or an undo: target, losses, time of the closed store, a name.

How to use it: `page.ask(Confirm(view), answered)`; `answered` gets True when exactly
`view.typed` was typed and Enter pressed. Nothing runs before.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input

from tui.render import text
from tui.render.text import assemble
from tui.screens.ask import folded, input_line
from tui.screens.dialog import Dialog
from tui.widgets.lines import Lines
from tui.widgets.typed_match import TypedMatch


class ConfirmView(Struct, frozen=True, kw_only=True):
    """The question. Texts may hold anything; they are made printable where they are drawn."""

    title: str  # "ROLL BACK web01 /var/www/shop"
    to: str  # "To the set of 27 Nov 11:22, 18 minutes old (1795778577)"
    files: tuple[str, ...] = ()  # "code  1795778577_filesystem.tgz"
    lost: str = ""  # "3 orders, 2 customers"; empty where nothing is known to be lost
    uncounted: tuple[str, ...] = ()  # reasons why losses are unknown
    closed: str = ""  # "The store is closed for about 0:03."
    undo: str = ""  # the fate of the undo
    typed: str  # "web01/shop"
    do: str = "Roll back"


class Confirm(Dialog[bool]):
    """The question, over the plan."""

    DANGER = True
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "refuse", "Back")]

    def __init__(self, view: ConfirmView) -> None:
        super().__init__()
        self._view = view
        self._typed = text.clean(view.typed)

    def title_words(self) -> str:
        """Name the store, and the act."""
        return text.fit(self._view.title, 66, text.ASCII).rstrip()

    def keys_words(self) -> str:
        """Return how to agree, and how not to."""
        return f"[Enter] {self._view.do}   [Esc] Back, nothing happens"

    def inside(self) -> ComposeResult:
        """Show the consequences, and take the name."""
        yield Lines(self._draw)
        yield input_line()
        yield TypedMatch(self._typed, f"It matches: Enter starts it ({self._view.do}).")

    def on_mount(self) -> None:
        """Put the cursor where the name goes."""
        self.query_one(Input).focus()

    def _draw(self, width: int) -> list[Content]:
        view = self._view
        rows = folded(view.to, width, "bold")
        for one in view.files:
            rows.append(assemble(text.fit(text.clean(f"  {one}"), width, text.ASCII).rstrip()))
        rows.append(Content(""))
        if view.lost:
            rows += folded(f"LOST UNLESS UNDONE: {view.lost}.", width, "bold $text-error")
        for one in view.uncounted:
            rows += folded(f"{one}.", width, "bold $text-error")
        for words in (view.closed, view.undo):
            rows += folded(words, width) if words else []
        rows += [
            Content(""),
            assemble("Type the host and the store to go on:  ", (self._typed, "bold")),
        ]
        return rows

    def typed(self, value: str) -> None:
        """Say whether it matches."""
        self.query_one(TypedMatch).compare(value)

    def entered(self, value: str) -> None:
        """Agree, if exactly the name was typed."""
        if value == self._typed:
            self.dismiss(True)

    def action_refuse(self) -> None:
        """Go back to the plan."""
        self.dismiss(False)
