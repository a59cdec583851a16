"""Every screen as text, at both sizes and in every look, held against what is checked in.

tests/goldens.py says how they are written anew. Rows of text outlive a new Textual, unlike SVG.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.goldens import hold_against
from tests.tui.conftest import opened, rows, settle
from tests.tui.recorded import RecordedEngine
from tests.tui.scenes import SCENES
from tui.app.application import Application
from tui.app.terminal import THEMES, Terminal

GOLDENS = Path(__file__).parent / "goldens"
SIZES = ((80, 24), (120, 40))
LARGE = (200, 60)
# Screens whose panels take the room that there is.
THAT_GROW = ("home", "home-no-vendor", "backups", "job-running", "job-rolled-back", "history")
# Every screen once, and every kind of sign.
ONE_OF_EACH = (
    *("home", "home-interrupted", "help", "backup", "job-running"),
    *("job-rolled-back", "backups-open", "delete-last", "plan-options", "plan"),
    *("confirm", "recover", "history"),
)


def compare(name: str, size: tuple[int, int], look: str, text: list[str]) -> None:
    hold_against(GOLDENS / f"{name}-{size[0]}x{size[1]}{look}.txt", "\n".join(text) + "\n")


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


async def at_every_size(name: str) -> None:
    engine = RecordedEngine()
    SCENES[name].before(engine)
    async with opened(engine) as (app, pilot):
        await go(pilot, SCENES[name].keys)
        for size in (*SIZES, LARGE) if name in THAT_GROW else SIZES:
            await pilot.resize_terminal(*size)
            await settle(pilot)
            compare(name, size, "", rows(app))


@pytest.mark.parametrize("name", [name for name in SCENES if name != "palette"])
async def test_every_screen_at_every_size(name: str) -> None:
    await at_every_size(name)


@pytest.mark.parametrize("name", ["home-no-vendor", "backups", "job-running", "confirm"])
async def test_a_theme_moves_no_text(name: str) -> None:
    engine = RecordedEngine()
    SCENES[name].before(engine)
    async with opened(engine) as (app, pilot):
        await go(pilot, SCENES[name].keys)
        for theme in THEMES:
            app.theme = theme
            await pilot.pause()
            compare(name, SIZES[0], "", rows(app))


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


@pytest.mark.painted  # the list of the palette is shown when it has been painted
async def test_the_palette(monkeypatch: pytest.MonkeyPatch) -> None:
    await at_every_size("palette")
    await without_colour("palette", monkeypatch, ascii_only=True)


@pytest.mark.parametrize("name", ONE_OF_EACH)
async def test_ascii_without_colour(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await without_colour(name, monkeypatch, ascii_only=True)


@pytest.mark.parametrize("name", ["home", "job-running", "delete-last"])
async def test_no_color_has_no_colour(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await without_colour(name, monkeypatch, ascii_only=False)
