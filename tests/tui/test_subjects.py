"""A key acts on what the cursor is on; a question is over when its subject is."""

from __future__ import annotations

from msgspec.structs import replace

from core.events import JobEnded, Operation, Outcome, Stamped
from core.operations.requests import RollbackRequest
from core.text import numbers
from tests.tui.conftest import opened, said, settle, shown
from tests.tui.recorded import RecordedEngine
from tests.tui.recorded_values import NOW_S, sets
from tests.tui.scenes import SCENES
from tui.app.terminal import Terminal
from tui.screens.history import History
from tui.screens.home import Home
from tui.screens.job import JobScreen

RUNNING = "20261123-025719-ab12"


async def test_what_an_undo_needs_keeps_all_that_was_chosen(engine: RecordedEngine) -> None:
    named = sets()[0].backups[-1].name
    engine.needs = {named: "the undo of job 20261122-230000-cd34"}
    async with opened(engine) as (app, pilot):
        for key in ("enter", "space", "space", "d"):
            await pilot.press(key)
            await settle(pilot)
        assert "Not deleted: 2 sets" in shown(app)
        assert f"{named} is needed by the undo of job" in shown(app)
        await pilot.press("y", "enter")
        await settle(pilot)
        assert "Not deleted" in shown(app)
        await pilot.press("escape")
        await settle(pilot)
        assert "Not deleted" not in shown(app)
    assert engine.deleted == []


