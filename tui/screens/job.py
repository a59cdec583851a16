"""A job: its steps, progress, log and end; running, attached again, or long finished."""

from __future__ import annotations

from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Input

from core.errors import MagerewindError
from core.events import Outcome
from core.jobs.state import stopped
from tui.engine.port import LOG_LINES, Follower
from tui.render import text
from tui.render.job import (
    closed_text,
    job_title,
    now_lines,
    result_lines,
    step_lines,
)
from tui.render.text import assemble
from tui.screens.ask import Ask
from tui.screens.page import Page
from tui.widgets.entry import Entry
from tui.widgets.keys import HELP, Hint
from tui.widgets.lines import Lines
from tui.widgets.logpane import LogPane

LOG_EVERY: Final = 2  # polls between two paintings of the log: twice a second
LOG_ROWS: Final = 6  # the log keeps at least so many when steps are many


class JobScreen(Page):
    """One job from its first event to its last."""

    PURPOSE = """The job runs in a process of its own: this screen only watches it. Leaving, a lost
        connection or a closed window do not stop it; magerewind job:attach shows it again. Cancel
        puts everything back as long as the commit point has not been reached."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "cancel_job", "Cancel and put back"),
        Binding("l", "fold_log", "Log"),
        Binding("z", "zoom_log", "Wider"),
        Binding("f", "follow_log", "Follow"),
        Binding("slash", "search_log", "Search"),
        Binding("greater_than_sign", "match(1)", "Newer match"),
        Binding("less_than_sign", "match(-1)", "Older match"),
        Binding("y", "copy_path", "Copy the path of the record"),
        Binding("i", "recover", "Recover"),
        Binding("u", "undo", "Undo"),
        Binding("d", "discard", "Discard undo"),
    ]
    HINTS = (
        Hint(key="escape", words="Leave, the job goes on", always=True),
        Hint(key="l", words="Log"),
        Hint(key="slash", words="Search"),
        HELP,
        Hint(key="ctrl+c", words="Cancel and put back", last=True),
    )

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id
        self._follower: Follower | None = None
        self._shown = 0
        self._polls = 0
        self._was_ended: bool | None = None

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
        """Show steps and numbers, the log beside or below."""
        with Vertical(id="job"):
            with Vertical(id="progress"):
                yield Lines(id="title")
                yield Lines(id="steps")
                yield Lines(id="now")
                yield Lines(id="result")
            with Vertical(id="log-side"):
                yield Lines(id="log-title")
                yield LogPane(id="log")
                yield Entry(id="search", placeholder="search the log: enter finds, esc leaves")

    def on_mount(self) -> None:
        """Read what there is."""
        super().on_mount()
        self.query_one("#search", Input).display = False
        self.query_one(LogPane).focus()
        self._take_in()
        self._poll_timer = self.set_interval(0.25, self._own_poll, pause=True)

    def on_screen_resume(self) -> None:
        """Show what has come meanwhile."""
        super().on_screen_resume()
        self._polls = 0
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
        """Draw what is new."""
        if self.composed and self.follower is self.owner.follower:
            self.redraw()

    def jobs_changed(self) -> None:
        """Look again at the keys: the undo may have gone."""
        self.refresh_bindings()

    def crumb(self) -> str:
        """Say which job this is."""
        began = self.follower.state.began
        return "Job" if began is None else text.OPERATION_SHORT[began.operation]

    # Drawing

    def on_resize(self, _event: events.Resize) -> None:
        """There is another number of rows now."""
        self.call_after_refresh(self.redraw)

    def _redraw(self) -> None:
        self._draw_progress()
        follower = self.follower
        self._polls += 1
        if (self._polls % LOG_EVERY == 1 or follower.ended) and not self.has_class("-folded"):
            self._draw_log()
        if follower.ended is not self._was_ended:
            self._was_ended = follower.ended
            self.refresh_bar()
            self.refresh_bindings()

    def _draw_log(self) -> None:
        follower = self.follower
        log = self.query_one(LogPane)
        if follower.written > self._shown:
            log.extend(follower.since(self._shown))
            self._shown = follower.written
        self.query_one("#log-title", Lines).show(self._draw_log_title)

    def _draw_log_title(self, width: int) -> list[Content]:
        log = self.query_one(LogPane)
        written = self.follower.written
        kept = f"the last {text.count(LOG_LINES)} of " if written > LOG_LINES else ""
        line = f" LOG  {kept}{text.plural(written, 'line')}, {self._log_state(log)}"
        return [assemble((text.fit(line, width, self.owner.glyphs), "bold $text-accent"))]

    def _log_state(self, log: LogPane) -> str:
        if log.term:
            place, number = log.matches
            term = text.clean(log.term)
            if not number:
                return f"none with: {term}"
            return f"{place or '-'} of {text.count(number)} with: {term}"
        return "following" if log.following else "not following (f follows)"

    def _draw_progress(self) -> None:
        self.query_one("#title", Lines).show(self._draw_title)
        self.query_one("#steps", Lines).show(self._draw_steps)
        now = self.query_one("#now", Lines)
        now.display = not self.follower.ended
        now.show(lambda width: now_lines(self.follower.state, self.place(width)))
        self.query_one("#result", Lines).show(self._draw_result)

    def _draw_title(self, width: int) -> list[Content]:
        state = self.follower.state
        now_s = self._now_s
        title = job_title(state, "Job")
        began = ""
        if state.began is not None and state.began_s is not None:
            began = text.local_time(state.began_s, self.owner.zone, seconds=True)
            began += f" {text.zone_name(self.owner.zone)}"
        took = None
        if state.ended is not None:
            took = state.ended.elapsed_s
        elif state.began_s is not None:
            took = now_s - state.began_s
        line = f" {title}   since {began}" if began else f" {title}"
        rest = f"{text.duration(took)} " if took is not None else ""
        glyphs = self.owner.glyphs
        rows = [
            assemble(
                (text.fit(line, width - len(rest), glyphs), "bold $text-accent"), (rest, "bold")
            )
        ]
        words = (
            f" The store is {closed_text(state, self.owner.clock())}"
            if state.closed_since_s
            else ""
        )
        if state.committed and state.ended is None:
            words += "   past the commit point: it will be finished"
        elif state.cancelling:
            words += "   cancelling: everything is being put back"
        if state.ended is None:
            folded = text.fold(words.strip(), width - 2) if words else [""]
            rows.extend(assemble((f" {row}", "$text-warning")) for row in folded)
        return rows

    def _draw_steps(self, width: int) -> list[Content]:
        room = self.size.height - 2  # bar and keys
        if self.has_class("-wide"):
            height = max(4, room - 12)
        else:
            others = 2 + (0 if self.follower.ended else 2)  # title, numbers
            result = len(self._draw_result(width))
            height = max(3, room - others - result - 1 - LOG_ROWS)
        state = self.follower.state
        if not self._alive:
            state = stopped(state, self._now_s, Outcome.FAILED)
        return step_lines(state, self.place(width), height)

    @property
    def _alive(self) -> bool:
        """Whether somebody may still work on this job."""
        job = next((job for job in self.owner.jobs if job.job_id == self.job_id), None)
        return not self.follower.ended and not (job is not None and job.interrupted)

    @property
    def _now_s(self) -> float:
        """The time of the job: now, or of its last event where nobody works on it any more."""
        last_s = self.follower.state.last_s
        return self.owner.clock() if self._alive or last_s is None else last_s

    def _draw_result(self, width: int) -> list[Content]:
        follower, place = self.follower, self.place(width)
        rows = result_lines(follower.state, place, alive=self._alive)
        if rows:
            return [*rows, *self._what_now(width)]
        if follower.state.began is None:
            return [assemble((f" Starting {place.glyphs.ellipsis}", "$foreground-muted"))]
        words = " You may leave: the job goes on. magerewind job:attach shows it again."
        return [assemble((text.fit(words, width, place.glyphs), "$foreground-muted"))]

    def _what_now(self, width: int) -> list[Content]:
        choices = []
        if self.undo_kept():
            choices.append("[u] undo it   [d] discard the undo")
        if self.owner.interrupted_job is not None:
            choices.append("[i] recover")
        choices.append("[Esc] back")
        line = " " + "   ".join(choices)
        return [assemble((text.fit(line, width, self.owner.glyphs), "bold"))]

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
            return bool(self.query_one(LogPane).term)
        return True

    # Doing

    def action_back(self) -> None:
        """Close the search, or leave the screen."""
        search = self.query_one("#search", Input)
        log = self.query_one(LogPane)
        if search.display or log.term:
            self._search("")
        elif self.has_class("-zoomed"):
            self.action_zoom_log()
        else:
            super().action_back()

    def action_cancel_job(self) -> None:
        """Ask whether to cancel, and ask the job to."""
        state = self.follower.state
        if self.owner.read_only:
            self.owner.may_change()
            return
        if state.committed:
            self.owner.refuse("Too late to cancel: past the commit point, finishing.")
            return
        if state.cancelling:
            self.owner.refuse("It is being cancelled: everything is being put back.")
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.owner.errands.ask(
                    lambda: self.owner.engine.cancel(self.job_id), cancelled, limit_s=10.0
                )

        def cancelled(value: object) -> None:
            if isinstance(value, Exception):
                self.owner.complain(value)

        lines = [
            "What it has begun is put back: unfinished files are removed, and the store is",
            "as it was before, open if it was open.",
        ]
        self.app.push_screen(Ask(title="Cancel this job?", lines=lines, do="Cancel it"), answered)

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
        self.query_one(LogPane).action_follow()
        self._draw_log()

    def action_search_log(self) -> None:
        """Type what to search for."""
        self.remove_class("-folded")
        search = self.query_one("#search", Input)
        search.display = True
        search.focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the newest line that matches."""
        self._search(event.value)

    def _search(self, term: str) -> None:
        log, field = self.query_one(LogPane), self.query_one("#search", Input)
        log.search(term)
        field.value = term
        field.display = False
        log.focus()
        self._draw_log()
        self.refresh_bindings()

    def action_match(self, direction: int) -> None:
        """Go to the next line that matches, or to the one before."""
        self.query_one(LogPane).step(direction)
        self._draw_log()

    def action_copy_path(self) -> None:
        """Copy where the complete record of the job is."""
        path = self.owner.engine.log_path(self.job_id)
        self.app.copy_to_clipboard(text.clean(path))
        self.owner.tell(f"The complete record: {path}")

    def action_undo(self) -> None:
        """Ask for the plan of the undo."""
        self.owner.open_page("undo")

    def action_recover(self) -> None:
        """Show what recovery would do."""
        self.owner.open_page("recover")

    def action_discard(self) -> None:
        """Ask whether to give up the undo."""
        self.owner.open_page("discard")
