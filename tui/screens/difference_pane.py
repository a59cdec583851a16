"""The difference of one entry or table of a backup from the store's, read in a thread.

How to use it: `DifferencePane()` beside a list; `pane.names` maps a kind to its backup,
`pane.look((kind, part))` shows a part when the cursor has rested on it, `look(None)` nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.timer import Timer

from core.errors import MagerewindError
from core.events import Kind
from tui.engine.port import Latest
from tui.render import text
from tui.render.difference import line_of
from tui.screens.host import Host
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows

Part = tuple[Kind, str]
_TITLE = "DIFFERENCE"


class DifferencePane(Panel):
    """The lines of one difference. `names` are the backups by kind; none: nothing is compared."""

    RESTS_S: ClassVar[float] = 0.2  # the cursor stands still so long before anything is read
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "secrets", "Secrets", tooltip="Show the secrets of env.php, or mask them."),
    ]

    def __init__(self) -> None:
        super().__init__(_TITLE, hint="+ after it  - now  [s] secrets", id="plan-diff")
        self.add_class("fills")
        self.names: Mapping[Kind, str] = {}
        self._part: Part | None = None
        self._lines: tuple[str, ...] = ()
        self._latest: Latest[tuple[str, ...]] = Latest(last_only=True)
        self._rests: Timer | None = None
        self._shows_secrets = False

    @property
    def _owner(self) -> Host:
        return cast("Host", self.app)

    @property
    def has_focus_within(self) -> bool:
        """Whether the keys go here."""
        return self.query_one("#diff-rows", Rows).has_focus

    def compose(self) -> ComposeResult:
        """Show the lines."""
        yield Rows(self._line, id="diff-rows")

    def on_unmount(self) -> None:
        """Let the running read end."""
        self._latest.begin()

    def focus_rows(self) -> None:
        """Let the keys go here."""
        self.query_one("#diff-rows", Rows).focus()

    def look(self, part: Part | None) -> None:
        """Show this part, once nothing else was asked for a moment."""
        if part is not None and part == self._part:
            return
        self._part, self._shows_secrets = part, False
        self._latest.begin()
        if self._rests is not None:
            self._rests.stop()
        self._say(
            "Of a file, or a table, under the cursor."
            if part is None
            else f"Reading {self._owner.glyphs.ellipsis}"
        )
        self.name_it(_TITLE, "" if part is None else part[1])
        if part is not None and self.RESTS_S:
            self._rests = self.set_timer(self.RESTS_S, self._read)
        elif part is not None:
            self._read()

    def forget(self) -> None:
        """Read the next part anew."""
        self._part = None

    def action_secrets(self) -> None:
        """Show the secrets, or mask them again."""
        self._shows_secrets = not self._shows_secrets
        self._read()

    def _read(self) -> None:
        if self._part is None:
            return
        kind, part = self._part
        name = self.names.get(kind)
        if name is None:
            self._say("An undo brings back what was set aside: its content is not compared here.")
            return
        is_old, inside, shows = self._latest.begin(), self._owner.engine.inside, self._shows_secrets
        self._latest.ask(
            self._owner.questions,
            lambda: inside.difference(name, part, show_secrets=shows, stop=is_old),
            self._came,
            begun=True,
        )

    def _came(self, value: tuple[str, ...] | Exception) -> None:
        if isinstance(value, MagerewindError):
            self._say(value.message)
        elif isinstance(value, Exception):
            self._say(f"{type(value).__name__}: {value}")
        else:
            self._show(value or ("No difference.",))

    def _say(self, words: str) -> None:
        width = self.query_one("#diff-rows", Rows).scrollable_content_region.width - 4
        self._show(tuple(text.fold(text.clean(words), max(20, width))) if words else ())

    def _show(self, lines: tuple[str, ...]) -> None:
        self._lines = lines
        self.query_one("#diff-rows", Rows).show(len(lines), cursor=0)

    def _line(self, index: int, width: int) -> Content:
        return line_of(self._lines[index], width, self._owner.glyphs)
