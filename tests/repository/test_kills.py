"""Killed at records of the journal: a send leaves no set, a rollback leaves a whole store."""

import dataclasses
from pathlib import Path

import pytest

from core.events import Kind, Outcome
from core.operations.requests import BackupRequest, RollbackRequest
from core.repository.settings import Repository

KINDS = (Kind.CODE, Kind.MEDIA, Kind.DB)


@pytest.fixture
def repository(remote, monkeypatch):
    """A repository in a directory, as the jobs of a client are told of it."""
    monkeypatch.setenv("PATH", remote.path)
    place = remote.add_directory()
    return Repository(name="off", url=str(place), password_file=str(remote.password))


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("kinds", "step"),
    [((Kind.MEDIA,), 3), pytest.param(KINDS, 1, marks=pytest.mark.crash)],
    ids=["some", "every"],
)
def test_a_send_that_is_killed_leaves_no_set(remote, repository, kinds, step):
    shop = remote.shop
    request = BackupRequest(kinds=kinds, repositories=(repository,), local=False, store="shop")
    number, killed, sets = 2, 0, 0
    while True:
        summary, events = shop.run(request, fault=f"journal:{number}:killafter")
        if not summary.interrupted:
            break
        killed += 1
        sets += b"set-committed" in Path(shop.job_journal(summary.job_id)).read_bytes()
        summary, _ = shop.recover()
        assert summary.outcome is Outcome.REVERTED
        assert not shop.closed()
        number += step
    assert summary.exit_code == 0, events
    assert killed >= 2
    found = remote.sets()
    assert len(found) == sets + 1
    assert all(one["complete"] for one in found)
    assert {row["kind"] for row in remote.unfinished()} <= set(kinds)


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.crash)], ids=["every"])
def test_a_rollback_that_is_killed_leaves_a_whole_store(remote, repository, step):
    shop = remote.shop
    before = shop.state()
    remote.run("setup:backup", "--code", "--media", "--db", "--to", "off")
    (one,) = remote.sets()
    shop.damage()
    damaged = shop.state()
    stamp = one["timestamp"]
    request = RollbackRequest(
        code_file=f"{stamp}_filesystem.tgz",
        media_file=f"{stamp}_filesystem_media.tgz",
        db_file=f"{stamp}_db.sql",
        repository=repository,
        store="shop",
    )
    number = 2
    while True:
        summary, events = shop.run(dataclasses.replace(request), fault=f"journal:{number}:kill")
        if not summary.interrupted:
            break
        summary, _ = shop.recover()
        state = shop.state()
        assert state == (before if summary.committed else damaged)
        assert not shop.closed()
        if summary.committed:
            undo = shop.client().undoable()
            remote.run("job:undo", undo.job_id, "--yes")
            assert shop.state() == damaged
        number += step
    assert summary.exit_code == 0, events
    assert shop.state() == before
    assert number > 10
