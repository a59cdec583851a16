"""The top of a job's screen: the whole job while it runs, the verdict when it is over."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from msgspec import Struct
from textual.content import Content

from core.events import Operation, Outcome, Step
from core.jobs.state import JobState
from tui.render import text
from tui.render.job import Canvas, stalled_s
from tui.render.row import Row
from tui.render.text import Glyphs, assemble

BAR: Final = 40
COMMANDS: Final = {
    "php-fpm": "systemctl reload 'php*-fpm.service'",
    "static-content": "bin/magento setup:static-content:deploy",
    "setup-upgrade": "bin/magento setup:upgrade",
}


class RemainingTask(Struct, frozen=True, kw_only=True):
    """One remaining task, and its command if there is one."""

    words: str
    command: str = ""


def whole_lines(
    state: JobState, share: float, alive: bool, place: Canvas, *, asked: bool = False
) -> list[Content]:
    """Return the bar of the whole job, and when the store opens again.

    `asked`: somebody has asked the job to stop.
    """
    if not alive:
        words = f"{place.glyphs.failed} INTERRUPTED: its process is gone."
        more = " Recovery brings the store to a known state: [i]."
        return [assemble((words, "bold $text-error"), more)]
    if state.began is None:
        return [assemble((f"Starting {place.glyphs.ellipsis}", "$foreground-muted"))]
    bar = text.bar(share, min(BAR, max(8, place.width - 40)), place.glyphs)
    full = bar.rstrip(place.glyphs.empty)
    took = place.now_s - state.began_s if state.began_s is not None else 0.0
    first = assemble(
        ("WHOLE JOB  ", "$foreground-muted"),
        (full, "$text-accent"),
        (bar[len(full) :], "$line"),
        (f"  {int(share * 100)} %", "bold"),
        f"   {text.duration(took)} so far",
    )
    opens, back = _opens(state, place.now_s), _way_back(state, asked=asked)
    style = "$text-warning" if asked else _style(state)
    if len(opens) + len(back) + 3 <= place.width:
        return [first, assemble((opens, "bold"), "   " if opens else "", (back, style))]
    return [first, *([assemble((opens, "bold"))] if opens else []), assemble((back, style))]


def _opens(state: JobState, now_s: float) -> str:
    remaining, step = state.remaining_s, state.current_step
    # Three seconds of progress before a remaining time is more than a guess.
    old = step is not None and step.started_s is not None
    worked = (step.updated_s or 0.0) - (step.started_s or 0.0) if old and step else 0.0
    if remaining is None or worked < 3.0 or stalled_s(state, now_s):
        return "The store is closed." if state.closed_since_s is not None else ""
    left = text.duration(remaining)
    if state.opens and state.closed_since_s is not None:
        return f"The store opens again in about {left}."
    return f"About {left} are left."


def _style(state: JobState) -> str:
    return "$text-warning" if state.cancelling or state.committed else "$foreground-muted"


def _way_back(state: JobState, *, asked: bool) -> str:
    if state.committed:
        return "Past the commit: it will be finished."
    if state.cancelling:
        return "Cancelling: everything is being put back."
    if asked:
        return "Cancel was asked; the job has not answered yet."
    if any(step.step is Step.COMMIT for step in state.steps):
        return 'Until "Commit" all can be put back.'
    if state.began is not None and state.began.operation is Operation.BACKUP:
        return "It can be cancelled at any time."
    return ""


def verdict_lines(state: JobState, place: Canvas) -> list[Content]:
    """Return how the job ended: outcome, times, reason and hint, warnings."""
    ended = state.ended
    if ended is None:
        return []
    style = f"bold {text.OUTCOME_STYLES[ended.outcome]}"
    head = f"{text.OUTCOME_WORDS[ended.outcome]} in {text.duration(ended.elapsed_s)}"
    closed = f", closed for {text.duration(ended.closed_s)}" if ended.closed_s else ""
    rows = [
        assemble(
            (f"{sign_of(ended.outcome, place.glyphs)} {head}", style),
            closed,
            (". The undo is kept until the next rollback.", "") if ended.undo_kept else ".",
        )
    ]
    if state.failure is not None:
        rows += _folded(state.failure.message, place, style)
        rows += _folded(state.failure.hint or "", place, "")
    # The runner may warn of the same thing before and while it works.
    warnings = tuple(dict.fromkeys(one.message for one in state.warnings))
    for message in warnings[:3]:
        rows += _folded(f"{place.glyphs.warning} {message}", place, "$text-warning")
    if len(warnings) > 3:
        rows.append(assemble(f"  {len(warnings) - 3} more warnings in the log"))
    return rows


def sign_of(outcome: Outcome, glyphs: Glyphs) -> str:
    """Return the sign of an outcome."""
    match outcome:
        case Outcome.DONE:
            return glyphs.ok
        case Outcome.FAILED | Outcome.CLOSED:
            return glyphs.failed
        case _:
            return glyphs.warning


def _folded(words: str, place: Canvas, style: str) -> list[Content]:
    if not words:
        return []
    return [assemble((f"  {row}", style)) for row in text.fold(text.clean(words), place.width - 2)]


def tasks_of(state: JobState) -> tuple[RemainingTask, ...]:
    """Return the tasks left to the administrator after the job."""
    return tuple(
        RemainingTask(words=text.clean(one.message), command=COMMANDS.get(one.code, ""))
        for one in state.follow_ups
    )


def task_rows(
    tasks: Sequence[RemainingTask],
    ticked: Collection[str],
    undo_bytes: int | None,
    width: int,
    glyphs: Glyphs,
) -> list[Row]:
    """Return the remaining tasks as rows to tick, each command below its sentence.

    `undo_bytes`: the space of the undo that this job keeps, None where it keeps none.
    """
    rows: list[Row] = []
    for number, task in enumerate(tasks):
        key = f"task {number}"
        box = glyphs.on if key in ticked else glyphs.off
        sentence = task.words.replace(task.command, "").rstrip(": ") if task.command else task.words
        for at, line in enumerate(text.fold(sentence, width - 6)):
            shown = assemble(f"{'   ' if at else box} {line}")
            rows.append(Row(key if not at else f"{key} {at}", _always(shown), heading=bool(at)))
        if task.command:
            command = text.fit(f"    {task.command}", width, glyphs).rstrip()
            shown = assemble((command, "$text-accent"))
            rows.append(Row(f"{key} command", _always(shown), heading=True))
    if undo_bytes is not None:
        words = f" Undo: kept until the next rollback or discard, {text.size(undo_bytes)}"
        rows.append(Row("undo", _always(assemble(("[u]", "bold $text-accent"), words))))
    return rows


def _always(line: Content) -> Callable[[int], Content]:
    return lambda _width: line
