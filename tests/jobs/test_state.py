"""The view of a job is a fold over its events: any prefix is valid, pieces fold to the same."""

from hypothesis import given
from hypothesis import strategies as st

from core.events import (
    JobEnded,
    Kind,
    MaintenanceDisabled,
    MaintenanceEnabled,
    Outcome,
    Progressed,
    Stamped,
    Step,
    StepEnded,
    StepsPlanned,
    StepStarted,
)
from core.jobs.state import JobState, fold
from tests.strategies import ANY_EVENT


def stamped(events, *, start_s=1000.0, apart_s=1.0):
    return [
        Stamped(seq=seq, time_s=start_s + seq * apart_s, event=event)
        for seq, event in enumerate(events)
    ]


@given(st.lists(ANY_EVENT, max_size=30), st.integers(0, 30))
def test_any_prefix_folds_and_pieces_fold_to_the_same(events, cut):
    stream = stamped(events)
    assert fold(stream[cut:], fold(stream[:cut])) == fold(stream)


def test_steps_keep_their_planned_order_and_show_progress():
    state = fold(
        stamped(
            [
                StepsPlanned(steps=("check", "write:code", "nonsense", "open")),
                StepStarted(step=Step.CHECK),
                StepEnded(step=Step.CHECK, outcome=Outcome.DONE, elapsed_s=1.0),
                StepStarted(step=Step.WRITE, kind=Kind.CODE, total_bytes=1000),
                Progressed(step=Step.WRITE, kind=Kind.CODE, done_bytes=100, done_items=1),
                Progressed(step=Step.WRITE, kind=Kind.CODE, done_bytes=200, done_items=2),
            ]
        )
    )
    assert [step.key for step in state.steps] == ["check", "write:code", "open"]
    current = state.current_step
    assert current.key == "write:code"
    assert current.fraction == 0.2
    assert current.rate == 100.0
    assert current.remaining_s == 8.0
    assert state.steps[0].fraction == 1.0
    assert state.steps[2].fraction is None


def test_a_step_without_bytes_is_measured_by_items():
    state = fold(
        stamped(
            [
                StepStarted(step=Step.WRITE, kind=Kind.DB, total_items=100),
                Progressed(step=Step.WRITE, kind=Kind.DB, done_bytes=7, done_items=25),
            ]
        )
    )
    assert state.current_step.fraction == 0.25
    assert state.current_step.remaining_s == 3.0


def test_the_time_that_the_store_was_closed_adds_up():
    state = fold(
        stamped(
            [
                MaintenanceEnabled(already=False),
                JobEnded(outcome=Outcome.CLOSED, exit_code=20, elapsed_s=1, closed_s=1),
                MaintenanceDisabled(skipped=False),
            ]
        )
    )
    assert state.closed_since_s is None
    assert state.closed_s == 2.0
    assert fold([]) == JobState()
