"""A job survives the end of its terminal, its connection and the command that started it."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import threading

import pytest

from core.errors import JobInterrupted, JobRunning, StorageError
from core.events import JobBegan, Kind, Outcome
from core.operations.requests import BackupRequest
from tests import oracles
from tests.shop import ALL, FAULTY_RUNNER
from tests.waiting import until

START = """
import os, sys
from core.cli.main import run
from core.jobs import client
client.Client.__init__.__kwdefaults__["runner"] = (sys.executable, "-I", sys.argv[1], "job:run")
sys.exit(run(sys.argv[2:]))
"""


@pytest.fixture
def go(tmp_path):
    """The file whose appearance lets a waiting runner go on."""
    return tmp_path / "go"


def front_end(shop, go, *words, stdio, **more):
    environ = {**os.environ, "MAGEREWIND_FAULT": "journal:4:wait", "MAGEREWIND_GO": str(go)}
    environ["MAGEREWIND_SERVER"] = str(shop.server.pid)
    return subprocess.Popen(
        [sys.executable, "-c", START, FAULTY_RUNNER, *words, "--root", shop.root],
        env=environ,
        stdin=stdio,
        stdout=stdio,
        stderr=stdio,
        **more,
    )


def ended(shop, job_id):
    """Wait for a job's end; return its summary."""
    until(lambda: shop.client().is_over(job_id), "the end of the job")
    return shop.client().result_of(job_id)


def begun(shop):
    until(lambda: shop.client().running() is not None, "the start of the job")
    return shop.client().running().job_id


@pytest.mark.parametrize("blow", ["hangup", "kill", "closed"])
def test_the_job_goes_on_without_its_terminal(shop, go, blow, tally):
    master, slave = pty.openpty()
    child = front_end(shop, go, "setup:backup", "--code", stdio=slave, start_new_session=True)
    os.close(slave)
    job_id = begun(shop)
    if blow == "hangup":
        child.send_signal(signal.SIGHUP)
    elif blow == "kill":
        child.kill()
    os.close(master)
    if blow != "closed":
        child.wait(20)
    go.touch()
    child.wait(30)
    summary = ended(shop, job_id)
    tally.add(f"front end: {blow}", survived=summary.exit_code == 0)
    assert summary.outcome in (Outcome.DONE, Outcome.WARNINGS)
    events = list(shop.client().follow(job_id))
    assert isinstance(events[0].event, JobBegan), "job:attach shows all of it from the start"
    assert [event.seq for event in events] == list(range(len(events)))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("stalled_s", [2, pytest.param(60, marks=pytest.mark.crash)])
def test_a_terminal_that_is_not_read_does_not_slow_the_job(shop, go, stalled_s, tally):
    master, slave = pty.openpty()
    child = front_end(shop, go, "setup:backup", "--code", "-v", stdio=slave, start_new_session=True)
    os.close(slave)
    job_id = begun(shop)
    filler = threading.Event()
    go.touch()
    summary = ended(shop, job_id)  # no reader has taken a byte so far
    filler.wait(stalled_s if stalled_s > 2 else 0)
    tally.add("terminal not read", survived=summary.exit_code == 0)
    assert summary.exit_code == 0
    drain(master, child)
    assert child.wait(10) == 0
    os.close(master)


def drain(master, child):
    while child.poll() is None:
        ready, _, _ = select.select([master], [], [], 0.2)
        if ready:
            try:
                os.read(master, 65536)
            except OSError:
                return


@pytest.mark.parametrize("name", ["term", pytest.param("int", marks=pytest.mark.crash)])
@pytest.mark.parametrize("operation", ["backup", "rollback"])
def test_a_signal_to_the_runner_cancels_and_leaves_the_store_as_it_was(
    shop, name, operation, tally
):
    request = BackupRequest(kinds=ALL) if operation == "backup" else shop.request
    before = sorted(os.listdir(shop.store.backups))
    summary, events = shop.run(request, fault=f"journal:5:{name}")
    survived = summary.outcome is Outcome.CANCELLED and shop.state() == shop.old
    tally.add(f"SIG{name.upper()} to the runner", survived=survived)
    assert summary.outcome is Outcome.CANCELLED, events
    assert summary.exit_code == 130
    assert shop.state() == shop.old
    assert not shop.closed()
    assert shop.leftovers() == []
    if operation == "rollback":
        assert sorted(os.listdir(shop.store.backups)) == before


def test_a_hangup_of_the_runner_is_nothing(shop, tally):
    summary, events = shop.run(BackupRequest(kinds=(Kind.MEDIA,)), fault="journal:4:hup")
    tally.add("SIGHUP to the runner", survived=summary.exit_code == 0)
    assert summary.exit_code == 0, events


