"""Plan, stage, swap, revert, undo: the tree is wholly old or wholly new, whatever was in it."""

from __future__ import annotations

import gzip
import io
import os
import random
import shutil
import stat
import subprocess
import tarfile
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.archive import places, refresh
from core.archive.difference import plan_files
from core.archive.members import code_selection, media_selection
from core.archive.plan import Action, FilePlan, PlanFile, Region
from core.archive.refresh import refresh_files
from core.archive.stage import StagedFiles, remove_stage, stage_files
from core.archive.swap import (
    aside_bytes,
    moves_anything,
    remove_aside,
    revert_files,
    swap_files,
)
from core.archive.trees import remove_tree
from core.archive.undo import undo_plan
from core.errors import (
    Cancelled,
    NothingToUndo,
    PlanChanged,
    StorageError,
    StoreLeftClosed,
    StoreUnreadable,
)
from tests.archive.trees import Layout, covered, layout, make_tree, plan, put, tree_hash, write


def damage(root: str, rng: random.Random, times: int = 25) -> None:
    """Change, add, remove, retype and chmod at random."""
    for number in range(times):
        base = os.fsencode(root)
        paths = covered(base).keys() - {b"pub"}
        path = base + b"/" + rng.choice(sorted(paths or {b"none"}))
        if not os.path.lexists(path):
            continue
        is_directory = stat.S_ISDIR(os.lstat(path).st_mode)
        what = rng.randrange(6)
        if what == 0 and not is_directory:
            os.unlink(path)
        elif what == 1 and is_directory:
            make_tree(path + b"/new%d" % number, rng, entries=6)
        elif what == 2 and path.count(b"/") > base.count(b"/") + 1:
            shutil.rmtree(path) if is_directory else os.unlink(path)
            put(path, b"now a file") if is_directory else os.mkdir(path)
        elif what == 3 and not os.path.islink(path):
            os.chmod(path, rng.choice([0o700, 0o755]) if is_directory else 0o640)
        elif what == 4 and not is_directory:
            os.unlink(path)
            os.symlink(b"elsewhere", path)
        elif not is_directory and not os.path.islink(path):
            os.chmod(path, 0o600)
            put(path, rng.randbytes(rng.randrange(900)))


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
    max_examples=60,
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
    """What was shown is compared by its fingerprint with what is to run."""
    summary = write(shop.code, tmp_path / "a.tgz")
    damage(shop.root, random.Random(seed), times=60)
    planned = plan(tmp_path / "a.tgz", shop, summary)
    assert planned.differs > 20
    with PlanFile(planned.plan_path) as opened:
        assert opened.summary() == planned
        row = next(opened.rows("WHERE action = 'add'"))
        opened.add(row._replace(id=None, path=b"one-more", unit=None))
        more = opened.summary()
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
        assert opened.summary().removed == 30_001
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 6 << 20


