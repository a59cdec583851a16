"""No module of core or tui needs itself by way of others, for types or inside functions neither."""

from __future__ import annotations

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def modules(root: Path) -> dict[str, Path]:
    """Return the modules of both packages by their dotted names."""
    paths = [path for top in ("core", "tui") for path in (root / top).rglob("*.py")]
    names = (path.relative_to(root).with_suffix("").parts for path in paths)
    return {
        ".".join(parts[:-1] if parts[-1] == "__init__" else parts): path
        for parts, path in zip(names, paths, strict=True)
    }


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Return the modules that one imports anywhere, below TYPE_CHECKING and in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (whole & known.keys()) or {node.module or ""}
    return found & known.keys()


def circle(known: dict[str, Path]) -> list[str]:
    """Return the modules of a circle, or nothing."""
    graph = {name: imports(path, known) - {name} for name, path in known.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_there_is_no_circle() -> None:
    known = modules(ROOT)
    assert len(known) > 200
    assert circle(known) == []


@pytest.mark.parametrize(
    "line",
    ["from core import b", "from core.b import x", "import core.b", "def f():\n    import core.b"],
)
def test_a_circle_is_found(tmp_path: Path, line: str) -> None:
    (tmp_path / "core").mkdir()
    (tmp_path / "core" / "__init__.py").write_text("")
    (tmp_path / "core" / "a.py").write_text(f"{line}\n")
    (tmp_path / "core" / "b.py").write_text("TYPES = False\nif TYPES:\n    from core import a\n")
    assert {"core.a", "core.b"} == set(circle(modules(tmp_path)))
