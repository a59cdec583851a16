"""What an administrator does, from the first key to the last, with real jobs on a sample store."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager

import pytest
from textual.pilot import Pilot

from core.events import Kind, MaintenanceEnabled, Outcome
from core.jobs.client import Client
from core.magento.store import find_store
from core.operations.requests import BackupRequest
from core.sample.damage import damage_files, damage_schema
from core.sample.server import PrivateServer
from tests import waiting
from tests.oracles import difference
from tests.shop import Shop
from tests.tui.at_a_terminal import AtATerminal
from tests.tui.conftest import said, settle, shown
from tui.app.application import Application
from tui.app.terminal import Terminal
from tui.engine.store_engine import StoreEngine
from tui.screens.backups import Backups
from tui.screens.home import Home
from tui.screens.job import JobScreen

pytestmark = pytest.mark.timeout(240)


class StoryShop(Shop):
    """A shop, and the engine that the application shows it by."""

    def engine(self, *, read_only: bool = False) -> StoreEngine:
        return StoreEngine(find_store(self.root, root=self.root), read_only=read_only)

    def backups(self) -> list[str]:
        directory = os.path.join(self.root, "var/backups")
        return sorted(os.listdir(directory)) if os.path.isdir(directory) else []


@pytest.fixture(scope="module")
def shop(server: PrivateServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoryShop]:
    """A small sample store; every story leaves it whole."""
    root = tmp_path_factory.mktemp("stories") / "shop"
    yield StoryShop.make(root, server, "stories", whole=True)
    server.run("DROP DATABASE IF EXISTS `stories`")


@asynccontextmanager
async def at_work(
    engine: StoreEngine, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Application, Pilot[None]]]:
    app = Application(engine, Terminal(), clock=time.time, zone=None)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield app, pilot


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    app = pilot.app
    assert isinstance(app, Application)
    await waiting.until_in_loop(condition, lambda: f"{shown(app)}\n{said(app)}")
    await pilot.pause()


async def keys(pilot: Pilot[None], *names: str) -> None:
    for name in names:
        await pilot.press(name)
        await settle(pilot)


async def ended(app: Application, pilot: Pilot[None]) -> Outcome:
    """Wait for the end of the followed job, as the screen shows it."""
    await until(pilot, lambda: isinstance(app.screen, JobScreen))
    screen = app.screen
    assert isinstance(screen, JobScreen)
    await until(pilot, lambda: screen.follower.ended and not app.running_job)
    await settle(pilot)
    state = screen.follower.state
    assert state.ended is not None, shown(app)
    return state.ended.outcome


def typed(shop: StoryShop) -> list[str]:
    """Return the keys of what confirms a rollback."""
    engine = shop.engine()
    signs = {"/": "slash", "-": "minus", ".": "full_stop", "_": "underscore"}
    return [signs.get(one, one) for one in f"{engine.host}/{engine.name}"]


async def back_up(app: Application, pilot: Pilot[None]) -> Outcome:
    await keys(pilot, "b")
    await until(pilot, lambda: "enough" in shown(app))
    await keys(pilot, "b")
    return await ended(app, pilot)


async def test_back_up_browse_verify_and_delete(shop: StoryShop) -> None:
    async with at_work(shop.engine()) as (app, pilot):
        assert await back_up(app, pilot) in (Outcome.DONE, Outcome.WARNINGS)
        assert "closed for" in shown(app)
        assert not shop.closed()
        screen = app.screen
        assert isinstance(screen, JobScreen)
        log = "\n".join(told.line.text for told in screen.follower.lines)
        assert "[SUCCESS]: Code backup completed successfully." in log
        assert "[SUCCESS]: Media backup completed successfully." in log
        assert "[SUCCESS]: DB backup completed successfully." in log
        await keys(pilot, "escape", "enter")
        await until(pilot, lambda: "1 set" in shown(app))
        assert "verified" in shown(app)
        await keys(pilot, "enter", "down", "v")
        await until(pilot, lambda: "complete and sound" in said(app))
        # It is the last good one: a single key does not delete it, its exact name does.
        name = next(name for name in shop.backups() if name.endswith("_filesystem.tgz"))
        await keys(pilot, "d", "y", "enter")
        assert name in shop.backups()
        await keys(pilot, "ctrl+u", *name.replace("_", " _ ").replace(".", " . ").split())
        await keys(pilot, "escape")
        await keys(pilot, "d")
        for character in name:
            await pilot.press({"_": "underscore", ".": "full_stop"}.get(character, character))
        await keys(pilot, "enter")
        await until(pilot, lambda: name not in shop.backups())
        assert f".{name}.manifest.json" not in shop.backups()


async def test_roll_a_damaged_store_back_and_undo_it(shop: StoryShop) -> None:
    async with at_work(shop.engine(), (80, 40)) as (app, pilot):
        await back_up(app, pilot)
        await keys(pilot, "escape")
        before = shop.state()
        damage_files(shop.root)
        damage_schema(shop.settings)
        damaged = shop.state()
        assert difference(before, damaged)
        await keys(pilot, "r")
        await until(pilot, lambda: "WHAT CHANGES" in shown(app))
        assert "half_an_update" in shown(app)
        await keys(pilot, "n")
        # Enter alone does nothing; the name must be there, exactly.
        first, *rest = typed(shop)
        await keys(pilot, "enter", first, "enter")
        assert "Not matching" in shown(app)
        assert not app.running_job
        await keys(pilot, *rest, "enter")
        assert await ended(app, pilot) in (Outcome.DONE, Outcome.WARNINGS)
        assert "The undo is kept" in shown(app)
        assert not shop.closed()
        assert difference(before, shop.state()) == {}
        await until(pilot, lambda: app.undoable_job is not None)
        await keys(pilot, "u")
        await until(pilot, lambda: "WHAT THE UNDO CHANGES" in shown(app))
        await keys(pilot, "n", *typed(shop), "enter")
        assert await ended(app, pilot) in (Outcome.DONE, Outcome.WARNINGS)
        assert difference(damaged, shop.state()) == {}
        # And back again: an undo can itself be undone.
        await until(pilot, lambda: app.undoable_job is not None)
        await keys(pilot, "u")
        await until(pilot, lambda: "WHAT THE UNDO CHANGES" in shown(app))
        await keys(pilot, "n", *typed(shop), "enter")
        assert await ended(app, pilot) in (Outcome.DONE, Outcome.WARNINGS)
        assert difference(before, shop.state()) == {}


def break_files(*paths: str) -> None:
    """Let these be scripts that end at once; their directories are made."""
    for path in paths:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(b"<?php exit;\n")


@pytest.mark.long
async def test_a_dropped_table_comes_back_and_what_is_left_out_of_the_plan_stays(
    shop: StoryShop,
) -> None:
    """A file of the shop's own and a changed table shall stay: all else is put back."""
    engine, client = shop.engine(), shop.client()
    backup = engine.start(BackupRequest(kinds=(Kind.CODE, Kind.DB)))
    await asyncio.to_thread(waiting.until, lambda: client.is_over(backup), "the backup goes on")
    before = shop.state()
    own = os.path.join(shop.root, "app/code/Own/Hotfix/registration.php")
    broken = os.path.join(shop.root, "app/etc/config.php")
    break_files(own, broken)
    change = "UPDATE core_config_data SET value = 'later' ORDER BY config_id LIMIT 1"
    shop.server.run(f"DROP TABLE cms_block; {change}", schema=shop.schema)
    async with at_work(shop.engine(), (120, 40)) as (app, pilot):
        await keys(pilot, "r")
        await until(pilot, lambda: "registration.php" in shown(app))
        await keys(pilot, "slash", *"registration", "enter")
        await until(pilot, lambda: "- registration.php" in shown(app) or "match" in shown(app))
        await until(pilot, lambda: "-<?php exit;" in shown(app))  # what would be lost, beside it
        await keys(pilot, "space")
        await until(pilot, lambda: "left out: " in shown(app))
        assert "+ cms_block" in shown(app)
        await keys(pilot, "slash", *"core_config", "enter", "space")
        await until(pilot, lambda: "left out: core_config_data" in shown(app))
        await keys(pilot, "n", *typed(shop), "enter")
        assert await ended(app, pilot) in (Outcome.DONE, Outcome.WARNINGS)
    shutil.rmtree(os.path.join(shop.root, "app/code/Own"))  # it has stayed
    found = difference(before, shop.state())
    assert found
    assert all("core_config_data" in str(key) for key in found)


