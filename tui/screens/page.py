"""What every full screen has: the bar, a body, the foot, and a word for a terminal too small.

How to make a screen: subclass `Page`, name its keys in `BINDINGS` (what they do, for help and
palette, in `tooltip`) and in order in `HINTS`, yield panels from `body`, draw in `_redraw`. Say
what happened with `say`; fill the status line between messages with `rest`. Keys of the grammar:
Enter opens, space marks, esc goes up, / filters, = compares, x extracts, F5 looks again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.css.query import NoMatches
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.render.job import Place
from tui.screens.host import Host
from tui.widgets.bar import Bar, bar_line
from tui.widgets.foot import Foot
from tui.widgets.form import Form
from tui.widgets.keys import BACK, HELP, Hint

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
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="Go one level up; a job goes on.")
    ]
    HINTS: ClassVar[Sequence[Hint]] = (BACK, HELP)

    # Textual's own paints the whole screen whenever the focus moves: 19 kB at 120x40 (measured).
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

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
        """Bar, body, foot."""
        yield Bar(id="bar")
        yield from self.body()
        yield TooSmall("", id="too-small", markup=False)
        yield Foot()

    def body(self) -> ComposeResult:
        """Return the widgets between bar and foot."""
        yield from ()

    def on_mount(self) -> None:
        """Fill the bar."""
        self.composed = True
        self.refresh_bar()

    def on_screen_resume(self) -> None:
        """Fill the bar anew: time has passed."""
        self.refresh_bar()
        self.job_moved()

    def on_screen_suspend(self) -> None:
        """Take the message away with the screen it belongs to."""
        for foot in self.query(Foot):
            foot.say("")

    def hints(self) -> Sequence[Hint]:
        """Return the keys of the footer, in order."""
        return self.HINTS

    def crumb(self) -> str:
        """Return where one is, for the bar."""
        return self.CRUMB

    def refresh_bar(self) -> None:
        """Draw the bar with what is known now."""
        owner = self.owner
        view = owner.bar_view(self.crumb())
        for bar in self.query(Bar):
            bar.show(lambda width: [bar_line(view, width, owner.glyphs)])

    def say(self, words: str, style: str = "", *, stays: bool = False) -> None:
        """Show a message on the status line."""
        for foot in self.query(Foot):
            foot.say(words, style, stays=stays)

    def rest(self, line: Content) -> None:
        """Show this on the status line while there is no message."""
        for foot in self.query(Foot):
            foot.rest(line)

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
