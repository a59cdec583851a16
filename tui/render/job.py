"""A job as lines of text: steps, progress, result. Pure functions of `JobState` and the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from textual.content import Content

from core.events import Kind, Operation, Outcome, Step
from core.jobs.state import JobState, StepState
from core.text.steps import items_words, step_label
from tui.render import text
from tui.render.text import Glyphs

WORD_CELLS: Final = 22


@dataclass(frozen=True, slots=True)
class Place:
    """Where lines are drawn: their width in cells, the signs, the time now in unix seconds."""

    width: int
    glyphs: Glyphs
    now_s: float


def _sign(step: StepState, glyphs: Glyphs) -> tuple[str, str]:
    if step.running:
        return glyphs.running, "$text-accent bold"
    match step.outcome:
        case None:
            return glyphs.waiting, "$foreground-muted"
        case Outcome.DONE:
            return glyphs.ok, "$text-success"
        case Outcome.WARNINGS | Outcome.CANCELLED | Outcome.REVERTED:
            return glyphs.warning, "$text-warning"
        case _:
            return glyphs.failed, "$text-error"


def _step_detail(step: StepState, width: int, glyphs: Glyphs) -> str:
    if step.outcome not in (None, Outcome.DONE):
        return step.outcome.value
    if step.outcome is None and not step.running:
        return text.size(step.total_bytes) if step.total_bytes else ""
    if step.running and step.total_bytes:
        share = min(1.0, step.done_bytes / step.total_bytes)
        cells = max(4, min(30, width - 7))
        return f"{text.bar(share, cells, glyphs)} {int(share * 100):3d} %"
    found = []
    if step.done_bytes:
        found.append(text.size(step.done_bytes))
    if step.done_items and _counts(step):
        found.append(_items(step, step.done_items))
    return "  ".join(found)


def _counts(step: StepState) -> bool:
    """Tell whether the items mean something: a dump counts rows only when written and loaded."""
    return step.kind in (Kind.CODE, Kind.MEDIA) or step.step in (Step.WRITE, Step.LOAD)


def _items(step: StepState, number: int) -> str:
    return items_words(number, step.kind)


def step_line(step: StepState, place: Place) -> Content:
    """Return one step: sign, words, how far, time."""
    glyphs = place.glyphs
    sign, style = _sign(step, glyphs)
    elapsed = step.elapsed_s
    if step.running and step.started_s is not None:
        elapsed = max(0.0, place.now_s - step.started_s)
    time = "" if elapsed is None else text.duration(elapsed)
    detail_width = max(4, place.width - WORD_CELLS - 4 - 9)
    return text.assemble(
        (f" {sign} ", style),
        (
            text.fit(step_label(step.step, step.kind), WORD_CELLS, glyphs),
            "bold" if step.running else "",
        ),
        text.fit(_step_detail(step, detail_width, glyphs), detail_width, glyphs),
        (text.right(time, 9), "$foreground-muted"),
    )


def step_lines(state: JobState, place: Place, height: int) -> list[Content]:
    """Return the steps in at most `height` lines, around the running one."""
    steps = state.steps
    if len(steps) <= height:
        return [step_line(step, place) for step in steps]
    current = next((i for i, step in enumerate(steps) if step.running), None)
    if current is None:
        ended = [i for i, step in enumerate(steps) if step.outcome is not None]
        current = ended[-1] if ended else 0
    first = max(0, min(current - height // 2, len(steps) - height))
    shown = list(steps[first : first + height])
    found = [step_line(step, place) for step in shown]
    if first:
        found[0] = text.assemble(
            (f" {place.glyphs.ok} {first + 1} steps before", "$foreground-muted")
        )
    after = len(steps) - first - height
    if after:
        found[-1] = text.assemble(
            (f" {place.glyphs.waiting} {after + 1} steps after", "$foreground-muted")
        )
    return found


def now_lines(state: JobState, place: Place) -> list[Content]:
    """Return two lines about the running step: numbers, and what it works on."""
    step = state.current_step
    if step is None:
        return [Content(""), Content("")]
    parts = []
    if step.total_bytes:
        parts.append(f"{text.size(step.done_bytes)} of {text.size(step.total_bytes)}")
    elif step.done_bytes:
        parts.append(text.size(step.done_bytes))
    # Three seconds of progress before a remaining time is more than a guess.
    old_enough = step.started_s is not None and (step.updated_s or 0.0) - step.started_s >= 3.0
    remaining_s = state.remaining_s
    if old_enough and remaining_s is not None:
        left = text.duration(remaining_s)
        parts.append(f"opens in {left}" if state.opens else f"{left} left")
    if state.rate:
        parts.append(f"{text.size(state.rate)}/s")
    if (step.done_items or step.total_items) and _counts(step):  # the first to be cut
        items = _items(step, step.done_items)
        parts.append(f"{items} of {text.count(step.total_items)}" if step.total_items else items)
    numbers = "  ".join(parts)
    current = text.fit_end(text.clean(step.current), max(8, place.width - 4), place.glyphs)
    return [
        text.assemble("   ", text.fit(numbers, max(8, place.width - 3), place.glyphs)),
        text.assemble(("   " + current, "$foreground-muted")),
    ]


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


def result_lines(state: JobState, place: Place, *, alive: bool) -> list[Content]:
    """Return the end of the job: outcome, the reason, what remains to do. Empty while it runs."""
    if state.ended is None:
        if alive:
            return []
        words = "INTERRUPTED: its process is gone. Recovery brings the store to a known state."
        return [text.assemble((f" {place.glyphs.failed} {words}", "$text-error bold"))]
    ended = state.ended
    style = text.OUTCOME_STYLES[ended.outcome]
    head = f"{text.OUTCOME_WORDS[ended.outcome]} in {text.duration(ended.elapsed_s)}"
    closed = f"store closed for {text.duration(ended.closed_s)}" if ended.closed_s else ""
    found = [
        text.assemble(
            (f" {_outcome_sign(ended.outcome, place.glyphs)} {head}", f"{style} bold".strip()),
            f"   {closed}" if closed else "",
            "   the undo is kept" if ended.undo_kept else "",
        )
    ]
    if state.failure is not None:
        found.extend(_wrapped(text.clean(state.failure.message), place, style))
        if state.failure.hint:
            found.extend(_wrapped(text.clean(state.failure.hint), place, ""))
    # The runner may warn of the same thing before and while it works.
    warnings = tuple(dict.fromkeys((one.code, one.message) for one in state.warnings))
    for _code, message in warnings[:3]:
        found.extend(_wrapped(f"{place.glyphs.warning} {text.clean(message)}", place, ""))
    if len(warnings) > 3:
        found.append(text.assemble(f"   {len(warnings) - 3} more warnings in the log"))
    for follow_up in state.follow_ups:
        found.extend(
            _wrapped(f"{place.glyphs.arrow} {text.clean(follow_up.message)}", place, "$text-accent")
        )
    return found


def _outcome_sign(outcome: Outcome, glyphs: Glyphs) -> str:
    match outcome:
        case Outcome.DONE:
            return glyphs.ok
        case Outcome.FAILED | Outcome.CLOSED:
            return glyphs.failed
        case _:
            return glyphs.warning


def _wrapped(message: str, place: Place, style: str) -> list[Content]:
    room = max(20, place.width - 5)
    rows = Content(message).wrap(room)
    return [text.assemble("   ", (row.plain.rstrip(), style)) for row in rows]


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