@pytest.mark.long
async def test_a_broken_file_is_found_in_a_backup_and_put_back(shop: StoryShop) -> None:
    engine, client = shop.engine(), shop.client()
    backup = engine.start(BackupRequest(kinds=(Kind.CODE,)))
    await asyncio.to_thread(waiting.until, lambda: client.is_over(backup), "the backup goes on")
    before = shop.state()
    break_files(os.path.join(shop.root, "app/etc/config.php"))
    async with at_work(shop.engine(), (120, 40)) as (app, pilot):
        await keys(pilot, "enter", "enter", "down", "enter")
        # The store was gone through aside: one entry of the backup differs, and it is below app.
        await until(pilot, lambda: "1 differ" in shown(app))
        await keys(pilot, "c", "enter", "down", "enter", "down")
        await until(pilot, lambda: "config.php" in shown(app) and "differs" in shown(app))
        assert "index.php" not in shown(app)
        await until(pilot, lambda: "-<?php exit;" in shown(app))
        await keys(pilot, "p")
        await until(pilot, lambda: "WHAT CHANGES  1 entry" in shown(app))
        await keys(pilot, "n", *typed(shop), "enter")
        assert await ended(app, pilot) in (Outcome.DONE, Outcome.WARNINGS)
    assert difference(before, shop.state()) == {}


