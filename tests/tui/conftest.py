"""The application on recorded values, at a fixed time, of a chosen size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC
from pathlib import Path

import pytest
from textual._compositor import Compositor
from textual._context import visible_screen_stack
from textual.pilot import Pilot
from textual.screen import Screen

from screenshots.settling import rows, settle
from tests.tui.recorded import RecordedEngine
from tests.tui.recorded_values import NOW_S
from tui.app.application import Application
from tui.app.terminal import Terminal
from tui.engine.port import Engine
from tui.screens.backups import Backups
from tui.screens.difference_pane import DifferencePane
from tui.screens.history import History
from tui.screens.job import JobScreen
from tui.screens.plan import Rollback
from tui.widgets.foot import Foot

Open = Callable[..., AbstractAsyncContextManager[tuple[Application, Pilot[None]]]]


def shown(app: Application) -> str:
    """Return what the screen shows, as one text."""
    return "\n".join(rows(app))


def said(app: Application) -> str:
    """Return the message on the status line."""
    page = app.page
    return "" if page is None else "\n".join(foot.message for foot in page.query(Foot))


@asynccontextmanager
async def opened(
    engine: Engine,
    *,
    size: tuple[int, int] = (80, 24),
    looks: Terminal | None = None,
    wait: bool = True,
) -> AsyncIterator[tuple[Application, Pilot[None]]]:
    app = Application(engine, looks or Terminal(), clock=lambda: NOW_S, zone=UTC)
    async with app.run_test(size=size) as pilot:
        if wait:
            await settle(pilot)
        yield app, pilot


@pytest.fixture
def engine() -> RecordedEngine:
    return RecordedEngine()


@pytest.fixture(autouse=True)
def no_choice_of_a_person(tmp_path: Path, monkeypatch) -> None:
    """Let no theme that somebody, or another test, chose on this machine show in a test."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture(autouse=True)
def paints_only_for_those_who_look(request: pytest.FixtureRequest, monkeypatch) -> None:
    """Leave the paints out that no terminal shows: `rows` draws what a test looks at.

    They were nearly half of the processor time of these tests. `painted` marks a test of paints.
    """
    if "painted" not in request.keywords:
        monkeypatch.setattr(Compositor, "render_update", _no_update)


def _no_update(
    self: Compositor,
    full: bool = False,
    screen_stack: list[Screen] | None = None,
    simplify: bool = False,
) -> None:
    visible_screen_stack.set(screen_stack or [])
    self._dirty_regions.clear()


@pytest.fixture(autouse=True)
def looks_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what waits for the cursor to rest not wait: what is shown then does not hang on time."""
    monkeypatch.setattr(Backups, "RESTS_S", 0)
    monkeypatch.setattr(History, "RESTS_S", 0)
    monkeypatch.setattr(DifferencePane, "RESTS_S", 0)
    monkeypatch.setattr(Rollback, "RESTS_S", 0)
    monkeypatch.setattr(JobScreen, "LOG_S", 0)
    monkeypatch.setattr(JobScreen, "FLOOD_S", 0)
