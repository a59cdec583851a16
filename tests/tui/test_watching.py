"""Jobs that others start, and runners that die, are noticed without looking all the time."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core.jobs.directory import prepare_state_directory
from core.jobs.lock import read_holder
from core.magento.store import Store, find_store
from tests.tui.at_a_terminal import ROOT
from tests.waiting import until_in_loop
from tui.engine.job_watch import StreamWatch, is_local
from tui.engine.port import QuestionThreads
from tui.engine.views import places_of

HOLD = """
import sys, time
from core.jobs.lock import Holder, acquire, boot_id, process_start
from core.magento.store import find_store
import os, socket
store = find_store(sys.argv[1], root=sys.argv[1])
holder = Holder(job_id="20261123-030000-abcd", operation="backup", host=socket.gethostname(),
    boot_id=boot_id(), pid=os.getpid(), started=process_start(os.getpid()), user="x", since_s=0.0)
lock = acquire(store, holder)
print("held", flush=True)
sys.stdin.read()
lock.release()
print("freed", flush=True)
"""


@pytest.fixture
def store(tmp_path: Path) -> Store:
    (tmp_path / "app" / "etc").mkdir(parents=True)
    (tmp_path / "app" / "etc" / "env.php").write_text("<?php return [];")
    (tmp_path / "app" / "etc" / "config.php").write_text("<?php return [];")
    (tmp_path / "app" / "etc" / "di.xml").write_text("<config/>")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "magento").write_text("#!/usr/bin/env php\n")
    return find_store(str(tmp_path), root=str(tmp_path))


def hold(store: Store) -> subprocess.Popen[str]:
    """Let another process take the store, as a runner does."""
    prepare_state_directory(store)
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, store.root],
        env={"PYTHONPATH": ROOT},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@asynccontextmanager
async def watching(store: Store, *, local: bool) -> AsyncIterator[tuple[StreamWatch, list[float]]]:
    calls: list[float] = []
    questions = QuestionThreads()
    watch = StreamWatch(
        places_of(store), lambda: calls.append(time.monotonic()), questions, local=local
    )
    # The first look is only to know the beginning.
    await until_in_loop(lambda: not questions.open, WAITED)
    try:
        yield watch, calls
    finally:
        watch.close()
        questions.close()


WAITED = "nothing was noticed"
BOTH = pytest.mark.parametrize("local", [True, False], ids=["told", "looking"])


@BOTH
async def test_the_first_job_of_a_store_is_noticed(store: Store, local: bool) -> None:
    async with watching(store, local=local) as (watch, calls):
        assert watch.told is local
        process = await asyncio.to_thread(hold, store)  # makes var, .magerewind and jobs as well
        # The last call comes when the lock is held: what is asked then is the answer.
        await until_in_loop(lambda: bool(calls) and read_holder(store) is not None, WAITED)
        before = len(calls)
        process.communicate("")
        await until_in_loop(lambda: len(calls) > before, WAITED)
        assert read_holder(store) is None


@BOTH
async def test_the_maintenance_flag_is_noticed(store: Store, local: bool) -> None:
    prepare_state_directory(store)
    async with watching(store, local=local) as (_, calls):
        (Path(store.var) / ".maintenance.flag").touch()
        await until_in_loop(lambda: bool(calls), WAITED)


async def test_a_killed_runner_is_noticed(store: Store) -> None:
    process = hold(store)
    seen = []
    async with watching(store, local=True) as (_, calls):
        # No file changes: the kernel closes the lock's file, and frees the lock just afterwards.
        process.send_signal(signal.SIGKILL)
        process.communicate()
        while not seen or seen[-1] is not None:
            before = len(calls)
            await until_in_loop(lambda before=before: len(calls) > before, WAITED)
            seen.append(read_holder(store))


async def test_nothing_is_set_to_wake_while_the_kernel_tells(store: Store) -> None:
    prepare_state_directory(store)
    async with watching(store, local=True) as (_, calls):
        (Path(store.var) / "cache").mkdir()  # what a shop does all the time
        (Path(store.jobs_directory) / "20261123-030000-abcd").mkdir()
        await until_in_loop(lambda: len(calls) == 2, WAITED)
        assert not [one for one in asyncio.get_running_loop()._scheduled if not one.cancelled()]


def test_a_file_system_of_this_machine_is_known_as_such(tmp_path: Path) -> None:
    assert is_local(str(tmp_path))
    assert not is_local("/proc")
    assert not is_local(str(tmp_path / "missing"))
