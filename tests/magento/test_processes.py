"""Which processes work on a store, and how little of their command line is told."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys

import pytest

from core.magento.processes import running_processes

# Says that it runs, then waits for its input to end: no process is ever left behind.
WAITS = b"import sys; print('up', flush=True); sys.stdin.read()\n"


@contextlib.contextmanager
def started(words, *, cwd):
    with subprocess.Popen(
        words,
        executable=sys.executable,
        cwd=cwd,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as child:
        assert child.stdout.readline() == b"up\n"
        yield child.pid
        child.stdin.close()


@pytest.fixture(autouse=True)
def script(root):
    with open(f"{root}/bin/magento", "wb") as file:
        file.write(WAITS)


def of(store, pid):
    return [each for each in running_processes(store) if each.pid == pid]


def test_a_consumer_is_named_without_its_options(store):
    words = ["php8.2", f"{store.root}/bin/magento", "queue:consumers:start"]
    words += ["--key=S3cret", "async.operations.all", "--db-password", "S3cret"]
    with started(words, cwd="/") as pid:
        (found,) = of(store, pid)
    assert found.what == "queue consumer"
    assert found.command == "bin/magento queue:consumers:start async.operations.all"
    assert "S3cret" not in repr(found)
    assert not of(store, pid)


@pytest.mark.parametrize(
    ("command", "what"),
    [("cron:run", "cron"), ("indexer:reindex", "indexer"), ("setup:upgrade", "setup"), ("x", None)],
)
def test_a_relative_script_counts_in_its_own_root_only(store, tmp_path, command, what):
    with started(["php", "bin/magento", command], cwd=store.root) as pid:
        (found,) = of(store, pid)
    assert found.what == (what or "bin/magento")
    assert found.command == f"bin/magento {command}"
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    (other / "bin/magento").write_bytes(WAITS)
    with started(["php", "bin/magento", command], cwd=other) as pid:
        assert not of(store, pid)


def test_a_root_named_through_a_link_counts(store, tmp_path):
    os.symlink(store.root, tmp_path / "current")
    with started(["php", f"{tmp_path}/current/bin/magento", "cron:run"], cwd="/") as pid:
        assert of(store, pid)


def test_an_editor_of_the_script_does_not_count(store):
    with started(["vim", f"{store.root}/bin/magento", "cron:run"], cwd="/") as pid:
        assert not of(store, pid)


def test_without_proc_nothing_is_found(store):
    assert running_processes(store, proc="/nowhere") == ()
