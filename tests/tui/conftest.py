"""The application on recorded values, at a fixed time, of a chosen size."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC

import pytest
from textual.pilot import Pilot

from screenshots.settling import rows, settle
from tests.tui.recorded import NOW_S, RecordedEngine
from tui.app.application import Application
from tui.app.terminal import Terminal
from tui.engine.port import Engine

Open = Callable[..., AbstractAsyncContextManager[tuple[Application, Pilot[None]]]]


def shown(app: Application) -> str:
    """Return what the screen shows, as one text."""
    return "\n".join(rows(app))


def said(app: Application) -> str:
    """Return what the toasts say."""
    return "\n".join(note.message for note in app._notifications)


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