def test_after_the_commit_a_cancel_comes_too_late(shop, tally):
    from core.journal import read_journal

    summary, _ = shop.run(shop.request)
    kinds = [record.kind for record in read_journal(shop.job_journal(summary.job_id))]
    shop.damage()
    summary, events = shop.run(shop.request, fault=f"journal:{kinds.index('commit') + 2}:term")
    late = [event for event in events if type(event).__name__ == "CancelRequested"]
    tally.add("SIGTERM after the commit", survived=shop.state() == shop.new)
    assert summary.exit_code == 0
    assert shop.state() == shop.new
    assert late
    assert all(event.too_late for event in late)
    shop.damage()
    assert shop.state() == shop.old


@pytest.mark.crash
@pytest.mark.timeout(120)
def test_of_fifty_starts_at_once_exactly_one_runs(shop, go, tally):
    client = shop.client(fault="journal:3:wait", MAGEREWIND_GO=str(go))
    started, refused, barrier = [], [], threading.Barrier(50)

    def start():
        barrier.wait()
        try:
            started.append(client.start(BackupRequest(kinds=(Kind.MEDIA,))))
        except JobRunning as error:
            refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tally.add("fifty starts at once", survived=len(started) == 1)
    assert (len(started), len(refused)) == (1, 49)
    assert started[0].job_id in refused[0].message
    go.touch()
    assert ended(shop, started[0].job_id).exit_code == 0


def durable(state):
    """Without the losses of a dying server: rows of MEMORY tables, reserved numbers."""
    volatile = {
        f"rows {key.removeprefix('BASE TABLE ')}"
        for key, text in state.items()
        if isinstance(key, str) and key.startswith("BASE TABLE ") and "ENGINE=MEMORY" in text
    }
    return {
        key: re.sub(r" AUTO_INCREMENT=\d+", "", value) if isinstance(value, str) else value
        for key, value in state.items()
        if key not in volatile
    }


@pytest.mark.parametrize("operation", [pytest.param("backup", marks=pytest.mark.crash), "rollback"])
@pytest.mark.parametrize(
    "at", [5, *(pytest.param(one, marks=pytest.mark.crash) for one in (9, 14))]
)
def test_the_database_server_dies(shop, operation, at, tally):
    request = BackupRequest(kinds=ALL) if operation == "backup" else shop.request
    summary, events = shop.run(request, fault=f"journal:{at}:server")
    shop.server.kill()
    shop.server.start()
    if summary.interrupted:
        summary, events = shop.recover()
    state, expected = durable(shop.state()), durable(shop.new if summary.committed else shop.old)
    tally.add("database server killed", survived=state == expected)
    assert state == expected, oracles.difference(state, expected)
    assert not shop.closed()
    summary, events = shop.run(BackupRequest(kinds=(Kind.DB,)))
    assert summary.exit_code == 0, "a second run works without any cleaning"
    # The rows of MEMORY tables come back with a rollback.
    summary, events = shop.run(shop.request)
    assert summary.exit_code == 0, events
    assert durable(shop.state()) == durable(shop.new)
    shop.damage()
    shop.old = shop.state()


@pytest.mark.parametrize(
    "number", [3, *(pytest.param(one, marks=pytest.mark.crash) for one in (8, 21))]
)
@pytest.mark.parametrize("operation", ["backup", "rollback"])
def test_a_failing_fsync_is_never_taken_for_success(shop, operation, number, tally):
    request = BackupRequest(kinds=ALL) if operation == "backup" else shop.request
    try:
        summary, events = shop.run(request, fault=f"fsync:{number}:eio")
    except StorageError as error:  # it was refused before it began
        assert "Input/output error" in error.message
        summary, events = shop.client().jobs()[0], []
    if summary.interrupted:
        summary, events = shop.recover()
    whole = shop.state() == (shop.new if summary.committed else shop.old)
    tally.add("EIO from fsync", survived=whole)
    assert whole, events
    assert not shop.closed()
    if summary.committed:
        shop.damage()
    else:
        assert summary.exit_code != 0


@pytest.mark.long
def test_a_store_that_cannot_be_proven_whole_stays_closed_until_it_is_recovered(shop, tally):
    from core.journal import read_journal

    summary, _ = shop.run(shop.request)
    kinds = [record.kind for record in read_journal(shop.job_journal(summary.job_id))]
    shop.damage()
    # The server goes just after the commit: triggers and foreign keys are still to be made.
    fault = f"journal:{kinds.index('commit') + 1}:serverafter"
    summary, events = shop.run(shop.request, fault=fault)
    failure = next(event for event in events if type(event).__name__ == "Failed")
    assert summary.outcome is Outcome.CLOSED
    assert summary.exit_code == 20
    assert shop.closed()
    assert "The store stays closed." in failure.message
    assert "magerewind job:recover" in failure.hint
    with pytest.raises(JobInterrupted):
        shop.run(BackupRequest(kinds=(Kind.CODE,)))
    shop.server.kill()
    shop.server.start()
    summary, events = shop.recover()
    tally.add("server gone after the commit", survived=durable(shop.state()) == durable(shop.new))
    assert summary.exit_code == 0, events
    assert durable(shop.state()) == durable(shop.new)
    assert not shop.closed()
    shop.damage()
    shop.old = shop.state()
