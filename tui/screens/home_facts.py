"""Requests the facts of the first screen and collects the answers received so far."""

from __future__ import annotations

from collections.abc import Callable
from datetime import tzinfo
from typing import Final

from textual.content import Content

from core.events import Kind
from core.operations.requests import BackupRequest
from tui.engine.port import Engine, Latest, QuestionThreads
from tui.engine.views import (
    BackupCheckView,
    BackupsView,
    BackupView,
    ChangedPart,
    DatabaseView,
    LostView,
    NewerView,
    SpaceView,
    StoreView,
)
from tui.render.first_backup import first_lines
from tui.render.job import Canvas

DATABASE_LIMIT_S: Final = 15.0
FILES_LIMIT_S: Final = 10.0
CHANGED_LIMIT_S: Final = 40.0
CHECK_LIMIT_S: Final = 60.0
_AHEAD_S: Final = 60.0
FILES: Final = (Kind.CODE, Kind.MEDIA)


class HomeFacts:
    """Asks side by side, and calls `came` on the event loop with each answer."""

    def __init__(
        self,
        engine: Engine,
        questions: QuestionThreads,
        came: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self.store: Latest[StoreView] = Latest()
        self.database: Latest[DatabaseView] = Latest()
        self.space: Latest[SpaceView] = Latest()
        self.backups: Latest[BackupsView] = Latest()
        self.lost: Latest[tuple[LostView, ...]] = Latest()
        self.changed: dict[Kind, Latest[ChangedPart]] = {
            kind: Latest(last_only=True) for kind in FILES
        }
        self.newer: Latest[NewerView] = Latest(last_only=True)
        self.check: Latest[BackupCheckView] = Latest()  # of a store without a backup
        self.log: Latest[tuple[tuple[float, str], ...]] = Latest()
        self.gone = False  # the screen is gone: running looks end
        self._engine = engine
        self._questions = questions
        self._came = came
        self._clock = clock
        self._compared: tuple[str, ...] = ()  # the files that the look at changes began from
        self._look = True

    def _tell(self, _value: object) -> None:
        self._came()

    def ask(self, *, look: bool) -> None:
        """Ask for every fact; `look`: also for changes, where no job is running."""
        engine, questions = self._engine, self._questions
        self._look = look
        self.store.ask(questions, engine.store, self._tell, limit_s=FILES_LIMIT_S)
        self.space.ask(questions, engine.space, self._tell, limit_s=FILES_LIMIT_S)
        self.backups.ask(questions, engine.backups, self._listed, limit_s=FILES_LIMIT_S)
        self.database.ask(questions, engine.database, self._tell, limit_s=DATABASE_LIMIT_S)
        self.lost.ask(questions, engine.lost, self._tell, limit_s=DATABASE_LIMIT_S)

    def ask_log(self, job_id: str) -> None:
        """Ask for the last lines of a job's log."""
        engine = self._engine
        self.log.ask(
            self._questions, lambda: engine.log_tail(job_id), self._tell, limit_s=FILES_LIMIT_S
        )

    def look_again(self) -> None:
        """Let the next question look at changes once more."""
        self._compared = ()

    def newest(self) -> dict[Kind, BackupView]:
        """Return the newest good backup of each kind."""
        listing = self.backups.value
        if not isinstance(listing, BackupsView):
            return {}
        good = {kind: listing.good(kind) for kind in Kind}
        latest_s = self._clock() + _AHEAD_S  # a file's name or time may be any
        past = {
            kind: [one for one in found if one.timestamp <= latest_s] or found
            for kind, found in good.items()
        }
        return {kind: found[0] for kind, found in past.items() if found}

    def parts(self) -> dict[Kind, ChangedPart | Exception | None]:
        """Return the changes, for each kind of file that has a backup."""
        newest = self.newest()
        return {kind: one.value for kind, one in self.changed.items() if kind in newest}

    def _look_at_first(self) -> None:
        """Ask for the contents of a first backup, once."""
        if self.check.pending or isinstance(self.check.value, BackupCheckView):
            return
        engine, asked = self._engine, self._engine.defaults
        request = BackupRequest(kinds=tuple(Kind), exclude=asked.exclude, compress=asked.compress)
        self.check.ask(
            self._questions,
            lambda: engine.check_backup(request),
            self._tell,
            limit_s=CHECK_LIMIT_S,
        )

    @property
    def is_empty(self) -> bool:
        """Whether it is known that there is no backup."""
        listing = self.backups.value
        return isinstance(listing, BackupsView) and not listing.sets

    def first_lines(self, place: Canvas, zone: tzinfo | None, *, brief: bool) -> list[Content]:
        """Return the contents and needs of a first backup, as rows."""
        listing = self.backups.value
        return first_lines(
            self.check.value,
            self._engine.defaults,
            self.store.value,
            listing.directory if isinstance(listing, BackupsView) else "",
            place,
            zone,
            brief=brief,
        )

    def _listed(self, _value: object) -> None:
        if self.is_empty and self._look:
            self._look_at_first()
        self._came()
        newest = self.newest()
        names = tuple(backup.name for backup in newest.values())
        if names == self._compared or not self._look:
            return
        self._compared = names
        for kind in FILES:
            if kind in newest:
                self._look_at(kind, newest[kind])
        if Kind.DB in newest:
            since, engine = newest[Kind.DB].timestamp, self._engine
            self.newer.ask(
                self._questions,
                lambda: engine.newer(since),
                self._tell,
                limit_s=DATABASE_LIMIT_S,
            )

    def _look_at(self, kind: Kind, backup: BackupView) -> None:
        latest, engine = self.changed[kind], self._engine
        is_old = latest.begin()
        latest.ask(
            self._questions,
            lambda: engine.changed(backup, lambda: self.gone or is_old()),
            self._tell,
            limit_s=CHANGED_LIMIT_S,
            begun=True,
        )
