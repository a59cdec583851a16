"""A silent database server is told of while it is waited for."""

import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.cli import patience
from core.database.server import wire
from tests.contents.looking import make_store


def test_a_wait_for_a_silent_server_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = make_store(tmp_path / "shop")
    monkeypatch.setattr(patience, "AFTER_S", 0.01)
    monkeypatch.setattr(wire, "USUAL", replace(wire.USUAL, connect_s=0.3))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = (
            "<?php return ['install' => ['date' => 'x'], 'db' => ['connection' => ['default' => "
            f"['host' => '127.0.0.1:{silent.getsockname()[1]}', 'dbname' => 'a', "
            "'username' => 'b', 'password' => 'c']]]];"
        )
        shop.put("app/etc/env.php", env.encode(), 0o600)
        for words in (("info:store",), ("setup:backup", "--db", "--dry-run")):
            said = shop.run(*words)
            assert said.code == 1
            assert said.err.count("Still looking. A database server that is silent gets ") == 1
            assert "No database server answers" in said.err
