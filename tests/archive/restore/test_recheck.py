"""Changes of an open shop between the plan and the closing are taken into the plan."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from core.archive.restore.recheck import recheck_files
from core.archive.restore.stage import stage_files
from core.archive.restore.swap import (
    revert_files,
    swap_files,
)
from core.archive.tree import ordinary_changes
from tests.archive.trees import (
    Layout,
    covered,
    damage,
    layout,
    plan,
    put,
    tree_hash,
    write,
)


def test_open_shop_changes_are_taken_in(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    before = tree_hash(shop.root)
    base = shop.root
    put(base + "/pub/static.php", b"damaged")
    put(base + "/more", b"1")
    shutil.rmtree(base + "/empty")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    put(base + "/generated/code/new.php", b"2")  # new
    put(base + "/.gitignore", b"2")  # was identical
    put(base + "/more", b"22")  # was planned
    put(base + "/pub/static.php", b"<?php")  # back as it was
    os.mkdir(base + "/empty")  # planned to be added, and there now
    put(base + "/empty/inside", b"3")
    os.rmdir(base + "/generated/code") if not os.listdir(base + "/generated/code") else None
    present = tree_hash(base)
    found = recheck_files(staged)
    assert set(found.changed) >= {
        ".gitignore", "empty", "empty/inside", "generated/code/new.php", "more", "pub/static.php",
    }  # fmt: skip
    assert not found.too_many
    assert found.counted < len(found.changed)  # generated code counts for nothing
    swap_files(found.staged)
    assert tree_hash(base) == before
    revert_files(found.staged)
    assert tree_hash(base) == present


@pytest.mark.parametrize("seed", range(5))
def test_refresh_after_any_change(
    shop: Layout, tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ordinary_changes, "ALWAYS_FINE", 10_000)
    summary = write(shop.code, tmp_path / "a.tgz")
    before = tree_hash(shop.root)
    damage(shop.root, random.Random(seed))
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    damage(shop.root, random.Random(seed + 100))
    present = tree_hash(shop.root)
    staged = recheck_files(staged).staged
    swap_files(staged)
    assert tree_hash(shop.root) == before
    revert_files(staged)
    assert tree_hash(shop.root) == present


def test_too_many_changes_change_nothing(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    for number in range(30):
        put(f"{shop.root}/new{number}")
    found = recheck_files(staged)
    assert found.too_many
    assert found.counted == 30
    assert found.staged is staged


def test_nothing_changed_means_nothing_named(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    found = recheck_files(staged)
    assert found.changed == ()
    assert found.staged.plan.differs == 0


@pytest.mark.parametrize("touched", [False, True])
def test_a_name_that_staging_adds_is_no_change(tmp_path: Path, touched: bool) -> None:
    shop = layout(tmp_path / "shop")
    base = shop.root
    put(base + "/kept", b"1")
    for name in ("second", "third"):
        os.link(base + "/kept", f"{base}/{name}")
    summary = write(shop.code, tmp_path / "a.tgz")
    before = tree_hash(base)
    os.unlink(base + "/third")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    if touched:  # a change visible only in the ctime is still found
        os.chmod(base + "/kept", 0o600)
    found = recheck_files(staged)
    assert found.changed == (("kept", "second") if touched else ())
    assert found.counted == 0
    swap_files(found.staged)
    assert tree_hash(base) == before


@pytest.mark.parametrize("lost", ["app/b.php", "lib"])
def test_a_second_name_of_what_changes_meanwhile(tmp_path: Path, lost: str) -> None:
    """It was staged as one more name of the live file, which the shop then writes to."""
    shop = layout(tmp_path / "shop")
    for directory in ("app", "lib/deep"):
        os.makedirs(f"{shop.root}/{directory}")
    put(shop.root + "/app/a.php", b"then")
    for second in ("app/b.php", "lib/deep/c.php"):
        os.link(shop.root + "/app/a.php", f"{shop.root}/{second}")
    before = covered(shop.root)
    summary = write(shop.code, tmp_path / "a.tgz")
    if os.path.isdir(f"{shop.root}/{lost}"):
        shutil.rmtree(f"{shop.root}/{lost}")
    else:
        os.unlink(f"{shop.root}/{lost}")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    with open(shop.root + "/app/a.php", "r+b") as file:
        file.write(b"now!")
    swap_files(recheck_files(staged).staged)
    assert covered(shop.root) == before
