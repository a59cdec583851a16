"""History: the jobs of this store, newest first, each with its result and the end of its log."""

from __future__ import annotations

from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Input

from core.jobs.listing import JobSummary
from core.text import numbers
from tui.engine.port import Latest
from tui.render import facts, text
from tui.render.log import tail_lines
from tui.render.text import assemble
from tui.screens.filtered import FilteredPage
from tui.widgets.entry import Entry
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows

LIMIT_S: Final = 10.0
DISCARD: Final = "Give the undo up and free its space; asks first."


class History(FilteredPage):
    """The list of jobs."""

    CRUMB = "History"
    RESTS_S: ClassVar[float] = 0.4  # the cursor stands still so long before its log is read
    PURPOSE = """The newest fifty jobs, and always those that run, were interrupted, or keep an
        undo. Enter shows a job with its steps and its log."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", tooltip="Show what matches, while you type."),
        Binding("u", "undo('undo')", "Undo", tooltip="Plan the undo of this job."),
        Binding("f5", "refresh_list", "Look again", tooltip="Read the list of jobs anew."),
        Binding("d", "undo('discard')", "Discard undo", tooltip=DISCARD),
    ]
    HINTS = (
        Hint(key="enter", words="Open"),
        Hint(key="u", words="Undo"),
        Hint(key="slash", words="Filter"),
        Hint(key="f5", words="Look again"),
        BACK,
        HELP,
        Hint(key="d", words="Discard undo", last=True),
    )

    def __init__(self) -> None:
        super().__init__()
        self._jobs: tuple[JobSummary, ...] = ()
        self._log: Latest[tuple[tuple[float, str], ...]] = Latest(last_only=True)
        self._rests: Timer | None = None

    def body(self) -> ComposeResult:
        """Show the list, and the log of the job under the cursor."""
        with Container(id="list-and-set"):
            with Panel("JOBS", id="list-panel", classes="fills"):
                yield Entry(id="filter", placeholder="part of any column; Esc shows all again")
                yield Lines(id="list-head")
                yield Rows(self._line, id="list")
            with Panel("ITS LOG", id="details-panel"):
                yield Lines(id="details")

    def on_mount(self) -> None:
        """Show the known jobs, and ask anew."""
        super().on_mount()
        self.query_one("#filter", Input).display = False
        self.query_one(Rows).focus()
        self._redraw()
        self._rest_here()
        self.action_refresh_list()

    def action_refresh_list(self) -> None:
        """Ask for the jobs anew."""
        self.owner.look_for_jobs()

    def jobs_changed(self) -> None:
        """Draw the list."""
        self.redraw()
        self._rest_here()
        self.refresh_bindings()

    def on_resize(self) -> None:
        """Draw the log for the room that there is now."""
        self.call_after_refresh(self.redraw)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        """Offer the undo only while one is kept."""
        return action != "undo" or self.owner.undoable_job is not None

    def action_undo(self, key: str) -> None:
        """Plan the undo of the job under the cursor, or give it up."""
        at, kept = self.query_one(Rows).cursor, self.owner.undoable_job
        here = self._jobs[at] if at < len(self._jobs) else None
        if kept is None or here is None or here.job_id == kept.job_id:
            self.owner.open_page(key)
            return
        when = text.local_time(kept.began_s, self.owner.zone)
        self.owner.refuse(
            f"This job keeps no undo. The one that is kept is of the {kept.operation} of {when}."
        )

    # Drawing

    def _redraw(self) -> None:
        owner, rows = self.owner, self.query_one(Rows)
        here = self._jobs[rows.cursor].job_id if rows.cursor < len(self._jobs) else ""
        words = self._term.casefold().split()
        self._jobs = tuple(
            job for job in owner.jobs if all(word in self._text_of(job) for word in words)
        )
        at = next((at for at, job in enumerate(self._jobs) if job.job_id == here), None)
        rows.show(len(self._jobs), cursor=at)
        total = numbers.of_all(len(owner.jobs), owner.forgotten)
        fact = f"{len(self._jobs)} of {total}" if self._term else total
        if not owner.jobs:
            fact = "none has run on this store yet"
        self.query_one("#list-panel", Panel).name_it("JOBS", fact)
        head = self.query_one("#list-head", Lines)
        head.show(lambda width: [facts.job_head(width, owner.zone)])
        self._draw_log()
        parts = [f"row {rows.cursor + 1} of {len(self._jobs)}"] if self._jobs else []
        parts += [f"filter: {text.clean(self._term)}"] if self._term else []
        self.rest(assemble(("   ".join(parts), "$foreground-muted")))

    def _text_of(self, job: JobSummary) -> str:
        line = facts.job_line(job, 400, self.owner.clock(), self.owner.zone).plain
        return f"{line} {job.job_id} {text.local_time(job.began_s, self.owner.zone)}".casefold()

    def _line(self, index: int, width: int) -> Content:
        owner = self.owner
        return facts.job_line(self._jobs[index], width, owner.clock(), owner.zone)

    def _draw_log(self) -> None:
        details, owner, log = self.query_one("#details", Lines), self.owner, self._log.value
        height = self.query_one("#details-panel").content_size.height
        if isinstance(log, tuple):
            details.show(lambda width: tail_lines(log, width, height, owner.glyphs, owner.zone))
        else:
            words = "" if log is None else "? it cannot be read"
            details.show(lambda _width: [assemble((words, "$text-warning"))])

    def on_rows_moved(self, _event: Rows.Moved) -> None:
        """Read the log of the job under the cursor, when the cursor rests."""
        self.redraw()
        self._rest_here()

    def _rest_here(self) -> None:
        if self._rests is not None:
            self._rests.stop()
        if self.RESTS_S:
            self._rests = self.set_timer(self.RESTS_S, self._read_log)
        else:
            self._read_log()

    def _read_log(self) -> None:
        at, engine = self.query_one(Rows).cursor, self.owner.engine
        if at < len(self._jobs):
            job_id = self._jobs[at].job_id
            self._log.begin()
            self._log.ask(
                self.owner.questions,
                lambda: engine.log_tail(job_id),
                lambda _value: self._draw_log(),
                limit_s=LIMIT_S,
                begun=True,
            )

    # Doing

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Show the job."""
        if event.index < len(self._jobs):
            self.owner.show_job(self._jobs[event.index].job_id)

    def action_back(self) -> None:
        """Take the filter away, or leave."""
        if not self.close_filter():
            super().action_back()
