"""Helpers are modules of their own: a file of tests that is imported is run twice over."""

from __future__ import annotations

import ast
from pathlib import Path

HERE = Path(__file__).parent


def imported(path: Path) -> set[str]:
    """Return the dotted names that a file imports, names of objects included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_nothing_is_imported_out_of_a_file_of_tests() -> None:
    files = {path.relative_to(HERE).as_posix(): path for path in HERE.rglob("*.py")}
    assert "shop.py" in files
    wrong = {
        (name, one)
        for name, path in files.items()
        for one in imported(path)
        if one.startswith("tests.") and ".test_" in one
    }
    assert wrong == set()
