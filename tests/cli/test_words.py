import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.text import numbers


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (numbers.size(0), "0 Bytes"),
        (numbers.size(103_000_000), "103.0 MB"),
        (numbers.rate(61_200_000.0), "61.2 MB/s"),
        (numbers.count(109_000), "109,000"),
        (numbers.counted(1, "file"), "1 file"),
        (numbers.counted(0, "file"), "0 files"),
        (numbers.counted(2, "entry", "entries"), "2 entries"),
        (numbers.clock(0), "0:00:00"),
        (numbers.clock(9_661.9), "2:41:01"),
        (numbers.duration(1.6), "1.6 seconds"),
        (numbers.duration(161), "2 minutes and 41 seconds"),
        (numbers.age(100, 100 + 3 * 3600), "3 hours ago"),
        (numbers.age(1_000, 100), "in the future"),
        (numbers.percent(99.99, 100), "99 %"),
        (numbers.percent(100, 100), "100 %"),
        (numbers.percent(5, None), ""),
        (numbers.percent(500, 100), "100 %"),
        (numbers.moment(10**18), str(10**18)),
    ],
)
def test_numbers_become_words(text: str, expected: str) -> None:
    assert text == expected


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of the string literals of a module, but not of its docstrings."""
    tree = ast.parse(path.read_text())
    alone = {id(one.value) for one in ast.walk(tree) if isinstance(one, ast.Expr)}
    for one in ast.walk(tree):
        if isinstance(one, ast.Constant) and isinstance(one.value, str) and id(one) not in alone:
            yield one.lineno, one.value


def test_our_own_words_are_ascii_for_a_terminal_of_any_locale() -> None:
    core = Path(numbers.__file__).parents[1]
    makes_pages = {"documentation.py", "man_page.py", "listing.py"}  # `listing` escapes surrogates
    found = [
        f"{path.relative_to(core)}:{line}: {text}"
        for path in core.rglob("*.py")
        if path.name not in makes_pages and path.parent.name != "sample"
        for line, text in literals(path)
        if not text.isascii()
    ]
    assert found == []
