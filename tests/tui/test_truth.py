"""What the screens say is true: no green word over a dead shop, nothing cut, nothing of 1970."""

from __future__ import annotations

import threading

import pytest
from msgspec.structs import replace

from core.errors import ConfigurationError
from core.events import Operation, Outcome
from core.jobs.listing import unknown_job
from core.operations.health import StoreHealth
from tests.tui.conftest import opened, said, settle, shown
from tests.tui.recorded import RecordedEngine
from tui.render.text import UNICODE
from tui.screens.plan import Rollback
from tui.widgets.bar import BarView, bar_line

WEB01_SHOP = ("w", "e", "b", "0", "1", "slash", "s", "h", "o", "p")
LONG = " ".join(f"word{number}" for number in range(60)) + " the-end"


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_bar_has_no_good_word_where_something_is_broken(width: int) -> None:
    view = BarView(host="web01", root="/var/www/shop", maintenance=False)
    assert "maintenance off" in bar_line(view, width, UNICODE).plain
    for broken in ("config BROKEN", "database down", "vendor missing"):
        row = bar_line(replace(view, broken=broken, crumb="Backups"), width, UNICODE)
        assert broken in row.plain
        assert "Backups" in row.plain
        assert len(row.plain) == width
        assert not [span for span in row.spans if "success" in str(span.style)]


async def test_what_was_not_found_out_is_not_open(engine: RecordedEngine) -> None:
    asked = threading.Event()

    def never() -> StoreHealth:
        asked.wait(20)
        return StoreHealth()

    engine.health = never  # type: ignore[method-assign]
    try:
        async with opened(engine, wait=False) as (app, pilot):
            await pilot.pause(0.3)
            assert "down" not in shown(app)
            asked.set()
            await settle(pilot)
            engine.health = lambda: StoreHealth(broken=("database down",))  # type: ignore[method-assign]
            for key in ("h", "f5"):  # on any screen
                await pilot.press(key)
                await settle(pilot)
            assert "database down" in shown(app).splitlines()[0]
    finally:
        asked.set()


@pytest.mark.parametrize("keys", [(), ("b",), ("r",)])
async def test_an_error_is_folded_and_never_cut(
    engine: RecordedEngine, keys: tuple[str, ...]
) -> None:
    error = ConfigurationError(LONG, hint="Do what-helps.")
    engine.database_view = engine.check_view = engine.plan_view = error
    async with opened(engine) as (app, pilot):
        for key in keys:
            await pilot.press(key)
            await settle(pilot)
        words = shown(app).split()
        assert all(word in words for word in LONG.split())
        assert "what-helps." in words


async def test_a_session_that_only_looks_sees_plans(engine: RecordedEngine) -> None:
    engine.read_only = True
    async with opened(engine) as (app, pilot):
        for key in ("r", "n", "enter", *WEB01_SHOP, "enter"):
            await pilot.press(key)
            await settle(pilot)
        assert isinstance(app.screen, Rollback)
        assert "Read-only" in said(app)
    assert [request.operation for request in engine.requests] == [Operation.ROLLBACK]  # the plan
    assert engine.job_views[0].outcome is Outcome.DONE


async def test_history_says_how_many_there_were(engine: RecordedEngine) -> None:
    engine.forgotten_jobs = 163
    engine.job_views = (*engine.job_views, unknown_job("20261101-000000-ffff", "It is odd."))
    async with opened(engine) as (app, pilot):
        await pilot.press("h")
        await settle(pilot)
        assert "2 of 165 jobs" in shown(app)
        assert "unreadable" in shown(app)
        assert "1970" not in shown(app)


async def test_orders_that_cannot_be_counted_are_said_to_be(engine: RecordedEngine) -> None:
    why = "orders cannot be counted: sales_order is missing"
    engine.plan_view = replace(engine.plan_view, lost=(), uncounted=(why,))
    async with opened(engine) as (app, pilot):
        for key in ("r",):
            await pilot.press(key)
            await settle(pilot)
        assert why in shown(app)
        for key in ("n", "enter"):
            await pilot.press(key)
            await settle(pilot)
        assert why in shown(app)
