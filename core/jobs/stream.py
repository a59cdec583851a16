"""The stream of a job's events: written by its runner, read by everybody who watches.

Not fsynced: it is for people, and the journal is the memory. A stream that cannot be written (a
full disk) never stops a job.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable
from typing import Final

from core.directories import StateFile, state_file
from core.durable import write_all
from core.event_lines import from_line, to_line
from core.events import Event, JobEnded, Progressed, Stamped

PROGRESS_INTERVAL_S: Final = 0.1
_CHUNK: Final = 1 << 20
_LONGEST: Final = 16 << 20
"""The most bytes of a line: nothing that is said of a job comes near it."""


class StreamWriter:
    """Appends events with their number and time; progress at most ten times a second.

    A progress event that comes too early is kept and written before the next other event, so the
    last one of a step is never lost.
    """

    def __init__(self, place: str | StateFile, *, clock: Callable[[], float]) -> None:
        self._fd = state_file(place).open(os.O_RDWR | os.O_CREAT | os.O_APPEND)
        self._clock = clock
        self._turn = threading.Lock()  # the workers of a dump report side by side
        self._seq = self._resume()
        self._pending: Progressed | None = None
        self._progress_s = -PROGRESS_INTERVAL_S

    def _resume(self) -> int:
        """Return the next number; end a line that a killed runner left open."""
        stream = EventStream(None, fd=os.dup(self._fd))
        last = -1
        while events := stream.poll():
            last = events[-1].seq
        stream.close()
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            write_all(self._fd, b"\n")
        return last + 1

    def emit(self, event: Event) -> None:
        """Write one event, or hold it back before the stream may begin."""
        with self._turn:
            if isinstance(event, Progressed) and self._too_early():
                self._pending = event
                return
            pending, self._pending = self._pending, None
            if pending is not None and not isinstance(event, Progressed):
                self._write(pending)
            self._write(event)

    def _too_early(self) -> bool:
        now_s = self._clock()
        if 0 <= now_s - self._progress_s < PROGRESS_INTERVAL_S:
            return True
        self._progress_s = now_s
        return False

    def _write(self, event: Event) -> None:
        stamped = Stamped(seq=self._seq, time_s=self._clock(), event=event)
        # A job must not fail because its stream cannot be written.
        with contextlib.suppress(OSError):
            write_all(self._fd, to_line(stamped))
        self._seq += 1

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


class EventStream:
    """Reads the events that have come since the last look; never blocks."""

    def __init__(self, place: str | StateFile | None, *, fd: int | None = None) -> None:
        self._file = None if place is None else state_file(place)
        self._fd = fd
        self._offset = 0
        self._rest = b""
        self._passing = False  # over the rest of a line that is too long
        self.ended: JobEnded | None = None

    def _open(self) -> int | None:
        if self._fd is None and self._file is not None:
            with contextlib.suppress(FileNotFoundError):
                self._fd = self._file.open()
        return self._fd

    def poll(self) -> list[Stamped]:
        """Return the new events, at most about a mebibyte of them; an empty list means up to date.

        Lines of a later version, and a line that was cut by a crash, are passed over. Raises
        ForeignState for a file that is not ours.
        """
        fd = self._open()
        if fd is None:
            return []
        events: list[Stamped] = []
        while not events:
            chunk = os.pread(fd, _CHUNK, self._offset)
            if not chunk:
                break
            self._offset += len(chunk)
            lines = (self._rest + chunk).split(b"\n")
            if self._passing and len(lines) > 1:
                del lines[0]
                self._passing = False
            self._rest = lines.pop()
            if self._passing or len(self._rest) > _LONGEST:
                self._rest, self._passing = b"", True
            events = [event for line in lines if (event := _parse(line)) is not None]
        if events:
            last = events[-1].event
            # A job that was taken up again goes on after its end.
            self.ended = last if isinstance(last, JobEnded) else None
        return events

    def close(self) -> None:
        """Close the file."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)


def _parse(line: bytes) -> Stamped | None:
    if not line:
        return None
    try:
        return from_line(line)
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
