"""One row of a form, as a value: its key, its line, and the reason why it is disabled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from textual.content import Content


@dataclass(frozen=True, slots=True)
class Row:
    """One line: `draw` gets the width in cells. A heading cannot be reached."""

    key: str
    draw: Callable[[int], Content] = field(compare=False)
    heading: bool = False
    refusal: str = ""  # why it cannot be chosen now
