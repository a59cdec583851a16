"""What is known of a job: a fold over its events. Every view of a job renders this one value.

`fold` is pure, and any prefix of a stream folds to a valid state, so a screen that is opened late,
a re-attached one and a test see the same thing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

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
    RollbackPlanned,
    Stamped,
    Step,
    StepEnded,
    StepsPlanned,
    StepStarted,
    Warned,
    step_key,
)

RATE_WINDOW_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
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
    rate: float | None = None  # bytes a second, smoothed over about `RATE_WINDOW_S`

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


@dataclass(frozen=True, slots=True, kw_only=True)
class JobState:
    """A job as its events tell it."""

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

    def step(self, step: Step, kind: Kind | None = None) -> StepState | None:
        """Return the named step, if the job has it."""
        key = step_key(step, kind)
        return next((known for known in self.steps if known.key == key), None)


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
    rate = known.rate
    since = known.updated_s if known.updated_s is not None else known.started_s
    if since is not None and now_s > since:
        latest = max(0, event.done_bytes - known.done_bytes) / (now_s - since)
        weight = min(1.0, (now_s - since) / RATE_WINDOW_S)
        rate = latest if rate is None else rate + weight * (latest - rate)
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
            rate=rate,
        ),
    )


def _step_event(state: JobState, event: Event, now_s: float) -> JobState | None:
    match event:
        case StepsPlanned(steps=keys):
            known = {step.key: step for step in state.steps}
            parsed = (_parse_key(key) for key in keys)
            steps = tuple(known.get(step.key, step) for step in parsed if step is not None)
            extra = tuple(step for step in state.steps if step.key not in keys)
            return replace(state, steps=steps + extra)
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
        case JobEnded():
            return replace(state, ended=event, cancelling=False)
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
