"""The folded part of a plan's choice: the backup of each kind, and how the rollback is made.

How to use it: `OptionsPanel()` in a page, `show(choice, place, zone, order)` to fill it. Enter or
space on a row comes as `Form.Chosen`, another backup of a kind as `OptionsPanel.Another`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from core.events import Kind
from tui.engine.choice import Choice
from tui.render import text
from tui.render.choice import option_rows
from tui.render.job import Canvas
from tui.render.text import assemble
from tui.widgets.form import Form
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel


class OptionsPanel(Panel):
    """The options of a rollback."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "other(1)", "Older", show=False),
        Binding("right", "other(-1)", "Newer", show=False),
    ]

    class Another(Message):
        """The next older (1) or newer (-1) backup of a kind is wanted."""

        def __init__(self, kind: Kind, step: int) -> None:
            self.kind = kind
            self.step = step
            super().__init__()

    def __init__(self) -> None:
        super().__init__("OPTIONS", hint="[space] choose  [o] fold", id="plan-options")
        self._order: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        """Show the form, and the order of the steps."""
        yield Form(id="choices")
        yield Lines(self._draw_order, id="plan-order")

    def show(
        self, choice: Choice, place: Canvas, zone: tzinfo | None, order: Sequence[str]
    ) -> None:
        """Show a choice, and the order of its steps."""
        self.query_one(Form).fill(option_rows(choice, place, zone))
        self._order = order
        self.query_one(Lines).show(self._draw_order)

    def focus_form(self) -> None:
        """Let the keys go here."""
        self.query_one(Form).focus()

    def _draw_order(self, width: int) -> list[Content]:
        if not self._order:
            return []
        rows = [assemble(("   ORDER", "bold $title"))]
        for number, step in enumerate(self._order, 1):
            first, *more = text.fold(step, width - 8)
            rows.append(assemble((f"     {number} {first}", "$foreground-muted")))
            rows += [assemble((f"       {row}", "$foreground-muted")) for row in more]
        return rows

    def action_other(self, step: int) -> None:
        """Ask for another backup of the kind under the cursor."""
        key = self.query_one(Form).key
        if key in set(Kind):
            self.post_message(self.Another(Kind(key), step))
