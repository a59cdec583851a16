"""Whole sets are forgotten by the rules of var/backups, and locks of the dead are no obstacle."""

import json
import os
import signal
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from core.errors import RepositoryError
from core.repository.forgetting import forget
from core.repository.settings import Repository
from tests.waiting import until


def test_sets_go_whole_and_the_rest_of_a_torn_one_is_named(remote):
    remote.add_directory()
    remote.run("setup:backup", "--media", "--to", "off")
    lock_of_a_dead_process(remote)
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


def test_a_dump_without_rows_takes_the_place_of_no_full_one(remote):
    """Also one of a version that put no tag: its manifest is read."""
    remote.add_directory()
    remote.run("setup:backup", "--db", "--to", "off")
    remote.run("setup:backup", "--db", "--strip", "store_website", "--to", "off")
    words = ("repo:forget", "--keep-last", "1", "--dry-run", "--json")

    def kept():
        rows = remote.run(*words).objects
        kinds = [[kind for why in row["reasons"] for kind in why["kinds"]] for row in rows]
        return list(zip([row["keep"] for row in rows], kinds, strict=True))

    tagged = kept()
    assert [keep for keep, _ in tagged] == [True, True]
    assert "stripped db" in tagged[0][1]
    assert "stripped db" not in tagged[1][1]
    remote.restic("off", "tag", "--remove", "rows=some", "--tag", "rows=some")
    assert kept() == tagged
    # Of a store of this name at another root, whose sets neither go nor count.
    words = (*words[:-1], "--foreign", "--json")
    mine = next(tag for tag in tags_of_manifests(remote) if tag.startswith("of="))
    remote.restic("off", "tag", "--remove", mine, "--add", "of=0123456789abcdef", "--tag", mine)
    assert kept() == tagged
    words = words[:-2] + words[-1:]
    stripped, full = (row["reasons"] for row in remote.run(*words).objects)
    assert [why["rule"] for why in stripped] == ["last", "newest"]  # its manifest was read
    assert full == [{"rule": "foreign", "kinds": ["db"]}]


def tags_of_manifests(remote):
    rows = json.loads(remote.restic("off", "snapshots", "--json", "--tag", "kind=manifest"))
    return [tag for row in rows for tag in row["tags"]]


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


@pytest.mark.long
def test_what_a_torn_set_still_has_can_be_used(remote):
    remote.add_directory()
    remote.run("setup:backup", "--code", "--media", "--to", "off")
    (one,) = remote.sets()
    remote.restic("off", "forget", one["snapshots"]["media"])
    stamp = str(one["timestamp"])
    words = ("setup:rollback", "--set", stamp, "--from", "off", "--dry-run")
    assert "media is missing" in remote.run(*words, code=1).err
    assert "media is missing" in remote.run(*words, "-m", code=1).err
    assert "lacks its media: only the rest is there" in remote.run(*words, "-c").err
    assert "no complete set" in remote.run(*words[:2], "latest", *words[3:], "-c", code=1).err
    config = Path(remote.shop.root) / "app/etc/config.php"
    before = config.read_bytes()
    config.write_bytes(before + b"// later")
    remote.run(*words[:-1], "-c", "--yes")
    assert config.read_bytes() == before
    remote.run("repo:fetch", stamp, "off", "--code")
    name = f"{stamp}_filesystem.tgz"
    assert name in os.listdir(remote.shop.store.backups)
    assert remote.run("info:backups:files", name, "bin", "--from", "off").out


def test_an_append_only_repository_forgets_nothing(tmp_path):
    repository = Repository(name="off", url="/x", password_file="/y", append_only=True)
    restic = SimpleNamespace(repository=repository)
    with pytest.raises(RepositoryError, match="is append-only: nothing is forgotten there"):
        forget(restic, (), ())
