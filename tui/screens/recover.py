"""Recover: the work of a job when its process died, the acts of a recovery, one key to start it."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content

from core.events import Operation, Outcome
from core.jobs.listing import JobSummary, recover_command
from core.jobs.state import JobState, stopped
from tui.engine.port import Follower
from tui.render import text
from tui.render.job import closed_text, job_title
from tui.render.steps import step_rows
from tui.render.text import assemble
from tui.screens.page import Page
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines


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
        """Show one text."""
        with VerticalScroll(id="recover"):
            yield Lines(self._draw, id="story")

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

        self.owner.errands.ask(read, done)

    def _redraw(self) -> None:
        self.query_one("#story", Lines).show(self._draw)

    def _begun(self, state: JobState) -> list[Content]:
        owner, job = self.owner, self._job
        title = job_title(state, text.OPERATION_WORDS[job.operation])
        if job.unreadable:
            return [assemble(f"   {title}: what it says of itself is unreadable.")]
        began = f"{text.local_time(job.began_s, owner.zone)} {text.zone_name(owner.zone)}"
        ago = text.age(job.began_s, owner.clock())
        return [
            assemble(f"   {title}, begun {began}"),
            assemble(f"   {ago}, on {text.clean(job.host)}. Its process is gone."),
        ]

    def _draw(self, width: int) -> list[Content]:
        owner, job, place = self.owner, self._job, self.place(width)
        state = self._follower.state if self._follower else JobState()
        rows = [assemble((" WHAT HAPPENED", "bold $text-accent")), *self._begun(state)]
        if state.closed_since_s is not None and state.last_s is not None:
            closed = closed_text(state, owner.clock())
            rows.append(assemble((f"   The store is {closed}.", "bold $text-error")))
        if self._follower is None:
            rows.append(
                assemble((f"   Reading its record {place.glyphs.ellipsis}", "$foreground-muted"))
            )
        last_s = state.last_s if state.last_s is not None else owner.clock()
        rows.extend(
            assemble("   ", row)
            for row in step_rows(stopped(state, last_s, Outcome.FAILED), place, 8)
        )
        rows.extend((Content(""), assemble((" WHAT RECOVERY WILL DO", "bold $text-accent"))))
        for sentence in recovery_words(job, state):
            folded = Content(sentence).wrap(max(20, width - 4))
            rows.extend(
                assemble(f" {place.glyphs.dot if not number else ' '} {row.plain.rstrip()}")
                for number, row in enumerate(folded)
            )
        rows.append(Content(""))
        if job.host and job.host != owner.engine.host:
            words = f"It ran on {text.clean(job.host)}: recover it there, or, if that host is dead,"
            rows.append(assemble((f" {place.glyphs.warning} {words}", "bold $text-warning")))
            rows.append(assemble(f"   with {recover_command(job.host)}"))
        else:
            rows.append(assemble((" [i]", "bold $text-accent"), " Recover now"))
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

        self.owner.errands.ask(self.owner.engine.recover, started)

    def action_show_job(self) -> None:
        """Show its steps and its log."""
        self.owner.show_job(self._job.job_id)
