"""A job in words: its title, the time that the store has been closed, its progress."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from core.events import Operation, Step
from core.jobs.state import JobState, StepState
from tui.render import text
from tui.render.text import Glyphs

STALLED_S: Final = 5.0  # without an event: a rate of before is not told any more


class Canvas(Struct, frozen=True):
    """Where lines are drawn: their width in cells, the signs, the time now in unix seconds."""

    width: int
    glyphs: Glyphs
    now_s: float


def closed_text(state: JobState, now_s: float) -> str:
    """Return how long the store has been closed by this job."""
    if state.closed_since_s is not None:
        return f"closed for {text.duration(state.closed_s + now_s - state.closed_since_s)}"
    if state.closed_s:
        return f"was closed for {text.duration(state.closed_s)}"
    return "not closed by this job"


def job_title(state: JobState, fallback: str) -> str:
    """Return `Rollback of code, db to 2026-11-22 02:00`-like words without the time."""
    if state.began is None:
        return fallback
    kinds = ", ".join(kind.value for kind in state.began.kinds)
    words = text.OPERATION_WORDS[state.began.operation]
    return (
        f"{words} of {kinds}" if kinds and state.began.operation is not Operation.DISCARD else words
    )


def stalled_s(state: JobState, now_s: float) -> float | None:
    """Return for how long a running job has said nothing, in seconds; None below `STALLED_S`."""
    last_s = state.last_s
    if state.ended is not None or state.current_step is None or last_s is None:
        return None
    return now_s - last_s if now_s - last_s >= STALLED_S else None


# Bytes a second of the steps that take as long as they have bytes, and of all others a time.
_SPEEDS: Final = {Step.WRITE: 120e6, Step.VERIFY: 300e6, Step.STAGE: 60e6, Step.LOAD: 15e6}
_SHORT_S: Final = 0.5


def _weight(step: StepState) -> float:
    """Return about how many seconds a step takes, by its bytes where they are known."""
    speed = _SPEEDS.get(step.step)
    if speed is None or not step.total_bytes:
        return _SHORT_S
    return max(_SHORT_S, step.total_bytes / speed)


def whole_share(state: JobState) -> float:
    """Return how much of the whole job is done, 0 to 1: never whole before its end."""
    if state.ended is not None:
        return 1.0
    weights = [(_weight(step), step) for step in state.steps]
    total = sum(weight for weight, _step in weights)
    done = sum(
        weight * (1.0 if step.outcome is not None else step.fraction or 0.0)
        for weight, step in weights
    )
    return min(0.99, done / total) if total else 0.0


def whole_percent(state: JobState) -> int:
    """Return `whole_share` in percent."""
    return int(whole_share(state) * 100)
