"""Directories that go, or change, while something in them stays."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_files import plan_files
from core.archive.plan.summary import summary_of
from core.archive.restore.recheck import recheck_files
from core.archive.restore.stage import stage_files
from core.archive.restore.swap import revert_files, swap_files
from tests.archive.trees import Layout, covered, layout, put, write


@pytest.fixture
def shop(tmp_path: Path) -> Layout:
    made = layout(tmp_path / "shop")
    os.makedirs(made.root + "/vendor")
    put(made.root + "/vendor/a.php")
    return made


@pytest.mark.parametrize("mode", [0o755, 0o700], ids=["alone", "below one of another mode"])
@pytest.mark.parametrize("trusted", [True, False], ids=["ours", "foreign"])
def test_what_is_beside_it_goes(shop: Layout, tmp_path: Path, trusted: bool, mode: int) -> None:
    root = shop.root
    selection = replace(shop.code, exclude=("vendor/new/keep",)) if trusted else shop.code
    summary = write(selection, tmp_path / "a.tgz")
    os.makedirs(root + "/vendor/new/deep")
    for name in ("gone.php", "gone2.php", "deep/gone3.php"):
        put(f"{root}/vendor/new/{name}")
    if trusted:
        put(root + "/vendor/new/keep")
    else:
        os.symlink(
            "elsewhere", root + "/vendor/new/keep"
        )  # of which a foreign archive says nothing
    os.chmod(root + "/vendor", mode)
    present = covered(root)
    sha256 = summary.sha256 if trusted else None
    planned = plan_files(str(tmp_path / "a.tgz"), selection, shop.state + "/plan", sha256=sha256)
    assert (planned.removed, planned.mode_only) == (4, 0 if mode == 0o755 else 1)
    staged = stage_files(planned, job_id="j")
    swap_files(staged)
    assert os.listdir(root + "/vendor/new") == ["keep"]
    assert os.stat(root + "/vendor").st_mode & 0o777 == 0o755
    revert_files(staged)
    assert covered(root) == present


def test_what_cannot_be_replaced_is_named(shop: Layout, tmp_path: Path) -> None:
    root = shop.root
    put(root + "/vendor/thing")
    selection = replace(shop.code, exclude=("vendor/thing/deep/keep",))
    summary = write(selection, tmp_path / "a.tgz")
    os.unlink(root + "/vendor/thing")
    os.makedirs(root + "/vendor/thing/deep")
    put(root + "/vendor/thing/deep/keep")
    planned = plan_files(
        str(tmp_path / "a.tgz"), selection, shop.state + "/plan", sha256=summary.sha256
    )
    told = "vendor/thing: it holds vendor/thing/deep/keep, which stays"
    assert planned.unrestorable == (told,)
    assert planned.differs == 0


def test_the_second_look_forgets_nothing_of_the_first(shop: Layout, tmp_path: Path) -> None:
    selection = replace(shop.code, exclude=("vendor/new/keep",))
    summary = write(selection, tmp_path / "a.tgz")
    os.symlink("elsewhere", shop.root + "/vendor/keep")
    planned = plan_files(str(tmp_path / "a.tgz"), selection, shop.state + "/plan")
    assert (planned.kept, planned.identical) == (("vendor/keep",), summary.members)
    staged = stage_files(planned, job_id="j")
    put(shop.root + "/vendor/newer")
    refreshed = recheck_files(staged)
    assert refreshed.changed == ("vendor/newer",)
    with PlanFile(planned.plan_path, only_read=True) as opened:
        now = summary_of(opened)
    assert (now.kept, now.identical) == (planned.kept, planned.identical)
    assert now.removed == 1
