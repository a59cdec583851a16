"""A stage that a child helps to make is the one that is made alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from core.archive.plan.plan_files import plan_files
from core.archive.restore import flush as flush_module
from core.archive.restore import stage as stage_module
from core.archive.restore import write_worker
from core.archive.restore.stage import stage_files
from core.archive.restore.swap import swap_files
from core.archive.restore.write_entry import Settled, settle
from core.archive.restore.write_worker import WriteWorker
from tests.archive.restore.staged_trees import lose, planned_after_a_loss
from tests.archive.trees import Layout, covered, layout, plan, put, write
from tests.long import some


def attributes(root: str) -> dict[str, tuple[object, ...]]:
    """Return the facts that `covered` leaves out."""
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
