"""The pieces that all screens are made of: what they draw, what they paint, what they say."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Region

from core.errors import MagerewindError
from tests.tui.conftest import opened, rows, said, settle, shown
from tests.tui.recorded import RecordedEngine
from tests.tui.recorded_values import sets
from tests.waiting import until_in_loop
from tui.app.themes import LIGHT, remembered
from tui.engine.views import BackupsView
from tui.screens.backups import Backups
from tui.screens.help import Help
from tui.screens.home import Home
from tui.screens.page import Page
from tui.widgets.lines import Lines
from tui.widgets.rows import Rows
from tui.widgets.scrolling import PlainScrollBar


class Listed(App[None]):
    """A list of a million rows."""

    COUNT = 1_000_000

    def __init__(self) -> None:
        super().__init__()
        self.drawn: list[int] = []

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return {"cursor-ground": "blue", "cursor-text": "white", "cursor-blurred-ground": "black"}

    def compose(self) -> ComposeResult:
        yield Rows(self.line)

    def line(self, index: int, _width: int) -> Content:
        self.drawn.append(index)
        return Content(f"row {index}")


@pytest.mark.painted
async def test_of_a_million_rows_only_those_that_are_seen_are_drawn() -> None:
    app = Listed()
    async with app.run_test(size=(40, 12)) as pilot:
        listed = app.query_one(Rows)
        listed.show(app.COUNT)
        await pilot.pause()
        assert set(app.drawn) <= set(range(12))
        painted: list[Region] = []
        refresh = listed.refresh

        def noted(*regions: Region, **more: bool):
            painted.extend(regions)
            return refresh(*regions, **more)

        listed.refresh = noted  # type: ignore[method-assign]
        await pilot.press("down")
        await pilot.pause()
        assert [region.height for region in painted] == [1, 1]
        assert listed.cursor == 1
        app.drawn.clear()
        await pilot.press("end")
        await pilot.pause()
        assert listed.cursor == app.COUNT - 1
        assert min(app.drawn) > app.COUNT - 40
        await pilot.press("pageup", "home")
        await pilot.pause()
        assert listed.cursor == 0


async def test_a_click_goes_to_a_row_and_a_second_one_opens_it(engine: RecordedEngine) -> None:
    async with opened(engine, size=(120, 40)) as (app, pilot):
        listed = app.screen.query_one("#sets", Rows)
        await pilot.click("#sets", offset=(10, 2))
        await settle(pilot)
        assert listed.cursor == 2
        assert isinstance(app.screen, Home)
        await pilot.click("#sets", offset=(10, 2))
        await settle(pilot)
        assert isinstance(app.screen, Backups)
        assert app.screen.query_one(Rows).cursor == 2
        # The keys of the foot are buttons too.
        at = rows(app)[-1].index("[?]")
        await pilot.click("Keys", offset=(at + 1, 0))
        await settle(pilot)
        assert isinstance(app.screen.dialog, Help)


async def test_moving_the_focus_paints_no_more_than_what_shows_it(engine: RecordedEngine) -> None:
    async with opened(engine, size=(120, 40)) as (app, pilot):
        assert not Page.__dict__["focused"]._repaint
        drawn: list[int] = []
        for listed in app.screen.query(Rows):
            line = listed._line
            assert line is not None
            listed._line = lambda at, width, line=line: drawn.append(at) or line(at, width)
        await pilot.press("tab")
        await settle(pilot)
        assert drawn == [0, 0]  # the row under the cursor of either list
        assert app.focused is app.screen.query_one("#jobs")
        assert "▶ RECENT JOBS" in shown(app)
        assert "▶ BACKUPS" not in shown(app)


async def test_two_thousand_sets_are_filtered_while_typing(engine: RecordedEngine) -> None:
    first = sets()[0]
    many = tuple(
        replace(first, timestamp=first.timestamp - number * 3600 - 7, backups=first.backups)
        for number in range(2000)
    )
    engine.backups_view = BackupsView(directory="", sets=(*many, *sets()[1:]))
    async with opened(engine) as (app, pilot):
        await pilot.press("enter")
        await settle(pilot)
        assert "2,003 sets" in shown(app)
        await pilot.press("slash", "d", "a", "m")
        await settle(pilot)
        assert "1 of 2,003 sets, 12 B" in shown(app)
        assert "filter: dam" in shown(app)
        await pilot.press("enter", "down")  # back in the list, which stays filtered
        await settle(pilot)
        assert "1 of 2,003 sets" in shown(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "2,003 sets" in shown(app)
        assert isinstance(app.screen, Backups)


async def test_a_key_pressed_while_the_list_is_read_is_kept(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        given: list[object] = []
        engine.backups = lambda: given or (engine.slow_store.wait(20) and engine.backups_view)  # type: ignore[method-assign]
        engine.slow_store.clear()
        app.listing = None  # Home has not read it
        app.push_screen(Backups())
        await pilot.pause()
        await pilot.press("v")
        await pilot.pause()
        assert "Reading var/backups; then that is done." in said(app)
        engine.slow_store.set()
        await until_in_loop(lambda: "complete and sound" in said(app), lambda: shown(app))


async def test_a_message_belongs_to_its_screen_and_goes_with_it(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        app.complain(MagerewindError("It did not work.", hint="Do it otherwise."))
        await settle(pilot)
        assert "It did not work." in rows(app)[-3]
        assert "Do it otherwise." in rows(app)[-2]
        await pilot.press("h")
        await settle(pilot)
        assert "did not work" not in shown(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "did not work" not in shown(app)


async def test_a_note_is_written_for_the_set_under_the_cursor(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        for key in ("enter", "down", "e", "o", "k", "enter"):
            await pilot.press(key)
            await settle(pilot)
        assert isinstance(app.screen, Backups)
    assert engine.notes == [(sets()[1].timestamp, "ok")]


async def test_several_sets_are_marked_and_deleted_together(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        for key in ("enter", "down", "space", "space", "d"):
            await pilot.press(key)
            await settle(pilot)
        assert "Delete 2 sets, 12.0 GB?" in shown(app)
        await pilot.press("y")
        await settle(pilot)
    assert len(engine.deleted) == 4


async def test_ctrl_c_says_how_to_leave(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await pilot.press("ctrl+c")
        await settle(pilot)
        assert "[q] leaves" in said(app)
        assert app.is_running


async def test_the_palette_says_what_a_command_does_and_a_theme_is_remembered(
    engine: RecordedEngine,
) -> None:
    async with opened(engine) as (app, pilot):
        commands = {one.title: one.help for one in app.get_system_commands(app.screen)}
        assert commands["Roll back  (r)"] == "Plan a rollback to the set under the cursor."
        assert not [words for words in commands.values() if words.startswith("Key")]
        app.choose_theme(LIGHT)
        await settle(pilot)
        assert app.theme == LIGHT
    assert remembered() == LIGHT


def test_the_scroll_bar_needs_no_glyph() -> None:
    assert set(PlainScrollBar.VERTICAL_BARS) == {" "}


async def test_no_key_differs_from_another_by_case_only(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        for keys in ((), ("h",), ("escape", "enter"), ("escape", "b"), ("escape", "r")):
            for key in keys:
                await pilot.press(key)
                await settle(pilot)
            names = [name for name in app.screen.active_bindings if len(name) == 1]
            assert len({name.lower() for name in names}) == len(names)


async def test_lines_get_room_for_the_last_of_two_changes(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        page, brief = app.screen, app.screen.query_one("#brief", Lines)
        for number in (9, 8):  # another widget's layout comes between the two
            brief.show(lambda _width, number=number: [Content("x")] * number)
            page.query_one("#home")._clear_arrangement_cache()
            page._refresh_layout()
        await settle(pilot)
        assert brief.size.height == 8
