"""A crash at any rename or flush of a swap or revert leaves a state that can be ended."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from core import durable
from core.archive.restore import swap
from core.archive.restore.flush import FileSystemFlush
from core.archive.restore.stage import StagedFiles, remove_stage, stage_files
from core.archive.restore.swap import revert_files, swap_files
from core.archive.restore.undo import undo_plan
from tests.archive.trees import Layout, damage, layout, make_tree, plan, put, tree_hash, write
from tests.long import some


class Killed(BaseException):
    """The process ends here."""


class Crash:
    """Raises at the n-th rename or flush, before or after the act."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, *, after: bool) -> None:
        self.calls = 0
        self._at = at
        self._after = after
        self._rename, self._fsync = durable.rename_noreplace, durable.fsync
        monkeypatch.setattr(durable, "rename_noreplace", self.rename)
        monkeypatch.setattr(durable, "fsync", self.fsync)
        finish = FileSystemFlush.finish
        monkeypatch.setattr(
            FileSystemFlush, "finish", lambda flush: self._count(lambda: finish(flush))
        )

    def _count(self, act: Callable[[], None]) -> None:
        self.calls += 1
        if self.calls == self._at and not self._after:
            raise Killed
        act()
        if self.calls == self._at:
            raise Killed

    def rename(self, source: bytes, target: bytes, **fds: int) -> None:
        self._count(lambda: self._rename(source, target, **fds))

    def fsync(self, fd: int) -> None:
        self._count(lambda: self._fsync(fd))


@pytest.fixture(params=[300, 0], ids=["each", "together"], autouse=True)
def one_by_one(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flush each directory alone, as where few change, or all together."""
    monkeypatch.setattr(swap, "FLUSHED_ONE_BY_ONE", request.param)


@pytest.fixture
def case(tmp_path: Path) -> tuple[Layout, StagedFiles, dict, dict]:
    """A small store with one of everything to do: (store, staged, tree then, tree now)."""
    shop = layout(tmp_path / "shop")
    make_tree(shop.root.encode() + b"/app", random.Random(4), entries=15)
    for name in ("changed", "mode", "gone", "retyped"):
        put(f"{shop.root}/{name}", name.encode())
    os.makedirs(shop.root + "/tree/deep")
    put(shop.root + "/tree/deep/file")
    summary = write(shop.code, tmp_path / "a.tgz")
    then = tree_hash(shop.root)
    put(shop.root + "/changed", b"x")
    os.chmod(shop.root + "/mode", 0o600)
    os.unlink(shop.root + "/gone")
    os.unlink(shop.root + "/retyped")
    os.makedirs(shop.root + "/retyped/dir")
    shutil.rmtree(shop.root + "/tree")
    os.makedirs(shop.root + "/extra/deep")
    damage(shop.root + "/app", random.Random(6), times=6)
    now = tree_hash(shop.root)
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    return shop, staged, then, now


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("way", ["forward", "back"])
def test_killed_while_swapping(
    case: tuple[Layout, StagedFiles, dict, dict],
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    after: bool,
) -> None:
    shop, staged, then, now = case
    mixed = 0
    for at in itertools.count(1):
        with monkeypatch.context() as patch:
            crash = Crash(patch, at, after=after)
            with contextlib.suppress(Killed):
                swap_files(staged)
            if crash.calls < at:
                break
        mixed += tree_hash(shop.root) not in (then, now)
        if way == "forward":
            swap_files(staged.plan_path)
            assert tree_hash(shop.root) == then
        revert_files(staged.plan_path)
        assert tree_hash(shop.root) == now
    assert at > 13
    assert mixed > 5  # the crashes did come in the middle


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_while_reverting(
    case: tuple[Layout, StagedFiles, dict, dict], monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    shop, staged, then, now = case
    for at in itertools.count(1):
        swap_files(staged)
        with monkeypatch.context() as patch:
            crash = Crash(patch, at, after=after)
            with contextlib.suppress(Killed):
                revert_files(staged)
            if crash.calls < at:
                break
        if at % 2:
            swap_files(staged.plan_path)
            assert tree_hash(shop.root) == then
        revert_files(staged.plan_path)
        assert tree_hash(shop.root) == now
    assert at > 13


def test_killed_while_undoing(
    case: tuple[Layout, StagedFiles, dict, dict], monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, staged, then, now = case
    swap_files(staged)
    undo = undo_plan(staged.plan_path, shop.state + "/undo", job_id="k")
    for at in itertools.count(1):
        with monkeypatch.context() as patch:
            crash = Crash(patch, at, after=False)
            with contextlib.suppress(Killed):
                swap_files(undo)
            if crash.calls < at:
                break
        revert_files(undo.plan_path)
        assert tree_hash(shop.root) == then
    assert tree_hash(shop.root) == now


def killed(act: Callable[[], object]) -> bool:
    """Run something in a process of its own; tell whether it was killed."""
    child = os.fork()
    if child == 0:
        try:
            act()
            os._exit(0)
        finally:
            os._exit(1)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in {0, -signal.SIGKILL}
    return status != 0


def dying_at(at: int) -> Callable[..., None]:
    """Return a rename that kills its process the `at`-th time, after the act."""
    rename, calls = durable.rename_noreplace, itertools.count(1)

    def act(source: bytes, target: bytes, **fds: int) -> None:
        rename(source, target, **fds)
        if next(calls) == at:
            os.kill(os.getpid(), signal.SIGKILL)

    return act


@pytest.mark.parametrize("at", some([1, 2, 3, 5, 8], 1, 5))
def test_sigkill_and_another_process_takes_over(
    case: tuple[Layout, StagedFiles, dict, dict], monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    shop, staged, then, now = case
    with monkeypatch.context() as patch:
        patch.setattr(durable, "rename_noreplace", dying_at(at))
        assert killed(lambda: swap_files(staged))
    assert tree_hash(shop.root) not in (then, now)
    with monkeypatch.context() as patch:
        patch.setattr(durable, "rename_noreplace", dying_at(at))
        killed(lambda: revert_files(staged.plan_path))
    assert not killed(lambda: revert_files(staged.plan_path))
    assert tree_hash(shop.root) == now
    assert not killed(lambda: swap_files(staged.plan_path))
    assert tree_hash(shop.root) == then


def test_a_stage_that_was_never_finished_can_be_removed(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    for number in range(200):
        put(f"{shop.root}/{number}", b"content")
    summary = write(shop.code, tmp_path / "a.tgz")
    for number in range(200):
        os.unlink(f"{shop.root}/{number}")
    planned = plan(tmp_path / "a.tgz", shop, summary)

    def report(done_bytes: int, done_items: int, current: str) -> None:
        if done_items:
            os.kill(os.getpid(), signal.SIGKILL)

    assert killed(lambda: stage_files(planned, job_id="j", report=report))
    assert os.listdir(shop.state + "/stage-j-code")
    revert_files(planned.plan_path)
    remove_stage(planned.plan_path)
    assert not os.path.exists(shop.state + "/stage-j-code")
