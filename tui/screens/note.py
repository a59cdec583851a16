"""Asks for a new note of a set, and writes it in a background thread."""

from __future__ import annotations

from collections.abc import Callable

from tui.engine.views import SetView
from tui.render import text
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


def turn_mark(page: Page, one: SetView, written: Callable[[], None]) -> None:
    """Mark a set to be kept, or take the mark off, and call `written` when that is done."""
    owner, engine, keep = page.owner, page.owner.engine, not one.keep

    def done(value: object) -> None:
        if isinstance(value, Exception):
            owner.complain(value)
        else:
            words = "kept: pruning leaves it" if keep else "kept no more: pruning may delete it"
            owner.tell(f"The set of {text.local_time(one.timestamp, owner.zone)} is {words}.")
        written()

    owner.questions.ask(lambda: engine.mark(one, keep=keep), done)
