"""The first row of every screen: the present screen, and the state of the store.

"store open" is not among it: the absence of a flag file does not mean that customers see a store.
Broken parts are shown instead, and never beside a green word.
"""

from __future__ import annotations

from msgspec import Struct
from rich.cells import cell_len
from textual.content import Content

from tui.render import text
from tui.render.text import Glyphs
from tui.widgets.lines import Lines


class BarView(Struct, frozen=True, kw_only=True):
    """The facts of the bar."""

    host: str
    root: str
    crumb: str = ""
    account: str = ""  # the account whose rights root uses here; empty without a change
    job: str = ""  # the progress of the running job, or a matter that needs attention
    maintenance: bool | None = None  # None: not known yet
    closed: str = ""  # how long the store has been closed by the running job
    read_only: bool = False
    broken: str | None = ""  # broken parts of the store; None: not known yet
    undo: str = ""  # the size of the undo that is kept


class Bar(Lines):
    """One row, always there."""

    DEFAULT_CSS = """
    Bar { dock: top; height: 1; width: 1fr; background: $panel; color: $foreground; }
    Bar:ansi { text-style: reverse; }
    """


def states_of(view: BarView) -> list[tuple[str, str]]:
    """Return the present facts, as words and their style, in order."""
    found: list[tuple[str, str]] = []
    if view.account:
        found.append((f"as {text.clean(view.account)}", "$foreground-muted"))
    if view.read_only:
        found.append(("read-only", "$text-warning"))
    if view.maintenance:
        found.append((f"MAINTENANCE ON {view.closed}".rstrip(), "bold $text-warning"))
    elif view.maintenance is not None:
        found.append(("maintenance off", "$foreground-muted"))
    if view.broken:
        found.append((view.broken, "bold $text-error"))
    if view.undo:
        found.append((f"undo kept {view.undo}", "$text-warning"))
    if view.job:
        found.append((view.job, "bold $text-accent"))
    return found


def bar_line(view: BarView, width: int, glyphs: Glyphs) -> Content:
    """Return the row: the state at the right is never cut, words at the left go one by one."""
    states = states_of(view)
    while len(states) > 1 and _width(states) > width - 1 and states[0][1] == "$foreground-muted":
        states.pop(0)
    room = max(0, width - _width(states) - 1)
    return text.assemble(
        _place(view, room, glyphs),
        *(part for words, style in states for part in ("  ", (words, style))),
        " ",
    )


def _width(states: list[tuple[str, str]]) -> int:
    return sum(cell_len(words) + 2 for words, _style in states)


def _place(view: BarView, room: int, glyphs: Glyphs) -> Content:
    """Return where one is in exactly `room` cells: the crumb last of all to be cut."""
    crumb = f" {glyphs.crumb} {view.crumb}" if view.crumb else ""
    host, root = text.clean(view.host), text.clean(view.root)
    for left in (f" magerewind  {host}  {root}", f" {host} {root}", f" {root}"):
        if cell_len(left) + cell_len(crumb) <= room:
            break
    else:
        space = room - cell_len(crumb) - 2
        left = f" {text.fit_end(root, space, glyphs)}" if space >= 8 else ""
        crumb = crumb if left else f" {view.crumb}"
    left, crumb = text.clean(left), text.clean(crumb)
    shown = text.fit(f"{left}{crumb}", room, glyphs)
    return text.assemble((shown[: len(left)], ""), (shown[len(left) :], "bold $title"))
