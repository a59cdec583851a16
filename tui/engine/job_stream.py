"""The events of one job for a screen, and the decision that none will follow."""

from __future__ import annotations

from collections.abc import Callable

from core.errors import MagerewindError
from core.events import Stamped
from core.jobs.stream import EventStream

GONE_AFTER = 8  # empty looks (two seconds) before a job without an end and without a lock is over


class JobStream:
    """A job's events, and whether more can come."""

    def __init__(
        self, stream: EventStream, is_over: Callable[[], bool], is_asked: Callable[[], bool]
    ) -> None:
        self._stream = stream
        self._is_asked = is_asked
        self.cancel_asked = False
        self._is_over = is_over
        self._empty = 0
        self.ended = False

    def poll(self) -> list[Stamped]:
        """Return the new events. `ended` becomes true when the runner has released the store."""
        try:
            events = self._stream.poll()
            self.cancel_asked = self.cancel_asked or self._is_asked()
            over = not events and self._is_over()
        except MagerewindError:  # state that is not ours: the list of jobs says so
            self.ended = True
            return []
        if events:
            self._empty = 0
            self.ended = False
            return events
        if over:
            # A runner lets go of the lock just before it writes its last event.
            self._empty += 1
            self.ended = self._stream.ended is not None or self._empty >= GONE_AFTER
        return events
