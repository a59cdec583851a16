"""A silent database server is told of while it is waited for."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from core import silence
from core.database.server import wire
from tests.contents.looking import Looking, make_store

WAITS = "Waiting for the answer of the database server at 127.0.0.1:"


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Looking]:
    """A store whose server takes the connection, and says nothing."""
    shop = make_store(tmp_path / "shop")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = (
            "<?php return ['install' => ['date' => 'x'], 'db' => ['connection' => ['default' => "
            f"['host' => '127.0.0.1:{silent.getsockname()[1]}', 'dbname' => 'a', "
            "'username' => 'b', 'password' => 'c']]]];"
        )
        shop.put("app/etc/env.php", env.encode(), 0o600)
        yield shop


def test_a_wait_for_a_silent_server_is_said(shop: Looking, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "AFTER_S", 0.01)
    monkeypatch.setattr(wire, "USUAL", replace(wire.USUAL, connect_s=0.3))
    for words in (("info:store",), ("setup:backup", "--db", "--dry-run")):
        monkeypatch.setattr(silence, "_told", {})
        said = shop.run(*words)
        assert said.code == 1
        assert said.err.count(WAITS) == 1
        assert "for at most 1 s more." in said.err
        assert "No database server answers" in said.err


@pytest.mark.long
def test_a_job_says_it_too_and_can_be_ended_meanwhile(shop: Looking) -> None:
    command = [sys.executable, "-I", "-m", "core", "setup:backup", "--db", "--root", str(shop.root)]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=dict(os.environ)
    ) as child:
        assert child.stderr is not None
        told = next((line for line in child.stderr if line.startswith(WAITS)), "")
        assert told.rstrip().endswith("s more.")
        child.send_signal(signal.SIGINT)
        assert "Cancelled" in child.stderr.read()
    assert child.returncode == 130