async def test_the_question_of_a_deletion_goes_with_its_files(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        for key in ("enter", "down", "d"):
            await pilot.press(key)
            await settle(pilot)
        assert "Delete this" in shown(app)
        engine.delete([sets()[1].backups[0].name])  # by somebody else
        app.look_for_jobs()
        assert app.page is not None
        app.page.jobs_changed()
        await settle(pilot)
        assert "Delete this" not in shown(app)
        assert "is gone: nothing was done here" in said(app)


async def test_the_last_question_goes_with_a_backup_and_with_another_job(
    engine: RecordedEngine,
) -> None:
    for happens, words in (
        (
            lambda: engine.delete([sets()[0].backups[2].name]),
            f"{sets()[0].backups[2].name} is gone",
        ),
        (engine.run, "Another job has begun"),
    ):
        async with opened(engine) as (app, pilot):
            for key in ("enter", "up", "r", "n"):
                await pilot.press(key)
                await settle(pilot)
            assert "Type the host" in shown(app)
            app.look_for_jobs()
            await settle(pilot)
            assert "Type the host" in shown(app)
            happens()
            app.look_for_jobs()
            await settle(pilot)
            await settle(pilot)
            assert "Type the host" not in shown(app)
            assert f"{words}" in said(app)


async def test_the_screen_of_a_recovery_goes_with_its_job(engine: RecordedEngine) -> None:
    SCENES["recover"].before(engine)
    job, *others = engine.job_views
    for now, screen, words in (
        (replace(job, interrupted=False), Home, "was recovered elsewhere"),
        (replace(job, interrupted=False, running=True), JobScreen, ""),
    ):
        engine.job_views = (job, *others)
        async with opened(engine) as (app, pilot):
            await pilot.press("i")
            await settle(pilot)
            assert "WHAT RECOVERY WILL DO" in shown(app)
            engine.job_views = (now, *others)
            app.look_for_jobs()
            await settle(pilot)
            await settle(pilot)
            assert "WHAT RECOVERY WILL DO" not in shown(app)
            assert isinstance(app.screen, screen)
            assert words in said(app)


async def test_r_on_the_first_screen_plans_for_the_set_under_the_cursor(
    engine: RecordedEngine,
) -> None:
    for steps in (0, 2):
        engine.requests.clear()
        async with opened(engine) as (_app, pilot):
            await pilot.press(*(["down"] * steps), "r")
            await settle(pilot)
        (request,) = {one for one in engine.requests if isinstance(one, RollbackRequest)}
        one = engine.backups_view.sets[steps]
        assert {request.file_of(kind) for kind in request.kinds} == {
            backup.name for backup in one.backups
        }


async def test_the_undo_of_an_undo_is_called_one(engine: RecordedEngine) -> None:
    (job,) = engine.job_views
    older = replace(job, job_id="older", began_s=NOW_S - 9000)
    engine.job_views = (replace(job, operation=Operation.UNDO, undo_kept=True), older)
    async with opened(engine) as (app, pilot):
        assert "The undo of the undo" in shown(app)
        assert "undo the undo" in shown(app)
        await pilot.press("d")
        await settle(pilot)
        assert "Give up the undo of the undo of" in shown(app)
        engine.job_views = (replace(engine.job_views[0], undo_kept=False), older)
        app.look_for_jobs()  # it was discarded elsewhere
        await settle(pilot)
        assert "Give up" not in shown(app)
        assert "That undo is gone" in said(app)


async def test_u_in_the_history_is_for_the_job_under_the_cursor(engine: RecordedEngine) -> None:
    (job,) = engine.job_views
    older = replace(job, job_id="older", began_s=NOW_S - 9000)
    engine.job_views = (replace(job, undo_kept=True), older)
    async with opened(engine) as (app, pilot):
        await pilot.press("h", "down", "u")
        await settle(pilot)
        assert isinstance(app.screen, History)
        assert "This job keeps no undo. The one that is kept is of the rollback of" in said(app)
        await pilot.press("up", "u")
        await settle(pilot)
        assert "Back to before the rollback of" in shown(app)


async def test_the_question_to_cancel_goes_with_the_job(engine: RecordedEngine) -> None:
    engine.run()
    async with opened(engine) as (app, pilot):
        await pilot.press("j", "ctrl+c")
        await settle(pilot)
        assert "Cancel this job?" in shown(app)
        ended = JobEnded(
            outcome=Outcome.CANCELLED, exit_code=130, elapsed_s=9.0, closed_s=3.0, undo_kept=False
        )
        engine.streams[RUNNING].waiting.append(Stamped(seq=9999, time_s=NOW_S, event=ended))
        app.poll()
        await settle(pilot)
        assert "Cancel this job?" not in shown(app)
        assert "The job is over" in said(app)
    assert engine.cancelled == []


async def test_a_mark_is_set_and_seen(engine: RecordedEngine) -> None:
    async with opened(engine, looks=Terminal(ascii_only=True)) as (app, pilot):
        await pilot.press("enter", "k")
        await settle(pilot)
        assert "is kept: pruning leaves it" in said(app)
        assert "23 Nov 00:00#" in shown(app)
        assert "# pruning leaves it" in shown(app)
        await pilot.press("k")
        await settle(pilot)
        assert not any(one.keep for one in engine.backups_view.sets)
        assert "00:00#" not in shown(app)
        for key in ("space", "space", "k"):
            await pilot.press(key)
            await settle(pilot)
        assert "2 sets are kept: pruning leaves them" in said(app)
        assert [one.keep for one in engine.backups_view.sets] == [True, True, False, False]
        for key in ("space", "k"):  # a third one that is not kept: all are
            await pilot.press(key)
            await settle(pilot)
        assert [one.keep for one in engine.backups_view.sets] == [True, True, True, False]
        for key in ("k", "e", "o", "k", "enter"):
            await pilot.press(key)
            await settle(pilot)
        assert not any(one.keep for one in engine.backups_view.sets)
        assert engine.notes == [(one.timestamp, "ok") for one in engine.backups_view.sets[:3]]


async def test_a_refusal_goes_with_the_next_key(engine: RecordedEngine) -> None:
    async with opened(engine) as (app, pilot):
        await pilot.press("u")
        assert "No undo is kept" in said(app)
        await pilot.press("down")
        assert said(app) == ""


async def test_a_job_that_says_nothing_is_stalled_and_a_cancel_is_seen(
    engine: RecordedEngine,
) -> None:
    engine.run()
    stream = engine.streams[RUNNING]
    last_s = stream.waiting[-1].time_s
    async with opened(engine, size=(120, 40)) as (app, pilot):
        await pilot.press("j")
        app.clock = lambda: last_s + 4.0
        app.poll()
        await settle(pilot)
        assert "stalled" not in shown(app)
        app.clock = lambda: last_s + 14.0
        stream.cancel_asked = True  # by a command elsewhere
        app.poll()
        await settle(pilot)
        assert "stalled: nothing for 0:14" in shown(app)
        assert "Cancel was asked; the job has not answered yet." in shown(app)


async def test_what_is_found_inside_stands_beside_the_store(engine: RecordedEngine) -> None:
    async with opened(engine, size=(120, 40)) as (app, pilot):
        for key in ("enter", "enter", "down", "enter", "slash", "e", "n", "v"):
            await pilot.press(key)
            await settle(pilot)
        assert "0640  differs" in shown(app)
        for key in ("backspace", "backspace", "backspace", "p", "h", "p", "enter", "c"):
            await pilot.press(key)
            await settle(pilot)
        assert "index.php" not in shown(app)


async def test_a_narrow_terminal_has_no_panel_of_a_wide_one(engine: RecordedEngine) -> None:
    async with opened(engine, size=(120, 40)) as (app, pilot):
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        assert "THE SET" not in shown(app)
        assert "JOBS  " in shown(app)


def test_ages_are_rounded_down_alike() -> None:
    for seconds, words, short in (
        (119, "a minute", "1 min"), (3599, "59 minutes", "59 min"), (7199, "an hour", "1 h 59 m"),
        (172_799, "a day", "1 d 23 h"), (29 * 86400, "29 days", "29 d"),
        (59 * 86400, "a month", "59 d"),
    ):  # fmt: skip
        assert numbers.age(0, seconds) == f"{words} ago"
        assert numbers.short_age(0, seconds) == short