def has_closed(client: Client) -> bool:
    running = client.running()
    return running is not None and any(
        isinstance(stamped.event, MaintenanceEnabled)
        for stamped in client.stream(running.job_id).poll()
    )


def hold(client: Client) -> int:
    """Stop the runner once it has closed the store, so that the keys find it at work.

    It runs a few milliseconds at a time until then: a backup of a sample is quickly over.
    """
    waiting.until(client.running, "no job has begun")
    running = client.running()
    assert running is not None

    def stopped() -> bool:
        os.kill(running.pid, signal.SIGSTOP)
        if has_closed(client):
            return True
        os.kill(running.pid, signal.SIGCONT)
        return False

    waiting.until(stopped, "the store is not closed")
    return running.pid


async def hold_a_backup(app: Application, pilot: Pilot[None], client: Client) -> int:
    await keys(pilot, "b")
    await until(pilot, lambda: "enough" in shown(app))
    # The keys' own wait for quiet would let the runner get too far.
    app.simulate_key("b")
    pid = await asyncio.to_thread(hold, client)
    await until(pilot, lambda: app.follower is not None and app.follower.state.began is not None)
    return pid


async def test_cancel(shop: StoryShop) -> None:
    before = shop.backups()
    async with at_work(shop.engine()) as (app, pilot):
        pid = await hold_a_backup(app, pilot, shop.client())
        try:
            await keys(pilot, "ctrl+c")
            assert "Cancel this job?" in shown(app)
            await keys(pilot, "enter")  # alone, it does nothing
            await keys(pilot, "y")
        finally:
            os.kill(pid, signal.SIGCONT)
        assert await ended(app, pilot) in (Outcome.CANCELLED, Outcome.REVERTED)
        assert "CANCELLED" in shown(app) or "REVERTED" in shown(app)
    assert not shop.closed()
    assert shop.backups() == before


