"""A stage holds all of an archive's entries, and is on the disk before anything is moved."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from core.archive.plan.plan_files import plan_files
from core.archive.restore import flush as flush_module
from core.archive.restore import stage as stage_module
from core.archive.restore.contents import StageContents
from core.archive.restore.stage import Stager, stage_files
from core.archive.restore.swap import swap_files
from core.errors import StorageError
from tests.archive.restore.staged_trees import left, lose, planned_after_a_loss
from tests.archive.trees import Layout, covered


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


def test_all_comes_back(full: Layout, tmp_path: Path) -> None:
    before, also = covered(full.root), attributes(full.root + "/vendor")
    swap_files(stage_files(planned_after_a_loss(full, tmp_path), job_id="job"))
    assert covered(full.root) == before
    assert attributes(full.root + "/vendor") == also
    assert os.stat(full.root + "/vendor/some/holes").st_blocks * 512 < 100_000


def test_a_directory_that_lets_nobody_in_comes_back(full: Layout, tmp_path: Path) -> None:
    os.chmod(full.root + "/vendor/some/module-7", 0o300)
    before = covered(full.root)
    swap_files(stage_files(planned_after_a_loss(full, tmp_path), job_id="job"))
    assert covered(full.root) == before


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

    def made(self: Stager, where: str, given: StageContents) -> None:
        order.append("make")
        contents(self, where, given)

    monkeypatch.setattr(flush_module.FileSystemFlush, "__init__", opened)
    monkeypatch.setattr(Stager, "_contents", made)
    stage_files(planned_after_a_loss(full, tmp_path), job_id="job")
    assert order == ["watch", "make"]
