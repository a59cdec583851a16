"""Caches are set aside by renames, and flushed by Magento's own command as the owner."""

from __future__ import annotations

import os

import pytest

from core.errors import StorageError
from core.magento.caches import flush_caches, set_caches_aside
from core.magento.store import find_store
from tests.magento.conftest import OWNER
from tests.security.accounts import as_root, give


@pytest.fixture
def store(root):
    """The small store, of the account that runs the tests: no other account runs its code."""
    if os.geteuid() == 0:
        give(root, 0, 0)
    return find_store(root)


def opened(path):
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


@pytest.fixture
def aside(store):
    path = f"{store.var}/.magerewind/aside"
    os.makedirs(path)
    return path


def test_caches_are_renamed_and_what_is_missing_is_skipped(store, aside):
    for name in ("cache", "view_preprocessed"):
        os.mkdir(f"{store.var}/{name}")
        with open(f"{store.var}/{name}/kept", "w") as file:
            file.write(name)
    assert set_caches_aside(store, opened(aside)) == ("cache", "view_preprocessed")
    assert sorted(os.listdir(store.var)) == [".magerewind", "backups"]
    with open(f"{aside}/cache/kept") as file:
        assert file.read() == "cache"
    assert set_caches_aside(store, opened(aside)) == ()


def test_a_cache_behind_a_link_keeps_its_link(store, aside, tmp_path):
    os.symlink(tmp_path, f"{store.var}/cache")
    assert set_caches_aside(store, opened(aside)) == ()
    assert os.path.islink(f"{store.var}/cache")


def test_nothing_is_buried(store, aside):
    os.mkdir(f"{store.var}/cache")
    os.mkdir(f"{aside}/cache")
    with pytest.raises(StorageError, match="setting the caches aside"):
        set_caches_aside(store, opened(aside))
    assert os.path.isdir(f"{store.var}/cache")


@pytest.fixture
def php(root):
    """A php that is a shell script, in a directory of its own."""
    directory = os.path.join(os.path.dirname(root), "bin")
    os.mkdir(directory)

    def make(script):
        path = os.path.join(directory, "php")
        with open(path, "w") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(path, 0o755)
        return {"PATH": f"{directory}:/usr/bin:/bin"}

    return make


@as_root
@pytest.mark.parametrize("name", ["bin", "bin/magento", "app/etc", "vendor/magento"])
def test_root_runs_nothing_that_others_could_have_written(store, php, name):
    environ = php("echo run > var/said\n")
    os.chown(f"{store.root}/{name}", OWNER, OWNER)
    reason = flush_caches(store, environ=environ)
    assert reason.startswith("cache:flush was not run as root: ")
    assert name in reason
    os.chown(f"{store.root}/{name}", 0, 0)
    os.chmod(f"{store.root}/{name}", 0o775)
    assert "others may write to" in flush_caches(store, environ=environ)
    assert not os.path.exists(f"{store.var}/said")


@as_root
def test_root_runs_nothing_for_another_owner(store, php):
    environ = php("echo run > var/said\n")
    give(store.root, OWNER, OWNER)
    reason = flush_caches(find_store(store.root), environ=environ)
    assert reason == "cache:flush was not run: only nobody, the store's owner, should run it"
    # A root's own directory does not make its contents root's.
    os.chown(store.root, 0, 0)
    assert flush_caches(find_store(store.root), environ=environ) == reason
    assert not os.path.exists(f"{store.var}/said")


def test_the_flush_gets_no_more_of_the_environment_than_it_needs(store, php):
    environ = php("env > var/said\n") | {
        "AWS_SECRET_ACCESS_KEY": "S3cret",
        "RESTIC_PASSWORD": "S3cret",
        "LD_PRELOAD": "/tmp/S3cret.so",
        "PHP_INI_SCAN_DIR": "/tmp/S3cret",
        "TERM": "xterm",
        "LC_ALL": "C.UTF-8",
        "MAGE_MODE": "production",
        "HOME": "/S3cret",
    }
    environ["PATH"] = f".:{environ['PATH']}:relative"
    assert flush_caches(store, environ=environ) is None
    with open(f"{store.var}/said") as file:
        got = dict(line.split("=", 1) for line in file.read().splitlines())
    assert "S3cret" not in repr(got)
    assert got["MAGE_MODE"] == "production"
    assert all(directory.startswith("/") for directory in got["PATH"].split(":"))


def test_the_flush_runs_in_the_root_as_its_owner(store, php):
    environ = php('echo "$PWD $(id -u) $*" > var/said; id -G > var/groups\n')
    assert flush_caches(store, environ=environ) is None
    with open(f"{store.var}/said") as file:
        place, uid, *words = file.read().split()
    assert (place, int(uid)) == (store.root, store.owner_uid)
    assert words[2:4] == ["bin/magento", "cache:flush"]
    with open(f"{store.var}/groups") as file:
        groups = {int(group) for group in file.read().split()}
    assert 0 not in groups or store.owner_uid == 0


def test_a_flush_that_fails_says_why_in_one_line(store, php):
    script = 'echo warming up; echo "Redis is gone"; echo "#0 PDO->__construct(S3cret)"; exit 3\n'
    reason = flush_caches(store, environ=php(script))
    assert reason == "cache:flush ended with 3: Redis is gone"


def test_a_flush_that_hangs_is_stopped_with_all_it_started(store, php):
    os.mkfifo(f"{store.var}/alive", 0o666)
    os.chmod(f"{store.var}/alive", 0o666)
    alive = os.open(f"{store.var}/alive", os.O_RDONLY | os.O_NONBLOCK)
    environ = php("exec 3> var/alive; echo up >&3; sleep 600 & exec 1>&-; sleep 600\n")
    reason = flush_caches(store, timeout_s=0.5, environ=environ)
    assert reason == "cache:flush was stopped after 0.5 s"
    os.set_blocking(alive, True)
    # The end comes when the last process that holds the pipe is gone.
    assert os.read(alive, 100) == b"up\n"
    assert os.read(alive, 100) == b""
    os.close(alive)


def test_without_php_there_is_nothing_to_flush(store, php):
    assert flush_caches(store, environ={"PATH": "/nowhere"}) is None
    os.unlink(f"{store.root}/bin/magento")
    assert flush_caches(find_store(store.root), environ=php("exit 1\n")) is None
