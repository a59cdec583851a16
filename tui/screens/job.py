"""One job: while it runs, attached again, or long finished."""

from __future__ import annotations

from time import monotonic
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content

from core.errors import MagerewindError
from core.events import Outcome
from core.jobs.state import JobState, stopped
from tui.engine.port import Follower
from tui.render import text
from tui.render.chart import chart_lines, slowest_lines
from tui.render.job import job_title, whole_share
from tui.render.steps import groups, now_brief, now_rows, step_rows
from tui.render.text import assemble
from tui.render.verdict import RemainingTask, task_rows, tasks_of, verdict_lines, whole_lines
from tui.screens.ask import Ask
from tui.screens.job_log import LogPanel
from tui.screens.job_panels import job_body
from tui.screens.page import Page
from tui.widgets.form import Form
from tui.widgets.keys import HELP, Hint
from tui.widgets.lines import Draw, Lines
from tui.widgets.logpane import LogPane
from tui.widgets.panel import Panel

CHART_S: Final = 4.0
CHART_ROWS: Final = 5
CANCELLED: Final = """What it has begun is put back: unfinished files are removed, and the store is
as it was before, open if it was open.""".replace("\n", " ")
FLOOD: Final = 5  # lines at once
LOG_ROWS: Final = 5  # the log keeps at least so many when steps are many


