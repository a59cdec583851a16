"""The application: one store, a stack of screens, and the running job.

Does no work itself: it asks the engine through the port and draws the answers.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import ExitStack
from datetime import tzinfo
from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from core.errors import MagerewindError
from core.events import Operation
from core.jobs.listing import JobSummary
from core.operations.health import StoreHealth
from core.operations.requests import DiscardRequest, Request, UndoRequest
from core.silence import heard_by
from tui.app.bar import bar_of
from tui.app.base import Shell
from tui.app.terminal import Terminal
from tui.engine.job_watch import StreamWatch
from tui.engine.port import Engine, Follower, Latest, QuestionThreads
from tui.engine.views import BackupsView, SetView
from tui.render.job import closed_text
from tui.screens.backup import Backup
from tui.screens.backups import Backups
from tui.screens.deletion import discard_question
from tui.screens.history import History
from tui.screens.home import Home
from tui.screens.host import Host
from tui.screens.job import JobScreen
from tui.screens.page import Page
from tui.screens.recover import Recover
from tui.widgets.bar import BarView

POLL_S: Final = 0.5
REMOTE_POLL_S: Final = 1.0  # over a link: a bar that moves once a second reads as live
AGES_S: Final = 60.0  # "3 hours ago" must not stay on the screen for a night
HEALTH_LIMIT_S: Final = 30.0  # longer than a dead server takes to be called dead
NO_ANSWER: Final = ("store state unknown",)
Looked = tuple[tuple[JobSummary, ...], bool, int]  # jobs, maintenance mode, forgotten jobs
LIMIT_S: Final = 10.0  # for a question to the files of the store


class Application(Shell):
    """The application on one store."""

    CSS_PATH = "app.tcss"
    TITLE = "magerewind"
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-tiny"),
        (60, "-narrow"),
        (100, "-wide"),
        (160, "-huge"),
    ]
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - as Textual declares it
        (0, "-flat"),
        (16, "-short"),
        (30, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "Help", tooltip="The keys of this screen."),
        Binding("q", "leave", "Quit", tooltip="Leave; a running job goes on by itself."),
        Binding("ctrl+q", "leave", "Quit", show=False, priority=True),
        Binding("j", "job", "Job", tooltip="Show the running job, or the last one."),
        Binding("f5", "look_again", "Look again", tooltip="Look at the store and its jobs anew."),
        Binding("ctrl+l", "repaint", "Repaint", tooltip="Paint the whole screen again."),
        Binding("ctrl+z", "suspend_process", "Suspend", tooltip="Back to the shell; fg returns."),
    ]

    def __init__(
        self, engine: Engine, looks: Terminal, *, clock: Callable[[], float], zone: tzinfo | None
    ) -> None:
        super().__init__(looks)
        self.remote = looks.remote
        self.engine = engine
        if engine.switchable:
            self.let_switch()
        self.clock = clock
        self.zone = zone
        self.questions: QuestionThreads
        self.follower: Follower | None = None
        self.jobs: tuple[JobSummary, ...] = ()
        self.forgotten = 0
        self.maintenance: bool | None = None
        self.health: StoreHealth | None = None
        self.listing: BackupsView | None = None
        self.read_only: str = "you asked only to look" if engine.read_only else ""
        self.last_words = ""
        self.look: Latest[Looked] = Latest()
        self._health: Latest[StoreHealth] = Latest()
        self._held = ExitStack()  # as long as it runs

    def on_mount(self) -> None:
        """Show Home and begin to watch for jobs."""
        self.set_class(self.ascii_only, "-ascii")
        self.questions = QuestionThreads()
        self._held.enter_context(heard_by(self.questions.handed(self.tell)))
        every_s = REMOTE_POLL_S if self.remote else POLL_S
        self._poll_timer = self.set_interval(every_s, self.poll, pause=True)
        self._watch = StreamWatch(
            self.engine.places, self.look_for_jobs, self.questions, local=None
        )
        self.set_interval(AGES_S, self._redraw_ages)
        self.push_screen(Home())
        self.call_after_refresh(self.look_for_jobs)

    def _redraw_ages(self) -> None:
        page = self._page_on_top
        if page is not None:
            page.redraw()

    @property
    def _page_on_top(self) -> Page | None:
        """The page that is seen without another screen on it; none while the application ends."""
        stack = self.screen_stack
        return stack[-1] if stack and isinstance(stack[-1], Page) else None

    def on_unmount(self) -> None:
        """Let no answer come back into a closed application."""
        self._watch.close()
        self._held.close()
        self.questions.close()
        self.engine.close()

    # The running job

    def look_for_jobs(self) -> None:
        """Look whether a job runs or was interrupted, and whether the store is closed."""
        followed = self.follower

        def done(found: Looked | Exception) -> None:
            if isinstance(found, Exception):
                return
            before = (self.jobs, self.maintenance)
            jobs, closed, self.forgotten = found
            # A slow answer may be from before the followed job closed the store.
            self.maintenance = closed or self._closed_by_job
            if not gc.get_freeze_count():
                # All modules are there now. A full collection over them took 66 ms, at any key.
                gc.freeze()
            self.jobs = jobs
            died = self.interrupted_job
            if died is not None and followed is not None and followed.job_id == died.job_id:
                followed.ended = True  # its stream has no end, and will get none by itself
            running = self.running_job
            if running is not None and (
                self.follower is None or self.follower.job_id != running.job_id
            ):
                self.follow(running.job_id)
            self._tell(jobs_changed=before != (self.jobs, self.maintenance))

        engine = self.engine

        def look() -> Looked:
            return engine.jobs(), engine.closed(), engine.forgotten()

        self.look.ask(self.questions, look, done, limit_s=LIMIT_S)
        self._health.ask(self.questions, engine.health, self._found_health, limit_s=HEALTH_LIMIT_S)

    def _found_health(self, found: StoreHealth | Exception) -> None:
        """Show broken parts of the store. An unknown state is no open store either."""
        before = self.health
        self.health = found if isinstance(found, StoreHealth) else StoreHealth(broken=NO_ANSWER)
        if self.health != before:
            for screen in self.screen_stack:
                if isinstance(screen, Page):
                    screen.refresh_bar()
                    screen.redraw()

    @property
    def running_job(self) -> JobSummary | None:
        """The job that runs now."""
        return next((job for job in self.jobs if job.running), None)

    @property
    def _closed_by_job(self) -> bool:
        """Whether the followed job has the store closed now."""
        follower = self.follower
        if follower is None or follower.ended:
            return False
        return follower.state.closed_since_s is not None

    @property
    def interrupted_job(self) -> JobSummary | None:
        """A job whose process died, to be recovered first."""
        return next((job for job in self.jobs if job.interrupted), None)

    @property
    def undoable_job(self) -> JobSummary | None:
        """The finished rollback that keeps its undo."""
        return next((job for job in self.jobs if job.undo_kept), None)

    def undo_gone(self, job_id: str) -> str:
        """Return that the undo of this job is kept no more; an empty text while it is."""
        kept = any(job.undo_kept for job in self.jobs if job.job_id == job_id)
        return "" if kept else "That undo is gone: nothing was done here."

    def follow(self, job_id: str) -> Follower:
        """Follow this job from now on; the bar shows it on every screen."""
        self.follower = Follower(self.engine, job_id)
        self._poll_timer.resume()
        self.poll()
        return self.follower

    def poll(self) -> None:
        """Take in new events of the followed job and draw them."""
        follower = self.follower
        if follower is None or follower.ended:
            self._poll_timer.pause()
            return
        try:
            follower.poll()
        except (MagerewindError, OSError) as error:
            self.complain(error)
            follower.ended = True
        if follower.ended:
            self._poll_timer.pause()
            self.look_for_jobs()
        state = follower.state
        if state.ended is not None or state.closed_since_s is not None:
            self.maintenance = state.closed_since_s is not None
        # A page below the palette is painted whole: 13 kB a time at 120x40.
        if follower.ended or self._page_on_top:
            self._tell()

    def _tell(self, *, jobs_changed: bool = False) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, Page) and screen.in_front:
                screen.refresh_bar()
                screen.job_moved()
                if jobs_changed:
                    screen.jobs_changed()
                screen.close_ended()

    def bar_view(self, crumb: str) -> BarView:
        """Return the facts of the first row of a screen."""
        return bar_of(self, crumb)

    # Common to all screens

    def may_change(self) -> bool:
        """Return whether this session may change anything, and say why where it may not."""
        if self.read_only:
            self.refuse(f"Read-only: {self.read_only}.")
        return not self.read_only

    def may_start(self) -> bool:
        """Return whether a job may be started, and say why where it may not."""
        return self.may_change() and self.may_plan()

    def may_plan(self) -> bool:
        """Return whether a plan may be made, and say why where it may not. It changes nothing."""
        if self.interrupted_job is not None:
            self.refuse("A job was interrupted: recover it first (i on the first screen).")
            return False
        if self.running_job is not None or (self.follower and not self.follower.ended):
            self.refuse("A job is running: j shows it.")
            return False
        return True

    def begin(self, request: Request, done: Callable[[Exception | None], None]) -> None:
        """Start a job in a background thread; its screen replaces the one that asked for it."""
        asking = self.screen

        def started(value: str | Exception) -> None:
            if isinstance(value, Exception):
                self.complain(value)
                done(value)
                self.look_for_jobs()
                return
            self.follow(value)
            done(None)
            if self.screen is asking:
                while not isinstance(self.screen, Home):
                    self.pop_screen()
            self.show_job(value)

        self.questions.ask(lambda: self.engine.start(request), started)

    def show_job(self, job_id: str, *, instead: bool = False) -> None:
        """Put the screen of a job on top, or in the place of the one that is there."""
        if isinstance(self.screen, JobScreen) and self.screen.job_id == job_id:
            return
        if instead:
            self.switch_screen(JobScreen(job_id))
        else:
            self.push_screen(JobScreen(job_id))

    def open_page(self, key: str) -> None:
        """Put the screen of an action on top, or say why not."""
        match key:
            case "backup" if self.may_plan():
                self.push_screen(Backup())
            case "backups":
                self.show_backups(None)
            case "rollback" if self.may_plan():
                self.pick(None)
            case "history":
                self.push_screen(History())
            case "recover":
                self._open_recovery()
            case "undo" if self.may_plan():
                self._open_undo()
            case "discard" if self.may_start():
                self._ask_discard()
            case _:
                pass

    def action_open_page(self, key: str) -> None:
        """Put the screen of an action on top."""
        self.open_page(key)

    def show_backups(self, key: str | None) -> None:
        """Show the backups, with the cursor on this set."""
        self.push_screen(Backups(key))

    def compare(self, one: SetView) -> None:
        """Plan a rollback to this set, to see its changes."""
        if one.kinds:
            self.pick(one.key)
        else:
            self.refuse("An archive of several kinds is not compared.")

    def pick(self, key: str | None) -> None:
        """Begin a rollback, to this set or to one that is still to be chosen."""
        self._show_plan(None, key)

    def _show_plan(self, request: UndoRequest | None, key: str | None = None) -> None:
        # The modules that plan load slowly, and Home does not wait for them.
        from tui.screens.plan import Rollback  # noqa: PLC0415

        self.push_screen(Rollback(request, chosen=key))

    def _open_recovery(self) -> None:
        job = self.interrupted_job
        if job is None:
            self.refuse("No job was interrupted.")
        else:
            self.push_screen(Recover(job))

    def _open_undo(self) -> None:
        job = self.undoable_job
        if job is None:
            self.refuse("No undo is kept.")
        else:
            self._show_plan(UndoRequest(job_id=job.job_id))

    def _ask_discard(self) -> None:
        job = self.undoable_job
        if job is None:
            self.refuse("No undo is kept.")
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self.begin(DiscardRequest(job_id=job.job_id), lambda _error: None)

        if self.page is not None:
            question, job_id = discard_question(job, self.zone), job.job_id
            self.page.ask(question, answered, ended=lambda: self.undo_gone(job_id))

    def action_look_again(self) -> None:
        """Look for jobs, and for the state of the store."""
        self.look_for_jobs()

    def action_job(self) -> None:
        """Show the running job, or the last one."""
        running = self.running_job
        if self.follower is not None and running is None:
            self.show_job(self.follower.job_id)
        elif running is not None:
            self.show_job(running.job_id)
        elif self.jobs:
            self.show_job(self.jobs[0].job_id)
        else:
            self.refuse("No job has run on this store yet.")

    def action_leave(self) -> None:
        """End the application; a running job goes on, and is said to."""
        follower = self.follower
        if follower is not None and not follower.ended and follower.state.began is not None:
            operation = follower.state.began.operation
            words = f"The {'job' if operation is Operation.UNKNOWN else operation.value} goes on"
            closed = closed_text(follower.state, self.clock())
            note = "" if follower.state.closed_since_s is None else f" (store {closed})"
            self.last_words = f"{words}{note}. To see it again: magerewind job:attach"
        self.exit()


AS_HOST: Final[Callable[..., Host]] = Application  # checked by types: all that screens use exists
