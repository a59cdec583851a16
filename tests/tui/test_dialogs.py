"""Questions are panels of their page: nothing but them has the keys and the mouse meanwhile."""

from __future__ import annotations

from textual.content import Content

from tests.tui.conftest import opened, rows, settle
from tests.tui.recorded import RecordedEngine
from tui.screens.ask import Ask
from tui.screens.backups import Backups
from tui.widgets.rows import Rows


async def test_a_question_has_all_keys_and_clicks_until_it_is_answered(
    engine: RecordedEngine,
) -> None:
    async with opened(engine, size=(120, 40)) as (app, pilot):
        await pilot.press("enter", "down")
        await settle(pilot)
        page = app.screen
        assert isinstance(page, Backups)
        listed = page.query_one("#list-panel Rows", Rows)
        answers: list[bool | None] = []
        page.ask(Ask(title="Really?", lines=["It goes."], do="Do it"), answers.append)
        page.ask(Ask(title="A second one?", lines=[], do="Do it"), answers.append)
        # Before anything is painted: keys that come at once are the question's.
        await pilot.press("down", "r", "d", "question_mark", "tab", "ctrl+p")
        await settle(pilot)
        assert (listed.cursor, app.screen, len(page.query(Ask))) == (1, page, 1)
        await pilot.click(offset=(8, 8))  # a row of the list, beside the question
        await settle(pilot)
        assert (listed.cursor, listed.has_focus) == (1, False)
        row = next(at for at, line in enumerate(rows(app)) if "[y] Do it" in line)
        await pilot.click(offset=(rows(app)[row].index("[y]") + 1, row))
        await settle(pilot)
        assert answers == [True]
        assert (page.dialog, listed.has_focus) == (None, True)
        assert "Really?" not in "\n".join(rows(app))
        await pilot.press("down")
        await settle(pilot)
        assert listed.cursor == 2


async def test_the_palette_names_the_keys_of_every_page(engine: RecordedEngine) -> None:
    """Its texts are markup to Textual: `[/]` ended the application, `[b]` was not shown."""
    engine.run()
    async with opened(engine, size=(120, 40)) as (app, pilot):
        for page in ("enter", "j"):
            await pilot.press(page)
            await settle(pilot)
            entries = [*app.get_system_commands(app.screen)]
            texts = [Content.from_markup(part) for one in entries for part in one[:2]]
            plain = [one.plain for one in texts]
            assert any(text.endswith("  (/)") for text in plain), plain
            assert plain == [part for one in entries for part in one[:2]]
            await pilot.press("ctrl+p")
            await settle(pilot)
            await pilot.press("escape", "escape")
            await settle(pilot)
            assert app.is_running
