"""A stage that a child helps to make is the one that is made alone."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.archive.plan.plan_files import plan_files
from core.archive.plan.summary import FilePlan
from core.archive.restore import flush as flush_module
from core.archive.restore import stage as stage_module
from core.archive.restore import write_worker
from core.archive.restore.contents import Contents
from core.archive.restore.stage import Stager, remove_stage, stage_files
from core.archive.restore.swap import swap_files
from core.archive.restore.write_entry import Settled, settle
from core.archive.restore.write_worker import SMALL, WriteWorker
from core.errors import Cancelled, DiskFull, StorageError
from tests.archive.trees import Layout, children_now, covered, layout, make_tree, plan, put, write
from tests.long import some
from tests.waiting import until


@pytest.fixture
def full(tmp_path: Path) -> Layout:
    """Make a store of many directories, with everything a file can be."""
    shop = layout(tmp_path / "shop")
    root = shop.root
    make_tree(os.fsencode(root) + b"/lib", random.Random(4), entries=400)
    for number in range(25):
        os.makedirs(f"{root}/vendor/some/module-{number}/deep/er")
        for name in range(12):
            put(f"{root}/vendor/some/module-{number}/deep/file-{name}", os.urandom(9000))
    put(root + "/vendor/large", b"L" * (SMALL + 12345))
    put(root + "/vendor/some/module-9/deep/er/large", b"L" * (SMALL + 1))
    put(root + "/vendor/some/not-quite-large", os.urandom(SMALL))
    put(root + "/vendor/some/holes", b"x" + bytes(200_000) + b"y")
    for number in range(25):  # when everything is in them
        os.utime(f"{root}/vendor/some/module-{number}/deep", (10**9 + number, 10**9 + number))
    os.setxattr(root + "/vendor/some/module-4", b"user.origin", b"here")
    os.setxattr(root + "/vendor/some/module-4/deep/file-4", b"user.origin", b"there" * 50)
    return shop


def attributes(root: str) -> dict[str, tuple[object, ...]]:
    """Return what `covered` does not tell."""
    found: dict[str, tuple[object, ...]] = {}
    for folder, directories, files in os.walk(root):
        for name in (*directories, *files):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            xattrs = [
                (key, os.getxattr(path, key, follow_symlinks=False))
                for key in os.listxattr(path, follow_symlinks=False)
            ]
            found[path] = (status.st_uid, status.st_gid, int(status.st_mtime), xattrs)
    return found


def lose(shop: Layout) -> None:
    """Remove everything."""
    for name in ("lib", "vendor"):
        shutil.rmtree(f"{shop.root}/{name}")


def planned_after_a_loss(shop: Layout, directory: Path) -> FilePlan:
    """Return the plan that brings everything back from an archive in a directory."""
    summary = write(shop.code, directory / "a.tgz")
    lose(shop)
    return plan(directory / "a.tgz", shop, summary)


def waits(self: WriteWorker) -> bool:
    """Wait for the child, however long it takes, so that it has nearly all to do."""
    while not self._batch and self._sent - self._answered >= write_worker._SLOTS:
        self._answer()
    return True


def back(shop: Layout, archive: Path, summary: object, job_id: str = "job") -> None:
    swap_files(stage_files(plan(archive, shop, summary), job_id=job_id))  # type: ignore[arg-type]


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("batch", some([None, 2000, 60_000], 2000))
def test_all_comes_back(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int | None
) -> None:
    if batch is not None:  # slots are as large as before, so both sides agree about them
        monkeypatch.setattr(write_worker, "_BATCH", batch)
    before, also = covered(full.root), attributes(full.root + "/vendor")
    summary = write(full.code, tmp_path / "a.tgz")
    lose(full)
    given = 0
    add = WriteWorker._add

    def counted(self: WriteWorker, *rest: object) -> None:
        nonlocal given
        given += 1
        add(self, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(WriteWorker, "has_time", waits)
    monkeypatch.setattr(WriteWorker, "_add", counted)
    back(full, tmp_path / "a.tgz", summary)
    assert covered(full.root) == before
    assert attributes(full.root + "/vendor") == also
    assert os.stat(full.root + "/vendor/some/holes").st_blocks * 512 < 100_000
    assert given > 500


@pytest.mark.usefixtures("always")
def test_both_make_what_they_have_time_for(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow child leaves much to this process, in the same directories."""
    monkeypatch.setattr(write_worker, "_BATCH", 2000)
    answer = WriteWorker._answer

    def slowly(self: WriteWorker) -> None:
        time.sleep(0.0005)
        answer(self)

    monkeypatch.setattr(WriteWorker, "_answer", slowly)
    before = covered(full.root)
    summary = write(full.code, tmp_path / "a.tgz")
    lose(full)
    back(full, tmp_path / "a.tgz", summary)
    assert covered(full.root) == before


