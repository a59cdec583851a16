"""History: the jobs of this store, newest first, each with its result and its log."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content

from core.jobs.listing import JobSummary
from core.text import numbers
from tui.render import text
from tui.render.row import Row
from tui.render.text import assemble
from tui.screens.page import Page
from tui.widgets.form import Form
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines

DISCARD: Final = "Give the undo up and free its space; asks first."


class History(Page):
    """The list of jobs."""

    CRUMB = "History"
    PURPOSE = """The newest fifty jobs, and always those that run, were interrupted, or keep an
        undo. Enter shows a job with its steps and its log."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5", "refresh_list", "Look again", tooltip="Read the list of jobs anew."),
        Binding("u", "open_page('undo')", "Undo", tooltip="Plan the undo of the last rollback."),
        Binding("d", "open_page('discard')", "Discard undo", tooltip=DISCARD),
    ]
    HINTS = (
        Hint(key="enter", words="Open"),
        Hint(key="u", words="Undo"),
        Hint(key="f5", words="Look again"),
        BACK,
        HELP,
        Hint(key="d", words="Discard undo", last=True),
    )

    def body(self) -> ComposeResult:
        """Show the list."""
        with Vertical(id="history"):
            yield Lines(self._draw_title, id="history-title")
            yield Form(id="jobs-list")

    def on_mount(self) -> None:
        """Show what is known, and ask anew."""
        super().on_mount()
        self.query_one(Form).focus()
        self._redraw()
        self.action_refresh_list()

    def action_refresh_list(self) -> None:
        """Ask for the jobs anew."""
        self.owner.look_for_jobs()

    def jobs_changed(self) -> None:
        """Draw the list."""
        self.redraw()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        """Offer the undo only while one is kept."""
        return action != "open_page" or self.owner.undoable_job is not None

    def action_open_page(self, key: str) -> None:
        """Put the plan of the undo, or the question about it, on top."""
        self.owner.open_page(key)

    def _redraw(self) -> None:
        self.query_one("#history-title", Lines).show(self._draw_title)
        self.query_one(Form).fill([self._row(job) for job in self.owner.jobs])

    def _draw_title(self, width: int) -> list[Content]:
        jobs = self.owner.jobs
        zone = text.zone_name(self.owner.zone)
        line = f" {numbers.of_all(len(jobs), self.owner.forgotten)}   times are {zone}"
        line = line if jobs else " No job has run on this store yet."
        return [assemble((text.fit(line, width, self.owner.glyphs), "bold $text-accent"))]

    def _row(self, job: JobSummary) -> Row:
        owner = self.owner

        def draw(width: int) -> Content:
            glyphs = owner.glyphs
            when = text.began_time(job, owner.zone)
            what = text.fit(text.OPERATION_SHORT[job.operation], 9, glyphs)
            kinds = text.fit(" ".join(kind.value for kind in job.kinds), 13, glyphs)
            took = text.right("" if job.elapsed_s is None else text.duration(job.elapsed_s), 8)
            outcome = text.job_outcome(job)
            style = "" if job.outcome is None else text.OUTCOME_STYLES[job.outcome]
            if job.interrupted:
                style = "bold $text-error"
            line = f" {when}  {what} {kinds}{took}  "
            rest = ""
            if job.undo_kept:
                rest = f"  undo kept, {text.size(job.undo_bytes or None)}"
            if job.user:
                rest += f"  {job.user}@{job.host}"
            room = max(0, width - len(line) - len(outcome))
            return assemble(
                line,
                (outcome, style),
                (text.fit(text.clean(rest), room, glyphs), "$foreground-muted"),
            )

        return Row(job.job_id, draw)

    def on_form_chosen(self, event: Form.Chosen) -> None:
        """Show the job."""
        self.owner.show_job(event.key)
