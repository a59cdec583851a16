"""Asks for a new note of a set, and writes it in a background thread."""

from __future__ import annotations

from collections.abc import Callable

from tui.engine.views import SetView
from tui.screens.ask import Prompt
from tui.screens.page import Page


def ask_note(
    page: Page, one: SetView, written: Callable[[], None], ended: Callable[[], str]
) -> None:
    """Ask for the note of a set, write it, and call `written` when that is done.

    `ended` tells why there is nothing to write on any more.
    """
    owner = page.owner

    def done(value: object) -> None:
        if isinstance(value, Exception):
            owner.complain(value)
        written()

    def typed(note: str | None) -> None:
        if note is not None:
            engine = owner.engine
            owner.questions.ask(lambda: engine.write_note(one, note.strip()), done)

    lines = ["What this set is for. It is kept in the manifests and shown in the list."]
    page.ask(Prompt(title="Note", lines=lines, value=one.note), typed, ended=ended)
