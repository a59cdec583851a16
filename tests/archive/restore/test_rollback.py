"""Plan, stage, swap, revert, undo: a tree of any content is wholly old or wholly new."""

from __future__ import annotations

import os
import random
import shutil
import stat
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_files import plan_files
from core.archive.plan.rows import Action
from core.archive.plan.summary import summary_of
from core.archive.restore.asides import aside_bytes, remove_aside
from core.archive.restore.recheck import recheck_files
from core.archive.restore.stage import remove_stage, stage_files
from core.archive.restore.swap import (
    revert_files,
    swap_files,
)
from core.archive.restore.undo import undo_plan
from core.archive.tree.selection import code_selection
from core.errors import (
    NothingToUndo,
)
from tests.archive.trees import (
    Layout,
    damage,
    layout,
    plan,
    put,
    tree_hash,
    write,
)


@pytest.mark.parametrize("seed", range(6))
def test_back_and_forth(shop: Layout, tmp_path: Path, seed: int) -> None:
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    before = tree_hash(shop.root)
    damage(shop.root, random.Random(seed))
    damaged = tree_hash(shop.root)
    assert damaged != before
    staged = stage_files(plan(archive, shop, summary), job_id="one")
    assert tree_hash(shop.root) == damaged
    swap_files(staged)
    assert tree_hash(shop.root) == before
    swap_files(staged.plan_path)  # once more changes nothing
    assert tree_hash(shop.root) == before
    revert_files(staged)
    assert tree_hash(shop.root) == damaged
    revert_files(staged.plan_path)
    assert tree_hash(shop.root) == damaged
    swap_files(staged)
    undo = undo_plan(staged.plan_path, shop.state + "/undo", job_id="two")
    assert not undo.newer
    swap_files(undo)
    assert tree_hash(shop.root) == damaged
    redo = undo_plan(undo.plan_path, shop.state + "/redo", job_id="three")
    swap_files(redo)
    assert tree_hash(shop.root) == before
    assert aside_bytes(redo.plan_path) > 0
    assert remove_aside(redo.plan_path) > 0
    assert aside_bytes(redo.plan_path) == 0
    for path in (staged.plan_path, undo.plan_path, redo.plan_path):
        remove_stage(path)
    assert not [name for name in os.listdir(shop.state) if name.startswith(("stage", "aside"))]


names = st.sampled_from(["a", "b", "c", "d-e", "d", "x y"])
trees = st.recursive(
    st.one_of(
        st.tuples(st.just("file"), st.binary(max_size=40), st.sampled_from([0o644, 0o600, 0o755])),
        st.tuples(st.just("link"), st.sampled_from(["a", "../b", "gone"])),
    ),
    lambda inner: st.tuples(
        st.just("dir"),
        st.dictionaries(names, inner, max_size=4),
        st.sampled_from([0o755, 0o700, 0o2775]),
    ),
    max_leaves=14,
)
roots = st.dictionaries(names, trees, max_size=5)


def grow(root: str, tree: dict[str, tuple[object, ...]]) -> None:
    for name, node in tree.items():
        path = f"{root}/{name}"
        match node:
            case ("file", bytes(content), int(mode)):
                put(path, content, mode=mode)
            case ("link", str(target)):
                os.symlink(target, path)
            case ("dir", dict(inside), int(mode)):
                os.mkdir(path)
                grow(path, inside)
                os.chmod(path, mode)


