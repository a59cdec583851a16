"""The panels of the first screen, in their places."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from tui.render import days
from tui.render.text import Glyphs
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel
from tui.widgets.rows import Line, Rows


def home_body(set_line: Line, job_line: Line, glyphs: Glyphs) -> ComposeResult:
    """Return everything between bar and foot; the style sheet hides panels by the width."""
    with Vertical(id="home"):
        with Panel("NEEDS ATTENTION", id="attention"):
            yield Lines(id="concerns")
        yield Lines(id="brief", classes="narrow")
        with Container(id="home-columns"):
            with Vertical(classes="column wide"):
                with Panel("STORE"):
                    yield Lines(id="store")
                with Panel("SPACE"):
                    yield Lines(id="space")
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
                with Panel("LAST 30 DAYS", hint=days.legend(glyphs), classes="wide"):
                    yield Lines(id="days")
            with Vertical(classes="column huge"):
                with Panel("THE SET", id="set-3-panel"):
                    yield Lines(id="set-3")
                with Panel("LOG OF THE LAST JOB", hint="[j] whole", classes="fills"):
                    yield Lines(id="last-log")
        yield Lines(id="jobs-brief", classes="narrow")
