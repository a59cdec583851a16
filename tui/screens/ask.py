"""Questions: yes or no, a name to type before what cannot be taken back, a text to fill in.

The way out is the default everywhere: enter alone never agrees to anything that harms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.render import text
from tui.render.text import assemble
from tui.widgets.entry import Entry
from tui.widgets.keys import Keys
from tui.widgets.panel import Panel


def input_line(value: str = "") -> Horizontal:
    """Return a line to type into, with a sign before it that is seen without any colour."""
    return Horizontal(
        Static("> ", markup=False, classes="prompt"),
        Entry(value, id="typed"),
        classes="input-line",
    )


class Ask(ModalScreen[bool]):
    """A question. With `typed`, exactly that text must be typed before it can be agreed to."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "agree", "Yes"),
        Binding("n", "refuse", "No", show=False),
        Binding("escape", "refuse", "No, go back", key_display="esc"),
    ]

    def __init__(
        self, *, title: str, lines: Sequence[str], do: str, typed: str = "", danger: bool = False
    ) -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._do = do
        self._typed = text.clean(typed)
        self._danger = danger or bool(typed)

    def compose(self) -> ComposeResult:
        """Title, what it means, how to agree, how not to."""
        with VerticalScroll(id="dialog", can_focus=False, classes="danger" * self._danger):
            yield Panel(self._draw)
            if self._typed:
                yield input_line()
                yield Panel(self._draw_match, id="match")
        yield Keys()

    def on_mount(self) -> None:
        """Put the cursor where the answer goes."""
        if self._typed:
            self.query_one(Input).focus()

    def _draw(self, width: int) -> list[Content]:
        room = max(20, width)
        style = "bold $text-error" if self._danger else "bold $text-accent"
        rows = [assemble((row.plain.rstrip(), style)) for row in Content(self._title).wrap(room)]
        rows.append(Content(""))
        for line in self._lines:
            wrapped = Content(text.clean(line)).wrap(room)
            rows.extend(Content(row.plain.rstrip()) for row in wrapped)
        rows.append(Content(""))
        if self._typed:
            rows.append(assemble("To go on, type exactly  ", (self._typed, "bold"), "  and enter"))
        else:
            rows.append(assemble(("y", "bold"), f"  {self._do}"))
            rows.append(assemble(("esc", "bold"), "  go back, nothing happens"))
        return rows

    def _draw_match(self, _width: int) -> list[Content]:
        typed = self.query_one(Input).value
        if typed == self._typed:
            return [assemble((f"matches: enter does it ({self._do})", "bold $text-error"))]
        return [assemble(("not matching: nothing happens   esc goes back", "$foreground-muted"))]

    def on_input_changed(self, _event: Input.Changed) -> None:
        """Say whether it matches."""
        self.query_one("#match", Panel).show(self._draw_match)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Agree, if exactly the text was typed."""
        if event.value == self._typed:
            self.dismiss(True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        """Where a text must be typed, a single key does not agree."""
        return not (self._typed and action == "agree")

    def action_agree(self) -> None:
        """Yes."""
        self.dismiss(True)

    def action_refuse(self) -> None:
        """No."""
        self.dismiss(False)


class Prompt(ModalScreen[str | None]):
    """A line of text to fill in; None when it was left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Leave as it was", key_display="esc")
    ]

    def __init__(self, *, title: str, lines: Sequence[str], value: str = "") -> None:
        super().__init__()
        self._title = title
        self._lines = lines
        self._value = value

    def compose(self) -> ComposeResult:
        """Title, explanation, the line."""
        with VerticalScroll(id="dialog", can_focus=False):
            yield Panel(self._draw)
            yield input_line(self._value)
            yield Panel(
                lambda _width: [assemble(("enter takes it, esc leaves it", "$foreground-muted"))]
            )
        yield Keys()

    def on_mount(self) -> None:
        """Put the cursor into the line."""
        self.query_one(Input).focus()

    def _draw(self, width: int) -> list[Content]:
        rows = [assemble((self._title, "bold $text-accent")), Content("")]
        for line in self._lines:
            wrapped = Content(line).wrap(max(20, width))
            rows.extend(Content(row.plain.rstrip()) for row in wrapped)
        return [*rows, Content("")]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the text."""
        self.dismiss(event.value)

    def action_leave(self) -> None:
        """Leave the text as it was."""
        self.dismiss(None)