@settings(
    max_examples=20,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(old=roots, new=roots)
def test_any_tree_from_any_tree(
    tmp_path: Path, old: dict[str, tuple[object, ...]], new: dict[str, tuple[object, ...]]
) -> None:
    root = tmp_path / "shop"
    shutil.rmtree(root, ignore_errors=True)
    shop = layout(root)
    grow(shop.root, old)
    wanted = tree_hash(shop.root)
    summary = write(shop.code, tmp_path / "a.tgz")
    shutil.rmtree(root)
    shop = layout(root)
    grow(shop.root, new)
    present = tree_hash(shop.root)
    planned = plan(tmp_path / "a.tgz", shop, summary)
    assert (planned.differs == 0) == (wanted == present)
    staged = stage_files(planned, job_id="p")
    swap_files(staged)
    assert tree_hash(shop.root) == wanted
    assert plan(tmp_path / "a.tgz", shop, summary, "again").differs == 0
    revert_files(staged)
    assert tree_hash(shop.root) == present


def test_identical_costs_nothing(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    planned = plan(tmp_path / "a.tgz", shop, summary)
    assert planned.differs == 0
    assert planned.identical == summary.members
    assert planned.bytes_to_write == 0
    assert list(planned.entries()) == []


def test_plan_says_what_it_will_do(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    for name in ("same", "changed", "gone", "mode"):
        put(f"{shop.root}/{name}", b"12345")
    summary = write(shop.code, tmp_path / "a.tgz")
    put(shop.root + "/changed", b"123")
    os.unlink(shop.root + "/gone")
    os.chmod(shop.root + "/mode", 0o600)
    put(shop.root + "/new", b"1")
    planned = plan(tmp_path / "a.tgz", shop, summary)
    assert (planned.added, planned.changed, planned.removed, planned.mode_only) == (1, 1, 1, 1)
    assert (planned.identical, planned.bytes_to_write) == (2, 10)  # pub, same
    entries = {entry.path: entry for entry in planned.entries()}
    assert [(e.action, e.size_now, e.size_then) for e in entries.values()] == [
        (Action.CHANGE, 3, 5),
        (Action.ADD, None, 5),
        (Action.MODE, 5, 5),
        (Action.REMOVE, 1, None),
    ]
    assert (entries["mode"].mode_now, entries["mode"].mode_then) == (0o600, 0o644)
    again = plan(tmp_path / "a.tgz", shop, summary)
    assert again.fingerprint == planned.fingerprint
    put(shop.root + "/new2", b"1")
    assert plan(tmp_path / "a.tgz", shop, summary).fingerprint != planned.fingerprint


@pytest.mark.parametrize("seed", range(3))
def test_a_plan_adds_up_to_the_same_when_it_is_read_back(
    shop: Layout, tmp_path: Path, seed: int
) -> None:
    """The shown plan is compared with the plan to be run by its fingerprint."""
    summary = write(shop.code, tmp_path / "a.tgz")
    damage(shop.root, random.Random(seed), times=60)
    planned = plan(tmp_path / "a.tgz", shop, summary)
    assert planned.differs > 20
    with PlanFile(planned.plan_path) as opened:
        assert summary_of(opened) == planned
        row = next(row for row in opened.rows() if row.action is Action.ADD)
        opened.add(row._replace(id=None, path=b"one-more", unit=None))
        more = summary_of(opened)
    assert (more.added, more.changed) == (planned.added + 1, planned.changed)
    assert more.bytes_to_write == planned.bytes_to_write + row.size_then
    assert more.fingerprint != planned.fingerprint


def test_a_plan_of_any_length_is_added_up_in_little_memory(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    put(shop.root + "/new")
    with PlanFile(plan(tmp_path / "a.tgz", shop, summary).plan_path) as opened:
        row = next(opened.rows())
        for number in range(30_000):
            opened.add(row._replace(id=None, unit=None, path=b"%s/%d" % (b"d" * 100, number)))
        tracemalloc.start()
        assert summary_of(opened).removed == 30_001
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 6 << 20


def test_ignored_paths_are_untouched(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    inodes = {p: os.lstat(f"{shop.root}/{p}").st_ino for p in ("var", "pub/media", "pub/static")}
    put(shop.root + "/var/new.log", b"1")
    put(shop.root + "/pub/media/new.jpg", b"1")
    put(shop.root + "/pub/static_new", b"1")  # no whole component of an ignored path
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j"))
    assert {p: os.lstat(f"{shop.root}/{p}").st_ino for p in inodes} == inodes
    assert os.path.exists(shop.root + "/var/new.log")
    assert os.path.exists(shop.root + "/pub/media/new.jpg")
    assert not os.path.exists(shop.root + "/pub/static_new")


def test_a_directory_that_holds_what_stays_is_not_moved(shop: Layout, tmp_path: Path) -> None:
    """`pub` is not in this archive, but pub/media is ignored: only the rest of it goes."""
    base = shop.root
    for name in ("pub/static.php", "pub/static", "pub/media", "pub"):
        path = f"{base}/{name}"
        os.rename(path, f"{tmp_path}/{name.replace('/', '-')}")
    summary = write(shop.code, tmp_path / "a.tgz")
    os.makedirs(base + "/pub/media/catalog")
    os.makedirs(base + "/pub/errors/deep")
    os.makedirs(base + "/pub/.magerewind-x")
    put(base + "/pub/errors/deep/f")
    planned = plan(tmp_path / "a.tgz", shop, summary)
    present = tree_hash(base)
    staged = stage_files(planned, job_id="j")
    swap_files(staged)
    assert sorted(os.listdir(base + "/pub")) == [".magerewind-x", "media"]
    assert os.path.isdir(base + "/pub/media/catalog")
    revert_files(staged)
    assert tree_hash(base) == present


def test_removed_directory_moves_as_one(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    summary = write(shop.code, tmp_path / "a.tgz")
    os.makedirs(shop.root + "/big/a/b")
    put(shop.root + "/big/a/b/c")
    inode = os.stat(shop.root + "/big").st_ino
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    swap_files(staged)
    (moved,) = os.listdir(shop.state + "/aside-j-code")
    assert os.stat(f"{shop.state}/aside-j-code/{moved}").st_ino == inode
    assert stat.S_IMODE(os.stat(shop.state + "/aside-j-code").st_mode) == 0o700


def test_undo_names_what_is_newer(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    shutil.rmtree(shop.root + "/app")
    put(shop.root + "/pub/static.php", b"damaged")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    with pytest.raises(NothingToUndo):
        undo_plan(staged.plan_path, shop.state + "/u", job_id="k")
    swap_files(staged)
    put(shop.root + "/app/new.php", b"newer")
    os.unlink(shop.root + "/pub/static.php")
    put(shop.root + "/pub/static.php", b"newer")
    undo = undo_plan(staged.plan_path, shop.state + "/u", job_id="k")
    assert set(undo.newer) >= {"app/new.php", "pub/static.php"}
    swap_files(undo)
    assert Path(shop.root, "pub/static.php").read_bytes() == b"damaged"
    assert not os.path.exists(shop.root + "/app")
    redo = undo_plan(undo.plan_path, shop.state + "/r", job_id="l")
    swap_files(redo)
    assert Path(shop.root, "app/new.php").read_bytes() == b"newer"  # nothing was deleted


def test_sparse_files_keep_their_holes(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    path = shop.root + "/sparse"
    with open(path, "wb") as file:
        file.write(b"start")
        file.seek(40 << 20)
        file.write(b"end")
        file.truncate(50 << 20)
    summary = write(shop.code, tmp_path / "a.tgz")
    before = tree_hash(shop.root)
    os.unlink(path)
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j"))
    assert tree_hash(shop.root) == before
    assert os.stat(path).st_blocks * 512 < 1 << 20


def test_times_links_and_attributes_come_back(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    base = shop.root
    os.mkdir(base + "/d")
    put(base + "/d/a", b"content")
    os.link(base + "/d/a", base + "/d/b")
    put(base + "/kept", b"kept")
    os.link(base + "/kept", base + "/second")
    os.utime(base + "/d/a", (1_500_000_000, 1_500_000_000))
    try:
        os.setxattr(base + "/d/a", "user.note", b"text")
        attributes = True
    except OSError:
        attributes = False
    os.utime(base + "/d", (1_400_000_000, 1_400_000_000))
    summary = write(shop.code, tmp_path / "a.tgz")
    assert plan(tmp_path / "a.tgz", shop, summary).differs == 0
    shutil.rmtree(base + "/d")
    os.unlink(base + "/second")
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j"))
    assert os.stat(base + "/d/a").st_mtime == 1_500_000_000
    assert os.stat(base + "/d").st_mtime == 1_400_000_000
    assert os.path.samefile(base + "/d/a", base + "/d/b")
    assert os.path.samefile(base + "/kept", base + "/second")
    assert not attributes or os.getxattr(base + "/d/a", "user.note") == b"text"


@pytest.mark.parametrize("moment", [-400 * 86400, 0, 4_102_444_805, 13_000_000_000])
def test_a_file_of_any_time_is_backed_up_rolled_back_and_undone(
    tmp_path: Path, moment: int
) -> None:
    shop = layout(tmp_path / "shop")
    kept, changed = (shop.root + "/kept", shop.root + "/changed")
    for path in (kept, changed):
        put(path, b"content")
        os.utime(path, (moment, moment))
    taken = os.stat(kept).st_mtime_ns  # a file system may not go as far
    summary = write(shop.code, tmp_path / "a.tgz")
    put(changed, b"damaged")
    os.utime(changed, (moment, moment))
    put(shop.root + "/later")
    os.utime(shop.root + "/later", (moment, moment))
    present = tree_hash(shop.root)
    staged = recheck_files(
        stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    ).staged  # fmt: skip
    swap_files(staged)
    assert {os.stat(path).st_mtime_ns for path in (kept, changed)} == {taken}
    swap_files(undo_plan(staged.plan_path, shop.state + "/u", job_id="k"))
    assert tree_hash(shop.root) == present


def test_exclusions_of_a_backup_are_left_alone(shop: Layout, tmp_path: Path) -> None:
    selection = code_selection(shop, exclude=("dev/tests",))
    summary = write(selection, tmp_path / "a.tgz")
    os.makedirs(shop.root + "/dev/tests/mine")
    planned = plan_files(
        str(tmp_path / "a.tgz"), selection, shop.state + "/p", sha256=summary.sha256
    )
    swap_files(stage_files(planned, job_id="j"))
    assert os.path.isdir(shop.root + "/dev/tests/mine")
