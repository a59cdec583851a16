"""The help of a screen, made from its bindings: filters while one types.

Its own keys come first, then those of everywhere, each with its effect in a sentence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

import core
from tui.render import text
from tui.screens.ask import folded, input_line
from tui.screens.dialog import Dialog
from tui.widgets.keys import shown_key
from tui.widgets.lines import Lines

Rows = list[tuple[str, str]]
KEY_CELLS = 14


def own_bindings(screen: Screen[Any]) -> Iterator[tuple[object, Binding]]:
    """Yield node and binding of each key that this application declares and that works now."""
    for node, binding, enabled, _ in screen.active_bindings.values():
        declared = type(node).__dict__.get("BINDINGS", ())
        ours = node is screen or type(node).__module__.startswith("tui.")
        if not binding.description or binding.system or not ours or not declared or not enabled:
            continue
        if node is not screen and binding.action not in _actions(declared):
            continue
        if binding.action not in _actions(Screen.BINDINGS):
            yield node, binding


def help_rows(screen: Screen[Any]) -> tuple[Rows, Rows]:
    """Return keys and words of the screen with its own widgets, and of the application."""
    own: dict[str, tuple[str, list[str]]] = {}
    everywhere: dict[str, tuple[str, list[str]]] = {}
    for node, binding in own_bindings(screen):
        rows = everywhere if node is screen.app else own
        words = binding.tooltip or binding.description
        keys = rows.setdefault(binding.action, (words, []))[1]
        keys.append(shown_key(binding.key))

    def rows_of(found: dict[str, tuple[str, list[str]]]) -> Rows:
        return [(", ".join(dict.fromkeys(keys)), words) for words, keys in found.values()]

    return rows_of(own), rows_of(everywhere)


def _actions(declared: Iterable[object]) -> set[str]:
    return {binding.action for binding in declared if isinstance(binding, Binding)}


def help_lines(
    purpose: str, groups: Iterable[tuple[str, Rows]], term: str, width: int
) -> list[Content]:
    """Return the help as rows: those with every word of `term`, and all without a term."""
    words = term.casefold().split()
    rows: list[Content] = [] if words else folded(" ".join(purpose.split()), width)
    for title, keys in groups:
        found = [
            (key, told)
            for key, told in keys
            if all(word in f"{key} {told}".casefold() for word in words)
        ]
        if not found:
            continue
        if rows:
            rows.append(Content(""))
        rows.append(text.assemble((title, "bold $title")))
        for key, told in found:
            for number, row in enumerate(text.fold(told, max(20, width - KEY_CELLS - 1))):
                shown = text.right("" if number else key, KEY_CELLS - 1)
                rows.append(text.assemble((f"{shown} ", "bold $text-accent"), f" {row}"))
    return rows or [text.assemble((f"Nothing here is about {text.clean(term)!r}.", ""))]


class Help(Dialog[None]):
    """The keys of the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,enter", "close", "Close", priority=True),
        Binding("up", "scroll(-1)", "Up", show=False, priority=True),
        Binding("down", "scroll(1)", "Down", show=False, priority=True),
        Binding("pageup", "scroll(-10)", "A page up", show=False, priority=True),
        Binding("pagedown", "scroll(10)", "A page down", show=False, priority=True),
    ]

    def __init__(self, about: Screen[Any]) -> None:
        super().__init__()
        self._purpose: str = getattr(about, "PURPOSE", "")
        self._crumb: str = getattr(about, "CRUMB", "") or "Home"
        self._own, self._everywhere = help_rows(about)

    def title_words(self) -> str:
        """Name the screen."""
        return f"HELP  {self._crumb}"

    def keys_words(self) -> str:
        """Return how to leave it."""
        return "type to filter   [Esc] Close"

    def inside(self) -> ComposeResult:
        """Show a line to type into, and the rows that match."""
        yield input_line()
        with VerticalScroll(id="help-rows", can_focus=False):
            yield Lines(self._draw, id="help-lines")
        version = f"magerewind {core.__version__}   the same work without it: magerewind --help"
        yield Lines(lambda _width: [text.assemble((version, "$foreground-muted"))])

    def on_mount(self) -> None:
        """Filter at once by the typed text."""
        self.query_one(Input).focus()

    def typed(self, _value: str) -> None:
        """Filter."""
        self.query_one("#help-lines", Lines).show(self._draw)

    def _draw(self, width: int) -> list[Content]:
        term = self.query_one(Input).value
        moving = ("arrows, pages", "Move through a list.")
        groups = (("ON THIS SCREEN", [*self._own, moving]), ("EVERYWHERE", self._everywhere))
        return help_lines(self._purpose, groups, term, width)

    def action_scroll(self, rows: int) -> None:
        """Scroll rows that do not fit."""
        self.query_one("#help-rows").scroll_relative(y=rows, animate=False, immediate=True)

    def action_close(self) -> None:
        """Go back to the screen."""
        self.dismiss()
