"""The help of a screen, made from its bindings: its own keys first, then those of everywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

import core
from tui.render import text
from tui.screens.host import Host
from tui.widgets.panel import Panel

Rows = list[tuple[str, str]]


def own_bindings(screen: Screen[object]) -> Iterator[tuple[object, Binding]]:
    """Yield node and binding of what this application declares, as far as it works now.

    What every list of Textual does (arrows, pages) is one line of the help by itself.
    """
    for node, binding, enabled, _ in screen.active_bindings.values():
        declared = type(node).__dict__.get("BINDINGS", ())
        ours = node is screen or type(node).__module__.startswith("tui.")
        if not binding.description or binding.system or not ours or not declared or not enabled:
            continue
        if node is not screen and binding.action not in _actions(declared):
            continue
        if binding.action not in _actions(Screen.BINDINGS):
            yield node, binding


def help_rows(screen: Screen[object]) -> tuple[Rows, Rows]:
    """Return keys and words of the screen with its own widgets, and of the application."""
    own: dict[str, tuple[str, list[str]]] = {}
    everywhere: dict[str, tuple[str, list[str]]] = {}
    for node, binding in own_bindings(screen):
        rows = everywhere if node is screen.app else own
        keys = rows.setdefault(binding.action, (binding.description, []))[1]
        keys.append(screen.app.get_key_display(binding))

    def rows_of(found: dict[str, tuple[str, list[str]]]) -> Rows:
        return [(", ".join(dict.fromkeys(keys)), words) for words, keys in found.values()]

    return rows_of(own), rows_of(everywhere)


def _actions(declared: Iterable[object]) -> set[str]:
    return {binding.action for binding in declared if isinstance(binding, Binding)}


class Help(ModalScreen[None]):
    """The keys of the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter", "close", "Close", key_display="esc")
    ]

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self._purpose: str = getattr(about, "PURPOSE", "")
        self._own, self._everywhere = help_rows(about)

    def compose(self) -> ComposeResult:
        """One scrolling block of text."""
        with VerticalScroll(id="dialog"):
            yield Static(Content("Help"), classes="title")
            yield Panel(self._draw)

    def _draw(self, width: int) -> list[Content]:
        glyphs = cast("Host", self.app).glyphs
        rows: list[Content] = []
        purpose = Content(" ".join(self._purpose.split())).wrap(max(20, width))
        rows.extend(Content(line.plain.rstrip()) for line in purpose)
        own = [*self._own, ("arrows, pages", "Move"), ("enter", "Choose what the cursor is on")]
        for title, keys in (("On this screen", own), ("Everywhere", self._everywhere)):
            rows.extend((Content(""), text.assemble((title, "bold $text-accent"))))
            rows.extend(
                text.assemble((text.fit(f"  {key}", 16, glyphs), "bold"), words)
                for key, words in keys
            )
        rows.extend(
            (
                Content(""),
                text.assemble((f"magerewind {core.__version__}", "$foreground-muted")),
                text.assemble(
                    ("The same work without this screen: magerewind --help", "$foreground-muted")
                ),
            )
        )
        return rows

    def action_close(self) -> None:
        """Go back to the screen."""
        self.dismiss()