class JobScreen(Page):
    """One job from its first event to its last."""

    PURPOSE = """The job runs in a process of its own: this screen only watches it. Leaving, a lost
        connection or a closed window do not stop it; magerewind job:attach shows it again. Cancel
        puts everything back as long as the commit point has not been reached."""
    LOG_S: ClassVar[float] = 0.9  # the log is drawn no more often
    FLOOD_S: ClassVar[float] = 1.9  # nor so often while more comes than can be read
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "fold_log", "Log", tooltip="Fold the log away, or show it again."),
        Binding("z", "zoom_log", "Wider", tooltip="Give the log the whole screen."),
        Binding("f", "follow_log", "Follow", tooltip="Go to the end of the log and stay there."),
        Binding("slash", "search_log", "Search", tooltip="Search the log."),
        Binding("less_than_sign", "match(-1)", "Older match", tooltip="Go to the match before."),
        Binding("greater_than_sign", "match(1)", "Newer match", tooltip="Go to the next match."),
        Binding("y", "copy", "Copy", tooltip="Copy the command, or where the whole record is."),
        Binding("i", "recover", "Recover", tooltip="Bring the interrupted job to a known end."),
        Binding("u", "undo", "Undo", tooltip="Plan the undo of this job."),
        Binding("d", "discard", "Discard undo", tooltip="Free its space; asks first."),
        Binding("ctrl+c", "cancel_job", "Cancel", tooltip="Stop it and put everything back."),
    ]

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id
        self._follower: Follower | None = None
        self._charted_s = float("-inf")
        self._logged_s = float("-inf")
        self._share = 0.0
        self._was_ended: bool | None = None
        self._ticked: set[str] = set()

    def hints(self) -> tuple[Hint, ...]:
        """Return the keys of a job that runs, or of one that is over."""
        search = (Hint(key="slash", words="Search"), Hint(key="z", words="Wider"))
        if self.composed and self.follower.ended:
            return (
                Hint(key="u", words="Undo"),
                Hint(key="y", words="Copy the command"),
                Hint(key="i", words="Recover"),
                *search,
                Hint(key="escape", words="Back", always=True),
                HELP,
                Hint(key="d", words="Discard undo", last=True),
            )
        return (
            Hint(key="escape", words="Leave, the job goes on", always=True),
            Hint(key="l", words="Log"),
            *search,
            HELP,
            Hint(key="ctrl+c", words="Cancel and put back", last=True),
        )

    @property
    def follower(self) -> Follower:
        """The application's own follower where it follows this job, else one of this screen."""
        followed = self.owner.follower
        if followed is not None and followed.job_id == self.job_id:
            return followed
        if self._follower is None:
            self._follower = Follower(self.owner.engine, self.job_id)
        return self._follower

    def body(self) -> ComposeResult:
        """Show the whole job, its steps, its present work, its log."""
        yield from job_body(lambda at: text.clock_time(at, self.owner.zone, seconds=True))

    def on_mount(self) -> None:
        """Read all present events."""
        super().on_mount()
        self.query_one(LogPane).focus()
        self._take_in()
        self._poll_timer = self.set_interval(0.5, self._own_poll, pause=True)

    def on_screen_resume(self) -> None:
        """Show the events since."""
        super().on_screen_resume()
        self.redraw()
        if self.composed and self._follows_alone():
            self._poll_timer.resume()

    def _follows_alone(self) -> bool:
        return self.follower is not self.owner.follower and not self.follower.ended

    def _own_poll(self) -> None:
        if not self._follows_alone() or not self.in_front:
            self._poll_timer.pause()
            return
        self._take_in()
        self.redraw()

    def _take_in(self) -> None:
        follower = self.follower
        try:
            follower.poll()
        except (MagerewindError, OSError) as error:
            self.owner.complain(error)
            follower.ended = True

    def job_moved(self) -> None:
        """Draw the new events."""
        if self.composed and self.follower is self.owner.follower:
            self.redraw()

    def jobs_changed(self) -> None:
        """Look again at the keys: the undo may have gone."""
        self.redraw()
        self.refresh_bindings()

    def crumb(self) -> str:
        """Say which job this is."""
        began = self.follower.state.began
        return "Job" if began is None else text.OPERATION_SHORT[began.operation]

    # Drawing

    def on_resize(self) -> None:
        """There is another number of rows now."""
        self.call_after_refresh(self.redraw)

    @property
    def _log(self) -> LogPanel:
        return self.query_one(LogPanel)

    def _show(self, name: str, draw: Draw) -> None:
        self.query_one(f"#{name}", Lines).show(draw)

    def _redraw(self) -> None:
        follower = self.follower
        if follower.ended is not self._was_ended:
            self._was_ended = follower.ended
            self.set_class(follower.ended or not self._alive, "-over")
            self.refresh_bar()
            self.refresh_bindings()
        self._draw_whole()
        self._draw_tasks()
        self._draw_steps()
        if not self.has_class("-over"):
            self._draw_now()
        if not self.has_class("-folded"):
            self._draw_log()

    def _draw_log(self) -> None:
        """Show new lines of the log, seldom: a pane full of new lines is painted whole."""
        follower, now_s = self.follower, monotonic()
        many = follower.written - self._log.shown > FLOOD
        rests_s = self.FLOOD_S if many or self.owner.remote else self.LOG_S
        if follower.ended or now_s - self._logged_s >= rests_s:
            self._logged_s = now_s
            self._log.take(follower)

    def _draw_whole(self) -> None:
        state = self.follower.state
        began = "" if state.began_s is None else self._moment(state.began_s)
        panel = self.query_one("#whole-panel", Panel)
        panel.name_it(job_title(state, "Job").upper(), f"began {began}" if began else "")
        broken = state.ended is not None and state.ended.outcome in (Outcome.FAILED, Outcome.CLOSED)
        panel.set_class(broken or (not self._alive and state.ended is None), "broken")
        self._show("whole", self._whole)

    def _moment(self, at_s: float) -> str:
        zone, now_s = self.owner.zone, self.owner.clock()
        if now_s - at_s < 20 * 3600:
            return f"{text.clock_time(at_s, zone, seconds=True)} {text.zone_name(zone)}"
        return f"{text.local_time(at_s, zone, seconds=True)} {text.zone_name(zone)}"

    def _whole(self, width: int) -> list[Content]:
        state, place = self.follower.state, self.place(width)
        if state.ended is not None:
            return verdict_lines(state, place)
        # Totals become known on the way; a bar that goes back would say that work was lost.
        self._share = max(self._share, whole_share(state))
        return whole_lines(
            state, self._share, self._working, place, asked=self.follower.cancel_asked
        )

    @property
    def _working(self) -> bool:
        job = next((job for job in self.owner.jobs if job.job_id == self.job_id), None)
        return not (job is not None and job.interrupted)

    @property
    def _alive(self) -> bool:
        return not self.follower.ended and self._working  # a job may still work on it

    def _state(self) -> JobState:
        state = self.follower.state
        last_s = state.last_s if state.last_s is not None else self.owner.clock()
        return state if self._alive else stopped(state, last_s, Outcome.FAILED)

    def _draw_steps(self) -> None:
        state = self._state()
        found = groups(state)
        over = sum(1 for one in found if one.over)
        self.query_one("#steps-panel", Panel).name_it("STEPS", f"{over} of {len(found)}")
        self._show("steps", self._steps)

    def _steps(self, width: int) -> list[Content]:
        state, place = self._state(), self.place(width)
        wide = not self.has_class("-narrow")
        room = self.size.height - (19 if wide else 10)  # bar, foot, frames, other panels
        if not wide and not self.has_class("-folded"):
            room -= LOG_ROWS + len(self._whole(width)) - 2
            room -= self.query_one("#tasks", Form).count if self.has_class("-over") else 0
        rows = step_rows(state, place, max(3, room))
        if wide or self.has_class("-over"):
            return rows
        return [*rows, *(assemble("    ", row) for row in now_brief(state, self.place(width - 4)))]

    def _draw_now(self) -> None:
        if self.has_class("-narrow"):
            return
        follower = self.follower
        self._show("now", lambda width: now_rows(follower.state, self.place(width)))
        now_s = self.owner.clock()
        if now_s - self._charted_s >= CHART_S * (2 if self.owner.remote else 1):
            self._charted_s = now_s
            self._show("chart", self._chart)
            self._show("slowest", self._slowest)

    def _chart(self, width: int) -> list[Content]:
        height = max(2, min(CHART_ROWS, self.size.height // 6))
        return chart_lines(self.follower.pace.rates(width), width, height, self.owner.glyphs)

    def _slowest(self, width: int) -> list[Content]:
        return slowest_lines(self.follower.pace, width, self.owner.glyphs)

    # Remaining tasks

    def tasks(self) -> tuple[RemainingTask, ...]:
        """Return the remaining tasks, once the job is over."""
        state = self.follower.state
        return tasks_of(state) if state.ended is not None else ()

    def _draw_tasks(self) -> None:
        undo, form = self.owner.undoable_job, self.query_one("#tasks", Form)
        kept = undo.undo_bytes if self.undo_kept() and undo is not None else None
        narrow = self.has_class("-narrow")
        width = self.size.width - 6 if narrow else self.size.width * 3 // 5 - 6
        rows = task_rows(self.tasks(), self._ticked, kept, width, self.owner.glyphs)
        self.query_one("#tasks-panel", Panel).display = bool(rows)
        form.fill(rows)

    def on_form_chosen(self, event: Form.Chosen) -> None:
        """Tick finished tasks; undo."""
        if event.key == "undo":
            self.action_undo()
        else:
            self._ticked ^= {event.key}
            self._draw_tasks()

    def undo_kept(self) -> bool:
        """Return whether this job's undo is there still."""
        undoable = self.owner.undoable_job
        return undoable is not None and undoable.job_id == self.job_id

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        """Show only the keys that mean something now."""
        if not self.composed:
            return True
        if action in ("undo", "discard"):
            return self.undo_kept()
        if action == "recover":
            return self.owner.interrupted_job is not None
        if action == "cancel_job":
            return not self.follower.ended
        if action == "match":
            return self._log.searching
        return True

    # Doing

    def action_back(self) -> None:
        """Close the search, then the wide log, or leave the screen."""
        if self._log.leave_search():
            return
        if self.has_class("-zoomed"):
            self.action_zoom_log()
        else:
            super().action_back()

    def action_cancel_job(self) -> None:
        """Ask whether to cancel, and ask the job to."""
        owner, why = self.owner, self._cannot_cancel()
        if not owner.may_change():
            return
        if why:
            owner.refuse(why)
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                owner.questions.ask(
                    lambda: owner.engine.cancel(self.job_id), cancelled, limit_s=10.0
                )

        def cancelled(value: object) -> None:
            if isinstance(value, Exception):
                owner.complain(value)

        ask = Ask(title="Cancel this job?", lines=[CANCELLED], do="Cancel it")
        self.ask(ask, answered, ended=self._cannot_cancel)

    def _cannot_cancel(self) -> str:
        """Return why the job cannot be cancelled any more; an empty text while it can."""
        state = self.follower.state
        if self.follower.ended or state.ended is not None or not self._working:
            return "The job is over: there is nothing to cancel."
        if state.committed:
            return "Too late to cancel: past the commit point, finishing."
        if self.follower.cancel_asked and not state.cancelling:
            return "Cancel was asked already; the job has not answered yet."
        return "It is being cancelled: everything is being put back." if state.cancelling else ""

    def action_fold_log(self) -> None:
        """Fold the log away, or open it."""
        self.remove_class("-zoomed")
        self.toggle_class("-folded")
        self.call_after_refresh(self.redraw)

    def action_zoom_log(self) -> None:
        """Give the log the whole screen, or take it back."""
        self.remove_class("-folded")
        self.toggle_class("-zoomed")
        self.query_one(LogPane).focus()

    def action_follow_log(self) -> None:
        """Go to the end of the log and stay there."""
        self._log.follow()

    def action_search_log(self) -> None:
        """Type the search term."""
        self.remove_class("-folded")
        self._log.ask_term()

    def action_match(self, direction: int) -> None:
        """Go to the next line that matches, or to the one before."""
        self._log.step(direction)

    def action_copy(self) -> None:
        """Copy the command under the cursor; without one, where the complete record is."""
        form, tasks = self.query_one("#tasks", Form), self.tasks()
        here = f"{form.key} ".split()
        at = int(here[1]) if form.has_focus and here[:1] == ["task"] else 0
        command = tasks[at].command if at < len(tasks) else ""
        what = command or text.clean(self.owner.engine.log_path(self.job_id))
        self.app.copy_to_clipboard(what)
        lead = "Copied, where the terminal allows it" if command else "The complete record"
        self.owner.tell(f"{lead}: {what}")

    def action_undo(self) -> None:
        """Ask for the plan of the undo."""
        self.owner.open_page("undo")

    def action_recover(self) -> None:
        """Show the acts of a recovery."""
        self.owner.open_page("recover")

    def action_discard(self) -> None:
        """Ask whether to give up the undo."""
        self.owner.open_page("discard")
