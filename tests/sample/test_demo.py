"""The demonstration without a terminal: it sees a rollback that works, and one that does not."""

import io
import os

import pytest

from core.sample import demo
from core.sample.sizes import Size


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Let the demonstration work below a directory of ours."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_walks_through_a_rollback_and_leaves_nothing(temporary, capsys):
    assert demo.run(size="small", headless=True, open_application=None) == 0
    said = capsys.readouterr().out
    assert "$ magerewind setup:backup --code --media --db" in said
    assert "[SUCCESS]: DB rollback completed successfully." in said
    assert said.rstrip().endswith("the store is open.")
    assert os.listdir(temporary) == []


@pytest.mark.long
def test_says_what_is_wrong_when_the_rollback_did_not_restore(temporary, capsys, monkeypatch):
    def do_nothing(self, *words):
        os.makedirs(os.path.join(self._root, "var/backups"), exist_ok=True)
        return 0

    monkeypatch.setattr(demo._Walk, "_command", do_nothing)
    assert demo.run(size="small", headless=True, open_application=None) == 1
    said = capsys.readouterr().out
    assert "changed: app/etc/config.php" in said
    assert "FAILED:" in said
    assert os.listdir(temporary) == []


def test_opens_the_application_at_a_terminal(temporary, monkeypatch, capsys):
    seen = []

    def open_application(root: str) -> int:
        seen.append(os.path.exists(os.path.join(root, "app/etc/env.php")))
        return 7

    monkeypatch.setattr(demo, "_is_terminal", lambda: True)
    size = Size.SMALL.value
    assert demo.run(size=size, headless=False, open_application=open_application) == 7
    assert seen == [True]
    assert "Removing the sample store" in capsys.readouterr().out.splitlines()[-1]
    assert os.listdir(temporary) == []


def test_asks_before_the_sample_is_deleted(temporary, monkeypatch, capsys):
    opened = []

    def open_application(root: str) -> int:
        opened.append(os.path.exists(os.path.join(root, "app/etc/env.php")))
        return 0

    monkeypatch.setattr(demo, "_is_terminal", lambda: True)
    monkeypatch.setattr("sys.stdin", io.StringIO("what?\n\ny\n"))
    assert demo.run(size="small", headless=False, open_application=open_application) == 0
    assert opened == [True, True]
    assert "Delete it and its MariaDB?" in capsys.readouterr().out
    assert os.listdir(temporary) == []
