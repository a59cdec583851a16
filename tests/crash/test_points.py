"""A runner that is killed at every journal record, rename and change of the schema."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time

import pytest

from core.events import Outcome
from core.journal import read_journal
from core.operations.requests import BackupRequest, UndoRequest
from tests.crash.strikes import again, check_whole, every, strike_undo
from tests.shop import ALL


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "step", [11, pytest.param(1, marks=pytest.mark.crash)], ids=["some", "every"]
)
def test_killed_at_journal_records_of_a_rollback(shop, tally, step):
    modes = ["kill"] if step > 1 else ["kill", "killafter"]
    reached = every(
        shop, shop.request, "journal", modes, step, tally=tally, what="SIGKILL at a journal record"
    )
    assert reached > 10


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "step", [27, pytest.param(1, marks=pytest.mark.crash)], ids=["some", "every"]
)
def test_killed_at_renames_of_a_rollback(shop, tally, step):
    reached = every(
        shop, shop.request, "rename", ["kill"], step, tally=tally, what="SIGKILL at a rename"
    )
    assert reached > 9


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "step", [400, pytest.param(30, marks=pytest.mark.crash)], ids=["some", "many"]
)
def test_killed_at_changes_of_the_schema(shop, tally, step):
    reached = every(
        shop, shop.request, "sql", ["kill"], step, tally=tally, what="SIGKILL at a schema change"
    )
    assert reached > 100


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "step", [4, pytest.param(1, marks=pytest.mark.crash)], ids=["some", "every"]
)
def test_killed_at_journal_records_of_a_backup(shop, tally, step):
    number = 2  # with the first record the job begins
    before = sorted(os.listdir(shop.store.backups))
    while True:
        summary, _ = shop.run(BackupRequest(kinds=ALL), fault=f"journal:{number}:killafter")
        if not summary.interrupted:
            break
        tally.add("SIGKILL in a backup", survived=False)
        summary, _ = shop.recover()
        assert summary.outcome is Outcome.REVERTED
        assert shop.state() == shop.old
        assert not shop.closed()
        assert shop.leftovers() == []
        tried, lived = tally.rows["SIGKILL in a backup"]
        tally.rows["SIGKILL in a backup"] = (tried, lived + 1)
        number += step
    assert number > 5
    from core.backups.catalog import Health, list_backups

    for backup in list_backups(shop.store.backups).backups:
        assert backup.health is Health.VERIFIED, backup
        if backup.name.text not in before:
            os.unlink(backup.path)


@pytest.mark.timeout(1800)
@pytest.mark.crash
def test_killed_during_an_undo_and_during_recovery(shop, tally):
    summary, events = shop.run(shop.request)
    assert summary.exit_code == 0, events
    assert shop.state() == shop.new
    damaged, clean = shop.old, shop.new
    what = "SIGKILL in an undo"
    number = 2  # with the first record the job begins
    while True:
        undoable = shop.client().undoable()
        # An undo swaps old and new: the live state now is its "old".
        shop.old, shop.new = shop.new, shop.old
        came = strike_undo(shop, UndoRequest(job_id=undoable.job_id), number, tally, what)
        if not came:
            break
        number += 1
    shop.old, shop.new = damaged, clean
    if shop.state() == clean:
        shop.damage()
    assert shop.state() == damaged


@pytest.mark.crash
@pytest.mark.timeout(3600)
def test_killed_at_random_moments(shop, tally):
    import random

    rng = random.Random(20261123)
    started = time.monotonic()
    shop.run(shop.request)
    whole_s = time.monotonic() - started
    again(shop)
    for _ in range(100):
        client = shop.client()
        job = client.start(shop.request)
        holder = client.holder()
        if holder is not None:
            timer = threading.Timer(
                rng.uniform(0, whole_s), lambda pid=holder.pid: kill_if_there(pid)
            )
            timer.start()
        for _event in client.follow(job.job_id, interval_s=0.02):
            pass
        if holder is not None:
            timer.cancel()
            timer.join()
        summary = client.result_of(job.job_id)
        if summary.interrupted:
            tally.add("SIGKILL at a random moment", survived=False)
            summary, _ = shop.recover()
            if check_whole(shop, summary, what="random"):
                again(shop)
            tried, lived = tally.rows["SIGKILL at a random moment"]
            tally.rows["SIGKILL at a random moment"] = (tried, lived + 1)
        else:
            assert summary.exit_code == 0
            again(shop)


def kill_if_there(pid):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.long
def test_the_journal_of_a_rollback_names_each_irreversible_step(shop):
    summary, _ = shop.run(shop.request)
    kinds = [record.kind for record in read_journal(shop.job_journal(summary.job_id))]
    for earlier, later in [
        ("begin", "close"),
        ("close", "swap-begin"),
        ("swap-end", "commit"),
        ("commit", "settled"),
        ("settled", "opened"),
        ("opened", "end"),
    ]:
        assert kinds.index(earlier) < kinds.index(later)
    again(shop)
