import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.printable import folded, printable, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("vendor/magento/framework/App.php", "vendor/magento/framework/App.php"),
        ("smörgås 价格 🛒.jpg", "smörgås 价格 🛒.jpg"),
        ("esc\x1b]0;pwn\x07.php", "esc\\x1b]0;pwn\\x07.php"),
        ("a\nb\rc\td", "a\\nb\\rc\\td"),
        ("\x9b31m", "\\x9b31m"),
        ("\x7f", "\\x7f"),
        ("photo\u202egpj.exe", "photo\\u202egpj.exe"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("a\u2028b", "a\\u2028b"),
        ("caf\udce9", "caf\\xe9"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
    ],
)
def test_what_a_terminal_would_obey_is_made_visible(text: str, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(exclude_categories=())))
def test_nothing_dangerous_is_left(text: str) -> None:
    safe = printable(text)
    safe.encode()
    assert not {unicodedata.category(one) for one in safe} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert printable(safe) == safe


@given(st.text(), st.integers(1, 30))
def test_a_shortened_text_fits(text: str, width: int) -> None:
    assert len(shortened(text, width)) <= width


def test_the_ends_of_a_long_path_stay() -> None:
    assert shortened("pub/media/catalog/product/cache/9f3a/b/l/blue-hoodie.jpg", 30) == (
        "pub/media.../l/blue-hoodie.jpg"
    )


@pytest.mark.parametrize("width", [20, 40, 79, 200])
def test_folded_text_is_whole_and_fits(width: int) -> None:
    text = "  The store in /var/www/shop cannot be read by this account, and nothing was changed."
    lines = folded(text, width)
    assert " ".join(line.strip() for line in lines) == text.strip()
    assert all(line.startswith("  ") for line in lines)
    assert all(len(line) <= width or " " not in line.strip() for line in lines)


def test_a_command_stays_in_one_piece() -> None:
    command = "magerewind setup:rollback --code-file=1700000000_filesystem.tgz"
    assert folded(f"Roll it back: {command}", 30) == ["Roll it back:", command]
    assert folded("", 10) == [""]
    assert folded("a" * 30, 10) == ["a" * 30]  # the terminal wraps it
