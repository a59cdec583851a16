"""The modules that headless commands load: none of the application, no heavy one for a greeting."""

import subprocess
import sys

import pytest

_REPORT = """
import sys
from core.cli.main import run
code = run(sys.argv[1:])
print(code, *sorted(sys.modules), sep="\\n", file=sys.stderr)
"""
_APPLICATION = {"textual", "rich", "tui"}
_HEAVY = {"pymysql", "isal", "tree_sitter", "tree_sitter_php", "asyncio"}


def loaded(*words: str, cwd) -> set[str]:
    """Return the packages that a command has loaded when it ends, and check that it ran."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _REPORT, *words],
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    return {name.partition(".")[0] for name in done.stderr.splitlines()}


@pytest.mark.parametrize(
    "words",
    [
        ("--version",),
        ("--help",),
        ("info:backups:list",),
        ("info:store",),
        ("setup:backup", "--code"),
        ("setup:rollback", "--code-file=1_filesystem.tgz", "-n"),
    ],
)
def test_commands_load_nothing_of_the_application(tmp_path, words):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/magento").touch()
    (tmp_path / "app/etc").mkdir(parents=True)
    packages = loaded(*words, cwd=tmp_path)
    assert "core" in packages
    assert not packages & _APPLICATION


@pytest.mark.parametrize("words", [("--version",), ("setup:backup", "--help"), ("list",)])
def test_help_loads_nothing_heavy(tmp_path, words):
    assert not loaded(*words, cwd=tmp_path) & _HEAVY


def test_the_engine_can_be_imported_alone():
    script = "import core, core.events, core.errors, sys; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True
    )
    assert not {name.partition(".")[0] for name in done.stdout.split()} & (_APPLICATION | _HEAVY)
