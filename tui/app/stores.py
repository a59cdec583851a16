"""The list of the configured stores, shown before one of them is opened.

Knows names and roots only: nothing of a store is looked at before its own process does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.app.base import Shell
from tui.app.terminal import Terminal
from tui.render import text


class Stores(Shell):
    """A store to choose; `chosen` is None when the person leaves."""

    TITLE = "magerewind"
    CSS = """
    Static { height: auto; padding: 0 1; }
    #title { text-style: bold; color: $text-accent; padding: 1 1 0 1; }
    #hint { color: $foreground-muted; }
    OptionList { height: 1fr; border: none; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,escape", "leave", "Quit"),
        Binding("ctrl+q", "leave", "Quit", show=False, priority=True),
    ]

    def __init__(self, stores: Mapping[str, str], looks: Terminal) -> None:
        super().__init__(looks)
        self._stores = dict(stores)
        self.chosen: str | None = None

    def compose(self) -> ComposeResult:
        """Show the names with their roots."""
        widest = max(map(len, self._stores), default=0)
        yield Static("Stores", id="title")
        yield OptionList(
            *(
                Option(Content(f"{name:<{widest}}  {text.clean(root)}"), id=str(number))
                for number, (name, root) in enumerate(self._stores.items())
            )
        )
        yield Static(Content("[Enter] Open  [q] Quit"), id="hint")

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the store."""
        self.chosen = list(self._stores)[event.option_index]
        self.exit()

    def action_leave(self) -> None:
        """Open none."""
        self.exit()

    def action_help(self) -> None:
        """Do nothing: the keys are all on the screen."""
