"""The first row of every screen: where one is, what the store is doing, which job runs."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content

from tui.render import text
from tui.render.text import Glyphs
from tui.widgets.panel import Panel


@dataclass(frozen=True, slots=True, kw_only=True)
class BarView:
    """What the bar says."""

    place: str  # host:root
    crumb: str
    account: str = ""  # whose rights root has here; empty where nobody became anybody
    job: str = ""  # the running job, or what wants attention
    maintenance: bool | None = None  # None: not known yet
    closed: str = ""  # how long the store has been closed by the running job
    read_only: bool = False
    broken: str | None = ""  # why an open store is down; None: not known yet


class Bar(Panel):
    """One row, always there."""

    DEFAULT_CSS = """
    Bar { dock: top; height: 1; width: 1fr; background: $panel; color: $foreground; }
    Bar:ansi { text-style: reverse; }
    """


def bar_line(view: BarView, width: int, glyphs: Glyphs) -> Content:
    """Return the row: the state at the right is never cut, the place at the left may be."""
    if view.maintenance is None or (not view.maintenance and view.broken is None):
        state, style = "", ""
    elif view.maintenance:
        closed = f" {view.closed}" if view.closed else ""
        state, style = f" MAINTENANCE ON{closed} ", "$text-error bold reverse"
    elif view.broken:
        state, style = f" {view.broken} ", "$text-error bold reverse"
    else:
        state, style = " store open ", "$text-success"
    words = [text.clean(view.account)] if view.account else []
    if view.read_only:
        words.append("read-only")
    if view.job:
        words.append(view.job)
    job = f"{'  '.join(words)} " if words else ""
    crumb = f" {glyphs.crumb} {view.crumb}" if view.crumb else ""
    room = width - cell_len(state) - cell_len(job) - cell_len(crumb) - 2
    name = " magerewind "
    place = text.fit_end(text.clean(view.place), max(0, room - len(name)), glyphs)
    left = f"{name} {place}{crumb}" if room > len(name) + 4 else f"{crumb or name}"
    left_width = width - cell_len(state) - cell_len(job)
    return text.assemble(
        (text.fit(left, left_width, glyphs), "bold"),
        (job, "$text-accent bold"),
        (state, style),
    )
