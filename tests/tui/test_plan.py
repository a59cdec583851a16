"""The plan on its screen: opened, searched, left out of, written; on recorded values."""

from __future__ import annotations

import os
import threading

from msgspec.structs import replace

from core.archive.plan.directory_totals import Sums
from core.archive.plan.rows import Action
from core.archive.plan.tree import PlannedNode
from core.errors import Cancelled
from core.events import Kind
from core.operations.requests import RollbackRequest
from tests.tui.conftest import opened, rows, said, settle, shown
from tests.tui.recorded import RecordedEngine, plan
from tests.tui.scenes import SCENES
from tests.waiting import until_in_loop
from tui.engine.plan_model import Sort, opened_at_first
from tui.engine.plan_port import PAGE

PLAN = ("r",)


async def press(pilot, *names: str) -> None:
    for name in names:
        await pilot.press(name)
        await settle(pilot)


def cursor_row(app) -> str:
    return next(row for row in rows(app) if row.lstrip("\u2502 ").startswith("> "))


async def test_what_goes_comes_first_and_a_directory_opens_and_folds(
    engine: RecordedEngine,
) -> None:
    async with opened(engine, size=(80, 29)) as (app, pilot):
        await press(pilot, *PLAN)
        text = shown(app)
        assert text.index("registration.php") < text.index("env.php") < text.index("new.php")
        assert text.index("shop_new_a") < text.index("sales_order")
        await press(pilot, "down", "down", "enter")
        assert "registration.php" not in shown(app)
        await press(pilot, "right")
        assert "registration.php" in shown(app)
        await press(pilot, "down", "down", "left", "left")
        assert "\u25be Shop" in cursor_row(app) or "\u25b8 Shop" in cursor_row(app)


