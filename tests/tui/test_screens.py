"""What the screens show and do, on recorded values."""

from __future__ import annotations

import asyncio
import threading

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from core.compression import Compression
from core.errors import ConnectionFailed
from core.events import Kind, Noted, Stamped
from core.operations.requests import BackupRequest
from tests.tui.conftest import opened, rows, said, settle, shown
from tests.tui.recorded import RecordedEngine, RecordedStream
from tests.tui.recorded_values import NOW_S, backup_stream
from tests.tui.scenes import BACKUP, UNFINISHED
from tests.waiting import until_in_loop
from tui.app.application import Application
from tui.engine.port import LOG_LINES
from tui.engine.views import StoreView
from tui.screens.backups import Backups
from tui.screens.job import JobScreen
from tui.widgets.keys import BACK, HELP, Hint, chosen_hints
from tui.widgets.logpane import LogPane


async def test_home_shows_the_store(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, _):
        text = shown(app)
    for part in ("/var/www/shop", "2.4.8 Community", "31.2 GB in 412 tables", "maintenance off"):
        assert part in text


@pytest.mark.parametrize(
    "message",
    [
        "Media is kept in a remote storage (aws-s3), which no backup covers.",
        "There is no file in pub/media: a backup of media holds nothing.",
        "The code is on a read-only file system: it cannot be rolled back.",
    ],
)
async def test_home_shows_what_is_not_covered(message: str, engine: RecordedEngine) -> None:
    engine.store_view = StoreView(owner="magento", version="2.4.7", uncovered=(message,))
    async with opened(engine) as (app, _):
        assert message in shown(app)


async def test_a_database_that_never_answers_does_not_hold_the_screen(
    engine: RecordedEngine,
) -> None:
    engine.dead_database.set()
    async with opened(engine, wait=False) as (app, pilot):
        await until_in_loop(lambda: "118.0 GB" in shown(app), lambda: shown(app))
        assert "118.0 GB of 400.0 GB" in shown(app)
        await pilot.press("question_mark")
        await pilot.pause()
        assert "ON THIS SCREEN" in shown(app)


async def test_an_answer_that_comes_late_does_not_undo_a_newer_one(engine: RecordedEngine) -> None:
    newer = engine.store_view
    engine.store_view = StoreView(owner="magento", version="2.4.7")
    engine.slow_store.clear()
    async with opened(engine, wait=False) as (app, pilot):
        await pilot.pause()
        asked_late, engine.slow_store = engine.slow_store, threading.Event()
        engine.store_view = newer
        engine.slow_store.set()
        await pilot.press("f5")
        await until_in_loop(lambda: "2.4.8" in shown(app), lambda: shown(app))
        asked_late.set()
        await settle(pilot)
        assert "2.4.8" in shown(app)


async def test_a_look_from_before_a_job_does_not_say_that_the_store_is_open(
    engine: RecordedEngine,
) -> None:
    async with opened(engine) as (app, _):
        looked, real = threading.Event(), engine.closed

        def slowly() -> bool:
            closed = real()
            looked.wait(5)
            return closed

        engine.closed = slowly  # type: ignore[method-assign]
        app.look_for_jobs()
        await asyncio.sleep(0.05)
        engine.closed = real  # type: ignore[method-assign]
        engine.run()
        app.follow(engine.job_views[0].job_id)
        assert "MAINTENANCE ON" in rows(app)[0]
        app._poll_timer.pause()  # which would put it right a quarter of a second later
        looked.set()
        await until_in_loop(lambda: not app.look.pending, lambda: shown(app))
        assert not app.look.pending
        assert "MAINTENANCE ON" in rows(app)[0]


async def test_a_fact_that_fails_says_why(engine: RecordedEngine) -> None:
    engine.database_view = ConnectionFailed("No server answers at localhost:3306.")
    async with opened(engine) as (app, _):
        assert "? No server answers at localhost:3306." in shown(app)


async def test_a_backup_is_chosen_and_started(engine: RecordedEngine) -> None:
    """The rules of the configuration go with it; how a dump is compressed is chosen."""
    engine.defaults = BackupRequest(kinds=tuple(Kind), keep_rules=("daily=7",), prune=True)
    async with opened(engine) as (app, pilot):
        await pilot.press("b")
        await settle(pilot)
        assert "about 66.9 GB needed" in shown(app)
        assert "old sets are deleted; kept: daily=7" in " ".join(shown(app).split())
        await pilot.press("down", "space")  # media off
        await pilot.press("down", "down", "down", "down", "space", "space")  # to gzip, to zstd
        await settle(pilot)
        assert "[x] zstd" in shown(app)
        await pilot.press("b")
        await settle(pilot)
        kinds = (Kind.CODE, Kind.DB)
        wanted = replace(engine.defaults, kinds=kinds, compress=Compression.ZSTD)
        assert engine.requests == [wanted]
        assert isinstance(app.screen, JobScreen)
        # The stream is looked at by the clock, not by the key
        await until_in_loop(lambda: "MAINTENANCE ON" in rows(app)[0], lambda: shown(app))
        assert "MAINTENANCE ON" in rows(app)[0]


