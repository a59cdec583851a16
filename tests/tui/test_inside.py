"""Inside a backup, on recorded values: opened, compared, searched, taken out, put back."""

from __future__ import annotations

from core.errors import MagerewindError
from core.operations.requests import RollbackRequest
from tests.tui.conftest import opened, rows, said, settle, shown
from tests.tui.recorded import RecordedEngine
from tests.tui.recorded_inside import RecordedTable
from tui.screens.inside import Inside
from tui.screens.plan import Rollback
from tui.screens.table_rows import TableRows
from tui.widgets.rows import Rows

WAY = ("enter", "enter", "down", "enter")


async def press(pilot, *names: str) -> None:
    for name in names:
        await pilot.press(name)
        await settle(pilot)


def row_of(app, word: str) -> str:
    """Return the row that the cursor is on, which has this word."""
    (row,) = [row for row in rows(app) if word in row and ">" in row[:4]]
    return row


async def test_a_file_is_found_compared_taken_out_and_put_back(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await press(pilot, *WAY)
        assert isinstance(app.screen, Inside)
        assert "[Code]" in shown(app)
        assert "~1 -1" in row_of(app, "app")
        assert "MISSING 304" in shown(app)
        await press(pilot, "enter", "down", "enter", "down")
        assert "0640" in row_of(app, "env.php")
        assert "differs" in row_of(app, "env.php")
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
        await press(pilot, "escape", "down")
        assert "only in store" in row_of(app, "evil.php")
        await press(pilot, "x")
        assert "only in the store" in said(app)
        await press(pilot, "c")
        assert "index.php" not in shown(app)
        await press(pilot, "c", "slash", "e", "v", "i")
        assert "0 found" in shown(app)
        await press(pilot, *("backspace",) * 3, "e", "n", "v", "enter")
        assert "app/etc/env.php" in row_of(app, "env.php")
        assert "1 found" in shown(app)
        await press(pilot, "equals_sign")
        assert "-exit;" in shown(app)
        await press(pilot, "escape", "escape", "escape")
        assert not isinstance(app.screen, Inside)


async def test_tables_stand_beside_the_store_and_are_opened_row_by_row(
    engine: RecordedEngine,
) -> None:
    async with opened(engine) as (app, pilot):
        await press(pilot, *WAY, "t", "t")
        assert "[Database]" in shown(app)
        assert "1,102" in row_of(app, "customer_entity")
        assert [row.split()[0] for row in rows(app) if "only in store" in row] == ["half_an_update"]
        await press(pilot, "slash", "o", "r", "d", "enter")
        assert "MISSING" in row_of(app, "sales_order")
        assert "customer_entity" not in shown(app)
        await press(pilot, "escape", "end", "p")
        assert "Only tables" in said(app)
        await press(pilot, "up", "p")
        assert engine.requests[-1].only_table == ("sales_order",)
        await press(pilot, "escape", "home", "enter")
        assert isinstance(app.screen, TableRows)
        signs = [row.split()[0] for row in rows(app) if "@example" in row]
        assert signs[:5] == [">", "~", "+", "-", "4"]
        listed = app.screen.query_one("#table-rows", Rows)
        assert listed.count == 1_001
        await press(pilot, "down")
        assert "then anna2@example.org" in shown(app)
        assert "now  new@example.org" in shown(app)
        await press(pilot, "end")
        assert "anna1000" in row_of(app, " 1000 ")
        await press(pilot, "right", "home")
        assert "entity_id" not in rows(app)[2]
        await press(pilot, "enter", "escape", "escape")
        assert isinstance(app.screen, Inside)


async def test_a_store_without_a_server_leaves_the_rows_of_the_backup(
    engine: RecordedEngine, monkeypatch
) -> None:
    def beside(self, first: int, *, show_secrets: bool):
        raise MagerewindError("No server answers.")

    monkeypatch.setattr(RecordedTable, "beside", beside)
    async with opened(engine, size=(120, 40)) as (app, pilot):
        await press(pilot, *WAY, "t", "t", "enter")
        assert "No server answers." in said(app)
        await press(pilot, "pagedown", "end")
        assert "anna1000" in row_of(app, " 1000 ")


async def test_the_mouse_goes_to_parts_panes_and_rows(engine: RecordedEngine) -> None:
    async with opened(engine, size=(120, 40)) as (app, pilot):
        await press(pilot, *WAY)
        for word, shown_then in (("Database", "[Database]"), ("Code", "[Code]")):
            await pilot.click(offset=(rows(app)[1].index(word) + 1, 1))
            await settle(pilot)
            assert shown_then in rows(app)[1]
        at = next(row for row, line in enumerate(rows(app)) if "bin" in line)
        await pilot.click(offset=(8, at))
        await settle(pilot)
        assert "MISSING" in row_of(app, "bin")
        await pilot.click(offset=(110, 20))  # within the other pane
        await settle(pilot)
        assert rows(app)[1].index("\N{BLACK RIGHT-POINTING TRIANGLE} DIFF") > 60
        await pilot.click(offset=(rows(app)[-1].index("[Esc]") + 1, 39))
        await settle(pilot)
        assert rows(app)[1].index("\N{BLACK RIGHT-POINTING TRIANGLE} [Code]") < 9
