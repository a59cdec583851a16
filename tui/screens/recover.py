"""Recover: the state of a job whose process died, the acts of a recovery, one key to start it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.content import Content

from core.events import Operation, Outcome
from core.jobs.listing import JobSummary, recover_command
from core.jobs.state import JobState, stopped
from tui.engine.port import Follower
from tui.render import text
from tui.render.job import closed_text, job_title
from tui.render.log import tail_lines
from tui.render.steps import step_rows
from tui.render.text import assemble
from tui.screens.ask import folded
from tui.screens.page import Page
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel

STEPS = 12  # rows


def recovery_words(job: JobSummary, state: JobState) -> tuple[str, ...]:
    """Return the acts of a recovery, in sentences."""
    if job.problem:
        return (job.problem, "It is not recovered from here: see who made it, and move it away.")
    if job.operation is Operation.BACKUP:
        return (
            "The files that this backup had not finished are removed. Finished backups stay.",
            "Maintenance mode is put back as it was before the backup.",
        )
    if job.operation is Operation.DISCARD:
        return ("The rest of the undo is removed. The store itself is not touched.",)
    if job.operation is Operation.REPAIR:
        return ("What the traces of a lost job prove is done to its end.",)
    if state.committed:
        return (
            "The job was past its commit point: it is completed, and the undo is kept.",
            "Maintenance mode is put back as it was before the job.",
        )
    return (
        "The commit point had not been reached: the store becomes what it was before the job.",
        "What was set aside comes back, what was prepared is removed.",
        "Maintenance mode is put back as it was before the job.",
    )


class Recover(Page):
    """The interrupted job."""

    CRUMB = "Recover"
    PURPOSE = """A job whose process died left a journal of what it had done. Recovery reads it and
        brings the store wholly to the old or wholly to the new state. It may be run again after
        anything. magerewind job:recover does the same."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i,enter", "recover", "Recover now", tooltip="Start the recovery."),
        Binding("j", "show_job", "Show the job", tooltip="Its steps and its log."),
    ]
    HINTS = (Hint(key="i", words="Recover now"), Hint(key="j", words="Show the job"), BACK, HELP)

    def __init__(self, job: JobSummary) -> None:
        super().__init__()
        self._job = job
        self._follower: Follower | None = None
        self._starting = False

    def body(self) -> ComposeResult:
        """Show the finished work, and beside or below it the acts of the recovery."""
        with Container(id="recover"):
            with Panel("WHAT HAPPENED", id="happened-panel"), VerticalScroll(can_focus=False):
                yield Lines(self._draw_story, id="story")
            with Panel("WHAT RECOVERY WILL DO", hint="[i] Recover now", id="recovery-panel"):
                yield Lines(self._draw_recovery, id="recovery")
        with Panel("ITS LOG", hint="[j] whole", id="recover-log-panel", classes="fills"):
            yield Lines(self._draw_log, id="recover-log")

    def on_mount(self) -> None:
        """Read the work done by the job."""
        super().on_mount()
        follower = Follower(self.owner.engine, self._job.job_id)

        def read() -> None:
            while follower.poll():
                pass

        def done(value: Exception | None) -> None:
            if isinstance(value, Exception):
                self.owner.complain(value)
            self._follower = follower
            self.redraw()

        self.owner.questions.ask(read, done)

    def jobs_changed(self) -> None:
        """Leave where the job is recovered, or being recovered, elsewhere."""
        now = next((job for job in self.owner.jobs if job.job_id == self._job.job_id), None)
        if self._starting or not self.is_current or (now is not None and now.interrupted):
            return
        if now is not None and now.running:
            self.owner.show_job(now.job_id, instead=True)
        else:
            self.action_back()
            self.owner.tell("That job was recovered elsewhere.")

    def on_screen_resume(self) -> None:
        """Look whether the job is still to be recovered."""
        super().on_screen_resume()
        self.call_after_refresh(self.jobs_changed)

    @property
    def _state(self) -> JobState:
        return self._follower.state if self._follower else JobState()

    def _redraw(self) -> None:
        self.query_one("#story", Lines).show(self._draw_story)
        self.query_one("#recovery", Lines).show(self._draw_recovery)
        self.query_one("#recover-log", Lines).show(self._draw_log)

    def _begun(self, width: int) -> list[Content]:
        owner, job = self.owner, self._job
        title = job_title(self._state, text.OPERATION_WORDS[job.operation])
        if job.unreadable:
            return folded(f"{title}: what it says of itself is unreadable.", width)
        began = f"{text.local_time(job.began_s, owner.zone)} {text.zone_name(owner.zone)}"
        ago = text.age(job.began_s, owner.clock())
        return [
            *folded(f"{title}, begun {began}", width, "bold"),
            *folded(f"{ago}, on {job.host}. Its process is gone.", width),
        ]

    def _draw_story(self, width: int) -> list[Content]:
        owner, state, place = self.owner, self._state, self.place(width)
        rows = self._begun(width)
        if state.closed_since_s is not None and state.last_s is not None:
            closed = closed_text(state, owner.clock())
            rows.append(assemble((f"The store is {closed}.", "bold $text-error")))
        if self._follower is None:
            words = f"Reading its record {place.glyphs.ellipsis}"
            return [*rows, assemble((words, "$foreground-muted"))]
        last_s = state.last_s if state.last_s is not None else owner.clock()
        steps = step_rows(stopped(state, last_s, Outcome.FAILED), place, STEPS)
        return [*rows, Content(""), *steps]

    def _draw_log(self, width: int) -> list[Content]:
        lines = self._follower.lines if self._follower else ()
        said = [(one.when_s, one.line.text) for one in lines]
        height = self.query_one("#recover-log").size.height
        return tail_lines(said, width, height, self.owner.glyphs, self.owner.zone)

    def _draw_recovery(self, width: int) -> list[Content]:
        owner, job, place = self.owner, self._job, self.place(width)
        rows: list[Content] = []
        for sentence in recovery_words(job, self._state):
            found = folded(sentence, width - 2)
            rows += [assemble(place.glyphs.dot if not at else " ", " ", row)
                     for at, row in enumerate(found)]  # fmt: skip
        if job.host and job.host != owner.engine.host:
            words = f"It ran on {job.host}: recover it there, or, if that host is dead, with"
            rows += [Content(""), *folded(words, width, "bold $text-warning")]
            rows += folded(f"  {recover_command(job.host)}", width)
        return rows

    def action_recover(self) -> None:
        """Start the recovery and show it."""
        if self._starting or not self.owner.may_change():
            return
        self._starting = True

        def started(value: str | Exception) -> None:
            self._starting = False
            if isinstance(value, Exception):
                self.owner.complain(value)
                return
            self.owner.follow(value)
            self.owner.look_for_jobs()
            self.owner.show_job(value, instead=True)

        self.owner.questions.ask(self.owner.engine.recover, started)

    def action_show_job(self) -> None:
        """Show its steps and its log."""
        self.owner.show_job(self._job.job_id)