def test_a_staged_directory_that_is_closed_to_its_owner_can_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root could in any case, so what counts is that its owner opens it up."""
    directory = tmp_path / "stage"
    (directory / "inside").mkdir(parents=True)
    put(str(directory / "inside/file"))
    (directory / "inside").chmod(0o500)
    directory.chmod(0o500)
    opened: list[str] = []
    chmod = os.chmod

    def noted(path: bytes, mode: int, **where: int) -> None:
        opened.append(os.path.basename(os.fsdecode(path)))
        chmod(path, mode, **where)

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "chmod", noted)
    remove_tree(os.fsencode(directory))
    assert opened == ["stage", "inside"]
    assert not directory.exists()


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
    found = refresh_files(staged)
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
    monkeypatch.setattr(refresh, "_ALWAYS_FINE", 10_000)
    summary = write(shop.code, tmp_path / "a.tgz")
    before = tree_hash(shop.root)
    damage(shop.root, random.Random(seed))
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    damage(shop.root, random.Random(seed + 100))
    present = tree_hash(shop.root)
    staged = refresh_files(staged).staged
    swap_files(staged)
    assert tree_hash(shop.root) == before
    revert_files(staged)
    assert tree_hash(shop.root) == present


def test_too_many_changes_change_nothing(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    for number in range(30):
        put(f"{shop.root}/new{number}")
    found = refresh_files(staged)
    assert found.too_many
    assert found.counted == 30
    assert found.staged is staged


def test_nothing_changed_means_nothing_named(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    found = refresh_files(staged)
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
    if touched:  # what only the ctime tells apart is still found
        os.chmod(base + "/kept", 0o600)
    found = refresh_files(staged)
    assert found.changed == (("kept", "second") if touched else ())
    assert found.counted == 0
    swap_files(found.staged)
    assert tree_hash(base) == before


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


def test_what_was_only_planned_is_not_swapped(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    assert not moves_anything(plan(tmp_path / "a.tgz", shop, summary).plan_path)
    put(shop.root + "/app/new.php")
    os.unlink(shop.root + "/.gitignore")
    before, planned = covered(shop.root), plan(tmp_path / "a.tgz", shop, summary)
    assert moves_anything(planned.plan_path)
    with pytest.raises(StorageError, match="never staged"):
        swap_files(planned.plan_path)
    assert covered(shop.root) == before
    stage_files(planned, job_id="job")
    swap_files(planned.plan_path)
    assert covered(shop.root) != before


def test_something_else_in_a_live_place_stops_and_reverts(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    put(shop.root + "/.gitignore", b"1")
    put(shop.root + "/pub/static.php", b"1")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    os.rename(shop.root + "/pub/static.php", shop.root + "/pub/kept")
    put(shop.root + "/pub/static.php", b"someone else's")
    present = tree_hash(shop.root)
    with pytest.raises(PlanChanged, match=r"pub/static\.php"):
        swap_files(staged)
    revert_files(staged)
    assert tree_hash(shop.root) == present


def test_an_old_entry_without_its_place_leaves_the_store_closed(
    shop: Layout, tmp_path: Path
) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    put(shop.root + "/.gitignore", b"1")
    staged = stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    swap_files(staged)
    os.rename(shop.root + "/.gitignore", shop.root + "/away")
    put(shop.root + "/.gitignore", b"someone else's")
    with pytest.raises(StoreLeftClosed, match=r"\.gitignore"):
        revert_files(staged)


@pytest.mark.parametrize("now", ["longer", "shorter", "other", "cut", "no gzip", "empty"])
def test_another_archive_is_noticed_while_staging(shop: Layout, tmp_path: Path, now: str) -> None:
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    shutil.rmtree(shop.root + "/vendor")
    before = covered(shop.root)
    planned = plan(archive, shop, summary)
    content = archive.read_bytes()
    match now:
        case "longer":
            put(shop.root + "/.another")
            write(shop.code, archive)
            os.unlink(shop.root + "/.another")
        case "shorter":  # ends before what the plan wants of it
            write(shop.code, archive)
        case "other":  # of the same length
            inflated = gzip.decompress(content)
            archive.write_bytes(gzip.compress(inflated.replace(b"<?php", b"<?PHP"), mtime=0))
        case "cut":
            archive.write_bytes(content[:-100])
        case "no gzip":
            archive.write_bytes(b"no gzip")
        case _:
            archive.write_bytes(b"")
    with pytest.raises(PlanChanged, match="is no longer the file that was planned"):
        stage_files(planned, job_id="j")
    assert not os.path.exists(shop.state + "/stage-j-code")
    assert covered(shop.root) == before


def test_cancelled_staging_leaves_nothing(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    shutil.rmtree(shop.root + "/vendor")
    planned = plan(tmp_path / "a.tgz", shop, summary)

    def report(done_bytes: int, done_items: int, current: str) -> None:
        raise Cancelled("stop")

    with pytest.raises(Cancelled):
        stage_files(planned, job_id="j", report=report)
    assert not os.path.exists(shop.state + "/stage-j-code")


def test_a_stage_can_be_cancelled_while_it_passes_over_the_rest(
    shop: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.archive.stream._INFLATED", 1 << 16)
    put(shop.root + "/zz-large", random.Random(1).randbytes(4 << 20))
    summary = write(shop.code, tmp_path / "a.tgz")
    put(shop.root + "/.gitignore", b"changed")
    planned = plan(tmp_path / "a.tgz", shop, summary)
    told: list[int] = []

    def report(_done: int, items: int, _current: str) -> None:
        told.append(items)
        if items and len(told) > 40:
            raise Cancelled("Ended by a request.")

    with pytest.raises(Cancelled):
        stage_files(planned, job_id="j", report=report)
    assert told[-1] == 1  # all was made, and the rest only read
    assert not os.path.exists(shop.state + "/stage-j-code")


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
    staged = refresh_files(
        stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j")
    ).staged  # fmt: skip
    swap_files(staged)
    assert {os.stat(path).st_mtime_ns for path in (kept, changed)} == {taken}
    swap_files(undo_plan(staged.plan_path, shop.state + "/u", job_id="k"))
    assert tree_hash(shop.root) == present


def test_a_foreign_archive_with_an_absurd_time_is_taken(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    with tarfile.open(tmp_path / "a.tgz", "w:gz", format=tarfile.GNU_FORMAT) as archive:
        for name, moment in (("late", 1 << 80), ("early", -(1 << 80))):
            info = tarfile.TarInfo(name)
            info.mtime = moment
            archive.addfile(info)
    planned = plan_files(str(tmp_path / "a.tgz"), shop.code, shop.state + "/p")
    swap_files(stage_files(planned, job_id="j"))
    assert {"early", "late"} <= set(os.listdir(shop.root))


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
    staged_media = refresh_files(staged_media).staged
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


def foreign(path: Path, shop: Layout, *, command: tuple[str, ...] = ()) -> Path:
    subprocess.run(
        ["tar", "czf", str(path), "--sort=inode", "--exclude=./var", "--exclude=./pub/media",
         "--exclude=./pub/static", "--exclude=./node_modules", "--exclude=./.git", *command,
         "-C", shop.root, "."], check=True,
    )  # fmt: skip
    return path


def test_archives_of_other_tars_in_any_order(shop: Layout, tmp_path: Path) -> None:
    for path in tree_hash(shop.root):
        whole = os.fsencode(shop.root) + b"/" + path
        if os.path.islink(whole):
            os.unlink(whole)  # links out are not taken from archives of unknown make
    before = tree_hash(shop.root)
    archive = foreign(tmp_path / "a.tgz", shop)
    assert plan(archive, shop).differs == 0
    damage(shop.root, random.Random(3))
    staged = stage_files(plan(archive, shop), job_id="j")
    swap_files(staged)
    after = tree_hash(shop.root)
    kept = {os.fsencode(name) for name in staged.plan.kept}
    assert {p: look for p, look in after.items() if p not in kept} == before


def test_attributes_of_an_archive_in_any_order_come_back(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    for path in ("app", "app/a.php", "app/b.php"):
        if path == "app":
            os.mkdir(f"{shop.root}/app")
        else:
            put(f"{shop.root}/{path}")
        os.setxattr(f"{shop.root}/{path}", b"user.name", path.encode())
    names = ["app/b.php", "app/a.php", "app"]
    command = ["tar", "--xattrs", "--xattrs-include=user.*", "--no-recursion", "-czf"]
    subprocess.run([*command, tmp_path / "a.tgz", "-C", shop.root, *names], check=True)
    shutil.rmtree(shop.root + "/app")
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop), job_id="j"))
    for path in names:
        assert os.getxattr(f"{shop.root}/{path}", b"user.name") == path.encode()


@pytest.mark.parametrize("now", [None, b"now another"])
def test_hard_links_of_an_archive_of_a_directory(tmp_path: Path, now: bytes | None) -> None:
    """Names begin with `./` there, and the names that links have of files do as well."""
    shop = layout(tmp_path / "shop")
    app = shop.root + "/app"
    os.mkdir(app)
    put(app + "/a.php", b"the old content")
    os.link(app + "/a.php", app + "/b.php")
    subprocess.run(["tar", "-czf", tmp_path / "a.tgz", "-C", shop.root, "./app"], check=True)
    os.unlink(app + "/a.php")
    os.unlink(app + "/b.php")
    if now is not None:
        put(app + "/a.php", now)
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop), job_id="j"))
    for name in ("/a.php", "/b.php"):
        assert Path(app + name).read_bytes() == b"the old content"
    assert os.stat(app + "/a.php").st_ino == os.stat(app + "/b.php").st_ino


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
    swap_files(refresh_files(staged).staged)
    assert covered(shop.root) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads such a directory")
def test_a_directory_that_is_closed_to_everybody_comes_back_so(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    os.makedirs(shop.root + "/vendor/closed")
    os.chmod(shop.root + "/vendor/closed", 0o000)
    summary = write(shop.code, tmp_path / "a.tgz")
    os.rmdir(shop.root + "/vendor/closed")
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j"))
    assert os.stat(shop.root + "/vendor/closed").st_mode & 0o7777 == 0


def magento_archive(path: Path, entries: list[tuple[str, bytes | None, int]]) -> Path:
    """Return an archive as Magento's Tar.php writes it: its magic, long names without NUL."""

    def block(name: bytes, mode: int, size: int, kind: bytes) -> bytes:
        head = name[:100].ljust(100, b"\0") + b"%07o\0" % mode + b"\0" * 16
        head += b"%011o\0%011o\0" % (size, 1_600_000_000) + b" " * 8 + kind + b"\0" * 100
        head += b"ustar " + b" \0" + b"\0" * 64 + b"\0" * 16
        head = head.ljust(512, b"\0")
        return head[:148] + b"%06o\0 " % sum(head) + head[156:]

    out = io.BytesIO()
    for name, content, mode in entries:
        raw = name.encode() + (b"/" if content is None else b"")
        if len(raw) > 100:
            out.write(block(b"././@LongLink", 0o644, len(raw), b"L"))
            out.write(raw.ljust(-(-len(raw) // 512) * 512, b"\0"))
        size = len(content or b"")
        out.write(block(raw, mode, size, b"5" if content is None else b"0"))
        out.write((content or b"").ljust(-(-size // 512) * 512, b"\0"))
    out.write(bytes(512 * 12))
    path.write_bytes(gzip.compress(out.getvalue(), 9))
    return path


def test_archives_that_magento_made(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    base = shop.root
    long = "vendor/" + "long-name-" * 12 + ".php"
    archive = magento_archive(
        tmp_path / "a.tgz",
        [
            ("app", None, 0),
            ("app/a.php", b"<?php 1;", 0o644),
            ("vendor", None, 0o755),
            (long, b"<?php 2;", 0o640),
            ("pub", None, 0o755),
            ("new/deep/f.php", b"3", 0o600),
        ],
    )
    os.makedirs(base + "/app")
    os.chmod(base + "/app", 0o2770)
    put(base + "/app/a.php", b"damaged")
    put(base + "/pub/static.php", b"Magento's own backup loses this")
    put(base + "/.gitignore", b"and this")
    put(base + "/superfluous.php")
    os.symlink("app", base + "/link-that-magento-loses")
    planned = plan(archive, shop)
    swap_files(stage_files(planned, job_id="j"))
    assert Path(base, "app/a.php").read_bytes() == b"<?php 1;"
    assert Path(base, long).read_bytes() == b"<?php 2;"
    assert Path(base, "new/deep/f.php").read_bytes() == b"3"
    assert stat.S_IMODE(os.stat(base + "/app").st_mode) == 0o2770  # no mode known: kept
    assert not os.path.exists(base + "/superfluous.php")
    for kept in ("pub/static.php", ".gitignore", "link-that-magento-loses"):
        assert os.path.lexists(f"{base}/{kept}")
    assert set(planned.kept) == {"pub/static.php", ".gitignore", "link-that-magento-loses"}
    assert [warning.code for warning in planned.warnings] == ["kept"]


def test_the_last_of_several_members_counts(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        for content in (b"old", b"new"):
            info = tarfile.TarInfo("f")
            info.size = 3
            tar.addfile(info, io.BytesIO(content))
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop), job_id="j"))
    assert Path(shop.root, "f").read_bytes() == b"new"


def test_members_of_other_parts_are_left(shop: Layout, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tgz", "w:gz") as tar:
        for name in ("pub/media/a.jpg", "var/x", "app/.magerewind-x/y"):
            tar.addfile(tarfile.TarInfo(name))
    planned = plan(tmp_path / "a.tgz", shop)
    assert planned.skipped == 3
    assert planned.added == 0


def test_exclusions_of_a_backup_are_left_alone(shop: Layout, tmp_path: Path) -> None:
    selection = code_selection(shop, exclude=("dev/tests",))
    summary = write(selection, tmp_path / "a.tgz")
    os.makedirs(shop.root + "/dev/tests/mine")
    planned = plan_files(
        str(tmp_path / "a.tgz"), selection, shop.state + "/p", sha256=summary.sha256
    )
    swap_files(stage_files(planned, job_id="j"))
    assert os.path.isdir(shop.root + "/dev/tests/mine")


def staged_for(shop: Layout, planned: FilePlan) -> StagedFiles:
    return stage_files(planned, job_id="j")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_owners_as_root(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    base = shop.root
    os.chown(base, 33, 33)
    put(base + "/a", b"1")
    os.chown(base + "/a", 33, 33)
    put(base + "/unknown", b"1")
    os.chown(base + "/unknown", 54321, 54321)
    put(base + "/stays", b"1")
    os.chown(base + "/stays", 33, 33)
    summary = write(shop.code, tmp_path / "a.tgz")
    put(base + "/a", b"2")
    os.chown(base + "/a", 0, 0)
    os.chown(base + "/stays", 0, 0)
    os.unlink(base + "/unknown")
    planned = plan(tmp_path / "a.tgz", shop, summary)
    assert planned.mode_only == 1
    staged = staged_for(shop, planned)
    swap_files(staged)
    assert os.stat(base + "/a").st_uid == 33  # the archive's, which exists here
    assert os.stat(base + "/stays").st_uid == 33
    assert os.stat(base + "/unknown").st_uid == 33  # nobody of that number: the root's owner
    assert os.stat(shop.state + "/aside-j-code").st_uid == 33
    revert_files(staged)
    assert os.stat(base + "/a").st_uid == 0
    assert os.stat(base + "/stays").st_uid == 0


def devices_flushed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return where the devices are listed whose file systems are flushed from now on."""
    flushed: list[int] = []
    finish = places.FileSystemFlush.finish

    def noted(flush: places.FileSystemFlush) -> None:
        flushed.append(os.fstat(flush._fd).st_dev)
        finish(flush)

    monkeypatch.setattr(places.FileSystemFlush, "finish", noted)
    return flushed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")
@pytest.mark.parametrize("limit", [300, 0])
def test_mounts_never_move(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr("core.archive.swap.FLUSHED_ONE_BY_ONE", limit)
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
        staged = staged_for(shop, plan(tmp_path / "a.tgz", shop, summary))
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
    monkeypatch.setattr("core.archive.swap.FLUSHED_ONE_BY_ONE", limit)
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
    assert places.mount_points(table=str(table)) == {b"/shop/with space", b"/"}
    assert places.mount_points(table=str(tmp_path / "none")) == frozenset()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directories_closed_to_writing_are_opened_up_by_their_owner(tmp_path: Path) -> None:
    """Magento advises `chmod u-w` on directories of a production store."""
    shop = layout(tmp_path / "shop")
    base = shop.root
    os.makedirs(base + "/lib/closed/inner")
    os.makedirs(base + "/lib/gone")
    put(base + "/lib/closed/f", b"1")
    for directory in ("closed/inner", "closed", "gone", ""):
        os.chmod(f"{base}/lib/{directory}", 0o555)
    summary = write(shop.code, tmp_path / "a.tgz")
    before = tree_hash(base)
    for directory in ("", "closed", "gone"):
        os.chmod(f"{base}/lib/{directory}", 0o755)
    put(base + "/lib/closed/f", b"2")
    os.rmdir(base + "/lib/gone")
    os.mkdir(base + "/lib/new")
    for directory in ("new", "closed", ""):
        os.chmod(f"{base}/lib/{directory}", 0o555)
    present = tree_hash(base)
    planned = plan(tmp_path / "a.tgz", shop, summary)
    assert planned.unwritable == ()
    staged = stage_files(planned, job_id="j")
    swap_files(staged)
    assert tree_hash(base) == before
    revert_files(staged)
    assert tree_hash(base) == present
    swap_files(staged)
    assert remove_aside(staged.plan_path) > 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a directory of another account")
def test_what_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = layout(tmp_path / "shop")
    os.mkdir(shop.root + "/closed")
    put(shop.root + "/closed/f", b"1")
    summary = write(shop.code, tmp_path / "a.tgz")
    put(shop.root + "/closed/f", b"2")
    os.chmod(tmp_path, 0o755)
    child = os.fork()
    if child == 0:
        try:
            for parent in (tmp_path, *tmp_path.parents[:2]):
                os.chmod(parent, 0o755)
            os.chown(shop.state, 65534, 65534)
            os.chmod(tmp_path / "a.tgz", 0o644)
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            named = plan(tmp_path / "a.tgz", shop, summary)
            os._exit(0 if named.unwritable == ("closed",) and named.unrestorable else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def pin(flag: str, *paths: str) -> None:
    done = subprocess.run(["chattr", flag, *paths], check=False, capture_output=True)
    if done.returncode and flag.startswith("+"):
        pytest.skip("this file system has no flags")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sets flags")
def test_what_a_flag_keeps_in_place_is_named_before_anything_moves(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    for directory in ("fixed", "grows", "mode", "free"):
        os.mkdir(f"{shop.root}/{directory}")
        for name in ("f", "same"):
            put(f"{shop.root}/{directory}/{name}", b"1")
    summary = write(shop.code, tmp_path / "a.tgz")
    for directory in ("fixed", "grows", "free"):
        put(f"{shop.root}/{directory}/f", b"2")
    os.mkdir(shop.root + "/gone")
    os.chmod(shop.root + "/mode/f", 0o600)
    flags = {
        "i": ("fixed", "mode/f", "free/f", "gone", "free/same"),  # the last one stays in any case
        "a": ("grows",),
    }
    try:
        for flag, names in flags.items():
            pin(f"+{flag}", *(f"{shop.root}/{name}" for name in names))
        planned = plan(tmp_path / "a.tgz", shop, summary)
    finally:
        for flag, names in flags.items():
            pin(f"-{flag}", *(f"{shop.root}/{name}" for name in names))
    assert sorted(planned.unwritable) == [
        "fixed (immutable)",
        "free/f (immutable)",
        "gone (immutable)",
        "grows (append-only)",
        "mode/f (immutable)",
    ]
    assert plan(tmp_path / "a.tgz", shop, summary).unwritable == ()
