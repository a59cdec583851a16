"""The steps of a job as rows: related steps are one row, the point of no return is marked.

Changing numbers are at the left of their row: a partial repaint is written from the left edge on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from textual.content import Content

from core.events import Kind, Operation, Outcome, Step
from core.jobs.state import JobState, StepState
from core.text.steps import STEP_WORDS, items_words, step_label
from tui.render import text
from tui.render.job import Canvas, stalled_s
from tui.render.text import Glyphs, assemble

WORDS: Final = 22
TIME: Final = 7
BAR: Final = 24
_LIVE: Final = (None, Outcome.DONE)


class Group(Struct, frozen=True, kw_only=True):
    """Steps that share one row."""

    label: str
    steps: tuple[StepState, ...]

    @property
    def running(self) -> StepState | None:
        """The step that runs now."""
        return next((step for step in self.steps if step.running), None)

    @property
    def over(self) -> bool:
        """Whether all have ended."""
        return all(step.outcome is not None for step in self.steps)


def counts(step: StepState) -> bool:
    """Tell whether the items mean something: a dump counts rows only when written and loaded."""
    return step.kind in (Kind.CODE, Kind.MEDIA) or step.step in (Step.WRITE, Step.LOAD)


def groups(state: JobState) -> list[Group]:
    """Return the steps in groups: all before the store is closed, then those of one name."""
    steps = list(state.steps)
    found: list[Group] = []
    closing = next((at for at, step in enumerate(steps) if step.step is Step.CLOSE), 0)
    before = steps[:closing]
    if len(before) > 2 and all(step.outcome in _LIVE and not step.running for step in before):
        ended = all(step.outcome is not None for step in before)
        if ended or all(step.outcome is None for step in before):
            found.append(Group(label="Before closing", steps=tuple(before)))
            steps = steps[closing:]
    together: list[StepState] = []
    for step in steps:
        if together and step.step is together[0].step and _alike(step, together[0]):
            together.append(step)
            continue
        if together:
            found.append(_group(together))
        together = [step]
    return [*found, _group(together)] if together else found


def _alike(step: StepState, other: StepState) -> bool:
    """Tell whether two steps of one name are both over, or both to come."""
    if step.running or other.running or step.step in (Step.WRITE, Step.VERIFY):
        return False
    return step.outcome is other.outcome and step.outcome in _LIVE


def _group(steps: Sequence[StepState]) -> Group:
    if len(steps) == 1:
        return Group(label=step_label(steps[0].step, steps[0].kind), steps=tuple(steps))
    kinds = ", ".join(step.kind.value for step in steps if step.kind is not None)
    return Group(label=f"{STEP_WORDS[steps[0].step]} {kinds}".rstrip(), steps=tuple(steps))


def sign_of(group: Group, glyphs: Glyphs) -> tuple[str, str]:
    """Return the sign of a group and its style."""
    if group.running is not None:
        return glyphs.running, "bold $text-accent"
    outcomes = {step.outcome for step in group.steps}
    if not outcomes - {Outcome.DONE}:
        return glyphs.ok, "$text-success"
    if outcomes & {Outcome.FAILED, Outcome.CLOSED}:
        return glyphs.failed, "bold $text-error"
    if outcomes & {Outcome.WARNINGS, Outcome.CANCELLED, Outcome.REVERTED}:
        return glyphs.warning, "$text-warning"
    return glyphs.waiting, "$foreground-muted"


def _time(group: Group, now_s: float) -> str:
    running = group.running
    spent = sum(step.elapsed_s or 0.0 for step in group.steps)
    if running is not None and running.started_s is not None:
        spent += max(0.0, now_s - running.started_s)
    elif not any(step.outcome is not None for step in group.steps):
        return ""
    return text.duration(spent)


def _detail(group: Group, state: JobState, room: int, glyphs: Glyphs) -> list[text.Part]:
    running = group.running
    if running is not None:
        return _bar(running, room, glyphs)
    if any(step.step is Step.COMMIT for step in group.steps) and not state.committed:
        operation = state.began.operation if state.began is not None else None
        if operation in (Operation.ROLLBACK, Operation.UNDO) and state.ended is None:
            return [("point of no return", "$text-warning")]
    odd = next((step.outcome for step in group.steps if step.outcome not in _LIVE), None)
    if odd is not None:
        return [odd.value]
    if len(group.steps) > 1 and group.label.startswith("Before"):
        return [(f"{len(group.steps)} steps", "$foreground-muted")]
    return [(text.fit(_amounts(group), room, glyphs).rstrip(), "$foreground-muted")]


def _bar(step: StepState, room: int, glyphs: Glyphs) -> list[text.Part]:
    share = step.fraction
    if share is None or room < 12:
        return []
    bar = text.bar(share, min(BAR, room - 7), glyphs)
    full = bar.rstrip(glyphs.empty)
    return [(full, "$text-accent"), (bar[len(full) :], "$line"), f"  {int(share * 100)} %"]


def _amounts(group: Group) -> str:
    step = group.steps[0]
    if len(group.steps) > 1:
        return ""
    if step.outcome is None:
        return text.size(step.total_bytes) if step.total_bytes else ""
    found = [text.size(step.done_bytes)] if step.done_bytes else []
    if step.done_items and counts(step):
        found.append(items_words(step.done_items, step.kind))
    return "  ".join(found)


def group_line(group: Group, state: JobState, place: Canvas) -> Content:
    """Return one row: sign, words, time, how far."""
    glyphs = place.glyphs
    sign, style = sign_of(group, glyphs)
    room = max(0, place.width - WORDS - TIME - 5)
    words = "bold" if group.running is not None else ""
    if not group.over and group.running is None:
        words = "$foreground-muted"
    return assemble(
        (f"{sign} ", style),
        (text.fit(group.label, WORDS, glyphs), words),
        (text.right(_time(group, place.now_s), TIME), ""),
        "   ",
        *_detail(group, state, room, glyphs),
    )


def step_rows(state: JobState, place: Canvas, height: int) -> list[Content]:
    """Return the groups in at most `height` rows, around the one that runs."""
    found = groups(state)
    rows = [group_line(group, state, place) for group in found]
    if len(rows) <= height:
        return rows
    current = next((at for at, one in enumerate(found) if one.running is not None), None)
    if current is None:
        current = max((at for at, one in enumerate(found) if one.over), default=0)
    first = max(0, min(current - height // 2, len(rows) - height))
    shown = rows[first : first + height]
    if first:
        words = f"{place.glyphs.ok} {text.plural(first + 1, 'row')} before"
        shown[0] = assemble((words, "$foreground-muted"))
    after = len(rows) - first - height
    if after:
        words = f"{place.glyphs.waiting} {text.plural(after + 1, 'row')} after"
        shown[-1] = assemble((words, "$foreground-muted"))
    return shown


def now_rows(state: JobState, place: Canvas) -> list[Content]:
    """Return three rows about the running step: bytes, items, and its present item."""
    step = state.current_step
    if step is None:
        return [Content(""), Content(""), Content("")]
    silent_s = stalled_s(state, place.now_s)
    parts = [f"{text.size(state.rate)}/s"] if state.rate else []
    if silent_s is not None:
        parts = [f"stalled: nothing for {text.duration(silent_s)}"]
    if step.total_bytes:
        parts.append(f"{text.size(step.done_bytes)} of {text.size(step.total_bytes)}")
    elif step.done_bytes:
        parts.append(text.size(step.done_bytes))
    items = ""
    if step.done_items and counts(step):
        whole = f" of {text.count(step.total_items)}" if step.total_items else ""
        noun = items_words(step.total_items or step.done_items, step.kind).partition(" ")[2]
        items = f"{text.count(step.done_items)}{whole} {noun}"
    current = text.fit_end(text.clean(step.current), max(8, place.width), place.glyphs)
    rows = ["   ".join(parts), items]
    return [
        *(assemble(text.fit(row, place.width, place.glyphs).rstrip()) for row in rows),
        assemble((current, "$foreground-muted")),
    ]


def now_brief(state: JobState, place: Canvas) -> list[Content]:
    """Return the same in two rows."""
    numbers, items, current = now_rows(state, place)
    line = "   ".join(row.plain for row in (numbers, items) if row.plain)
    return [assemble(text.fit(line, place.width, place.glyphs).rstrip()), current]
