"""The application as its screens see it: a protocol, so that no screen imports the application.

It owns the questions and the starts that a screen may ask for. All of it is called on the event
loop.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Protocol

from core.jobs.listing import JobSummary
from core.operations.health import StoreHealth
from core.operations.requests import Request
from tui.engine.port import Engine, Follower, Messages, QuestionThreads
from tui.engine.views import BackupsView, SetView
from tui.render.text import Glyphs
from tui.widgets.bar import BarView


class Host(Messages, Protocol):
    """One store, its engine, and the job that is followed."""

    engine: Engine
    questions: QuestionThreads
    glyphs: Glyphs
    clock: Callable[[], float]
    zone: tzinfo | None
    follower: Follower | None
    jobs: tuple[JobSummary, ...]
    forgotten: int  # jobs that ran and are listed no more
    maintenance: bool | None  # None: not known yet
    health: StoreHealth | None  # None: not known yet
    remote: bool  # the terminal is at the other end of a link: painting is dear
    listing: BackupsView | None  # of var/backups, as it was read last
    read_only: str  # why this session may only look; empty where it may change things

    @property
    def running_job(self) -> JobSummary | None:
        """The job that runs now."""
        ...

    @property
    def interrupted_job(self) -> JobSummary | None:
        """A job whose process died, to be recovered first."""
        ...

    @property
    def undoable_job(self) -> JobSummary | None:
        """The finished rollback that keeps its undo."""
        ...

    def undo_gone(self, job_id: str) -> str:
        """Return that the undo of this job is kept no more; an empty text while it is."""
        ...

    def look_for_jobs(self) -> None:
        """Ask for the list of jobs and for maintenance mode anew."""
        ...

    def follow(self, job_id: str) -> Follower:
        """Follow this job from now on."""
        ...

    def may_change(self) -> bool:
        """Return whether this session may change anything; say why where it may not."""
        ...

    def may_plan(self) -> bool:
        """Return whether a plan may be made, which changes nothing; say why where it may not."""
        ...

    def may_start(self) -> bool:
        """Return whether a job may be started; say why where it may not."""
        ...

    def begin(self, request: Request, done: Callable[[Exception | None], None]) -> None:
        """Start a job; its screen takes the place of the present one. `done` gets the error."""
        ...

    def show_job(self, job_id: str, *, instead: bool = False) -> None:
        """Show the screen of a job, on top or instead of the present one."""
        ...

    def open_page(self, key: str) -> None:
        """Put the screen of an action on top, or say why not."""
        ...

    def show_backups(self, key: str | None) -> None:
        """Show the backups, with the cursor on this set."""
        ...

    def compare(self, one: SetView) -> None:
        """Plan a rollback to this set, to see its changes."""
        ...

    def pick(self, key: str | None) -> None:
        """Begin a rollback, to this set or to one that is still to be chosen."""
        ...

    def bar_view(self, crumb: str) -> BarView:
        """Return the values of the first row of a screen."""
        ...

    def action_job(self) -> None:
        """Show the running job, or the last one."""
        ...

    def action_leave(self) -> None:
        """End the application; a running job goes on."""
        ...
