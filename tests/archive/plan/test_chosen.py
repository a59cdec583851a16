"""A rollback of chosen paths: they equal the archive afterwards, and nothing else is touched."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from core.archive.index.reader import IndexReader
from core.archive.index.rebuild_index import make_index
from core.archive.plan.plan_facts import PlanFacts
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_files import plan_files
from core.archive.restore.recheck import recheck_files
from core.archive.restore.stage import stage_files
from core.archive.restore.swap import revert_files, swap_files
from core.archive.restore.undo import undo_plan
from core.archive.tar.gzip import GzipBlocks
from core.archive.tar.reader import ArchiveReader
from core.archive.tree.patterns import Chosen, resolve
from core.archive.tree.selection import Selection, media_selection, walk
from core.errors import DamagedBackup, HostileArchive, UsageError
from tests.archive.trees import Layout, covered, damage, put, tree_hash, write


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory for temporary files: the choice does not depend on a file system."""
    with tempfile.TemporaryDirectory(prefix="magerewind-test-") as made:
        yield Path(os.path.realpath(made))


def looks(root: str) -> dict[bytes, tuple[int, int, int]]:
    """Return inode, mode and time of every entry that is no directory."""
    found = {}
    for path in tree_hash(root):
        status = os.lstat(os.path.join(os.fsencode(root), path))
        if not os.path.isdir(os.path.join(os.fsencode(root), path)):
            found[path] = (status.st_ino, status.st_mode, status.st_mtime_ns)
    return found


def choose(shop: Layout, *patterns: str, code: Selection | None = None) -> Selection:
    return replace(code or shop.code, chosen=resolve(patterns))


def planned(archive: Path, selection: Selection, shop: Layout, summary=None, *, sound=True):
    return plan_files(
        str(archive),
        selection,
        f"{shop.state}/plan",
        sha256=None if summary is None else summary.sha256,
        members=None if summary is None else summary.members,
        sound=sound and summary is not None,
    )


def expected(before, damaged, chosen: Chosen):
    """Return the tree with the chosen paths as they were, and the directories they need."""
    result = {path: look for path, look in damaged.items() if not chosen.holds(path)}
    for path, look in before.items():
        if chosen.holds(path):
            result[path] = look
            while path := path.rpartition(b"/")[0]:
                result.setdefault(path, before[path])
    return result


@pytest.mark.parametrize(
    ("seed", "trusted"), [(1, True), (2, True), (3, True), (4, True), (5, False), (6, False)]
)
def test_chosen_paths_alone_become_what_the_archive_has(
    shop: Layout, tmp_path: Path, seed: int, trusted: bool
) -> None:
    rng = random.Random(seed)
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    before = covered(shop.root)
    damage(shop.root, rng)
    damaged = covered(shop.root)
    names = sorted({*before, *damaged})
    picked = [path for path in rng.sample(names, 6) if b"*" not in path and b"?" not in path]
    selection = choose(shop, *map(os.fsdecode, picked), "app/**/with space*")
    chosen = Chosen(selection.chosen)
    was = looks(shop.root)
    plan = planned(archive, selection, shop, summary if trusted else None)
    assert plan.chosen == selection.chosen
    if plan.in_the_way:
        for path in plan.in_the_way:
            assert damaged[os.fsencode(path)][0] != "directory"
        return
    staged = stage_files(plan, job_id="one")
    assert recheck_files(staged).changed == ()
    swap_files(staged)
    after = covered(shop.root)
    wanted = expected(before, damaged, chosen)
    if not trusted:  # a link that the archive lacks stays
        stays = {path for path, look in damaged.items() if look[0] == "link"}
        wanted |= {path: damaged[path] for path in stays if path not in wanted and path in after}
    assert after == wanted
    now = looks(shop.root)
    outside = {path: look for path, look in was.items() if not chosen.holds(path)}
    assert {path: now[path] for path in outside} == outside
    revert_files(staged)
    assert covered(shop.root) == damaged
    assert looks(shop.root) == was
    swap_files(staged)
    undo = undo_plan(staged.plan_path, shop.state + "/undo", job_id="two")
    assert undo.plan.chosen == selection.chosen
    swap_files(undo)
    assert covered(shop.root) == damaged
    swap_files(undo_plan(undo.plan_path, shop.state + "/redo", job_id="three"))
    assert covered(shop.root) == after