async def test_an_entry_is_left_out_and_taken_in_again(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await press(pilot, *PLAN, "down", "down", "down", "down", "space")
        request = engine.requests[-1]
        assert isinstance(request, RollbackRequest)
        assert request.exclude == ("app/code/Shop/registration.php",)
        await press(pilot, "y")
        assert "--exclude=app/code/Shop/registration.php" in app.clipboard.replace(" ", "=")
        await press(pilot, "end")
        while "left out: " not in cursor_row(app):
            await press(pilot, "up")
        await press(pilot, "space")
        assert engine.requests[-1].exclude == ()


async def test_a_name_with_signs_of_patterns_can_be_taken_in_again(engine: RecordedEngine) -> None:
    node = PlannedNode(path="a[1]*.php", action=Action.REMOVE, sums=None, size_now=1)
    engine.planned.nodes = {Kind.CODE: (node,)}
    async with opened(engine) as (app, pilot):
        await press(pilot, *PLAN, "down", "space")
        assert engine.requests[-1].exclude
        assert "left out: a[1]*.php" in shown(app)
        while "left out: " not in cursor_row(app):
            await press(pilot, "down")
        await press(pilot, "space")
        assert engine.requests[-1].exclude == ()


async def test_env_php_left_out_is_kept(engine: RecordedEngine) -> None:
    async with opened(engine) as (_, pilot):
        await press(pilot, *PLAN, "slash", *"env.php", "enter", "space")
        request = engine.requests[-1]
        assert request.keep_env
        assert request.exclude == ()


async def test_a_table_is_left_out_and_taken_in_again(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await press(pilot, *PLAN, "slash", *"shop_new", "enter", "space")
        request = engine.requests[-1]
        assert request.exclude_table == ("shop_new_a",)
        await press(pilot, "y")
        assert app.clipboard.endswith("--exclude-table shop_new_a")
        await press(pilot, "end")
        while "left out: shop_new_a" not in cursor_row(app):
            await press(pilot, "up")
        assert "- shop_new_a" not in shown(app)
        await press(pilot, "space")
        assert engine.requests[-1].exclude_table == ()


async def test_nothing_is_chosen_for_an_undo_or_left_out_of_it(engine: RecordedEngine) -> None:
    SCENES["undo"].before(engine)
    async with opened(engine) as (app, pilot):
        await press(pilot, "u", "down", "space")
        assert "nothing is chosen or left out" in said(app)
        await press(pilot, "less_than_sign", "1", "o")
        assert len(engine.requests) == 1


async def test_find_shows_what_matches_while_typing_and_esc_shows_all(
    engine: RecordedEngine,
) -> None:
    async with opened(engine) as (app, pilot):
        await press(pilot, *PLAN, "slash", *"env")
        text = shown(app)
        assert "app/etc/env.php" in text
        assert "registration.php" not in text
        assert "1 match" in text
        await press(pilot, *"xyz")
        assert "Nothing in this plan matches." in shown(app)
        await press(pilot, "escape")
        assert "registration.php" in shown(app)
        await press(pilot, "escape")
        assert "BACKUPS" in shown(app)


async def test_only_what_goes(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await press(pilot, *PLAN, "c")
        text = shown(app)
        assert "registration.php" in text
        assert "shop_new_a" in text
        for other in ("env.php  ", "new.php", "sales_order"):
            assert other not in text.split("DATABASE")[0]
        await press(pilot, "c")
        assert "new.php" in shown(app)


async def test_the_list_is_written_to_a_new_file_and_not_into_the_store(
    engine: RecordedEngine, tmp_path
) -> None:
    engine.root = str(tmp_path)
    async with opened(engine) as (app, pilot):
        await press(pilot, *PLAN, "w", "ctrl+u")
        app.screen.query_one("#typed").value = os.path.join(str(tmp_path), "pub/list.txt")
        await press(pilot, "enter")
        assert "not written into the store" in said(app)
        assert engine.planned.written == []
        await press(pilot, "w")
        app.screen.query_one("#typed").value = "/srv/list.txt"
        await press(pilot, "enter")
        assert engine.planned.written == ["/srv/list.txt"]
        assert "10 lines written to /srv/list.txt" in said(app)


async def test_the_difference_stands_beside_and_is_left_at_once(engine: RecordedEngine) -> None:
    begun, ended = threading.Event(), threading.Event()

    def slow(name: str, part: str, *, show_secrets: bool, stop):
        begun.set()
        while not stop():
            ended.wait(0.01)
        ended.set()
        raise Cancelled("left")

    async with opened(engine, size=(120, 40)) as (app, pilot):
        await press(pilot, *PLAN)
        assert engine.inside.asked[-1][1] == "app/code/Shop/registration.php"
        assert "-exit;" in shown(app)
        real = engine.inside.difference
        engine.inside.difference = slow  # type: ignore[method-assign]
        await pilot.press("down", "down")
        await until_in_loop(begun.is_set, lambda: shown(app))
        engine.inside.difference = real  # type: ignore[method-assign]
        await pilot.press("down")
        await until_in_loop(ended.is_set, lambda: shown(app))
        await settle(pilot)
        assert "-exit;" in shown(app)


async def test_secrets_are_shown_by_a_key_alone(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await press(pilot, *PLAN, "down", "down", "down", "down", "tab")
        assert "registration.php" in shown(app)
        assert [asked[2] for asked in engine.inside.asked] == [False]
        await press(pilot, "s")
        assert [asked[2] for asked in engine.inside.asked] == [False, True]
        await press(pilot, "escape")
        assert "WHAT CHANGES" in shown(app)


def many(count: int) -> dict[tuple[Kind, str], list[PlannedNode]]:
    nodes = [
        PlannedNode(path=f"media/{number:06}", action=Action.ADD, sums=None, size_then=1)
        for number in range(count)
    ]
    top = PlannedNode(path="media", action=None, sums=Sums(added=count))
    return {(Kind.CODE, ""): [top], (Kind.CODE, "media"): nodes}


def test_a_wide_directory_is_read_page_by_page() -> None:
    held = many(PAGE + 10)
    asked: list[int] = []

    def children(kind: Kind, directory: str, offset: int) -> tuple[PlannedNode, ...]:
        asked.append(offset)
        return tuple(held.get((kind, directory), ())[offset : offset + PAGE])

    model = opened_at_first(plan(), children, set())
    assert (Kind.CODE, "media") not in model.opened  # it would fill more than a screen
    place = (Kind.CODE, "media")
    model.take(place, children(*place, 0))
    model.opened.add(place)
    items = model.items()
    assert [one.sort for one in items].count(Sort.MORE) == 1
    model.take(place, children(*place, PAGE))
    items = model.items()
    assert [one.sort for one in items].count(Sort.MORE) == 0
    assert sum(one.sort is Sort.NODE for one in items) == PAGE + 11


def test_what_was_open_is_open_in_the_next_plan() -> None:
    held = many(30)

    def children(kind: Kind, directory: str, offset: int) -> tuple[PlannedNode, ...]:
        return tuple(held.get((kind, directory), ())[offset : offset + PAGE])

    first = opened_at_first(plan(), children, set())
    assert len(first.children.get((Kind.CODE, "media"), ())) == 0
    again = opened_at_first(plan(), children, {*first.opened, (Kind.CODE, "media")})
    assert len(again.children[Kind.CODE, "media"]) == 30


async def test_where_nothing_differs_no_question_is_offered(engine: RecordedEngine) -> None:
    SCENES["undo"].before(engine)
    engine.plan_view = replace(plan(), changes_nothing=True, files={}, database=None, tables=())
    async with opened(engine) as (app, pilot):
        for key, word in (("u", "undo"), ("r", "roll back")):
            await press(pilot, key)
            assert "Nothing differs: the store stays open" in shown(app)
            assert "[n]" not in rows(app)[-1]
            await press(pilot, "n")
            assert f"there is nothing to {word}" in said(app)
            assert "Type the host" not in shown(app)
            await press(pilot, "escape")
        engine.plan_view = plan()
        await press(pilot, "r")
        assert "[n] Confirm" in rows(app)[-1]
        engine.plan_view = replace(plan(), changes_nothing=True)
        await press(pilot, "f5")
        assert "[n]" not in rows(app)[-1]
