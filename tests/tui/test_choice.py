"""What a rollback goes back to: sets, parts, options and what is left out, on recorded sets."""

from __future__ import annotations

import threading

import pytest
from msgspec.structs import replace

from core.config.fields import RollbackOptions, StoreFields
from core.errors import Cancelled, UsageError
from core.events import Kind
from core.operations.requests import RollbackRequest
from core.repository.settings import Repository
from tests.tui.conftest import opened, rows, said, settle, shown
from tests.tui.recorded import NOW_S, RecordedEngine, plan, sets
from tests.tui.scenes import SCENES
from tests.waiting import until_in_loop
from tui.engine.choice import Choice, Option, chosen_first, chosen_names, chosen_set
from tui.engine.first_choice import begin_with
from tui.engine.views import BackupsView, SetView
from tui.render.choice import choice_lines, option_rows
from tui.render.job import Canvas
from tui.render.losses import numbers_words
from tui.render.text import ASCII
from tui.screens.deletion import Doomed, deletion_question

BACKUPS = BackupsView(directory="var/backups", sets=sets())
NEW, OLD, FOREIGN, _ADMIN = (one.timestamp for one in BACKUPS.sets)
HOW = RollbackRequest(db_file="0_db.sql")


def newest() -> Choice:
    return chosen_set(HOW, BACKUPS, BACKUPS.sets[0])


def names(choice: Choice) -> list[str | None]:
    request = choice.request
    assert request is not None
    return [request.code_file, request.media_file, request.db_file]


def test_older_goes_to_the_next_set_that_has_what_is_wanted_and_newer_back() -> None:
    choice = newest()
    assert names(choice) == [choice.files[kind].name for kind in Kind]
    older = choice.moved(1)
    assert names(older) == [None, None, f"{OLD}_db.sql"]  # that set has nothing else
    oldest = older.moved(1)
    assert names(oldest)[0] == f"{FOREIGN}_filesystem.tgz"  # wanted from the first on
    with pytest.raises(UsageError, match="no older"):
        oldest.moved(1)  # an archive of several kinds is none
    assert names(oldest.moved(-1).moved(-1)) == names(choice)
    with pytest.raises(UsageError, match="no newer"):
        choice.moved(-1)
    files = choice.toggled(Kind.DB)
    assert names(files.moved(1))[2] is None
    assert files.moved(1).moments == (FOREIGN,)


def test_dumps_of_others_of_the_same_second_are_sets_of_their_own() -> None:
    ours = BACKUPS.sets[0]
    dump = ours.of(Kind.DB)
    assert dump is not None
    theirs = [
        SetView(timestamp=NEW, backups=(replace(dump, name=name),))
        for name in ("a-dump.sql", "b-dump.sql")
    ]
    backups = replace(BACKUPS, sets=(ours, *theirs, *BACKUPS.sets[1:]))
    choice = chosen_set(HOW, backups, theirs[0])
    assert names(choice) == [None, None, "a-dump.sql"]
    assert (choice.place, choice.is_mixed) == (1, False)
    assert names(choice.moved(1)) == [None, None, "b-dump.sql"]
    assert names(choice.moved(-1)) == [None, None, dump.name]
    assert choice.toggled(Kind.CODE).is_mixed  # of one second, and of two sets
    chosen = tuple(backup for one in theirs for backup in one.backups)
    question = deletion_question(backups, Doomed(backups=chosen), None)
    assert question.title_words().startswith("Delete 2 sets, ")


def test_a_part_that_the_set_lacks_is_the_nearest_before_it() -> None:
    choice = newest().moved(1).toggled(Kind.CODE)
    assert names(choice)[0] == f"{FOREIGN}_filesystem.tgz"
    assert choice.moments == (OLD, FOREIGN)
    assert choice.place is None
    nothing = newest().toggled(Kind.CODE).toggled(Kind.MEDIA).toggled(Kind.DB)
    assert nothing.request is None
    lines = choice_lines(choice, Canvas(78, ASCII, NOW_S), None)
    assert any("different moments" in line.plain for line in lines)


def test_a_set_elsewhere_keeps_its_parts_and_takes_options() -> None:
    there = Repository(name="nas", url="/mnt/nas", password_file="/etc/p")
    how = replace(HOW, code_file=f"{NEW}_filesystem.tgz", repository=there)
    choice = chosen_names(how, BackupsView(directory="var/backups"))
    assert choice.request == how
    assert replace(choice.switched(Option.WHOLE).request, whole=False) == how
    for change in (lambda: choice.moved(1), lambda: choice.toggled(Kind.DB)):
        with pytest.raises(UsageError, match="on Backups"):
            change()
    for width in (78, 116):
        place = Canvas(width, ASCII, NOW_S)
        lines = choice_lines(choice, place, None)
        assert lines[0].plain.startswith(f"To {NEW} in nas")
        assert all(line.cell_length <= width for line in lines)
        assert [row.draw(40) for row in option_rows(choice, place, None)]


