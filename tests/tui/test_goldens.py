"""Every screen as text, at both sizes and in every look, held against what is checked in.

`MAGEREWIND_UPDATE_GOLDENS=1 make test` (or pytest tests/tui/test_goldens.py) writes them anew; the
difference is then for a person to read. Rows of text outlive a new Textual, unlike SVG.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import opened, rows, settle
from tests.tui.recorded import RecordedEngine
from tests.tui.scenes import SCENES
from tui.app.application import Application
from tui.app.terminal import THEMES, Terminal

GOLDENS = Path(__file__).parent / "goldens"
SIZES = ((80, 24), (120, 40))
# Every screen once, and every kind of sign.
ONE_OF_EACH = (
    *("home", "home-interrupted", "help", "palette", "refused", "backup", "job-running"),
    *("job-finished", "job-rolled-back", "backups-open", "delete-last", "pick", "plan"),
    *("plan-refused", "safety", "confirm", "undo", "recover", "history"),
)
UPDATE = bool(os.environ.get("MAGEREWIND_UPDATE_GOLDENS"))


def compare(name: str, size: tuple[int, int], look: str, text: list[str]) -> None:
    path = GOLDENS / f"{name}-{size[0]}x{size[1]}{look}.txt"
    found = "\n".join(text) + "\n"
    if UPDATE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert path.exists(), f"no golden {path.name}: write it with MAGEREWIND_UPDATE_GOLDENS=1"
    assert found == path.read_text(encoding="utf-8"), path.name


async def go(pilot: Pilot[None], keys: tuple[str, ...]) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


def colours(app: Application) -> set[str]:
    """Return the colours that would be written to the terminal."""
    found = set()
    for strip in app.screen._compositor.render_strips():
        for segment in strip:
            style = segment.style
            for colour in (style.color, style.bgcolor) if style else ():
                if colour is not None and not colour.is_default:
                    found.add(colour.name)
    return found


@pytest.mark.parametrize("name", SCENES)
async def test_dark_light_and_ansi_show_the_same_text(name: str) -> None:
    engine = RecordedEngine()
    SCENES[name].before(engine)
    async with opened(engine) as (app, pilot):
        await go(pilot, SCENES[name].keys)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await settle(pilot)
            # A theme moves no text: the second size need not try all of them.
            for theme in THEMES if size == SIZES[0] else THEMES[2:]:
                app.theme = theme
                await pilot.pause()
                compare(name, size, "", rows(app))


async def without_colour(name: str, monkeypatch: pytest.MonkeyPatch, *, ascii_only: bool) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    engine = RecordedEngine()
    SCENES[name].before(engine)
    looks = Terminal(theme="ansi-dark", ascii_only=ascii_only)
    async with opened(engine, looks=looks) as (app, pilot):
        await go(pilot, SCENES[name].keys)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await settle(pilot)
            text = rows(app)
            assert colours(app) == set()
            if ascii_only:
                assert "\n".join(text).isascii(), [row for row in text if not row.isascii()]
            compare(name, size, "-ascii" if ascii_only else "", text)


@pytest.mark.parametrize("name", ONE_OF_EACH)
async def test_ascii_without_colour(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await without_colour(name, monkeypatch, ascii_only=True)


@pytest.mark.parametrize("name", ["home", "job-running", "plan", "delete-last"])
async def test_no_color_has_no_colour(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await without_colour(name, monkeypatch, ascii_only=False)
