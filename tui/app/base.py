"""What the application is apart from its store: themes, toasts, help, the palette, and faults.

Knows nothing of jobs and backups; `tui.app.application` adds those.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from textual.app import App, SystemCommand
from textual.command import CommandPalette, SearchIcon
from textual.screen import Screen
from textual.scrollbar import ScrollBar
from textual.widgets import Input

from core.errors import MagerewindError
from tui.app.driver import QuietDriver
from tui.app.terminal import THEMES, Terminal
from tui.engine.port import TimeLimit
from tui.render import text
from tui.screens.help import Help, own_bindings
from tui.widgets.scrolling import PlainScrollBar


class Palette(CommandPalette):
    """Textual's own, with a sign that is one cell wide in every terminal."""

    def on_mount(self) -> None:
        """Put the sign in its place, and let the cursor stand still."""
        for icon in self.query(SearchIcon):
            icon.icon = ">"
        self.query_one(Input).cursor_blink = False


class Shell(App[None]):
    """An application at one terminal."""

    def __init__(self, looks: Terminal) -> None:
        # Textual removes every colour only when it starts with the terminal's own ones.
        without_colour = "NO_COLOR" in os.environ
        super().__init__(driver_class=QuietDriver, ansi_color=True if without_colour else None)
        ScrollBar.renderer = PlainScrollBar
        self.glyphs = text.ASCII if looks.ascii_only else text.UNICODE
        self.ascii_only = looks.ascii_only
        self.fault: BaseException | None = None
        self.animation_level = "none"
        self.theme = looks.theme

    def complain(self, error: Exception) -> None:
        """Say what went wrong, in a toast; text of the store is data."""
        if isinstance(error, TimeLimit):
            message, hint = "No answer within the time limit.", None
        elif isinstance(error, MagerewindError):
            message, hint = error.message, error.hint
        else:
            message, hint = f"{type(error).__name__}: {error}", None
        words = text.clean(message) + (f"\n{text.clean(hint)}" if hint else "")
        self.notify(words, title="Not done", severity="error", timeout=12, markup=False)

    def refuse(self, reason: str) -> None:
        """Say why something cannot be done now."""
        self.notify(text.clean(reason), severity="warning", timeout=8, markup=False)

    def tell(self, words: str) -> None:
        """Say what was done."""
        self.notify(text.clean(words), timeout=6, markup=False)

    def action_help(self) -> None:
        """Show the keys of this screen."""
        if not isinstance(self.screen, Help):
            self.push_screen(Help(self.screen))

    def action_next_theme(self) -> None:
        """Change between dark, light and the terminal's own colours."""
        if self.no_color:
            self.refuse("NO_COLOR is set: there are no colours to change.")
            return
        here = THEMES.index(self.theme) if self.theme in THEMES else -1
        self.theme = THEMES[(here + 1) % len(THEMES)]
        self.tell(f"Theme: {self.theme}")

    def action_command_palette(self) -> None:
        """Show the actions by name."""
        if not any(isinstance(screen, Palette) for screen in self.screen_stack):
            self.push_screen(Palette(id="--command-palette", placeholder="Search for an action"))

    def action_repaint(self) -> None:
        """Paint everything again, after something else has written to the terminal."""
        self.refresh(layout=True)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return what ctrl+p offers: every key of this screen by its words, and the themes."""
        bindings = {binding.action: binding for _node, binding in own_bindings(screen)}
        for binding in bindings.values():

            def run(action: str = binding.action) -> None:
                self.call_later(screen.run_action, action)

            yield SystemCommand(binding.description, f"Key: {self.get_key_display(binding)}", run)
        yield SystemCommand("Theme", "Choose the colours", self.action_change_theme)

    def _handle_exception(self, error: Exception) -> None:
        # Textual's own way prints the values of local variables, passwords among them (measured).
        if self.fault is None:
            self.fault = error
        if self.is_headless:
            super()._handle_exception(error)
            return
        self._return_code = 1
        self._close_messages_no_wait()