def test_options_and_what_is_left_out_are_in_the_request() -> None:
    choice = newest().switched(Option.KEEP_ENV).switched(Option.WHOLE).switched(Option.FLUSH)
    request = choice.request
    assert request is not None
    assert (request.keep_env, request.whole, request.flush) == (True, True, False)
    left = choice.without((Kind.DB, "cron_schedule")).without((Kind.CODE, "app/etc"))
    request = left.request
    assert request is not None
    assert (request.exclude, request.exclude_table) == (("app/etc",), ("cron_schedule",))
    # Tables belong to a database alone: without it the request is whole still.
    request = left.toggled(Kind.DB).request
    assert request is not None
    assert request.exclude_table == ()
    again = left.with_again((Kind.DB, "cron_schedule")).with_again((Kind.CODE, "app/etc"))
    assert again.request == choice.request


def test_a_rollback_begins_with_the_newest_good_set_or_what_is_broken() -> None:
    assert chosen_first(HOW, BACKUPS, frozenset()).moments == (NEW,)
    broken = frozenset({f"{FOREIGN}_filesystem.tgz"})
    assert names(chosen_first(HOW, BACKUPS, broken)) == [f"{FOREIGN}_filesystem.tgz", None, None]


def test_the_configuration_has_its_say() -> None:
    from core.cli.parser import CommandLine
    from core.cli.rollback_request import rollback_request, undo_request

    options = RollbackOptions(keep_env=True, flush=False, exclude=("pub/feeds",))
    settings = StoreFields(rollback=options, strict=True)
    engine = RecordedEngine()
    engine.rollback_to = lambda files: rollback_request(CommandLine(), settings, files)  # type: ignore[method-assign]
    asked = RollbackRequest(code_file=f"{NEW}_filesystem.tgz", exclude=("var/x",))
    for request in (asked, None):
        choice = begin_with(engine, request, chosen=None, broken=frozenset())
        assert isinstance(choice, Choice)
        assert choice.how.keep_env
        assert choice.how.strict
        assert not choice.how.flush
        assert "pub/feeds" in choice.how.exclude
    assert not undo_request(CommandLine(), settings, "a").flush


@pytest.mark.parametrize(
    ("known", "count", "words"),
    [
        (["000000293", "000000291", "000000292"], 3, "000000291-293"),
        (["000000009"], 1, "000000009"),
        (["099", "100"], 2, "099-100"),
        (["000001999", "000002000"], 2, "000001999-2000"),
        (["A-1", "A-2", "A-3", "A-4"], 4, "A-1, A-2, A-3, ..."),
        (["000000291"], 2, "000000291"),
    ],
)
def test_numbers_of_orders_in_short(known: list[str], count: int, words: str) -> None:
    assert numbers_words(known, count) == words


async def press(pilot, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
        await settle(pilot)


async def test_keys_of_the_plan_choose_and_each_choice_is_planned(engine: RecordedEngine) -> None:
    async with opened(engine, size=(120, 40)) as (app, pilot):
        await press(pilot, "r", "2", "less_than_sign")
        assert engine.requests[-2].kinds == (Kind.CODE, Kind.DB)
        assert engine.requests[-1].db_file == f"{OLD}_db.sql"
        assert f"--db-file={OLD}_db.sql" in shown(app)
        await press(pilot, "3")
        assert "Nothing is chosen" in shown(app)
        await press(pilot, "n")
        assert "Choose at least one" in said(app)
        await press(pilot, "greater_than_sign", "o", "down", "down", "down", "space")
        assert engine.requests[-1].keep_env
        assert "Options: keep env.php" in shown(app)
        await press(pilot, "escape")
        at = rows(app)[3].index("[2]")  # what names its key is a button too
        await pilot.click("#choice", offset=(at - 2 + 5, 1))
        await settle(pilot)
        assert engine.requests[-1].media_file is not None
        assert "OPTIONS" not in shown(app)
        assert "WHAT CHANGES" in shown(app)


async def test_a_new_choice_cancels_the_plan_that_is_made_and_keys_are_kept(
    engine: RecordedEngine,
) -> None:
    """The first plan hangs until it is wanted no more; n is kept for the second."""
    begun, go_on, cancelled = threading.Event(), threading.Event(), threading.Event()

    def slow(request, report):
        engine.requests.append(request)
        begun.set()
        try:
            while not go_on.wait(0.005):
                report(1, 1, "app")
        except Cancelled:
            cancelled.set()
            raise
        return replace(plan(), lost=())

    engine.plan = slow  # type: ignore[method-assign]
    async with opened(engine) as (app, pilot):
        await pilot.press("r")
        await until_in_loop(begun.is_set, lambda: shown(app))
        await pilot.press("slash")
        assert "still being made" in said(app)
        await pilot.press("2")  # chosen at once, although a plan is being made
        await until_in_loop(cancelled.is_set, lambda: shown(app))
        await pilot.press("n")
        assert "the question comes when it is there" in said(app)
        go_on.set()
        await until_in_loop(lambda: "Type the host" in shown(app), lambda: shown(app))
        assert engine.requests[-1].kinds == (Kind.CODE, Kind.DB)


async def test_the_options_open_where_the_plan_needs_one(engine: RecordedEngine) -> None:
    SCENES["plan-refused"].before(engine)
    engine.plan_view.hint = "--map-collations takes their nearest."  # type: ignore[union-attr]
    async with opened(engine) as (app, pilot):
        await press(pilot, "r")
        assert any("OPTIONS" in row for row in rows(app))
