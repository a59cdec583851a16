"""Members that equal the live tree are passed over, and no plan changes by it."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from core.archive.plan import read_ahead_worker
from core.archive.plan.live_entries import Live
from core.archive.plan.plan_file import PlanFile
from core.archive.restore.recheck import recheck_files
from core.archive.restore.stage import stage_files
from core.archive.restore.swap import swap_files
from core.archive.tar.header import HeaderReader
from core.archive.workers import walk_batches as batches_module
from tests.archive.killed_workers import Killed, on_cores
from tests.archive.trees import Layout, covered, plan, put, write
from tests.long import few, some

CORES = pytest.mark.parametrize("cores", some([1, 2, 3], 1, 3))


@CORES
def test_what_is_the_same_is_not_taken_apart(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    summary = write(full.code, tmp_path / "a.tgz")
    on_cores(monkeypatch, cores)
    parse_record = 0
    parse = HeaderReader.parse

    def counted(self: HeaderReader, header: bytes) -> object:
        nonlocal parse_record
        parse_record += 1
        return parse(self, header)

    monkeypatch.setattr(HeaderReader, "parse", counted)
    found = plan(tmp_path / "a.tgz", full, summary)
    assert (found.identical, found.differs) == (summary.members, 0)
    assert parse_record < summary.members / 4


def damage(root: str, rng: random.Random) -> None:
    """Change a tree at random, in each of the ways in which an entry can differ."""
    files, directories = [], []
    for folder, names, others in os.walk(os.fsencode(root)):
        if b"/var" in folder or b"/pub/media" in folder:
            continue
        directories += [folder + b"/" + name for name in names]
        files += [folder + b"/" + name for name in others]
    for path in rng.sample(files, 25):
        act = rng.randrange(7)
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        if act in {1, 2}:
            os.chmod(path, os.stat(path).st_mode | 0o200)  # else only root could
        if act == 0:
            os.unlink(path)
        elif act == 1:
            put(path, rng.randbytes(os.path.getsize(path)))
        elif act == 2:
            put(path, rng.randbytes(2000))
        elif act == 3:
            os.utime(path, (1, rng.randrange(10**9)))
        elif act == 4:
            os.chmod(path, 0o640)
        elif act == 5:
            put(path + b"-new")
        else:
            os.unlink(path)
            os.symlink("nowhere", path)
    for path in rng.sample(directories, 4):
        if os.path.isdir(path) and not os.path.islink(path):
            act = rng.randrange(4)
            if act == 0:
                shutil.rmtree(path)
            elif act == 1:
                os.chmod(path, 0o700)
            elif act == 2:
                os.mkdir(path + b"-new")
                put(path + b"-new/file")
            else:
                shutil.rmtree(path)
                put(path, b"a file now")


def rows(path: str) -> list[tuple[object, ...]]:
    with PlanFile(path, only_read=True) as known:
        return [tuple(row) for row in known.rows()]


@pytest.mark.parametrize("seed", some(range(12), 1, 5))
def test_passing_over_changes_no_plan(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    archive = tmp_path / "a.tgz"
    before = covered(full.root)
    summary = write(full.code, archive)
    damage(full.root, random.Random(seed))
    on_cores(monkeypatch, 1 + seed % 3)
    found = plan(archive, full, summary)
    listed = rows(found.plan_path)
    assert found.differs > 5
    with monkeypatch.context() as patch:
        patch.setattr(Live, "pass_same", lambda *_: 0)
        apart = plan(archive, full, summary)
    assert listed == rows(apart.plan_path)
    assert (found.identical, found.fingerprint) == (apart.identical, apart.fingerprint)
    staged = stage_files(found, job_id="job")
    refreshed = recheck_files(staged)
    assert refreshed.changed == ()
    swap_files(refreshed.staged)
    assert covered(full.root) == before


def test_times_alone_are_no_difference(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = write(full.code, tmp_path / "a.tgz")
    on_cores(monkeypatch, 2)
    for folder, names, others in os.walk(os.fsencode(full.root)):
        for name in names + others:
            os.utime(folder + b"/" + name, (5, 5), follow_symlinks=False)
    found = plan(tmp_path / "a.tgz", full, summary)
    assert (found.identical, found.differs) == (summary.members, 0)


@CORES
def test_an_archive_nobody_vouches_for_is_taken_apart(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    summary = write(full.code, tmp_path / "a.tgz")
    on_cores(monkeypatch, cores)
    monkeypatch.setattr(Live, "pass_same", None)
    found = plan(tmp_path / "a.tgz", full, None)
    assert found.members == summary.members
    assert found.identical == summary.members


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("place", some(["first", "middle", "last"], "middle"))
def test_a_damaged_archive_is_refused_where_it_is_passed_over(
    full: Layout, tmp_path: Path, place: str
) -> None:
    archive = tmp_path / "a.tgz"
    summary = write(full.code, archive)
    content = bytearray(archive.read_bytes())
    at = {"first": 12, "middle": len(content) // 2, "last": len(content) - 5}[place]
    content[at] ^= 0x10
    archive.write_bytes(content)
    with pytest.raises(Exception, match="is damaged"):
        plan(archive, full, summary)


@pytest.mark.parametrize(
    ("vouched", "after"),
    few([(vouched, after) for vouched in (True, False) for after in (1, 2, 3, 5, 8)], 3, 5),
)
def test_a_killed_child_changes_no_plan_and_no_second_look(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int, vouched: bool
) -> None:
    summary = write(full.code, tmp_path / "a.tgz")
    monkeypatch.setattr(batches_module, "_BATCH", 40)
    monkeypatch.setattr(read_ahead_worker, "_PART", 10_000)
    on_cores(monkeypatch, 2)
    killed = Killed(after)
    killed.at_a_step_here(monkeypatch)
    found = plan(tmp_path / "a.tgz", full, summary if vouched else None)
    assert killed.came >= after
    assert (found.identical, found.differs) == (summary.members, 0)
    staged = stage_files(found, job_id="job")
    killed.came = 0
    refreshed = recheck_files(staged)
    assert (refreshed.changed, refreshed.too_many) == ((), False)


@CORES
def test_the_second_look_is_the_same_with_any_number_of_children(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    summary = write(full.code, tmp_path / "a.tgz")
    on_cores(monkeypatch, cores)
    put(full.root + "/large", b"changed before")
    staged = stage_files(plan(tmp_path / "a.tgz", full, summary), job_id="job")
    put(full.root + "/vendor/some/module-09/file-03", b"changed after")
    put(full.root + "/vendor/some/module-09/new", b"new after")
    os.unlink(full.root + "/vendor/some/module-10/file-04")
    os.chmod(full.root + "/vendor/some/module-11", 0o700)
    refreshed = recheck_files(staged)
    assert [path.removeprefix("vendor/some/") for path in refreshed.changed] == [
        "module-09/file-03", "module-09/new", "module-10/file-04", "module-11",
    ]  # fmt: skip
    assert refreshed.of >= summary.members
