"""The state of a job: a fold over its events. Every view of a job renders this one value.

`fold` is pure, and any prefix of a stream folds to a valid state, so a screen that is opened late,
a re-attached one and a test see the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.events import (
    CancelRequested,
    CommitReached,
    Event,
    Failed,
    FollowUp,
    JobBegan,
    JobEnded,
    Kind,
    MaintenanceDisabled,
    MaintenanceEnabled,
    Outcome,
    Progressed,
    RecoveryBegan,
    RollbackPlanned,
    Stamped,
    Step,
    StepEnded,
    StepsPlanned,
    StepStarted,
    Warned,
    step_key,
)

# Steps that take as long as they have bytes; all others are short.
_SIZED: Final = frozenset({Step.WRITE, Step.VERIFY, Step.STAGE, Step.LOAD})


class StepState(Struct, frozen=True, kw_only=True):
    """One step: `outcome` is None until it has ended, `started_s` until it has begun."""

    step: Step
    kind: Kind | None = None
    started_s: float | None = None
    elapsed_s: float | None = None
    outcome: Outcome | None = None
    done_bytes: int = 0
    total_bytes: int | None = None
    done_items: int = 0
    total_items: int | None = None
    current: str = ""
    updated_s: float | None = None

    @property
    def key(self) -> str:
        """`step` or `step:kind`."""
        return step_key(self.step, self.kind)

    @property
    def running(self) -> bool:
        """Begun and not ended."""
        return self.started_s is not None and self.outcome is None

    @property
    def fraction(self) -> float | None:
        """How much of the step is done, 0 to 1; by bytes, else by items, None for neither.

        Totals are estimates, so a step that has not ended is never said to be whole.
        """
        if self.outcome in (Outcome.DONE, Outcome.WARNINGS):
            return 1.0
        for done, total in (
            (self.done_bytes, self.total_bytes),
            (self.done_items, self.total_items),
        ):
            if total:
                return min(0.99, done / total)
        return None

    @property
    def worked_s(self) -> float:
        """Its working time in seconds, by its events."""
        if self.elapsed_s is not None:
            return self.elapsed_s
        if self.started_s is None or self.updated_s is None:
            return 0.0
        return max(0.0, self.updated_s - self.started_s)

    @property
    def rate(self) -> float | None:
        """Bytes a second since it began; None while there are none."""
        return self.done_bytes / self.worked_s if self.done_bytes and self.worked_s else None

    @property
    def remaining_s(self) -> float | None:
        """Estimated time to the end of the step; None while it cannot be known."""
        if not self.running:
            return None
        if self.total_bytes is not None:
            if not self.rate:
                return None
            return max(0.0, (self.total_bytes - self.done_bytes) / self.rate)
        if not self.fraction or self.started_s is None or self.updated_s is None:
            return None
        return (self.updated_s - self.started_s) * (1 - self.fraction) / self.fraction


class JobState(Struct, frozen=True, kw_only=True):
    """The state of a job, folded from its events."""

    began: JobBegan | None = None
    began_s: float | None = None
    steps: tuple[StepState, ...] = ()
    closed_since_s: float | None = None  # maintenance mode is on for this job since then
    closed_s: float = 0.0  # finished closed times
    committed: bool = False
    cancelling: bool = False
    cancel_too_late: bool = False
    plans: tuple[RollbackPlanned, ...] = ()
    warnings: tuple[Warned, ...] = ()
    follow_ups: tuple[FollowUp, ...] = ()
    failure: Failed | None = None
    ended: JobEnded | None = None
    last_s: float | None = None
    last_seq: int = -1

    @property
    def current_step(self) -> StepState | None:
        """The step that runs now."""
        return next((step for step in reversed(self.steps) if step.running), None)

    @property
    def rate(self) -> float | None:
        """Bytes a second of the whole job: of all steps that have moved any."""
        return _rate(self.steps)

    @property
    def opens(self) -> bool:
        """Whether the store is still to be opened at the end of the present work."""
        return any(step.step is Step.OPEN and step.outcome is None for step in self.steps)

    @property
    def remaining_s(self) -> float | None:
        """Estimated time until the store opens again, else until the job's end; None: not known."""
        current = self.current_step
        if current is None or current.remaining_s is None:
            return None
        remaining = current.remaining_s
        for step in self.steps[self.steps.index(current) + 1 :]:
            if step.step is Step.OPEN:
                break
            if step.step not in _SIZED or step.started_s is not None or step.outcome is not None:
                continue
            rate = _rate(one for one in self.steps if one.step is step.step) or self.rate
            if step.total_bytes is None or not (rate or not step.total_bytes):
                return None
            remaining += step.total_bytes / rate if rate else 0.0
        return remaining

    def step(self, step: Step, kind: Kind | None = None) -> StepState | None:
        """Return the named step, if the job has it."""
        key = step_key(step, kind)
        return next((known for known in self.steps if known.key == key), None)


def _rate(steps: Iterable[StepState]) -> float | None:
    """Return the bytes a second of steps together, None where none has moved any."""
    moved = [step for step in steps if step.done_bytes and step.worked_s]
    seconds = sum(step.worked_s for step in moved)
    return sum(step.done_bytes for step in moved) / seconds if seconds else None


