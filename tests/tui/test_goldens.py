"""Every screen as text, at both sizes and in every look, held against what is checked in.

tests/goldens.py says how they are written anew. Rows of text outlive a new Textual, unlike SVG.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.goldens import hold_against
from tests.long import some
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


OFTEN = (
    *("home", "home-interrupted", "help", "backup", "job-running", "job-rolled-back", "plan"),
    *("backups-open", "delete-last", "plan-options", "confirm", "recover", "history", "inside"),
)


def golden(name: str, size: tuple[int, int], look: str) -> Path:
    return GOLDENS / f"{name}-{size[0]}x{size[1]}{look}.txt"


def compare(name: str, size: tuple[int, int], look: str, text: list[str]) -> None:
    hold_against(golden(name, size, look), "\n".join(text) + "\n")


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


async def listed(pilot: Pilot[None], size: tuple[int, int], look: str = "") -> None:
    """Wait for the list of the palette: Textual lays it out by timers of its own."""
    path = golden("palette", size, look)
    wanted = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            while rows(pilot.app) != wanted:
                await asyncio.sleep(0.02)
                await settle(pilot)


async def at_every_size(name: str) -> None:
    engine = RecordedEngine()
    SCENES[name].before(engine)
    async with opened(engine) as (app, pilot):
        await go(pilot, SCENES[name].keys)
        for size in (*SIZES, LARGE) if name in THAT_GROW else SIZES:
            await pilot.resize_terminal(*size)
            await settle(pilot)
            if name == "palette":
                await listed(pilot, size)
            compare(name, size, "", rows(app))


@pytest.mark.parametrize("name", some([name for name in SCENES if name != "palette"], *OFTEN))
async def test_every_screen_at_every_size(name: str) -> None:
    await at_every_size(name)


@pytest.mark.parametrize(
    "name", some(["home-no-vendor", "backups", "job-running", "confirm"], "backups")
)
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
            if name == "palette":
                await listed(pilot, size, "-ascii")
            text = rows(app)
            assert colours(app) == set()
            if ascii_only:
                assert "\n".join(text).isascii(), [row for row in text if not row.isascii()]
            compare(name, size, "-ascii" if ascii_only else "", text)


@pytest.mark.long
@pytest.mark.painted  # the list of the palette is shown when it has been painted
async def test_the_palette(monkeypatch: pytest.MonkeyPatch) -> None:
    await at_every_size("palette")
    await without_colour("palette", monkeypatch, ascii_only=True)


@pytest.mark.parametrize("name", some(ONE_OF_EACH, "home", "plan"))
async def test_ascii_without_colour(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await without_colour(name, monkeypatch, ascii_only=True)


@pytest.mark.parametrize("name", some(["home", "job-running", "delete-last"], "job-running"))
async def test_no_color_has_no_colour(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    await without_colour(name, monkeypatch, ascii_only=False)