def test_a_plan_of_a_path_that_nobody_has_says_so(shop: Layout, tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    put(shop.root + "/app/later.php")
    plan = planned(
        archive, choose(shop, "app/later.php", "app/nowhere", "empty", "**/zzz*"), shop, summary
    )
    assert plan.unmatched == ("app/nowhere", "**/zzz*")
    assert [entry.path for entry in plan.entries()] == ["app/later.php"]
    assert plan.identical == 1


def test_missing_parents_are_made_and_go_with_the_undo(shop: Layout, tmp_path: Path) -> None:
    os.makedirs(shop.root + "/deep/er/still", mode=0o751)
    os.chmod(shop.root + "/deep/er", 0o2770)
    put(shop.root + "/deep/er/still/file", b"content")
    put(shop.root + "/deep/er/other", b"not asked for")
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    was = covered(shop.root)
    shutil.rmtree(shop.root + "/deep")
    damaged = covered(shop.root)
    plan = planned(archive, choose(shop, "deep/er/still"), shop, summary)
    assert plan.added == 4
    staged = stage_files(plan, job_id="one")
    swap_files(staged)
    now = covered(shop.root)
    assert {path: look for path, look in was.items() if path != b"deep/er/other"} == now
    swap_files(undo_plan(staged.plan_path, shop.state + "/undo", job_id="two"))
    assert covered(shop.root) == damaged


def test_a_link_in_the_way_is_named_and_not_gone_through(shop: Layout, tmp_path: Path) -> None:
    os.makedirs(shop.root + "/deep/er")
    put(shop.root + "/deep/er/file", b"content")
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.rmtree(shop.root + "/deep/er")
    os.symlink(elsewhere, shop.root + "/deep/er")
    plan = planned(archive, choose(shop, "deep/er/file"), shop, summary)
    assert plan.in_the_way == ("deep/er",)
    assert not plan.differs
    assert list(elsewhere.iterdir()) == []


def test_a_hard_link_to_what_is_not_chosen_becomes_a_file(shop: Layout, tmp_path: Path) -> None:
    put(shop.root + "/app/first", b"as it was")
    for name in ("second", "third"):
        os.link(shop.root + "/app/first", f"{shop.root}/app/{name}")
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    selection = choose(shop, "app/second", "app/third")
    same = planned(archive, selection, shop, summary)
    assert (same.differs, same.identical) == (0, 2)
    os.unlink(shop.root + "/app/second")
    os.unlink(shop.root + "/app/third")
    put(shop.root + "/app/first", b"changed since")
    links = os.stat(shop.root + "/app/first").st_nlink
    staged = stage_files(planned(archive, selection, shop, summary), job_id="one")
    assert recheck_files(staged).changed == ()
    swap_files(staged)
    assert Path(shop.root, "app/first").read_bytes() == b"changed since"
    assert os.stat(shop.root + "/app/first").st_nlink == links
    assert Path(shop.root, "app/second").read_bytes() == b"as it was"
    assert os.path.samefile(shop.root + "/app/second", shop.root + "/app/third")


def test_media_is_chosen_by_its_whole_path(shop: Layout, tmp_path: Path) -> None:
    for name in ("a/1.jpg", "a/2.jpg", "b/3.jpg"):
        os.makedirs(os.path.dirname(f"{shop.media}/{name}"), exist_ok=True)
        put(f"{shop.media}/{name}", name.encode())
    media = media_selection(shop)
    archive = tmp_path / "m.tgz"
    summary = write(media, archive)
    shutil.rmtree(shop.media)
    damaged = tree_hash(shop.root)
    missing = media_selection(shop)
    plan = planned(archive, choose(shop, "pub/media/a/*1*", code=missing), shop, summary)
    staged = stage_files(plan, job_id="one")
    swap_files(staged)
    assert sorted(tree_hash(shop.media)) == [b"a", b"a/1.jpg"]
    swap_files(undo_plan(staged.plan_path, shop.state + "/undo", job_id="two"))
    assert tree_hash(shop.root) == damaged
    os.mkdir(shop.media)
    selection = choose(shop, "pub", code=media_selection(shop))
    swap_files(stage_files(planned(archive, selection, shop, summary), job_id="three"))
    assert b"b/3.jpg" in tree_hash(shop.media)


def test_what_comes_behind_the_chosen_is_hashed_and_not_taken_apart(
    shop: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(shop.root + "/zz-last", random.Random(1).randbytes(9_000_000))
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    put(shop.root + "/.gitignore", b"changed")
    rest: list[int] = []
    read_rest = GzipBlocks.read_rest
    monkeypatch.setattr(
        GzipBlocks,
        "read_rest",
        lambda blocks, tell: (rest.append(blocks.consumed), read_rest(blocks, tell)),
    )
    selection = choose(shop, ".gitignore")
    plan = planned(archive, selection, shop, summary)
    assert len(rest) == 1
    assert rest[0] < os.path.getsize(archive)
    assert (plan.changed, plan.members) == (1, summary.members)
    whole = planned(archive, selection, shop, summary, sound=False)
    assert len(rest) == 1
    assert whole.fingerprint == plan.fingerprint
    with open(archive, "r+b") as file:  # behind the chosen members: noticed by the digest alone
        file.seek(-200_000, os.SEEK_END)
        file.write(b"damaged")
    with pytest.raises(DamagedBackup, match="checksum"):
        planned(archive, selection, shop, summary)


def test_a_foreign_archive_is_looked_at_whole_whatever_is_chosen(
    shop: Layout, tmp_path: Path
) -> None:
    import tarfile

    archive = tmp_path / "a.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(shop.root + "/.gitignore", "app/chosen")
        tar.add(shop.root + "/.gitignore", "../outside")
    with pytest.raises(HostileArchive):
        planned(archive, choose(shop, "app/chosen"), shop)


@pytest.mark.parametrize("word", ["..", "app/../etc", "", "/", ".", "./", "//"])
def test_a_word_that_is_no_path_below_the_root_is_refused(word: str) -> None:
    with pytest.raises(UsageError, match=r"^--only is a path below the root"):
        resolve([word], option="--only")


@pytest.mark.parametrize(
    ("patterns", "reached", "end"),
    [
        (["a/b"], {"a", "a/b", "a/b/c"}, b"a\0b\1"),
        (["a", "a/b"], {"a", "a/b", "a/b/c", "a/x"}, b"a\1"),
        (["a/*/c"], {"a", "a/b", "a/b/c", "a/b/c/d"}, b"a\1"),
        (["**/c"], {"a", "a/b", "a/b/c", "a/x", "z"}, None),
        (["a/**"], {"a", "a/b", "a/x"}, b"a\1"),
        (["a/**/**/c"], {"a", "a/b", "a/b/c"}, b"a\1"),
    ],
)
def test_which_paths_patterns_reach(patterns, reached, end) -> None:
    chosen = Chosen(resolve(patterns))
    assert {path for path in reached if chosen.reaches(path.encode())} == reached
    assert not chosen.reaches(b"b/a/b") or patterns == ["**/c"]
    assert chosen.end == end


def test_a_walk_of_chosen_paths_reads_no_other_directory(
    shop: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda fd: (opened.append(fd), scandir(fd))[1])
    put(shop.root + "/app/one")
    found = [one.path for one in walk(choose(shop, "app/one"), problem=lambda *_: None)]
    assert found == [b"app", b"app/one"]
    assert len(opened) == 2


def test_a_plan_of_an_older_version_has_nothing_chosen(shop: Layout, tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    plan = planned(archive, shop.code, shop, summary)
    with PlanFile(plan.plan_path) as opened:
        opened._execute(
            "DELETE FROM fact WHERE name IN ('chosen', 'unmatched', 'in_the_way', 'sound')"
        )
        opened.commit()
    with PlanFile(plan.plan_path) as opened:
        facts: PlanFacts = opened.facts
        assert (facts.chosen, facts.unmatched, facts.in_the_way, facts.sound) == ((), (), (), False)


@pytest.mark.parametrize("missing", [False, True], ids=["live", "missing"])
def test_an_index_tells_where_to_begin_and_nothing_else(
    shop: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, missing: bool
) -> None:
    rng = random.Random(7)
    for number in range(60):
        os.makedirs(f"{shop.root}/lib/m{number:02}")
        for name in ("a", "b"):
            put(f"{shop.root}/lib/m{number:02}/{name}", rng.randbytes(60_000))
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    fd = os.open(tmp_path / "index", os.O_RDWR | os.O_CREAT)
    make_index(str(archive), fd, sha256=summary.sha256, members=summary.members)
    with IndexReader(fd) as index:
        entry = next(iter(index.entries(b"lib/m40/a")))
    assert entry.stretch.at > 1_000_000
    if missing:
        shutil.rmtree(shop.root + "/lib/m40")
    else:
        put(shop.root + "/lib/m40/a", b"changed")
        put(shop.root + "/lib/m40/b", b"changed as well")
    started: list[object] = []
    init = ArchiveReader.__init__

    def noted(reader: ArchiveReader, path: str, **more: object) -> None:
        started.append(more.get("start"))
        init(reader, path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(ArchiveReader, "__init__", noted)

    def plan(start, *patterns):
        made = plan_files(
            str(archive), choose(shop, *patterns), f"{shop.state}/plan", sha256=summary.sha256,
            members=summary.members, sound=True, start=start, cache_contents=True,
        )  # fmt: skip
        return made.fingerprint, [entry.path for entry in made.entries()]

    patterns = ("lib/m40/a", "lib/m40/none", "lib/m59/b")
    start = (entry.stretch, entry.begin)
    assert plan(start, *patterns) == plan(None, *patterns)
    # Missing directories have to be made as the archive has them, so it is read from its beginning.
    assert started[0] == (None if missing else start)
    # A position behind the chosen members is noticed, and costs no more than a whole reading.
    assert plan(start, "lib/m02/b", "lib/m40/a") == plan(None, "lib/m02/b", "lib/m40/a")
    with open(archive, "r+b") as file:  # before the place: known by the digest alone
        file.seek(100_000)
        file.write(b"damaged")
    with pytest.raises(DamagedBackup):
        plan(start, *patterns)
