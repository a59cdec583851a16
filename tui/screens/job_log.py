"""The log of a job with its search, in a panel whose title shows the position."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.widgets import Input

from tui.engine.port import LOG_LINES, Follower
from tui.render import text
from tui.widgets.entry import Entry
from tui.widgets.logpane import LogPane
from tui.widgets.panel import Panel


class LogPanel(Panel):
    """Lines with their times, and a line to search by."""

    def __init__(self, clock: Callable[[float], str]) -> None:
        super().__init__("LOG", hint="[/] search  [z] wider", id="log-panel", classes="fills")
        self._clock = clock
        self.shown = 0

    def compose(self) -> ComposeResult:
        """Lines, and the search below them."""
        yield LogPane(self._clock, id="log")
        yield Entry(id="search", placeholder="search the log: Enter finds, Esc leaves")

    def on_mount(self) -> None:
        """Hide the search."""
        super().on_mount()
        self._field.display = False

    @property
    def _field(self) -> Input:
        return self.query_one("#search", Input)

    @property
    def _pane(self) -> LogPane:
        return self.query_one(LogPane)

    @property
    def searching(self) -> bool:
        """Whether a term is searched for."""
        return bool(self._pane.term)

    def take(self, follower: Follower) -> None:
        """Show the new lines of a job's log."""
        if follower.written > self.shown:
            self._pane.extend(follower.since(self.shown))
            self.shown = follower.written
        if follower.ended:
            self._pane.finish()
        self._tell()

    def _tell(self) -> None:
        kept = f"the last {text.count(LOG_LINES)} of " if self.shown > LOG_LINES else ""
        self.name_it("LOG", f"{kept}{text.plural(self.shown, 'line')}, {self._state()}")

    def _state(self) -> str:
        pane = self._pane
        if not pane.term:
            return "following" if pane.following else "not following: [f] follows"
        place, number = pane.matches
        term = text.clean(pane.term)
        if not number:
            return f"none with: {term}"
        return f"{place or '-'} of {text.count(number)} with: {term}   [<] older  [>] newer"

    def follow(self) -> None:
        """Go to the end and stay there."""
        self._pane.action_follow()
        self._tell()

    def ask_term(self) -> None:
        """Show the line to type into."""
        self._field.display = True
        self._field.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the newest line that matches."""
        self._search(event.value)

    def leave_search(self) -> bool:
        """Take the search away; return whether there was one."""
        there = self._field.display or self.searching
        if there:
            self._search("")
        return there

    def _search(self, term: str) -> None:
        self._pane.search(term)
        self._field.value = term
        self._field.display = False
        self._pane.focus()
        self._tell()
        self.screen.refresh_bindings()

    def step(self, direction: int) -> None:
        """Go to the next match (1), or the one before (-1)."""
        self._pane.step(direction)
        self._tell()
