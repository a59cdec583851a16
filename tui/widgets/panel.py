"""A frame with its title in the border, around the widgets of one matter.

How to use it: `with Panel("BACKUPS", hint="[Enter] open", id="backups"):` in `compose`, content
within. `panel.name_it("BACKUPS", "6 sets, 29.0 MB")` changes the title, and the fact beside it,
and paints that one row. The panel whose list has the focus shows it by a sign before its title.
Below 100 columns a panel has a top border only (`app.tcss`), so that no cell is lost.
"""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.message import Message

from tui.render import text

_CORNER: Final = 4  # cells of a border before and behind its title
ACTIVE: str = "\N{BLACK RIGHT-POINTING TRIANGLE} "


class Panel(Vertical):
    """A titled frame."""

    DEFAULT_CSS = """
    Panel {
        height: auto; width: 1fr; padding: 0 1;
        border: round $line; border-title-color: $title; border-title-style: bold;
        border-subtitle-color: $foreground-muted;
    }
    """
    ACTIVE_SIGN: ClassVar[str] = ACTIVE

    class TitleClicked(Message):
        """The title was clicked, at a place in its words."""

        def __init__(self, panel: Panel, at: int) -> None:
            self.panel = panel
            self.at = at
            super().__init__()

    def __init__(
        self,
        title: str,
        *,
        hint: str = "",
        fact: str = "",
        id: str | None = None,  # noqa: A002 - the name that Textual gives it
        classes: str = "",
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.title_words = title
        self.fact = fact
        self._hint = hint
        self._active = False

    def on_mount(self) -> None:
        """Draw title and hint."""
        self._border_title = self._title()
        self._border_subtitle = Content(self._hint) if self._hint else None

    def _title(self) -> Content:
        ascii_only = getattr(self.app, "ascii_only", False)
        sign = "" if not self._active else "> " if ascii_only else self.ACTIVE_SIGN
        style = "bold $text-accent" if self._active else "bold $title"
        # Without a side border Textual leaves no blank around the title.
        pad = " " if (self.screen.has_class("-narrow") or self.screen.has_class("-tiny")) else ""
        return text.assemble(
            pad,
            (f"{sign}{text.clean(self.title_words)}", style),
            (f"  {text.clean(self.fact)}" if self.fact else "", "not bold $foreground"),
            pad,
        )

    def on_resize(self, _event: events.Resize) -> None:
        """Draw the title for the border that is there now, which the screen's class decides."""
        self.call_after_refresh(self._paint_title)

    def name_it(self, title: str, fact: str = "") -> None:
        """Show another title, or another fact beside it."""
        if (title, fact) != (self.title_words, self.fact):
            self.title_words, self.fact = title, fact
            self._paint_title()

    def _paint_title(self) -> None:
        # The public name paints all of the widget, and its content with it.
        before, self._border_title = self._border_title, self._title()
        if self.is_mounted:
            gutter = self.gutter  # regions begin at the content
            # A border is three bytes a cell: no more of it than the longer title takes.
            titles = (one for one in (before, self._border_title) if one is not None)
            width = min(self.outer_size.width, max(one.cell_length for one in titles) + _CORNER)
            self.refresh(Region(-gutter.left, -gutter.top, width, 1))

    def on_click(self, event: events.Click) -> None:
        """Let the keys go to the inner widget; report the clicked part of the title."""
        inner = next((one for one in self.query("*") if one.focusable and one.display), None)
        if inner is not None and not self._active:
            inner.focus()
        if event.screen_y == self.region.y:
            begin = 1 if self.styles.border_left[0] == "" else 3  # a corner, an edge, a blank
            self.post_message(self.TitleClicked(self, event.screen_x - self.region.x - begin))

    def title_at(self, at: int) -> str:
        """Return the word of the title at a place, as it was given."""
        words = self._title().plain
        begin = words.rfind(" ", 0, max(0, at) + 1) + 1
        return words[begin:].partition(" ")[0] if 0 <= at < len(words) else ""

    def on_descendant_focus(self, _event: events.DescendantFocus) -> None:
        """Show that the keys go here now."""
        self._follow_focus()

    def on_descendant_blur(self, _event: events.DescendantBlur) -> None:
        """Show that the keys go elsewhere."""
        self._follow_focus()

    def _follow_focus(self) -> None:
        # In one panel, the loss of focus may be reported after its gain by another widget.
        focused = self.screen.focused
        self._active = focused is not None and self in focused.ancestors
        self._paint_title()