def stopped(state: JobState, now_s: float, outcome: Outcome) -> JobState:
    """Return the state in which no step runs or follows: no process works on it any more."""
    return replace(state, steps=tuple(_stopped_step(step, now_s, outcome) for step in state.steps))


def _stopped_step(step: StepState, now_s: float, outcome: Outcome) -> StepState:
    if step.running:
        elapsed_s = max(0.0, now_s - (step.started_s or now_s))
        return replace(step, outcome=outcome, elapsed_s=elapsed_s)
    return step if step.outcome is not None else replace(step, total_bytes=None)


def _planned(state: JobState, event: StepsPlanned) -> JobState:
    known = {step.key: step for step in state.steps}
    sizes = dict(zip(event.steps, event.sizes, strict=False))
    parsed = (_parse_key(key) for key in event.steps)
    steps = tuple(
        _sized(known.get(step.key, step), sizes.get(step.key, -1))
        for step in parsed
        if step is not None
    )
    extra = tuple(step for step in state.steps if step.key not in event.steps)
    return replace(state, steps=steps + extra)


def _sized(step: StepState, size: int) -> StepState:
    """Return a step that has not begun with the size that is expected of it."""
    return step if size < 0 or step.started_s is not None else replace(step, total_bytes=size)


def _parse_key(key: str) -> StepState | None:
    step, _, kind = key.partition(":")
    try:
        return StepState(step=Step(step), kind=Kind(kind) if kind else None)
    except ValueError:
        return None


def _with_step(state: JobState, changed: StepState) -> JobState:
    if any(step.key == changed.key for step in state.steps):
        steps = tuple(changed if step.key == changed.key else step for step in state.steps)
    else:
        steps = (*state.steps, changed)
    return replace(state, steps=steps)


def _progressed(state: JobState, event: Progressed, now_s: float) -> JobState:
    known = state.step(event.step, event.kind) or StepState(step=event.step, kind=event.kind)
    if known.started_s is None:
        known = replace(known, started_s=now_s)
    return _with_step(
        state,
        replace(
            known,
            done_bytes=event.done_bytes,
            total_bytes=event.total_bytes if event.total_bytes is not None else known.total_bytes,
            done_items=event.done_items,
            total_items=event.total_items if event.total_items is not None else known.total_items,
            current=event.current,
            updated_s=now_s,
        ),
    )


def _step_event(state: JobState, event: Event, now_s: float) -> JobState | None:
    match event:
        case StepsPlanned():
            return _planned(state, event)
        case StepStarted():
            return _with_step(
                state,
                StepState(
                    step=event.step,
                    kind=event.kind,
                    started_s=now_s,
                    total_bytes=event.total_bytes,
                    total_items=event.total_items,
                ),
            )
        case StepEnded():
            known_step = state.step(event.step, event.kind) or StepState(
                step=event.step, kind=event.kind, started_s=now_s
            )
            return _with_step(
                state, replace(known_step, outcome=event.outcome, elapsed_s=event.elapsed_s)
            )
        case Progressed():
            return _progressed(state, event, now_s)
        case _:
            return None


def _opened(state: JobState, now_s: float) -> JobState:
    since = state.closed_since_s
    passed = 0.0 if since is None else max(0.0, now_s - since)
    return replace(state, closed_since_s=None, closed_s=state.closed_s + passed)


def _all_ended(state: JobState, event: JobEnded, now_s: float) -> JobState:
    good = event.outcome in (Outcome.DONE, Outcome.WARNINGS)
    outcome = event.outcome if not good else Outcome.DONE
    return stopped(state, now_s, Outcome.FAILED if outcome is Outcome.CLOSED else outcome)


def _job_event(state: JobState, event: Event, now_s: float) -> JobState:  # noqa: C901 - a table
    match event:
        case JobBegan():
            return replace(state, began=event, began_s=now_s)
        case MaintenanceEnabled():
            return replace(state, closed_since_s=now_s)
        case MaintenanceDisabled():
            return _opened(state, now_s)
        case CommitReached():
            return replace(state, committed=True)
        case CancelRequested(too_late=too_late):
            return replace(state, cancelling=not too_late, cancel_too_late=too_late)
        case RollbackPlanned():
            return replace(state, plans=(*state.plans, event))
        case Warned():
            return replace(state, warnings=(*state.warnings, event))
        case FollowUp():
            return replace(state, follow_ups=(*state.follow_ups, event))
        case Failed():
            return replace(state, failure=event)
        case RecoveryBegan():  # running steps belonged to a process that is gone
            return stopped(state, state.last_s or now_s, Outcome.FAILED)
        case JobEnded():
            return replace(_all_ended(state, event, now_s), ended=event, cancelling=False)
        case _:
            return state


def advance(state: JobState, stamped: Stamped) -> JobState:
    """Return the state after one more event."""
    changed = _step_event(state, stamped.event, stamped.time_s)
    if changed is None:
        changed = _job_event(state, stamped.event, stamped.time_s)
    return replace(changed, last_s=stamped.time_s, last_seq=stamped.seq)


def fold(events: Iterable[Stamped], state: JobState | None = None) -> JobState:
    """Return the state after all these events, from the beginning or from `state`."""
    current = JobState() if state is None else state
    for stamped in events:
        current = advance(current, stamped)
    return current
