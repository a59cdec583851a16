"""Backups being read again, one after the other, in a thread of their own."""

from __future__ import annotations

from collections import deque

from core.text.numbers import counted
from tui.engine.port import Engine, Messages, QuestionThreads
from tui.engine.views import BackupView


class Verifying:
    """The queue, the backup that is read now, and its progress, written by the thread."""

    def __init__(self, engine: Engine, questions: QuestionThreads, voice: Messages) -> None:
        self._engine = engine
        self._questions = questions
        self._voice = voice
        self._waiting: deque[BackupView] = deque()
        self._reading: BackupView | None = None
        self._done_bytes = 0
        self._shown = -1
        self._finished = False

    def start(self, backups: tuple[BackupView, ...]) -> None:
        """Append these to the queue."""
        known = {backup.name for backup in self._waiting}
        if self._reading is not None:
            known.add(self._reading.name)
        self._waiting.extend(backup for backup in backups if backup.name not in known)
        if self._reading is None:
            self._next()

    def share(self, backups: tuple[BackupView, ...]) -> int | None:
        """Return how much of these is read, in percent; None when none of them is being read."""
        reading = self._reading
        if reading is None or reading.name not in {backup.name for backup in backups}:
            return None
        return min(99, self._done_bytes * 100 // max(1, reading.size_bytes))

    @property
    def busy(self) -> bool:
        """Whether a backup is being read."""
        return self._reading is not None

    def moved(self) -> bool:
        """Return whether there is something new to show."""
        now = -1 if self._reading is None else hash((self._reading.name, self._percent()))
        changed = now != self._shown or self._finished
        self._shown = now
        return changed

    def finished(self) -> bool:
        """Return, once, whether a backup was read to its end since the last call."""
        finished, self._finished = self._finished, False
        return finished

    def _percent(self) -> int:
        return self._done_bytes * 100 // max(1, self._reading.size_bytes) if self._reading else 0

    def _next(self) -> None:
        if not self._waiting:
            self._reading = None
            return
        backup = self._reading = self._waiting.popleft()
        self._done_bytes = 0
        engine = self._engine

        def report(done_bytes: int, _items: int, _current: str) -> None:
            self._done_bytes = done_bytes

        def done(value: tuple[str, ...] | Exception) -> None:
            name = backup.name
            if isinstance(value, Exception):
                self._voice.complain(value)
            elif value:
                self._voice.refuse(f"{name}: complete, {counted(len(value), 'warning')}.")
            else:
                self._voice.tell(f"{name}: verified, complete and sound.")
            self._finished = True
            self._next()

        self._questions.ask(lambda: engine.verify(backup, report), done)