@pytest.mark.usefixtures("always")
def test_a_directory_that_lets_nobody_in_is_closed_when_all_below_it_is_settled(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = full.root + "/vendor/some/module-7"
    os.chmod(closed, 0o300)
    before = covered(full.root)
    planned = planned_after_a_loss(full, tmp_path)
    makers: list[WriteWorker] = []
    pending: list[bool] = []
    init = WriteWorker.__init__

    def made(self: WriteWorker, *stages: Any) -> None:
        makers.append(self)
        init(self, *stages)

    def settled(fd: int, how: Settled, **rest: Any) -> None:
        if how.mode == 0o300:
            pending.append(bool(makers[0]._batch) or makers[0]._sent > makers[0]._answered)
        settle(fd, how, **rest)

    monkeypatch.setattr(WriteWorker, "__init__", made)
    monkeypatch.setattr(WriteWorker, "has_time", waits)
    monkeypatch.setattr(stage_module, "settle", settled)
    swap_files(stage_files(planned, job_id="job"))
    assert pending == [False]
    assert covered(full.root) == before


@pytest.mark.usefixtures("always")
def test_hard_links_and_archives_of_others(full: Layout, tmp_path: Path) -> None:
    some = full.root + "/vendor/some"
    os.link(some + "/module-1/deep/file-1", some + "/module-2/deep/twin")
    before = covered(full.root)
    subprocess.run(
        ["tar", "-czf", tmp_path / "a.tgz", "--sort=none", "-C", full.root, "lib", "vendor"],
        check=True,
    )
    lose(full)
    digest = hashlib.sha256((tmp_path / "a.tgz").read_bytes()).hexdigest()
    planned = plan_files(str(tmp_path / "a.tgz"), full.code, full.state + "/plan", sha256=digest)
    swap_files(stage_files(planned, job_id="job"))
    assert covered(full.root) == before
    names = ("/module-1/deep/file-1", "/module-2/deep/twin")
    assert len({os.stat(some + name).st_ino for name in names}) == 1


@pytest.mark.usefixtures("always")
def test_a_second_name_waits_for_the_child_to_make_the_file(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    os.makedirs(shop.root + "/vendor/deep")
    put(shop.root + "/vendor/deep/first", b"content")
    os.link(shop.root + "/vendor/deep/first", shop.root + "/vendor/deep/second")
    summary = write(shop.code, tmp_path / "a.tgz")
    shutil.rmtree(shop.root + "/vendor")
    back(shop, tmp_path / "a.tgz", summary)
    status = os.stat(shop.root + "/vendor/deep/second")
    assert (status.st_nlink, status.st_size) == (2, 7)
    assert status.st_ino == os.stat(shop.root + "/vendor/deep/first").st_ino


def left(shop: Layout) -> list[str]:
    return [name for name in os.listdir(shop.state) if name.startswith("stage")]


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


def test_without_a_thread_the_flush_comes_at_the_end(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_self: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(stage_module, "_FLUSHED_AHEAD", 1 << 20)
    before = covered(full.root)
    planned = planned_after_a_loss(full, tmp_path)
    flush = flush_module.FileSystemFlush(os.fsencode(full.root))
    with monkeypatch.context() as patch:
        patch.setattr("threading.Thread.start", none)
        flush.begin()
        flush.finish()
        flush.close()
    swap_files(stage_files(planned, job_id="job"))
    assert covered(full.root) == before


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
def test_without_a_child_all_is_made_here(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = covered(full.root)
    planned = planned_after_a_loss(full, tmp_path)

    def no_process(*_args: object, **_rest: object) -> None:
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    swap_files(stage_files(planned, job_id="job"))
    assert covered(full.root) == before


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
