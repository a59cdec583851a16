"""The frame of every full screen: the bar, a body, the foot, and a word for a small terminal.

How to make a screen: subclass `Page`, name its keys in `BINDINGS` (what they do, for help and
palette, in `tooltip`) and in order in `HINTS`, yield panels from `body`, draw in `_redraw`. Report
results with `say`; fill the status line between messages with `rest`. Keys of the grammar: Enter
opens, space marks, esc goes up, / filters, = compares, x extracts, F5 looks again.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, TypeVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.css.query import NoMatches
from textual.geometry import Region
from textual.reactive import Reactive
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.render.job import Canvas
from tui.screens.dialog import Dialog
from tui.screens.host import Host
from tui.widgets.bar import Bar, bar_line
from tui.widgets.foot import Foot
from tui.widgets.form import Form
from tui.widgets.keys import BACK, HELP, Hint

NEEDED = (60, 16)

Answer = TypeVar("Answer")


class TooSmall(Static):
    """The one line that a tiny terminal shows."""

    def render(self) -> str:
        """Return the needed size and the present one."""
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

    dialog: Dialog[Any] | None = None  # the question that is up
    _subject_ended: Callable[[], str] | None = None  # why that question is one no more
    drawn_s = 0.0  # when all was drawn: rows that are painted alone have the same ages
    composed = False  # whether the widgets are there: `is_mounted` comes after on_mount

    @property
    def in_front(self) -> bool:
        """Whether this is the page that is seen, the palette on it or not.

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

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Ask for a layout, or for changes to be painted.

        A layout paints what it moves, shows and hides. Textual asks for all of the screen with it
        whenever a child comes or goes.
        """
        paints = repaint and (bool(regions) or not layout or not self.composed)
        return super().refresh(*regions, repaint=paints, layout=layout, recompose=recompose)

    # Questions over the page

    def ask(
        self,
        dialog: Dialog[Answer],
        answered: Callable[[Answer | None], object] | None = None,
        *,
        ended: Callable[[], str] | None = None,
    ) -> None:
        """Show a question over the page; `answered` gets its answer when it is gone.

        `ended` tells why there is nothing to ask any more, an empty text while there is: then the
        question closes itself, and `answered` gets None.
        """
        if self.dialog is not None:
            return
        self._subject_ended = ended
        before = self.focused

        def over(answer: Answer | None) -> None:
            self.dialog = None
            if before is not None and before.is_attached:
                self.set_focus(before)
            dialog.remove()
            if answered is not None:
                answered(answer)

        dialog.answered = over
        self.dialog = dialog
        # The first child is the last to be placed: the order of all others stays, and nothing of
        # them is painted.
        self.mount(dialog, before=0)
        self.set_focus(dialog)

    def close_ended(self) -> None:
        """Close the question that is up where its subject has ended, and say so."""
        if self.dialog is None or self._subject_ended is None:
            return
        why = self._subject_ended()
        if why:
            self.dialog.dismiss()
            self.owner.refuse(why)

    def set_focus(
        self, widget: Widget | None, scroll_visible: bool = True, from_app_focus: bool = False
    ) -> None:
        """Let the keys go to a widget; while a question is up, only to one of its own."""
        up = self.dialog
        if up is not None and (widget is None or up not in widget.ancestors_with_self):
            return
        super().set_focus(widget, scroll_visible, from_app_focus)

    def get_widget_at(self, x: int, y: int) -> tuple[Widget, Region]:
        """Return the widget at a place; while a question is up, clicks beside it are on it."""
        widget, region = super().get_widget_at(x, y)
        up = self.dialog
        if up is not None and up not in widget.ancestors_with_self:
            return up, up.region
        return widget, region

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
        """Draw the bar with the present facts."""
        owner = self.owner
        view = owner.bar_view(self.crumb())
        for bar in self.query(Bar):
            bar.show(lambda width: [bar_line(view, width, owner.glyphs)])

    def say(self, words: str, style: str = "", *, stays: bool = False) -> None:
        """Show a message on the status line."""
        for foot in self.query(Foot):
            foot.say(words, style, stays=stays)

    def forget_refusal(self) -> None:
        """Take a refusal away: it was the answer to another key."""
        for foot in self.query(Foot):
            foot.forget_refusal()

    def rest(self, line: Content) -> None:
        """Show this on the status line while there is no message."""
        for foot in self.query(Foot):
            foot.rest(line)

    def job_moved(self) -> None:
        """Draw the new events of the followed job."""

    def jobs_changed(self) -> None:
        """Draw the consequences of another list of jobs."""

    def redraw(self) -> None:
        """Draw everything again, unless the screen is not there yet, or is being taken down."""
        if self.composed:
            self.drawn_s = self.owner.clock()
            with contextlib.suppress(NoMatches):
                self._redraw()
            self.close_ended()

    def _redraw(self) -> None:
        """Draw everything again. Each screen has its own."""

    def place(self, width: int) -> Canvas:
        """Return where lines are drawn now."""
        return Canvas(width, self.owner.glyphs, self.owner.clock())

    def action_back(self) -> None:
        """Go one step back."""
        self.app.pop_screen()

    def on_form_refused(self, event: Form.Refused) -> None:
        """Say why a row cannot be chosen."""
        self.owner.refuse(event.reason)
