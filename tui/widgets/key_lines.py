"""Lines that name keys, as `[<] Older  [1] [x] code`: a click on one presses it.

How to use it: as `Lines`; a key is what stands in brackets, its words go on to the next key.
"""

from __future__ import annotations

import re
from typing import Final

from textual import events

from tui.widgets.keys import SHOWN
from tui.widgets.lines import Lines

_KEY: Final = re.compile(r"\[([^\s\]])\] (?:\[[x ]\] )?[^\[]*")
_NAMES: Final = {shown: name for name, shown in SHOWN.items()}


class KeyLines(Lines):
    """Lines whose keys are buttons too."""

    def on_click(self, event: events.Click) -> None:
        """Press the key that was clicked."""
        row = self.plain.split("\n")[event.y] if event.y < len(self.plain.split("\n")) else ""
        for found in _KEY.finditer(row):
            if found.start() <= event.x < found.start() + len(found.group().rstrip()):
                self.app.simulate_key(_NAMES.get(found[1], found[1]))
