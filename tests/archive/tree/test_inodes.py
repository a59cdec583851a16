"""File systems whose inodes are hashes of 64 bits, as those of a network have them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.archive.restore.recheck import recheck_files
from core.archive.restore.stage import stage_files
from core.archive.restore.swap import revert_files, swap_files
from core.archive.restore.undo import undo_plan
from core.archive.tree.stat_records import storable_inode
from tests.archive.trees import Layout, plan, put, tree_hash, write

TIMES = ("st_atime", "st_mtime", "st_ctime")


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every inode be one of more than 63 bits."""

    def wrapped(look: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def looks(*where: Any, **how: Any) -> os.stat_result:
            status = look(*where, **how)
            named = {f"{name}_ns": getattr(status, f"{name}_ns") for name in TIMES}
            named |= {name: getattr(status, name) for name in TIMES}
            named["st_blocks"] = status.st_blocks
            numbers = list(status[:10])
            numbers[1] |= 1 << 63
            return os.stat_result(numbers, named)

        return looks

    for name in ("stat", "lstat", "fstat"):
        monkeypatch.setattr(os, name, wrapped(getattr(os, name)))


def test_a_number_stays_what_it_is() -> None:
    numbers = [1, (1 << 63) - 1, 1 << 63, (1 << 64) - 1]
    stored = [storable_inode(number) for number in numbers]
    assert stored == [1, (1 << 63) - 1, -(1 << 63), -1]
    assert [storable_inode(number) for number in stored] == stored


@pytest.mark.usefixtures("large")
def test_a_store_with_such_inodes_is_rolled_back_and_that_undone(
    shop: Layout, tmp_path: Path
) -> None:
    assert os.stat(shop.root).st_ino > 1 << 63
    then = tree_hash(shop.root)
    summary = write(shop.code, tmp_path / "a.tgz")
    put(shop.root + "/.gitignore", b"changed")
    os.chmod(shop.root + "/pub/static.php", 0o600)
    os.rename(shop.root + "/vendor", tmp_path / "vendor")
    put(shop.root + "/new")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    put(shop.root + "/newer")
    refreshed = recheck_files(staged)
    assert refreshed.changed == ("newer",)
    staged, now = refreshed.staged, tree_hash(shop.root)
    swap_files(staged)
    assert tree_hash(shop.root) == then
    revert_files(staged)
    assert tree_hash(shop.root) == now
    swap_files(staged)
    swap_files(undo_plan(staged.plan_path, shop.state + "/undo", job_id="k"))
    assert tree_hash(shop.root) == now
