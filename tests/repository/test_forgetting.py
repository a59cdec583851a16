"""Whole sets are forgotten by the rules of var/backups, and locks of the dead are no obstacle."""

import os
import signal
import subprocess
from types import SimpleNamespace

import pytest

from core.errors import RepositoryError
from core.repository.forgetting import forget
from core.repository.settings import Repository
from tests.waiting import until


def test_sets_go_whole_and_the_rest_of_a_torn_one_is_named(remote):
    remote.add_directory()
    for _ in range(2):
        remote.run("setup:backup", "--media", "--to", "off")
    newest, oldest = remote.sets()
    lock_of_a_dead_process(remote)
    said = remote.run("repo:forget", "--keep-last", "1", "--dry-run")
    assert [line.split()[1] for line in said.out.splitlines() if "forget" in line] == [
        str(oldest["timestamp"])
    ]
    remote.run("repo:forget", "--keep-last", "1", "--yes", "--prune")
    assert [one["timestamp"] for one in remote.sets()] == [newest["timestamp"]]
    assert remote.unfinished() == []
    # Somebody forgets a part with restic alone.
    remote.restic("off", "forget", newest["snapshots"]["media"])
    (torn,) = remote.sets()
    assert (torn["complete"], torn["missing"]) == (False, ["media"])
    said = remote.run("repo:check", code=1)
    assert "lacks its media" in said.err
    said = remote.run("setup:rollback", "--set", "latest", "--from", "off", "--dry-run", code=1)
    assert "no complete set" in said.err


def lock_of_a_dead_process(remote):
    """Leave an exclusive lock of a restic that was killed."""
    held = subprocess.Popen(
        ["restic", "prune", "--max-unused", "0"],
        env={
            "PATH": remote.path,
            "HOME": str(remote.place),
            "RESTIC_REPOSITORY": str(remote.place / "off"),
            "RESTIC_PASSWORD_FILE": str(remote.password),
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    locks = remote.place / "off/locks"
    until(lambda: os.listdir(locks) or held.poll() is not None, "restic locks nothing")
    os.kill(held.pid, signal.SIGKILL)
    held.wait()
    assert os.listdir(locks)


def test_an_append_only_repository_forgets_nothing(tmp_path):
    repository = Repository(name="off", url="/x", password_file="/y", append_only=True)
    restic = SimpleNamespace(repository=repository)
    with pytest.raises(RepositoryError, match="is append-only: nothing is forgotten there"):
        forget(restic, (), ())
