"""The configured stores: listed at the start, one opened, another one after it."""

import json
import os
import sys
from pathlib import Path

import pytest

from core.config.load import load
from core.events import Kind, Operation
from core.magento.store import find_store
from core.sample.sizes import Size
from core.sample.store import make_store
from tests.tui.at_a_terminal import AtATerminal
from tui.app.application import Application
from tui.app.terminal import Terminal
from tui.engine.store_engine import StoreEngine
from tui.screens.backup import Backup


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("configured")
    text = ""
    for name in ("one", "two"):
        make_store(str(path / name), size=Size.SMALL)
        text += f'[stores.{name}]\nroot = "{path / name}"\n'
    text += 'kinds = ["media"]\nnote = "nightly"\nlevel = 9\nexclude = ["@tmp"]\n'
    (path / "config.toml").write_text(f'{text}hooks.backup.before = ["sh", "-c", "exit 4"]\n')
    return path


def test_a_store_is_picked_and_left_for_another(place: Path) -> None:
    terminal = AtATerminal(
        ["-I", "-m", "tui", "--config", str(place / "config.toml")], cwd=str(place.parent)
    )
    try:
        terminal.until(str(place / "two"))
        os.write(terminal.parent, b"\r")
        terminal.until("one")
        terminal.until("Back up")
        terminal.written = b""
        os.write(terminal.parent, b"\x0f")
        terminal.until("[Enter] Open")
        terminal.written = b""  # a key pressed before the other store is open is not for it
        os.write(terminal.parent, b"\x1b[B\r")
        terminal.until("Back up")
        os.write(terminal.parent, b"q")
        assert terminal.process.wait(timeout=30) == 0
    finally:
        terminal.close()


def test_in_a_store_that_one_is_opened_at_once(place: Path) -> None:
    terminal = AtATerminal(
        ["-I", "-m", "tui", "--config", str(place / "config.toml")], cwd=str(place / "two")
    )
    try:
        terminal.until("Back up")
        assert b"[Enter] Open" not in terminal.written
        os.write(terminal.parent, b"q")
        assert terminal.process.wait(timeout=30) == 0
    finally:
        terminal.close()


def engine_of(place: Path) -> StoreEngine:
    config = load({}, file=str(place / "config.toml"))
    root = str(place / "two")
    return StoreEngine(
        find_store(root, root=root, for_rollback=True),
        read_only=False,
        settings=lambda root: config.effective(config.name_of(root), {}),
    )


async def test_the_form_of_a_backup_begins_with_the_settings(place: Path) -> None:
    engine = engine_of(place)
    app = Application(engine, Terminal(), clock=lambda: 1_700_000_000.0, zone=None)
    async with app.run_test(size=(80, 24)) as pilot:
        app.push_screen(Backup())
        await pilot.pause()
        request = app.screen.request()
    assert (request.kinds, request.note, request.level) == ((Kind.MEDIA,), "nightly", 9)
    assert request.exclude == ("@tmp",)


def test_a_job_of_the_application_has_its_hooks(place: Path) -> None:
    engine = engine_of(place)
    job_id = engine.start(engine.defaults)
    stream = engine.stream(job_id)
    while not stream.ended:
        stream.poll()
    result = Path(engine.log_path(job_id), "result.json").read_text()
    assert json.loads(result)["exit_code"] == 3
    assert engine.jobs()[0].operation is Operation.BACKUP


def test_without_a_terminal_nothing_is_shown(place: Path) -> None:
    import subprocess

    done = subprocess.run(
        [sys.executable, "-I", "-m", "tui", "--config", str(place / "config.toml")],
        cwd=place.parent, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