async def test_recover(shop: StoryShop) -> None:
    before = shop.backups()
    async with at_work(shop.engine()) as (app, pilot):
        pid = await hold_a_backup(app, pilot, shop.client())
        os.kill(pid, signal.SIGKILL)
        await until(pilot, lambda: app.interrupted_job is not None)
        while not isinstance(app.screen, Home):
            await keys(pilot, "escape")
        await until(pilot, lambda: "was interrupted" in shown(app))
        assert "INTERRUPTED JOB" in shown(app)
        await keys(pilot, "b")
        assert "recover it first" in said(app)
        await keys(pilot, "i")
        await until(pilot, lambda: "WHAT RECOVERY WILL DO" in shown(app))
        await keys(pilot, "i")
        await ended(app, pilot)
        await until(pilot, lambda: app.interrupted_job is None)
    assert not shop.closed()
    assert shop.backups() == before


async def test_a_job_of_another_process_is_seen_and_its_death_too(shop: StoryShop) -> None:
    client = shop.client()
    async with at_work(shop.engine()) as (app, pilot):
        request = BackupRequest(kinds=(Kind.CODE,))
        started = asyncio.create_task(asyncio.to_thread(client.start, request))
        pid = await asyncio.to_thread(hold, client)
        await started
        await until(pilot, lambda: "job " in shown(app).partition("\n")[0])
        assert "[j] show the job" in shown(app)
        os.kill(pid, signal.SIGKILL)
        await until(pilot, lambda: "INTERRUPTED JOB" in shown(app).partition("\n")[0])
        await keys(pilot, "i", "i")
        await ended(app, pilot)
        await until(pilot, lambda: app.interrupted_job is None)
    assert not shop.closed()


@pytest.mark.long
async def test_a_rollback_outlives_a_resized_and_lost_terminal(shop: StoryShop) -> None:
    engine, client = shop.engine(), shop.client()
    backup = engine.start(BackupRequest(kinds=(Kind.CODE, Kind.MEDIA)))
    await asyncio.to_thread(waiting.until, lambda: client.is_over(backup), "the backup goes on")
    before = shop.state()
    damage_files(shop.root)
    words = "import sys; from tui.app.entry import open_application; sys.exit(open_application())"
    terminal = AtATerminal(["-c", words], cwd=shop.root)
    try:
        terminal.until("verified")
        terminal.press("rn")  # the question comes once the plan is there
        terminal.until("Not matching")
        terminal.press(f"{engine.host}/{engine.name}\r")
        pid = hold(client)
        try:
            terminal.until("WHOLE JOB")
            terminal.resize(120, 40)
            terminal.until("\u256d")  # the panels of a wide terminal have sides
            terminal.hang_up()
            assert terminal.process.wait(timeout=20) == 129
        finally:
            os.kill(pid, signal.SIGCONT)
    finally:
        terminal.close()
    async with at_work(shop.engine()) as (app, pilot):
        await keys(pilot, "j")
        assert await ended(app, pilot) in (Outcome.DONE, Outcome.WARNINGS)
        assert "The undo is kept" in shown(app)
    assert not shop.closed()
    assert difference(before, shop.state()) == {}


async def test_read_only_looks_and_changes_nothing(shop: StoryShop) -> None:
    before = shop.backups()
    async with at_work(shop.engine(read_only=True)) as (app, pilot):
        await keys(pilot, "b")
        await until(pilot, lambda: "needed" in shown(app))  # what it would take may be seen
        await keys(pilot, "b")
        assert "Read-only" in said(app)
        await keys(pilot, "escape", "enter")
        await until(pilot, lambda: " set" in shown(app) or "No backup" in shown(app))
        await keys(pilot, "d")
        assert isinstance(app.screen, Backups)
        assert shop.backups() == before
