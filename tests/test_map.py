"""The map and the pages of design name only existing files and functions."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAP = ROOT / "docs" / "map.md"
PAGES = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"))
    if path.name != "CHANGELOG.md"  # it names the past, too
)
NAMED = re.compile(r"`((?:core|tui|tests|docs|scripts|screenshots)/[\w./-]*)`")
QUESTIONS = (
    "How is a file restored?",
    "Where is maintenance mode lifted?",
    "What does a code backup leave out?",
    "Which statements are refused?",
    "What happens at the commit?",
    "How does an undo work?",
    "How are rows escaped?",
    "How does an event reach the log?",
    "How does an event reach the screen?",
    "Who decides the exit code?",
    "Who trims old jobs and undos?",
    "How is a set pruned?",
    "How does a table stay as it is?",
    "How is a file found in an archive?",
    "Who sends a notification?",
    "How is a snapshot of the database made?",
    "How is a snapshot sent to a repository?",
    "How does the application get its plan?",
    "Where is a key of the configuration checked?",
    "How does an undo compare tables?",
    "How are segments of an archive cut?",
    "Who decides that a backup is overdue?",
    "How does root become the owner?",
    "How is a hook run?",
    "How is a dead job recovered?",
    "How is a dump loaded beside the live tables?",
    "Where is the lock of a store?",
    "Where is the plan screen?",
)
MODULES = {path.stem for top in ("core", "tui") for path in (ROOT / top).rglob("*.py")}
PACKAGES = sorted(path for top in ("core", "tui") for path in (ROOT / top).glob("**/__init__.py"))


@functools.cache
def source(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def rows() -> dict[str, str]:
    """Return the text behind each question."""
    lines = MAP.read_text(encoding="utf-8").splitlines()
    cells = [line.strip("| ").split(" | ", 1) for line in lines if line.startswith("| ")]
    return {cell[0]: cell[1] for cell in cells if cell[0].endswith("?")}


def test_the_map_answers_each_question_with_a_path() -> None:
    assert tuple(rows()) == QUESTIONS
    for question, answer in rows().items():
        assert 1 <= len(NAMED.findall(answer)) <= 3, question


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page: Path) -> None:
    named = NAMED.findall(page.read_text(encoding="utf-8"))
    assert [path for path in named if not (ROOT / path).exists()] == []
    assert named or page != MAP


def defined(path: Path) -> set[str]:
    """Return the names of the functions and classes of a module."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }


def test_every_function_that_the_map_names_is_in_the_file_before_it() -> None:
    pairs = re.findall(r"`([\w/]+\.py)` \(((?:`\w+`(?:, )?)+)\)", MAP.read_text(encoding="utf-8"))
    assert len(pairs) > 5
    for path, names in pairs:
        assert set(re.findall(r"`(\w+)`", names)) <= defined(ROOT / path), path


@pytest.mark.parametrize("page", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_package_says_its_algorithm_by_modules_that_exist(page: Path) -> None:
    text = ast.get_docstring(ast.parse(page.read_text(encoding="utf-8"))) or ""
    lines = [line for line in text.splitlines()[2:] if line]
    assert len(lines) >= 3
    columns = [re.split(r"  +", line)[-1] for line in lines if re.search(r"\S  +\S", line)]
    named = {name for column in columns for name in re.findall(r"\b[a-z]+_[a-z_]+\b", column)}
    functions = named - MODULES
    text = "".join(map(source, page.parent.rglob("*.py"))) if functions else ""
    assert {name for name in functions if f"def {name}(" not in text} == set()


MODULE_LIST = re.compile(r"[a-z_]+(?:, [a-z_]+)*")


def test_every_package_lists_modules_that_exist() -> None:
    unknown: dict[str, set[str]] = {}
    listed = 0
    for page in PACKAGES:
        text = ast.get_docstring(ast.parse(page.read_text(encoding="utf-8"))) or ""
        lines = text.splitlines()[2:]
        columns = [re.split(r"  +", line)[-1] for line in lines if re.search(r"\S  +\S", line)]
        lists = [column for column in columns if MODULE_LIST.fullmatch(column)]
        named = {name for column in lists for name in column.split(", ")}
        if "Modules: " in text:
            named |= set(re.findall(r"`([a-z_]+)`", text.partition("Modules: ")[2]))
        listed += len(named)
        known = {path.stem for path in page.parent.rglob("*.py")}
        known |= {path.name for path in page.parent.rglob("*") if path.is_dir()}
        if named - known:
            unknown[str(page.relative_to(ROOT))] = named - known
    assert unknown == {}
    assert listed > 150
