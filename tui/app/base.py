"""The application without its store: themes, messages, help, the palette, and faults.

Knows nothing of jobs and backups; `tui.app.application` adds those.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from textual import events
from textual.app import App, SystemCommand
from textual.command import CommandPalette, SearchIcon
from textual.screen import Screen
from textual.scrollbar import ScrollBar
from textual.widgets import Input

from core.cli.configured import SWITCH
from core.errors import MagerewindError
from tui.app.driver import QuietDriver
from tui.app.terminal import Terminal
from tui.app.themes import ANSI, DARK, DEFAULTS, LIGHT, remember, theme
from tui.engine.port import TimeLimit
from tui.render import text
from tui.screens.help import Help, own_bindings
from tui.screens.page import Page
from tui.widgets.foot import REFUSED
from tui.widgets.keys import shown_key
from tui.widgets.scrolling import PlainScrollBar

_THEMES: Final = (
    (DARK, "Theme: dark", "Light text on a dark ground; remembered for the next time."),
    (LIGHT, "Theme: light", "Dark text on a light ground; remembered for the next time."),
    (ANSI, "Theme: the terminal's own colours", "For terminals with few colours; remembered."),
)


class Palette(CommandPalette):
    """Textual's own, with a sign that is one cell wide in every terminal."""

    def on_mount(self) -> None:
        """Put the sign in its place, without a blinking cursor."""
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
        for name in (DARK, LIGHT):
            self.register_theme(theme(name))
        self.theme = looks.theme

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return the names of ours that the terminal's own colours do not know."""
        return dict(DEFAULTS)

    @property
    def page(self) -> Page | None:
        """The uppermost page, below dialogs; none while the application ends."""
        pages = [screen for screen in self.screen_stack if isinstance(screen, Page)]
        return pages[-1] if pages else None

    def _say(self, words: str, style: str, *, stays: bool = False) -> None:
        if self.page is not None:
            self.page.say(words, style, stays=stays)

    async def on_event(self, event: events.Event) -> None:
        """Let what was refused to one key go with the next one."""
        if isinstance(event, events.Key) and not event.is_forwarded and self.page is not None:
            self.page.forget_refusal()
        await super().on_event(event)

    def complain(self, error: Exception) -> None:
        """Show an error; text of the store is data."""
        if isinstance(error, TimeLimit):
            message, hint = "No answer within the time limit.", None
        elif isinstance(error, MagerewindError):
            message, hint = error.message, error.hint
        else:
            message, hint = f"{type(error).__name__}: {error}", None
        sign = self.glyphs.failed
        words = f"{sign} {text.clean(message)}" + (f"\n{text.clean(hint)}" if hint else "")
        self._say(words, "bold $text-error", stays=True)

    def refuse(self, reason: str) -> None:
        """Say why something cannot be done now."""
        self._say(f"{self.glyphs.warning} {text.clean(reason)}", REFUSED)

    def tell(self, words: str) -> None:
        """Show a result."""
        self._say(text.clean(words), "$text-success")

    def let_switch(self) -> None:
        """Offer the change to another configured store."""
        self.bind("ctrl+o", "switch", description="Stores")

    def action_switch(self) -> None:
        """Leave this store for another one; a running job goes on."""
        self.exit(return_code=SWITCH)

    def action_help(self) -> None:
        """Show the keys of this screen."""
        if self.page is not None:
            self.page.ask(Help(self.page))

    def action_help_quit(self) -> None:
        """Say how to leave: many try Ctrl+C first."""
        self.tell("[q] leaves. A running job goes on by itself.")

    def choose_theme(self, name: str) -> None:
        """Take other colours, now and the next time."""
        if self.no_color:
            self.refuse("NO_COLOR is set: there are no colours to change.")
            return
        self.theme = name
        remember(name)

    def action_command_palette(self) -> None:
        """Show the actions by name."""
        if self.page is self.screen and self.page.dialog is None:
            self.push_screen(Palette(id="--command-palette", placeholder="Search for an action"))

    def action_repaint(self) -> None:
        """Paint everything again, after something else has written to the terminal."""
        self.refresh(layout=True)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Return the entries of ctrl+p: the actions of this screen, and the themes."""
        bindings = {binding.action: binding for _node, binding in own_bindings(screen)}
        for binding in bindings.values():

            def run(action: str = binding.action) -> None:
                self.call_later(screen.run_action, action)

            # Not in brackets: the palette reads its texts as markup, and "[/]" ended it.
            key = f"({shown_key(binding.key)})"
            words = binding.tooltip or f"{binding.description}."
            yield SystemCommand(f"{binding.description}  {key}", words, run)
        for name, title, words in _THEMES:

            def take(name: str = name) -> None:
                self.choose_theme(name)

            yield SystemCommand(title, words, take)

    def _handle_exception(self, error: Exception) -> None:
        # Textual's own way prints the values of local variables, passwords among them (measured).
        if self.fault is None:
            self.fault = error
        if self.is_headless:
            super()._handle_exception(error)
            return
        self._return_code = 1
        self._close_messages_no_wait()
