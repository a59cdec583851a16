"""Inside a backup, on recorded values: opened, compared, taken out, put back."""

from __future__ import annotations

from core.operations.requests import RollbackRequest
from tests.tui.conftest import opened, said, settle, shown
from tests.tui.recorded import RecordedEngine
from tui.screens.inside import Inside
from tui.screens.rollback import Rollback

WAY = ("enter", "enter", "down", "enter")


async def press(pilot, *names: str) -> None:
    for name in names:
        await pilot.press(name)
        await settle(pilot)


async def test_a_file_is_found_compared_taken_out_and_put_back(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await press(pilot, *WAY)
        assert isinstance(app.screen, Inside)
        assert "[Code]" in shown(app)
        await press(pilot, "enter", "down", "enter", "down")
        assert "env.php" in shown(app)
        assert "0640" in shown(app)
        await press(pilot, "equals_sign")
        assert "-exit;" in shown(app)
        assert engine.inside.asked[-1] == ("1795392000_filesystem.tgz", "app/etc/env.php", False)
        await press(pilot, "escape", "x")
        app.screen.query_one("#typed").value = "/srv/out"
        await press(pilot, "enter")
        assert engine.inside.extracted == [
            ("1795392000_filesystem.tgz", "app/etc/env.php", "/srv/out")
        ]
        assert "1 file, 1.5 kB, in /srv/out" in said(app)
        await press(pilot, "p")
        assert isinstance(app.screen, Rollback)
        request = engine.requests[-1]
        assert isinstance(request, RollbackRequest)
        assert (request.code_file, request.only) == (
            "1795392000_filesystem.tgz",
            ("app/etc/env.php",),
        )
        await press(pilot, "escape", "escape")
        assert not isinstance(app.screen, Inside)


async def test_a_table_is_put_back_alone_and_a_view_is_not(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await press(pilot, *WAY, "t", "t")
        assert "[Database]" in shown(app)
        assert "1,000" in shown(app)
        await press(pilot, "end", "p")
        assert "Only tables" in said(app)
        await press(pilot, "up", "p")
        assert engine.requests[-1].only_table == ("sales_order",)
