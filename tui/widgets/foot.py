"""The last rows of every screen: a status line, and the keys below it.

How to use it: `Foot()` comes last in `compose`; `foot.say(words, style)` shows a message there
instead of a toast that would lie over the facts. A message belongs to its screen and goes with it,
with the next one, or after a while; a refusal or an error that needs more rows gets them. Between
messages the line shows the text of `rest`: the position in a list, the filter.
"""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.timer import Timer

from tui.render import text
from tui.widgets.keys import Keys
from tui.widgets.lines import Lines

REFUSED: Final = "$text-warning"
_ROWS: Final = 4
_STAYS_S: Final = 12.0


class Foot(Vertical):
    """Status and keys."""

    DEFAULT_CSS = """
    Foot { dock: bottom; height: auto; width: 1fr; }
    Foot > #status { height: auto; min-height: 1; max-height: 4; width: 1fr; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="foot")
        self.message = ""
        self._style = ""
        self._rest: Content = Content("")
        self._goes: Timer | None = None

    def compose(self) -> ComposeResult:
        """Two lines of text."""
        yield Lines(self._draw, id="status")
        yield Keys()

    def say(self, words: str, style: str = "", *, stays: bool = False) -> None:
        """Show a message; with `stays` until there is another one."""
        self.message, self._style = words, style
        self._show()
        if self._goes is not None:
            self._goes.stop()
            self._goes = None
        if words and not stays:
            self._goes = self.set_timer(_STAYS_S, self._forget)

    def _forget(self) -> None:
        self.message = ""
        self._show()

    def forget_refusal(self) -> None:
        """Take the message away where it is a refusal."""
        if self.message and self._style == REFUSED:
            self.say("")

    def rest(self, line: Content) -> None:
        """Show this while there is no message."""
        self._rest = line
        self._show()

    def _show(self) -> None:
        for status in self.query("#status"):
            if isinstance(status, Lines):
                status.show(self._draw)

    def _draw(self, width: int) -> list[Content]:
        if not self.message:
            return [self._rest]
        rows = [row for part in self.message.split("\n") for row in text.fold(part, width)]
        return [text.assemble((row, self._style)) for row in rows[:_ROWS]]
