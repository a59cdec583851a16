"""The last row of every screen: the keys that do something here, drawn as one line of text.

How to use it: a screen names its keys in order in `HINTS`, the most used first; `Hint(..., last=
True)` puts destructive keys, and the way out, behind a separator. A key that would do nothing now
is left out. Where not all fit, those before the separator go from the end, the help never.

Textual's own `Footer` is a widget for each key, made anew whenever the focus moves: a third of the
time from a key to its picture was spent there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from msgspec import Struct
from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.screen import Screen

from tui.render import text
from tui.widgets.lines import Lines

SHOWN = {
    "enter": "Enter",
    "escape": "Esc",
    "tab": "Tab",
    "space": "space",
    "question_mark": "?",
    "slash": "/",
    "equals_sign": "=",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "full_stop": ".",
    "f5": "F5",
    "left": "Left",
    "right": "Right",
}
_GAP = 2


class Hint(Struct, frozen=True, kw_only=True):
    """One key of the footer. `last`: it destroys or leaves, and is put behind the separator."""

    key: str
    words: str
    last: bool = False
    always: bool = False  # never left out for want of room

    @property
    def shown(self) -> str:
        """The key as it is shown in the row."""
        return f"[{shown_key(self.key)}]"

    @property
    def width(self) -> int:
        """The cells it takes, with the blanks behind it."""
        return cell_len(self.shown) + 1 + cell_len(self.words) + _GAP


HELP = Hint(key="question_mark", words="Help", always=True)
BACK = Hint(key="escape", words="Back", always=True)


def shown_key(key: str) -> str:
    """Return a key as a person knows it: `^c`, `Enter`, `b`."""
    if key.startswith("ctrl+"):
        return f"^{key.removeprefix('ctrl+')}"
    return SHOWN.get(key, key)


def chosen_hints(hints: Sequence[Hint], width: int) -> list[Hint]:
    """Return the hints that fit, in their order, those of the separator at the end."""
    kept = [hint for hint in hints if not hint.last]
    last = [hint for hint in hints if hint.last]
    separator = 2 if last else 0

    def taken() -> int:
        return sum(hint.width for hint in (*kept, *last)) + separator + 1 - _GAP

    for hint in reversed([hint for hint in kept if not hint.always]):
        if taken() <= width:
            break
        kept.remove(hint)
    return [*kept, *last]


class Keys(Lines):
    """The keys of the screen it is on."""

    DEFAULT_CSS = """
    Keys { height: 1; width: 1fr; background: $panel; color: $foreground; }
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

    def _hints(self) -> list[Hint]:
        if getattr(self.screen, "dialog", None) is not None:
            return []  # its keys are in its frame
        named = getattr(self.screen, "hints", None)
        hints: Iterable[Hint] = named() if named is not None else ()
        working = {
            binding.key
            for _n, binding, enabled, _t in self.screen.active_bindings.values()
            if enabled
        }
        return [hint for hint in hints if hint.key in working]

    def _placed(self, width: int) -> list[tuple[int, Hint]]:
        """Return each hint with its first cell; those behind the separator at the right."""
        chosen = chosen_hints(self._hints(), width)
        placed, at = [], 1
        for hint in chosen:
            if hint.last:
                break
            placed.append((at, hint))
            at += hint.width
        behind = [hint for hint in chosen if hint.last]
        at = max(at + 2, width - sum(hint.width for hint in behind) + _GAP - 1)
        for hint in behind:
            placed.append((at, hint))
            at += hint.width
        return placed

    def _draw_keys(self, width: int) -> list[Content]:
        separator = (
            "|" if getattr(self.app, "ascii_only", False) else "\N{BOX DRAWINGS LIGHT VERTICAL}"
        )
        parts: list[text.Part] = []
        at, separated = 0, False
        for begin, hint in self._placed(width):
            gap = begin - at
            if hint.last and not separated:
                separated = True
                parts += [" " * (gap - 2), (separator, "$line"), " "]
            else:
                parts.append(" " * gap)
            parts += [(hint.shown, "bold $text-accent"), f" {hint.words}"]
            at = begin + hint.width - _GAP
        return [text.assemble(*parts)]

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        for begin, hint in self._placed(self.content_size.width):
            if begin <= event.x < begin + hint.width - _GAP:
                self.app.simulate_key(hint.key)
