"""The last lines of a job's log, read once."""

from __future__ import annotations

from typing import Final

from core.jobs.state import JobState, advance
from core.text.lines import lines_of
from tui.engine.stream_port import Stream

KEPT: Final = 200


def read_log(stream: Stream) -> tuple[tuple[float, str], ...]:
    """Return times and lines of a job's log as far as it has been written, at most `KEPT`."""
    state = JobState()
    found: list[tuple[float, str]] = []
    for stamped in stream.poll():
        state = advance(state, stamped)
        found += [(stamped.time_s, line.text) for line in lines_of(stamped.event, state)]
    return tuple(found[-KEPT:])
