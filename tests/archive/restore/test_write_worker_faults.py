"""A stage ends cleanly when its child fails, is stopped or is cancelled."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from core.archive.restore import flush as flush_module
from core.archive.restore import stage as stage_module
from core.archive.restore import write_worker
from core.archive.restore.contents import Contents
from core.archive.restore.stage import Stager, remove_stage, stage_files
from core.archive.restore.write_worker import WriteWorker
from core.errors import Cancelled, DiskFull, StorageError
from tests.archive.restore.staged_trees import left, lose, planned_after_a_loss
from tests.archive.trees import Layout, children_now, covered, plan, write
from tests.waiting import until


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("last_words", ["", "ab"])
def test_a_child_that_dies_is_an_error_and_leaves_nothing(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_words: str
) -> None:
    summary = write(full.code, tmp_path / "a.tgz")
    lose(full)
    before = covered(full.root)
    planned = plan(tmp_path / "a.tgz", full, summary)
    start = subprocess.Popen
    says = f"import sys; sys.stdout.buffer.write(b'{last_words}')"
    monkeypatch.setattr(
        subprocess, "Popen", lambda _command, **rest: start([sys.executable, "-c", says], **rest)
    )
    with pytest.raises(StorageError, match="ended too early"):
        stage_files(planned, job_id="job")
    assert left(full) == []
    assert covered(full.root) == before


def meet_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start children that cannot write."""
    start = subprocess.Popen
    code = (
        "import os, errno\nfrom core.archive.restore import write_entry, write_worker\n"
        "def full(*_): raise OSError(errno.ENOSPC, 'full')\n"
        "write_entry._write = full\nwrite_worker.main()"
    )
    monkeypatch.setattr(
        subprocess, "Popen",
        lambda _command, **rest: start([sys.executable, "-I", "-c", code], **rest),
    )  # fmt: skip


@pytest.mark.usefixtures("always")
def test_an_error_of_the_child_is_ours(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = planned_after_a_loss(full, tmp_path)
    meet_a_full_disk(monkeypatch)
    with pytest.raises(DiskFull):
        stage_files(planned, job_id="job")
    assert left(full) == []


@pytest.mark.usefixtures("always")
def test_an_error_that_comes_just_before_the_next_batch_is_said(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = planned_after_a_loss(full, tmp_path)
    monkeypatch.setattr(write_worker, "_BATCH", 2000)
    send = WriteWorker._send
    meet_a_full_disk(monkeypatch)

    def late(self: WriteWorker, words: object) -> None:
        if self._sent > 1:
            self._process.wait(10)  # it has failed with one of the batches before, and is gone
        send(self, words)

    monkeypatch.setattr(WriteWorker, "has_time", lambda _self: True)
    monkeypatch.setattr(WriteWorker, "_send", late)
    with pytest.raises(DiskFull):
        stage_files(planned, job_id="job")


@pytest.mark.usefixtures("always")
def test_cancelled_leaves_neither_child_nor_stage(full: Layout, tmp_path: Path) -> None:
    planned = planned_after_a_loss(full, tmp_path)
    children_then: set[str] = set()

    def report(_done_bytes: int, done_items: int, _current: str) -> None:
        if done_items > 300:
            children_then.update(children_now())
            raise Cancelled("stop")

    before = children_now()
    with pytest.raises(Cancelled):
        stage_files(planned, job_id="job", report=report)
    assert children_then - before
    assert children_now() == before
    assert left(full) == []


@pytest.mark.usefixtures("always")
def test_a_stopped_child_does_not_keep_from_a_cancellation(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned, before = planned_after_a_loss(full, tmp_path), children_now()
    finish, hand_over, finishing = WriteWorker.finish, WriteWorker._hand_over, False

    def stopped(self: WriteWorker) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)
        hand_over(self)

    def at_the_end(self: WriteWorker, waited: Callable[[], None]) -> None:
        nonlocal finishing
        finishing = True
        finish(self, waited)

    def report(*_args: object) -> None:
        if finishing:
            raise Cancelled("stop")

    monkeypatch.setattr(WriteWorker, "_hand_over", stopped)
    monkeypatch.setattr(WriteWorker, "finish", at_the_end)
    with pytest.raises(Cancelled):
        stage_files(planned, job_id="job", report=report)
    assert children_now() == before
    assert left(full) == []


_STAGING: str = """
import os, sys
from core.archive.workers import child
from core.archive.restore.stage import Stager, stage_files
from core.archive.plan.plan_files import plan_files
from core.archive.restore.write_worker import WriteWorker
from tests.archive.trees import layout
from collections.abc import Callable
from pathlib import Path
child.WORTHWHILE = 0
os.sched_getaffinity = lambda _pid: {0, 1}
shop = layout(Path(sys.argv[1]))
hand_over = WriteWorker._hand_over
def stop(self):
    hand_over(self)
    print(self._process.pid, flush=True)
    sys.stdin.read()
WriteWorker._hand_over = stop
planned = plan_files(sys.argv[2], shop.code, shop.state + "/plan", sha256=sys.argv[3])
stage_files(planned, job_id="job")
"""


def test_the_child_ends_with_its_parent(full: Layout, tmp_path: Path) -> None:
    summary = write(full.code, tmp_path / "a.tgz")
    lose(full)
    parent = subprocess.Popen(
        [sys.executable, "-c", _STAGING, full.root, tmp_path / "a.tgz", summary.sha256],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    with parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        os.kill(parent.pid, signal.SIGKILL)
        parent.wait()
        until(lambda: not _runs(pid), "the child runs on")
    remove_stage(full.state + "/plan")
    assert left(full) == []


def _runs(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.usefixtures("always")
def test_an_error_of_a_flush_beside_the_work_is_not_lost(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage_module, "_FLUSHED_AHEAD", 1 << 20)
    flushes = 0

    def flush(_self: object) -> None:
        nonlocal flushes
        flushes += 1
        if flushes == 1:
            raise StorageError("Failed while bringing files to the disk: Input/output error.")

    monkeypatch.setattr(flush_module.FileSystemFlush, "_flush", flush)
    planned = planned_after_a_loss(full, tmp_path)
    with pytest.raises(StorageError, match="Input/output error"):
        stage_files(planned, job_id="job")
    assert flushes > 0
    assert left(full) == []


def test_the_flush_watches_from_before_the_first_file(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel tells a descriptor of the errors since it was opened, and no others."""
    order: list[str] = []
    init, contents = flush_module.FileSystemFlush.__init__, Stager._contents

    def opened(self: flush_module.FileSystemFlush, directory: bytes, *, dir_fd: int) -> None:
        order.append("watch")
        init(self, directory, dir_fd=dir_fd)

    def made(self: Stager, where: str, given: Contents) -> None:
        order.append("make")
        contents(self, where, given)

    monkeypatch.setattr(flush_module.FileSystemFlush, "__init__", opened)
    monkeypatch.setattr(Stager, "_contents", made)
    stage_files(planned_after_a_loss(full, tmp_path), job_id="job")
    assert order == ["watch", "make"]
