"""The panels of the first screen, in their places, and as high as their contents.

Where the columns leave rows free, the log of the last job takes them over the whole width: with
few backups and jobs no pane stands half empty.
"""

from __future__ import annotations

from typing import Final

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widget import Widget

from tui.render import days
from tui.render.text import Glyphs
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel
from tui.widgets.rows import Line, Rows

_LOG_TITLE: Final = "LOG OF THE LAST JOB"
_FRAME: Final = 2
_DAYS: Final = 3 + _FRAME
_LOG: Final = 5  # rows of a log that are worth a panel, with its frame


def home_body(set_line: Line, job_line: Line, glyphs: Glyphs) -> ComposeResult:
    """Return everything between bar and foot; the style sheet hides panels by the width."""
    with Vertical(id="home"):
        with Panel("NEEDS ATTENTION", id="attention"):
            yield Lines(id="concerns")
        yield Lines(id="brief", classes="narrow")
        with Container(id="home-columns"):
            with Vertical(classes="column wide"):
                with Panel("STORE", id="store-panel"):
                    yield Lines(id="store")
                with Panel("SPACE", id="space-panel"):
                    yield Lines(id="space")
                with Panel("FIRST STEPS", id="first-panel", classes="fills"):
                    yield Lines(id="first")
                with Panel("CHANGED", hint="[=] read everything", id="changed-panel"):
                    yield Lines(id="changed")
                with Panel("RECENT JOBS", hint="[h] all", id="jobs-panel", classes="fills"):
                    yield Lines(id="jobs-head")
                    yield Rows(job_line, id="jobs")
            with Vertical(classes="column"):
                with Panel("BACKUPS", hint="[Enter] open", id="sets-panel", classes="fills"):
                    yield Lines(id="sets-head")
                    yield Rows(set_line, id="sets")
                with Panel("THE SET", id="set-2-panel", classes="fills wide"):
                    yield Lines(id="set-2")
                with Panel(
                    "LAST 30 DAYS", hint=days.legend(glyphs), id="days-panel", classes="wide"
                ):
                    yield Lines(id="days")
            with Vertical(id="third", classes="column huge"):
                with Panel("THE SET", id="set-3-panel"):
                    yield Lines(id="set-3")
                with Panel(_LOG_TITLE, hint="[j] whole", id="log-3-panel", classes="fills"):
                    yield Lines(id="log-3")
        with Panel(_LOG_TITLE, hint="[j] whole", id="log-panel-below", classes="fills"):
            yield Lines(id="log-below")
        yield Lines(id="jobs-brief", classes="narrow")


def _set_height(widget: Widget, height: int | str) -> None:
    """Set the height of a widget if it differs: each change costs a layout."""
    if widget.styles.height is None or str(widget.styles.height) != str(height):
        widget.styles.height = height


def show_first(page: Widget, *, is_empty: bool, jobs: int) -> None:
    """Take the panels that say nothing of a store without a backup away, or show them again."""
    is_huge = page.has_class("-huge")
    for name in ("changed-panel", "days-panel"):
        page.query_one(f"#{name}").display = not is_empty
    page.query_one("#first-panel").display = is_empty
    page.query_one("#third").display = is_huge and not (is_empty and not jobs)
    page.query_one("#set-3-panel").display = not is_empty
    _set_height(
        page.query_one("#jobs-panel"), min(max(1, jobs), 8) + 1 + _FRAME if is_empty else "1fr"
    )


def fit_panels(page: Widget, *, sets: int, jobs: int) -> None:
    """Give the panels their heights, for this many sets and jobs.

    Heights are told by rows, not by what was laid out: that may be from before.
    """
    facts = _FACTS if sets else (*_FACTS[:2], "first")
    blocks = [page.query_one(f"#{one}", Lines) for one in facts]
    is_wide, is_huge = page.has_class("-wide"), page.has_class("-huge")
    columns, below = page.query_one("#home-columns"), page.query_one("#log-panel-below", Panel)
    listed, beside = page.query_one("#sets-panel", Panel), page.query_one("#set-2-panel", Panel)
    attention = page.query_one("#attention", Panel)
    room = page.query_one("#home").size.height
    said = page.query_one("#concerns", Lines)
    room -= said.count + _FRAME if attention.display else 0
    left = sum(block.count + _FRAME for block in blocks)
    left += max(1, jobs) + 1 + _FRAME
    one_set = page.query_one("#set-3" if is_huge else "#set-2", Lines).count + _FRAME
    right = max(2, sets) + 1 + _FRAME + _DAYS
    if not sets:
        right = page.query_one("#sets-head", Lines).count + _FRAME
    one_set = one_set if sets else 0
    needed = max(left, right + (one_set if is_wide else 0), one_set if is_huge else 0)
    has_log = (is_wide or is_huge) and bool(jobs) and room - needed >= _LOG
    _set_height(columns, needed if has_log else "1fr")
    below.display = has_log
    page.query_one("#log-3-panel").display = is_huge and not has_log
    _set_height(page.query_one("#set-3-panel"), "1fr" if has_log else "auto")
    height: int | str = "1fr"
    if is_wide and not sets:
        height = "1fr"  # nothing is below
    elif is_wide and has_log:
        height = max(2, sets) + 1 + _FRAME
    elif is_wide:
        height = max(6, min(sets + 1 + _FRAME, (room - _DAYS) * 6 // 10))
        if room - _DAYS - height < one_set:
            height = "1fr"
    beside.display = height != "1fr" and bool(sets)
    _set_height(listed, height)


def narrow_panels(page: Widget) -> None:
    """Take away the panels and heights that a wider terminal had before it became narrow."""
    page.query_one("#log-panel-below").display = False
    if not page.has_class("-narrow"):
        return  # the width is not known yet
    page.query_one("#third").display = False
    beside = page.query_one("#set-2-panel")
    if beside.styles.has_rule("display"):
        beside.styles.clear_rule("display")
        beside.refresh(layout=True)
    for name in ("#home-columns", "#sets-panel"):
        _set_height(page.query_one(name), "1fr")


_FACTS: Final = ("store", "space", "changed")
