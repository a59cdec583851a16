"""The list of a plan as a file of the person's choice."""

from __future__ import annotations

import os
from datetime import UTC, datetime

from tui.render import text
from tui.screens.ask import Prompt
from tui.screens.page import Page


def write_plan(page: Page) -> None:
    """Ask for a new file, and write the list of the plan to it in a background thread."""
    owner = page.owner
    at = datetime.fromtimestamp(owner.clock(), tz=UTC).astimezone(owner.zone)
    value = os.path.join(os.path.expanduser("~"), f"magerewind-plan-{at:%Y%m%d-%H%M%S}.txt")

    def answered(path: str | None) -> None:
        if not path or not path.strip():
            return
        full = os.path.abspath(os.path.expanduser(path.strip()))
        if _is_inside(full, owner.engine.root):
            owner.refuse("The list is not written into the store: customers could read it there.")
            return

        def done(value: int | Exception) -> None:
            if isinstance(value, Exception):
                owner.complain(value)
            else:
                owner.tell(f"{text.plural(value, 'line')} written to {full}")

        owner.questions.ask(lambda: owner.engine.planned.write(full), done)

    lines = ("Every entry of code and media, one a line. The file must not be there yet:",)
    title = "WRITE THE LIST TO A FILE"
    page.ask(Prompt(title=title, lines=lines, value=value), answered)


def _is_inside(path: str, root: str) -> bool:
    real, top = os.path.realpath(path), os.path.realpath(root)
    return real == top or real.startswith(f"{top}{os.sep}")
