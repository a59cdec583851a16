"""One job at a time: the kernel's lock, and the name in it that people read."""

import json
import os
import subprocess
import sys
import threading

import pytest
from msgspec import structs

from core.errors import JobRunning
from core.jobs.lock import Holder, acquire, boot_id, is_alive, process_start, read_holder
from core.magento.store import find_store


@pytest.fixture
def store(tmp_path):
    (tmp_path / "app/etc").mkdir(parents=True)
    (tmp_path / "var/backups").mkdir(parents=True)
    (tmp_path / "var/.magerewind").mkdir(mode=0o700)
    return find_store(str(tmp_path))


def holder(job_id="20261123-000000-aaaa", **changes):
    me = Holder(
        job_id=job_id,
        operation="rollback",
        host="web01",
        boot_id=boot_id(),
        pid=os.getpid(),
        started=process_start(os.getpid()),
        user="deploy",
        since_s=1_790_000_000.0,
    )
    return structs.replace(me, **changes)


def test_the_second_is_refused_with_who_what_and_since_when(store):
    lock = acquire(store, holder())
    with pytest.raises(JobRunning, match=r"aaaa \(rollback\) of deploy .* since 2026-\d\d-\d\d"):
        acquire(store, holder("20261123-000000-bbbb"))
    assert read_holder(store) == holder()
    lock.release()
    assert read_holder(store) is None
    acquire(store, holder("20261123-000000-bbbb")).release()


def test_a_lock_of_a_dead_process_is_free(store):
    code = (
        "import fcntl, os, sys; fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT, 0o600);"
        "fcntl.flock(fd, fcntl.LOCK_EX); os.write(fd, sys.argv[2].encode());"
        "print('held', flush=True); sys.stdin.read(); os.kill(os.getpid(), 9)"
    )
    path = os.path.join(store.state_directory, "lock")
    dead = holder(pid=1, started=1)
    child = subprocess.Popen(
        [sys.executable, "-c", code, path, json.dumps(structs.asdict(dead))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert child.stdout.readline() == b"held\n"
    assert read_holder(store) == dead
    child.communicate()
    assert read_holder(store) is None
    acquire(store, holder()).release()


def test_a_reused_pid_is_not_the_holder():
    assert is_alive(holder(), "web01")
    assert not is_alive(holder(started=process_start(os.getpid()) + 1), "web01")
    assert not is_alive(holder(boot_id="another boot"), "web01")
    assert not is_alive(holder(), "web02")


def test_a_look_at_the_lock_does_not_make_a_start_fail(store):
    acquire(store, holder()).release()
    path = os.path.join(store.state_directory, "lock")
    with open(path, "w") as file:  # a holder that died without letting go in order
        json.dump(structs.asdict(holder(pid=1, started=1)), file)
    stop = threading.Event()

    def look():
        while not stop.is_set():
            read_holder(store)

    watchers = [threading.Thread(target=look) for _ in range(4)]
    for watcher in watchers:
        watcher.start()
    try:
        acquire(store, holder()).release()
    finally:
        stop.set()
        for watcher in watchers:
            watcher.join()


def test_the_lock_is_not_taken_through_a_link(store, tmp_path):
    (tmp_path / "victim").write_text("safe")
    os.symlink(tmp_path / "victim", os.path.join(store.state_directory, "lock"))
    with pytest.raises(Exception, match="lock is a link: nothing of it is used"):
        acquire(store, holder())
    assert (tmp_path / "victim").read_text() == "safe"
