"""Which programs run at which end of a job, by the journal: also where the store is left closed."""

import os
import types

import pytest

from core.config.fields import OperationHooks
from core.directories import state_file
from core.errors import HookFailed
from core.events import HookRan, Operation, Outcome, Warned
from core.journal import Journal
from core.operations.hooks import JobHooks
from core.operations.records import Begin, HookBegun

EACH = OperationHooks(
    before=(("true",),), on_success=(("true",),), on_failure=(("false",),), after=(("true",),)
)


class Job:
    """As much of a job's context as hooks ask for."""

    def __init__(self, path, hooks=EACH):
        self.said = []
        self.journal = Journal.create(state_file(str(path / "journal.jsonl")))
        self.journal.write(
            Begin(operation=Operation.BACKUP, kinds=(), host="here", pid=1, user="x", began_s=0.0)
        )
        self.hooks = JobHooks(
            context=types.SimpleNamespace(
                store=types.SimpleNamespace(root=str(path)),
                journal=self.journal,
                emit=self.said.append,
                say=self.said.append,
                clock=lambda: 0.0,
                environ={"PATH": os.environ["PATH"]},
                cancellation=types.SimpleNamespace(check=lambda: None),
                host="here",
                file=lambda name: state_file(str(path / name)),
            ),
            hooks=hooks,
        )

    @property
    def ran(self):
        return [one.moment for one in self.said if isinstance(one, HookRan)]


@pytest.fixture
def job(tmp_path):
    return Job(tmp_path)


def test_a_store_that_is_left_closed_has_no_after_until_it_is_recovered(job):
    job.hooks.run_before({})
    job.hooks.run_end(Outcome.CLOSED, {})
    assert job.ran == ["before", "on_failure"]
    job.said.clear()
    job.hooks.run_end(Outcome.DONE, {})
    assert job.ran == ["on_success", "after"]


def test_what_has_ended_does_not_run_again(job):
    job.hooks.run_before({})
    job.hooks.run_end(Outcome.FAILED, {})
    job.hooks.run_end(Outcome.FAILED, {})
    assert job.ran == ["before", "on_failure", "after"]
    assert [one.code for one in job.said if isinstance(one, Warned)] == ["hook"]


def test_without_a_begun_before_there_is_no_after(job, tmp_path):
    job.hooks.run_end(Outcome.CANCELLED, {})
    assert job.ran == ["on_failure"]
    (tmp_path / "other").mkdir()
    other = Job(tmp_path / "other", OperationHooks(after=(("true",),)))
    other.hooks.run_end(Outcome.CANCELLED, {})
    assert other.ran == ["after"]


def test_the_first_failing_before_ends_it(tmp_path):
    job = Job(tmp_path, OperationHooks(before=(("true",), ("false",), ("true",))))
    with pytest.raises(HookFailed):
        job.hooks.run_before({})
    assert job.ran == ["before", "before"]


def test_a_process_of_another_start_or_host_is_left_alone(job):
    job.journal.write(HookBegun(moment="before", number=0, pid=os.getpid(), started=1))
    job.hooks.end_left_over()  # this process lives on
    assert not job.ran
