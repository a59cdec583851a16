"""The private server: it answers on its socket only, and nothing of it stays."""

import os
import select
import signal
import subprocess
import sys

import pytest

from core.errors import ConnectionFailed
from core.sample.server import PrivateServer

_OWNER = """
import sys
from core.sample.server import PrivateServer
server = PrivateServer()
server.start()
print(server.pid, server.directory, flush=True)
sys.stdin.read()
"""


def is_gone(pid: int, timeout_s: float) -> bool:
    """Wait for the end of a process that is not our child."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], timeout_s)[0])
    finally:
        os.close(descriptor)


def test_server_dies_with_its_owner_and_leaves_no_directory():
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    with owner.stdin, owner.stdout:
        pid_text, directory = owner.stdout.readline().split()
        watchers = [
            int(pid)
            for pid in os.listdir("/proc")
            if pid.isdigit() and directory in _command_line(pid) and pid != pid_text
        ]
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        assert is_gone(int(pid_text), 20)
        assert watchers
        assert all(is_gone(pid, 20) for pid in watchers)
    assert not os.path.exists(directory)


_TIDYING_OWNER = """
import os, shutil, signal, sys
from core.sample.server import PrivateServer
server = PrivateServer(removes=sys.argv[1:])
server.start()
print(server.pid, server.directory, flush=True)
sys.stdin.readline()
shutil.rmtree = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
server.remove()
"""


def test_an_owner_that_dies_while_it_tidies_up_leaves_nothing(tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    owner = subprocess.Popen(
        [sys.executable, "-c", _TIDYING_OWNER, str(store)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    with owner.stdin, owner.stdout:
        pid_text, directory = owner.stdout.readline().split()
        watchers = [
            int(pid)
            for pid in os.listdir("/proc")
            if pid.isdigit() and directory in _command_line(pid) and pid != pid_text
        ]
        owner.stdin.write("\n")
        owner.stdin.flush()
        assert owner.wait(60) == -signal.SIGKILL
        assert watchers
        assert all(is_gone(pid, 20) for pid in watchers)
    assert is_gone(int(pid_text), 20)
    assert not os.path.exists(directory)
    assert not store.exists()


def _command_line(pid: str) -> str:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as source:
            return os.fsdecode(source.read())
    except OSError:
        return ""


def test_rows_survive_a_kill(tmp_path):
    with PrivateServer(str(tmp_path / "db")) as server:
        server.make_schema("one")
        server.run("CREATE TABLE t (a INT); INSERT INTO t VALUES (7)", schema="one")
        server.kill()
        server.start()
        assert server.run("SELECT a FROM t", schema="one").split() == ["a", "7"]


def test_the_ordinary_account_has_its_own_schema_only(server):
    server.make_schema("mine1", username="only_mine", password="x")
    grants = server.run("SHOW GRANTS FOR 'only_mine'@'localhost'")
    assert "ON `mine1`.*" in grants
    assert "ON *.*" in grants
    assert "GRANT USAGE ON *.*" in grants
    server.run("DROP DATABASE mine1")


def test_a_failing_statement_is_an_error(server):
    with pytest.raises(ConnectionFailed, match="1064"):
        server.run("THIS IS NOT SQL")
