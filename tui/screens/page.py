"""What every full screen has: the bar, a body, the keys, and a word for a terminal too small."""

from __future__ import annotations

import contextlib
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widgets import Static

from tui.render.job import Place
from tui.screens.host import Host
from tui.widgets.bar import Bar, bar_line
from tui.widgets.form import Form
from tui.widgets.keys import Keys

NEEDED = (60, 16)


class TooSmall(Static):
    """The one line that a tiny terminal shows."""

    def render(self) -> str:
        """Return what is needed and what is there."""
        size = self.app.size
        return f"needs {NEEDED[0]}x{NEEDED[1]}, has {size.width}x{size.height}"


class Page(Screen[None]):
    """A full screen of the application."""

    CRUMB: ClassVar[str] = ""
    PURPOSE: ClassVar[str] = ""  # a few lines for the help
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "Back", key_display="esc")]

    composed = False  # whether the widgets are there: `is_mounted` comes after on_mount

    @property
    def in_front(self) -> bool:
        """Whether this is the page that is seen, dialogs on it or not.

        `is_current` is true for pages below as well, and painting one of those paints everything.
        """
        pages = [screen for screen in self.app.screen_stack if isinstance(screen, Page)]
        return bool(pages) and pages[-1] is self

    @property
    def owner(self) -> Host:
        """The application, as screens see it."""
        return cast("Host", self.app)

    def compose(self) -> ComposeResult:
        """Bar, body, keys."""
        yield Bar(id="bar")
        yield from self.body()
        yield TooSmall("", id="too-small", markup=False)
        yield Keys()

    def body(self) -> ComposeResult:
        """Return the widgets between bar and keys."""
        yield from ()

    def on_mount(self) -> None:
        """Fill the bar."""
        self.composed = True
        self.refresh_bar()

    def on_screen_resume(self) -> None:
        """Fill the bar anew: time has passed."""
        self.refresh_bar()
        self.job_moved()

    def crumb(self) -> str:
        """Return where one is, for the bar."""
        return self.CRUMB

    def refresh_bar(self) -> None:
        """Draw the bar with what is known now."""
        owner = self.owner
        view = owner.bar_view(self.crumb())
        for bar in self.query(Bar):
            bar.show(lambda width: [bar_line(view, width, owner.glyphs)])

    def job_moved(self) -> None:
        """Draw what is new of the followed job."""

    def jobs_changed(self) -> None:
        """Draw what another list of jobs means here."""

    def redraw(self) -> None:
        """Draw everything again, unless the screen is not there yet, or is being taken down."""
        if self.composed:
            with contextlib.suppress(NoMatches):
                self._redraw()

    def _redraw(self) -> None:
        """Draw everything again. Each screen has its own."""

    def place(self, width: int) -> Place:
        """Return where lines are drawn now."""
        return Place(width, self.owner.glyphs, self.owner.clock())

    def action_back(self) -> None:
        """Go one step back."""
        self.app.pop_screen()

    def on_form_refused(self, event: Form.Refused) -> None:
        """Say why a row cannot be chosen."""
        self.owner.refuse(event.reason)
