"""Killed at records of the journal: a send leaves no set, a rollback leaves a whole store."""

import shutil
from pathlib import Path

import pytest
from msgspec import structs

from core.events import Kind, Outcome
from core.operations.requests import BackupRequest, RollbackRequest
from core.repository.settings import Repository
from tests.repository.conftest import RCLONE

SHARES = 4  # of the records at which a rollback is killed, so that they can run beside each other
KINDS = (Kind.CODE, Kind.MEDIA, Kind.DB)


SERVERS = [pytest.param(name, marks=pytest.mark.crash) for name in ("s3", "rest", "sftp")]


@pytest.fixture(params=["directory", *SERVERS])
def repository(request, remote, monkeypatch):
    """A repository of each sort, as the jobs of a client are told of it."""
    monkeypatch.setenv("PATH", remote.path)
    secret = str(remote.password)
    match request.param:
        case "directory":
            url, more = str(remote.add_directory()), {}
        case "s3":
            request.getfixturevalue("s3")
            url, more = remote.url("cloud"), {"env_file": str(remote.place / "keys")}
        case "rest":
            url, more = request.getfixturevalue("rest"), {"append_only": True}
        case _:
            shutil.copytree(remote.template, remote.place / "sftp/shop")
            command = f"sftp.command={RCLONE} serve sftp --stdio {remote.place}/sftp"
            url, more = "sftp:nobody@nowhere:/shop", {"options": (command,)}
    listed = {key: list(value) if key == "options" else value for key, value in more.items()}
    remote.add("off", url, **listed)
    return Repository(name="off", url=url, password_file=secret, **more)


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
@pytest.mark.parametrize(
    "first", [pytest.param(2 + share, marks=pytest.mark.crash) for share in range(SHARES)]
)
def test_a_rollback_that_is_killed_leaves_a_whole_store(remote, repository, first):
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
    number, killed = first, 0
    while True:
        summary, events = shop.run(structs.replace(request), fault=f"journal:{number}:kill")
        if not summary.interrupted:
            break
        killed += 1
        summary, _ = shop.recover()
        state = shop.state()
        assert state == (before if summary.committed else damaged)
        assert not shop.closed()
        if summary.committed:
            undo = shop.client().undoable()
            remote.run("job:undo", undo.job_id, "--yes")
            assert shop.state() == damaged
        number += SHARES
    assert summary.exit_code == 0, events
    assert shop.state() == before
    assert killed > 4
    print(f"killed at {killed} records, from {first} on")
