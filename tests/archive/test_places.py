"""Mounts below the store, and where the stages and asides of each are."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from core.archive.plan.plan_file import PlanFile, Region
from core.archive.restore import flush as flush_module
from core.archive.restore.stage import remove_stage, stage_files
from core.archive.restore.swap import (
    revert_files,
    swap_files,
)
from core.archive.tree import mounts
from tests.archive.trees import (
    Layout,
    covered,
    layout,
    plan,
    put,
    tree_hash,
    write,
)


def devices_flushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return where the devices are listed whose file systems are flushed from now on."""
    flushed: list[int] = []
    finish = flush_module.FileSystemFlush.finish

    def noted(flush: flush_module.FileSystemFlush) -> None:
        flushed.append(os.fstat(flush._fd).st_dev)
        finish(flush)

    monkeypatch.setattr(flush_module.FileSystemFlush, "finish", noted)
    return flushed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
@pytest.mark.parametrize("limit", [300, 0])
def test_mounts_never_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr("core.archive.restore.swap.FLUSHED_ONE_BY_ONE", limit)
    shop = layout(tmp_path / "shop")
    base = shop.root
    os.makedirs(base + "/lib/disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "none", base + "/lib/disk"], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this machine does not let root mount")
    try:
        put(base + "/lib/disk/changed", b"1")
        put(base + "/lib/disk/gone", b"1")
        summary = write(shop.code, tmp_path / "a.tgz")
        before = tree_hash(base)
        put(base + "/lib/disk/changed", b"22")
        os.unlink(base + "/lib/disk/gone")
        put(base + "/lib/disk/new", b"1")
        present = tree_hash(base)
        staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
        assert os.path.isdir(base + "/lib/disk/.magerewind-stage-j-code")
        flushed = devices_flushed(monkeypatch)
        swap_files(staged)
        devices = {os.stat(path).st_dev for path in (base, base + "/lib/disk")}
        assert set(flushed) == (devices if limit == 0 else set())
        assert tree_hash(base) == before
        revert_files(staged)
        assert tree_hash(base) == present
        assert os.path.ismount(base + "/lib/disk")
        os.rename(base + "/pub/media", base + "/media-away")  # an archive without lib at all
        empty = layout(tmp_path / "empty")
        nothing = write(empty.code, tmp_path / "b.tgz")
        remove_stage(staged.plan_path)
        staged = stage_files(plan(tmp_path / "b.tgz", shop, nothing), job_id="k")
        swap_files(staged)
        assert os.path.ismount(base + "/lib/disk")
        assert not [n for n in os.listdir(base + "/lib/disk") if not n.startswith(".mage")]
        revert_files(staged)
        assert os.path.exists(base + "/lib/disk/new")
    finally:
        subprocess.run(["umount", base + "/lib/disk"], check=True)


@pytest.mark.parametrize("limit", [300, 0])
def test_a_region_of_which_nothing_is_planned_may_go(
    shop: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    """A file system that was mounted below the store, say, and is not any more."""
    monkeypatch.setattr("core.archive.restore.swap.FLUSHED_ONE_BY_ONE", limit)
    before = covered(shop.root)
    summary = write(shop.code, tmp_path / "a.tgz")
    shutil.rmtree(shop.root + "/vendor")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    with PlanFile(staged.plan_path) as opened:
        gone = Region(9, os.fsencode(shop.root + "/lib/disk"), b"", b"")
        opened.set_regions([*opened.regions(), gone])
        opened.save()
    swap_files(staged)
    assert covered(shop.root) == before


def test_mount_table_is_read(tmp_path: Path) -> None:
    table = tmp_path / "mountinfo"
    table.write_bytes(
        b"36 35 98:0 / /shop/with\\040space rw - ext4 /dev/x rw\n1 0 0:1 / / rw - ext4 /dev/y rw\n"
    )
    assert mounts.mount_points(table=str(table)) == {b"/shop/with space", b"/"}
    assert mounts.mount_points(table=str(tmp_path / "none")) == frozenset()
