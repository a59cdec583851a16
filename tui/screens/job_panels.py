"""The panels of a job's screen, in their places."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from tui.screens.job_log import LogPanel
from tui.widgets.form import Form
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel


def job_body(clock: Callable[[float], str]) -> ComposeResult:
    """Return everything between bar and foot; classes of the screen choose the visible panels."""
    with Vertical(id="job"):
        with Panel("JOB", id="whole-panel"):
            yield Lines(id="whole")
        with Container(id="job-columns"):
            with Panel("WHAT TO DO NOW", hint="[y] copy the command", id="tasks-panel"):
                yield Form(id="tasks")
            with Panel("STEPS", id="steps-panel"):
                yield Lines(id="steps")
            with Panel("NOW", id="now-panel"):
                yield Lines(id="now")
                yield Lines(id="chart")
                yield Lines(id="slowest")
        yield LogPanel(clock)