async def test_a_backup_of_nothing_says_why_not(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await pilot.press("b")
        await settle(pilot)
        await pilot.press("a", "b")
        await settle(pilot)
        assert not engine.requests
        assert "take at least one of" in said(app)


async def test_a_running_job_is_on_every_screen(engine: RecordedEngine) -> None:
    engine.run()
    async with opened(engine) as (app, pilot):
        assert "job 22 %" in rows(app)[0]
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
        assert "Choose what to back up, and start." in shown(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "NEEDS ATTENTION" in shown(app)


async def test_an_unfinished_file_is_deleted_after_a_question(engine: RecordedEngine) -> None:
    engine.backups_view = replace(
        engine.backups_view, partial=(UNFINISHED,), unknown=("notes.txt",)
    )
    async with opened(engine) as (app, pilot):
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("end")
        await settle(pilot)
        assert "Not a backup" in shown(app)
        await pilot.press("d")
        await settle(pilot)
        assert isinstance(app.screen, Backups)
        assert "nothing here reads, moves or deletes it" in said(app)
        await pilot.press("up", "d")
        await settle(pilot)
        assert "Delete this unfinished file, 4.1 GB?" in shown(app)
        await pilot.press("enter")  # alone, it does nothing
        await settle(pilot)
        assert engine.deleted == []
        await pilot.press("y")
        await settle(pilot)
        assert engine.deleted == [UNFINISHED.file_name]
        assert UNFINISHED.file_name not in shown(app)


async def test_an_unfinished_file_stays_while_a_job_runs(engine: RecordedEngine) -> None:
    engine.backups_view = replace(engine.backups_view, partial=(UNFINISHED,))
    engine.run()
    async with opened(engine) as (app, pilot):
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("end", "d")
        await settle(pilot)
        assert isinstance(app.screen, Backups)
        assert "A job is running" in said(app)
        assert "It cannot be deleted now" in shown(app)


async def test_how_far_a_verification_is_has_room_in_its_column(engine: RecordedEngine) -> None:
    engine.slow_disk.clear()
    async with opened(engine, size=(120, 40)) as (app, pilot):
        await pilot.press("enter")
        await settle(pilot)
        await pilot.press("v")
        await until_in_loop(
            lambda: "read 99 %" in shown(app) or "read 0 %" in shown(app), lambda: shown(app)
        )
        (row,) = [row for row in rows(app) if " read " in row and "%" in row]
        engine.slow_disk.set()
        assert "5.6 GB  read 99 % before" in row or "5.6 GB  read 0 %  before" in row


def the_log(app: Application) -> LogPane:
    return app.screen.query_one(LogPane)


async def search(pilot: Pilot[None], term: str) -> None:
    await pilot.press("slash", *term, "enter")
    await settle(pilot)


def with_log(engine: RecordedEngine, texts: list[str]) -> RecordedStream:
    """Let a backup run whose log has these lines besides its own."""
    engine.run()
    head = backup_stream()
    stream = RecordedStream([*head, *noted(texts, len(head))])
    engine.streams[BACKUP] = stream
    return stream


def noted(texts: list[str], seq: int) -> list[Stamped]:
    return [
        Stamped(seq=seq + number, time_s=NOW_S, event=Noted(code="file", message=text))
        for number, text in enumerate(texts)
    ]


async def test_the_search_goes_to_the_newest_match_and_from_one_to_the_next(
    engine: RecordedEngine,
) -> None:
    texts = [f"line {number} {'apple' if number % 100 == 50 else ''}" for number in range(400)]
    stream = with_log(engine, texts)
    async with opened(engine) as (app, pilot):
        await pilot.press("j")
        await settle(pilot)
        assert the_log(app).following
        await search(pilot, "APPLE")
        assert "4 of 4 with: APPLE" in shown(app)
        assert "line 350 apple" in shown(app)
        assert "line 351" in shown(app)  # nothing is hidden
        await pilot.press("less_than_sign")
        await settle(pilot)
        assert "3 of 4" in shown(app)
        assert "line 250 apple" in shown(app)
        # What comes meanwhile is counted, and does not move what is looked at.
        stream.waiting += noted(["another apple", "and more"], 10_000)
        app.poll()
        app.poll()
        await settle(pilot)
        assert "3 of 5" in shown(app)
        assert "line 250 apple" in shown(app)
        await pilot.press("greater_than_sign", "greater_than_sign", "greater_than_sign")
        await settle(pilot)
        assert "1 of 5" in shown(app)
        assert "line 50 apple" in shown(app)
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, JobScreen)
        assert "following" in shown(app)
        assert "and more" in shown(app)


async def test_a_search_without_a_match_says_so(engine: RecordedEngine) -> None:
    with_log(engine, ["one", "two"])
    async with opened(engine) as (app, pilot):
        await pilot.press("j")
        await settle(pilot)
        await search(pilot, "pear")
        assert "none with: pear" in shown(app)
        assert the_log(app).following


async def test_the_end_of_the_log_stays_in_sight_in_a_lower_window(engine: RecordedEngine) -> None:
    with_log(engine, [f"line {number}" for number in range(100)])
    async with opened(engine, size=(80, 40)) as (app, pilot):
        await pilot.press("j")
        await settle(pilot)
        assert "line 99" in shown(app)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "line 99" in shown(app)
        assert the_log(app).following


async def test_the_log_keeps_its_place_when_old_lines_go(engine: RecordedEngine) -> None:
    stream = with_log(engine, [f"line {number}" for number in range(LOG_LINES + 100)])
    async with opened(engine) as (app, pilot):
        await pilot.press("j")
        await settle(pilot)
        assert f"the last {LOG_LINES:,} of {LOG_LINES + 106:,} lines" in shown(app)
        await search(pilot, "line 3000")
        assert "1 of 1 with: line 3000" in shown(app)
        stream.waiting += noted([f"more {number}" for number in range(300)], 10_000)
        app.poll()
        app.poll()
        await settle(pilot)
        assert "line 3000" in shown(app)
        assert the_log(app).matches == (1, 1)
        stream.waiting += noted([f"more {number}" for number in range(LOG_LINES)], 20_000)
        app.poll()
        app.poll()
        await settle(pilot)
        assert the_log(app).matches == (0, 0)  # the line is not kept any more


async def test_a_wider_window_shows_the_second_column(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await pilot.resize_terminal(120, 40)
        await settle(pilot)
        assert "RECENT JOBS" in shown(app)
        assert "THE SET" in shown(app)


def test_the_keys_that_fit_are_shown_and_the_way_out_always() -> None:
    own = [Hint(key=letter, words="does something") for letter in "abcdef"]
    out = Hint(key="d", words="Delete", last=True)
    for width in (60, 80, 200):
        left = chosen_hints([*own, BACK, HELP, out], width)
        assert [one.key for one in left][-3:] == ["escape", "question_mark", "d"]
        assert sum(one.width for one in left) + 1 <= width
    assert len(left) == 9


async def test_how_long_a_backup_closes_the_store(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await pilot.press("b")
        await settle(pilot)
        assert "Closed   how long is not known yet" in shown(app)  # the database has no earlier one
        await pilot.press("down", "down", "space")
        await settle(pilot)
        assert "Closed   for about 7:50" in shown(app)


async def test_the_undo_is_offered_only_while_it_is_kept(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await pilot.press("h")
        await settle(pilot)
        assert "Discard undo" not in rows(app)[-1]
        engine.job_views = (replace(engine.job_views[0], undo_kept=True, undo_bytes=1_000),)
        await pilot.press("f5")
        await settle(pilot)
        assert "[u] Undo" in rows(app)[-1]
        assert "[d] Discard undo" in rows(app)[-1]
        assert "undo kept 1.0 kB" in shown(app)


async def test_a_rollback_says_its_order_and_the_equal_command(engine: RecordedEngine) -> None:
    async with opened(engine, size=(120, 40)) as (app, pilot):
        for key in ("r", "o"):
            await pilot.press(key)
            await settle(pilot)
        assert "1 prepare what differs beside the store" in shown(app)
        assert "magerewind setup:rollback --code-file=" in shown(app)
        await pilot.press("y")
        await settle(pilot)
        assert app.clipboard.startswith("magerewind setup:rollback --code-file=")


async def test_the_age_of_the_newest_backup_does_not_stand_still(engine: RecordedEngine) -> None:
    async with opened(engine, size=(120, 40)) as (app, pilot):
        assert "newest verified full set: 3 hours ago" in shown(app)
        app.clock = lambda: NOW_S + 5 * 3600
        app._redraw_ages()
        await settle(pilot)
        assert "newest verified full set: 8 hours ago" in shown(app)


async def test_a_look_at_the_job_while_the_application_ends_does_no_harm(
    engine: RecordedEngine,
) -> None:
    engine.run()
    async with opened(engine) as (app, _):
        assert app.follower is not None
    assert not app.follower.ended
    app.poll()
    app._redraw_ages()
