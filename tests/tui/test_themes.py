"""Text can be read: every role against each ground that it stands on, in both themes."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from textual.color import Color

from tui.app import terminal
from tui.app.themes import COLOURS, DARK, LIGHT, remember, remembered, theme

WORDS = ("foreground", "title", "muted", "key", "good", "changed", "bad")
ON = [(word, ground) for word in WORDS for ground in ("background", "panel")]
ON += [("on-cursor", "cursor"), ("foreground", "cursor-blurred"), ("muted", "cursor-blurred")]


def luminance(name: str) -> float:
    def linear(part: float) -> float:
        return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(part / 255) for part in Color.parse(name).rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("at", [0, 1], ids=["dark", "light"])
@pytest.mark.parametrize(("word", "ground"), ON)
def test_every_role_is_legible_where_it_stands(word: str, ground: str, at: int) -> None:
    assert contrast(COLOURS[word][at], COLOURS[ground][at]) >= 4.5


@pytest.mark.parametrize("name", [DARK, LIGHT])
def test_what_the_screens_name_is_of_the_table(name: str) -> None:
    known = {both[0 if name == DARK else 1] for both in COLOURS.values()}
    shown = theme(name)
    for variable in ("text-accent", "text-error", "text-warning", "text-success", "title", "line"):
        assert shown.variables[variable] in known
    assert shown.variables["foreground-muted"] == COLOURS["muted"][0 if name == DARK else 1]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return tmp_path / "magerewind"


def look(**environ: str) -> str:
    return terminal.look({"TERM": "xterm-256color", **environ}, encoding="utf-8").theme


def test_the_theme_that_was_chosen_is_the_next_one(state: Path) -> None:
    assert look() == DARK
    remember(LIGHT)
    assert look() == LIGHT
    assert look(MAGEREWIND_THEME="dark") == DARK
    assert look(NO_COLOR="1") == "ansi-dark"
    assert stat.S_IMODE((state / "theme").stat().st_mode) == 0o600
    assert os.listdir(state) == ["theme"]


@pytest.mark.parametrize("content", ["nord\n", "", "\x1b[31m", "x" * 5000])
def test_a_theme_that_is_not_known_is_no_choice(state: Path, content: str) -> None:
    state.mkdir()
    (state / "theme").write_text(content)
    assert remembered() is None


def test_neither_a_pipe_nor_a_link_is_read(state: Path, tmp_path: Path) -> None:
    state.mkdir()
    os.mkfifo(state / "theme")
    assert remembered() is None
    (state / "theme").unlink()
    (tmp_path / "other").write_text(LIGHT)
    (state / "theme").symlink_to(tmp_path / "other")
    assert remembered() is None


def test_a_place_that_cannot_be_written_is_no_reason_to_stop(state: Path) -> None:
    state.parent.joinpath("magerewind").write_text("a file where the directory should be")
    remember(LIGHT)
    assert remembered() is None
