"""The last row of every screen: the keys that do something here, drawn as one line of text.

Textual's own `Footer` is a widget for each key, made anew whenever the focus moves: a third of the
time from a key to its picture was spent there. This one also knows which keys to leave out where
not all of them fit: never the way back, never the help.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from rich.cells import cell_len
from textual import events
from textual.binding import Binding
from textual.content import Content
from textual.screen import Screen

from tui.render import text
from tui.widgets.panel import Panel

_BACK: Final = frozenset({"back", "refuse", "leave", "close", "app.leave"})
_HELP: Final = "help"
_PALETTE: Final = "command_palette"


@dataclass(frozen=True, slots=True)
class Key:
    """One key as the row shows it. `enabled` is False where it would do nothing now."""

    key: str
    shown: str
    words: str
    action: str
    enabled: bool = True

    @property
    def width(self) -> int:
        """The cells it takes, with the blank behind it."""
        return cell_len(self.shown) + 1 + cell_len(self.words) + 1


def chosen_keys(keys: Iterable[Key], width: int) -> tuple[list[Key], Key | None]:
    """Return the keys from the left that fit, and the palette's if it fits at the right.

    A screen's own keys come first, in their order; the way back and the help behind them.
    """
    own: list[Key] = []
    last: list[Key] = []
    palette: Key | None = None
    for key in keys:
        if key.action == _PALETTE:
            palette = key
        elif key.action in _BACK or key.action == _HELP:
            last.append(key)
        else:
            own.append(key)
    last.sort(key=lambda key: key.action == _HELP)
    room = width - sum(key.width for key in last)
    while own and sum(key.width for key in own) > room:
        own.pop()
    room -= sum(key.width for key in own)
    if palette is not None and palette.width > room:
        palette = None
    return [*own, *last], palette


class Keys(Panel):
    """The keys of the screen it is on."""

    DEFAULT_CSS = """
    Keys { dock: bottom; height: 1; width: 1fr; background: $panel; color: $foreground; }
    """

    def __init__(self) -> None:
        super().__init__(self._draw_keys)

    def on_mount(self) -> None:
        """Draw anew whenever other keys work."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def on_unmount(self) -> None:
        """Be told no more."""
        self.screen.bindings_updated_signal.unsubscribe(self)

    def _changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen:
            self.show(self._draw_keys)

    def _keys(self) -> Iterable[Key]:
        found: dict[str, tuple[Binding, bool]] = {}
        for _node, binding, enabled, _ in self.screen.active_bindings.values():
            if binding.show or binding.action == _PALETTE:
                found.setdefault(binding.action, (binding, enabled))
        for binding, enabled in found.values():
            shown = self.app.get_key_display(binding)
            yield Key(binding.key, shown, binding.description, binding.action, enabled)

    def _placed(self, width: int) -> list[tuple[int, Key]]:
        left, palette = chosen_keys(self._keys(), width)
        placed, at = [], 0
        for key in left:
            placed.append((at, key))
            at += key.width
        if palette is not None and not self.screen.is_modal:
            placed.append((width - palette.width + 1, palette))
        return placed

    def _draw_keys(self, width: int) -> list[Content]:
        parts: list[text.Part] = []
        at = 0
        for begin, key in self._placed(width):
            style = "" if key.enabled else " dim"
            parts.append(" " * (begin - at))
            parts.append((key.shown, f"bold $text-accent{style}"))
            parts.append((f" {key.words}", f"$foreground{style}"))
            at = begin + key.width - 1
        return [text.assemble(*parts)]

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        for begin, key in self._placed(self.content_size.width):
            if begin <= event.x < begin + key.width - 1:
                self.app.simulate_key(key.key)
