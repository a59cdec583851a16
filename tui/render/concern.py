"""One thing that needs attention, as a value and as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from textual.content import Content

from tui.render import text
from tui.render.text import Glyphs, assemble

ERROR: Final = "bold $text-error"
WARNING: Final = "$text-warning"


class Concern(Struct, frozen=True, kw_only=True):
    """A sentence and its actions: pairs of key and words. `broken`: the store is down."""

    words: str
    style: str = WARNING
    acts: tuple[tuple[str, str], ...] = ()
    broken: bool = False


def concern_lines(
    concerns: Sequence[Concern], first: int, width: int, height: int, glyphs: Glyphs
) -> list[Content]:
    """Return as many concerns as `height` rows hold, from `first` round; the first one always.

    Nothing of a sentence is cut. The keys follow it where there is room, else below.
    """
    rows: list[Content] = []
    for number in range(len(concerns)):
        one = _one(concerns[(first + number) % len(concerns)], width, glyphs)
        if number and len(rows) + len(one) > height:
            break
        rows += one
    return rows


def _one(concern: Concern, width: int, glyphs: Glyphs) -> list[Content]:
    folded = text.fold(text.clean(concern.words), width - 2)
    rows = [
        assemble((f"{' ' if number else glyphs.warning} ", concern.style), (row, concern.style))
        for number, row in enumerate(folded)
    ]
    acts = [
        part
        for key, words in concern.acts
        for part in ("   ", (f"[{KEYS.get(key, key)}]", "bold $text-accent"), f" {words}")
    ]
    if not acts:
        return rows
    keys = assemble(*acts)
    if len(rows[-1].plain.rstrip()) + keys.cell_length <= width:
        return [*rows[:-1], assemble(rows[-1], keys)]
    return [*rows, assemble(keys[1:])]


KEYS: Final = {"f5": "F5", "enter": "Enter", "equals_sign": "=", "full_stop": "."}
