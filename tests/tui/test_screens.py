"""What the screens show and do, on recorded values."""

from __future__ import annotations

import asyncio

from core.errors import ConnectionFailed
from core.events import Kind
from core.operations.requests import BackupRequest
from tests.tui.conftest import opened, rows, said, settle, shown
from tests.tui.recorded import RecordedEngine
from tui.screens.job import JobScreen


async def test_home_shows_the_store(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, _):
        text = shown(app)
    for part in ("/var/www/shop", "2.4.8 Community", "31.2 GB in 412 tables", "store open"):
        assert part in text


async def test_a_database_that_never_answers_does_not_hold_the_screen(
    engine: RecordedEngine,
) -> None:
    engine.dead_database.set()
    async with opened(engine, wait=False) as (app, pilot):
        for _ in range(500):
            await asyncio.sleep(0.01)
            if "118.0 GB" in shown(app):
                break
        assert "118.0 GB of 400.0 GB" in shown(app)
        await pilot.press("question_mark")
        await pilot.pause()
        assert "On this screen" in shown(app)


async def test_a_fact_that_fails_says_why(engine: RecordedEngine) -> None:
    engine.database_view = ConnectionFailed("No server answers at localhost:3306.")
    async with opened(engine) as (app, _):
        assert "? No server answers at localhost:3306." in shown(app)


async def test_a_backup_is_chosen_and_started(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await pilot.press("b")
        await settle(pilot)
        assert "about 66.9 GB needed" in shown(app)
        await pilot.press("down", "space")  # media off
        await pilot.press("s")
        await settle(pilot)
        assert engine.requests == [BackupRequest(kinds=(Kind.CODE, Kind.DB))]
        assert isinstance(app.screen, JobScreen)
        for _ in range(500):  # the stream is looked at by the clock, not by the key
            if "MAINTENANCE ON" in rows(app)[0]:
                break
            await asyncio.sleep(0.01)
        assert "MAINTENANCE ON" in rows(app)[0]


async def test_a_backup_of_nothing_says_why_not(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await pilot.press("b")
        await settle(pilot)
        await pilot.press("a", "s")
        await settle(pilot)
        assert not engine.requests
        assert "take at least one of" in said(app)


async def test_a_running_job_is_on_every_screen(engine: RecordedEngine) -> None:
    engine.run()
    async with opened(engine) as (app, pilot):
        assert "backup running" in rows(app)[0]
        assert "MAINTENANCE ON 2:40" in rows(app)[0]
        await pilot.press("j")
        await settle(pilot)
        text = shown(app)
        assert "Write media" in text
        assert "31 %" in text
        assert "[SUCCESS]: Code backup completed successfully." in text


async def test_below_60x16_one_clear_word(engine: RecordedEngine) -> None:
    async with opened(engine, size=(52, 14)) as (app, _):
        assert "needs 60x16, has 52x14" in shown(app)


async def test_help_comes_from_the_bindings(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await pilot.press("question_mark")
        await settle(pilot)
        text = shown(app)
        assert "Back up" in text
        assert "Turn maintenance mode off" in text
        await pilot.press("escape")
        await settle(pilot)
        assert "WHAT TO DO" in shown(app)
