"""The view of a job is a fold over its events: any prefix is valid, pieces fold to the same."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.events import (
    JobEnded,
    Kind,
    MaintenanceDisabled,
    MaintenanceEnabled,
    Outcome,
    Progressed,
    RecoveryBegan,
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


KEYS = ("close", "write:code", "verify:code", "write:db", "open")


def closed_at_work():
    """A backup that writes code at 100 bytes a second; the later steps are planned."""
    return [
        StepsPlanned(steps=KEYS),
        StepsPlanned(steps=KEYS, sizes=(-1, 1000, 200, 300, -1)),
        StepEnded(step=Step.CLOSE, outcome=Outcome.DONE, elapsed_s=1.0),
        StepStarted(step=Step.WRITE, kind=Kind.CODE, total_bytes=1000),
        Progressed(step=Step.WRITE, kind=Kind.CODE, done_bytes=100, done_items=1),
        Progressed(step=Step.WRITE, kind=Kind.CODE, done_bytes=200, done_items=2),
    ]


def test_the_remaining_time_is_until_the_store_opens():
    state = fold(stamped(closed_at_work()))
    assert state.opens
    assert state.rate == 100.0
    assert state.remaining_s == (800 + 200 + 300) / 100
    further = [
        StepEnded(step=Step.WRITE, kind=Kind.CODE, outcome=Outcome.DONE, elapsed_s=10.0),
        StepStarted(step=Step.VERIFY, kind=Kind.CODE, total_bytes=200),
        Progressed(step=Step.VERIFY, kind=Kind.CODE, done_bytes=100, done_items=1),
    ]
    # Another write is expected to be as fast as the first one was; the rate is of the whole job.
    state = fold(stamped([*closed_at_work(), *further]))
    assert state.remaining_s == 1.0 + 300 / (200 / 10)
    assert state.rate == 300 / 11


def test_what_is_not_known_of_a_later_step_gives_no_time():
    assert fold(stamped([closed_at_work()[0], *closed_at_work()[2:]])).remaining_s is None


@pytest.mark.parametrize(
    ("end", "outcome"),
    [
        (JobEnded(outcome=Outcome.DONE, exit_code=0, elapsed_s=9, closed_s=9), Outcome.DONE),
        (JobEnded(outcome=Outcome.CLOSED, exit_code=20, elapsed_s=9, closed_s=9), Outcome.FAILED),
        (JobEnded(outcome=Outcome.REVERTED, exit_code=1, elapsed_s=9, closed_s=9), "reverted"),
        (RecoveryBegan(way="revert", host="web01", user="deploy", pid=1), Outcome.FAILED),
    ],
)
def test_nothing_runs_in_what_is_over(end, outcome):
    state = fold(stamped([*closed_at_work(), end]))
    assert state.current_step is None
    assert not any(step.running for step in state.steps)
    written = state.step(Step.WRITE, Kind.CODE)
    assert written.outcome == outcome
    assert 2.0 <= written.elapsed_s <= 3.0
    assert state.step(Step.WRITE, Kind.DB).outcome is None  # it never began
