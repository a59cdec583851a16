"""Media: rolled back on its own, brought back when missing, never emptied by a missing mount."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from core.archive.plan.plan_files import plan_files
from core.archive.restore.recheck import recheck_files
from core.archive.restore.stage import stage_files
from core.archive.restore.swap import (
    revert_files,
    swap_files,
)
from core.archive.restore.undo import undo_plan
from core.archive.tree.selection import media_selection
from core.errors import (
    StoreUnreadable,
)
from tests.archive.trees import (
    Layout,
    damage,
    layout,
    make_tree,
    plan,
    put,
    tree_hash,
    write,
)


def test_media_on_its_own(tmp_path: Path) -> None:
    elsewhere = tmp_path / "nfs"
    make_tree(os.fsencode(elsewhere), random.Random(5), entries=40)
    (tmp_path / "shop/pub").mkdir(parents=True)
    (tmp_path / "shop/pub/media").symlink_to(elsewhere)
    shop = layout(tmp_path / "shop")
    selection = media_selection(shop)
    archive = tmp_path / "m.tgz"
    summary = write(selection, archive)
    before = tree_hash(str(elsewhere))
    damage(str(elsewhere), random.Random(9), times=12)
    present = tree_hash(str(elsewhere))
    planned = plan_files(str(archive), selection, shop.state + "/p", sha256=summary.sha256)
    staged = stage_files(planned, job_id="j")
    swap_files(staged)
    assert tree_hash(str(elsewhere)) == before
    revert_files(staged)
    assert tree_hash(str(elsewhere)) == present
    assert os.path.islink(shop.media)


@pytest.mark.parametrize("gone", ["pub/media", "pub"])
def test_a_missing_media_directory_comes_back(tmp_path: Path, gone: str) -> None:
    shop = layout(tmp_path / "shop")
    base = shop.root
    make_tree(os.fsencode(shop.media), random.Random(5), entries=20)
    put(base + "/pub/index.php")
    before = tree_hash(base)
    code = write(shop.code, tmp_path / "c.tgz")
    media = write(media_selection(shop), tmp_path / "m.tgz")
    shutil.rmtree(f"{base}/{gone}")
    present = tree_hash(base)
    media_plan = plan_files(
        str(tmp_path / "m.tgz"), media_selection(shop), shop.state + "/m", sha256=media.sha256
    )
    staged_media = stage_files(media_plan, job_id="j")
    staged_code = stage_files(plan(tmp_path / "c.tgz", shop, code), job_id="j")
    staged_media = recheck_files(staged_media).staged
    swap_files(staged_code)
    swap_files(staged_media)
    assert tree_hash(base) == before
    revert_files(staged_media)
    revert_files(staged_code)
    assert tree_hash(base) == present
    swap_files(staged_media)  # alone
    assert {p for p in before if p.startswith(b"pub/media")} <= set(tree_hash(base))
    undo = undo_plan(staged_media.plan_path, shop.state + "/u", job_id="k")
    swap_files(undo)
    assert not os.path.exists(shop.media)


def test_media_that_is_not_mounted_is_not_taken_for_empty(tmp_path: Path) -> None:
    (tmp_path / "shop/pub").mkdir(parents=True)
    (tmp_path / "shop/pub/media").symlink_to(tmp_path / "away")
    root = str(tmp_path / "shop")
    shop = Layout(
        root=root,
        media=root + "/pub/media",
        media_target=str(tmp_path / "away"),
        static=root + "/pub/static",
        var=root + "/var",
    )
    with pytest.raises(StoreUnreadable, match="away"):
        media_selection(shop)
