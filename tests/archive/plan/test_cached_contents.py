"""Cached contents of a plan serve the stage as the archive would, or are not used."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.archive.create.write_archive import ArchiveSummary
from core.archive.plan import cached_contents
from core.archive.plan.plan_files import plan_files
from core.archive.plan.summary import FilePlan
from core.archive.restore import contents
from core.archive.restore.stage import remove_stage, stage_files
from core.archive.restore.swap import swap_files
from core.archive.tree.stat_records import Change, Looks, SeenReader, SeenWriter, changes, record_of
from core.directories import state_file
from core.errors import PlanChanged, StorageError
from tests.archive.trees import Layout, covered, put, write


def damage(shop: Layout) -> None:
    """Change, remove and add entries that a rollback has to correct."""
    root = os.fsencode(shop.root)
    put(root + b"/.gitignore", b"X")  # of the same size
    put(root + b"/pub/static.php", b"<?php // longer")
    shutil.rmtree(root + b"/vendor")
    put(shop.root + "/new")


def planned(shop: Layout, archive: Path, summary: ArchiveSummary) -> FilePlan:
    return plan_files(
        str(archive), shop.code, shop.state + "/plan",
        sha256=summary.sha256, members=summary.members, cache_contents=True,
    )  # fmt: skip


def has_cached(shop: Layout) -> bool:
    return os.path.exists(shop.state + "/plan.spool")


def no_archive(*_args: object, **_rest: object) -> None:
    raise AssertionError("the archive is read again")


@pytest.fixture
def archive(shop: Layout, tmp_path: Path) -> tuple[Path, ArchiveSummary]:
    path = tmp_path / "a.tgz"
    return path, write(shop.code, path)


def test_the_stage_does_without_the_archive(
    shop: Layout, archive: tuple[Path, ArchiveSummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = covered(shop.root)
    damage(shop)
    plan = planned(shop, *archive)
    monkeypatch.setattr(contents, "InflatedArchive", no_archive)
    staged = stage_files(plan, job_id="job")
    assert not has_cached(shop)
    swap_files(staged)
    assert covered(shop.root) == before


def attribute(shop: Layout) -> None:
    os.setxattr(shop.root + "/.gitignore", b"user.origin", b"here")


def attribute_of_directory(shop: Layout) -> None:
    os.setxattr(shop.root + "/vendor", b"user.origin", b"here")


def test_what_is_large_comes_from_the_archive(shop: Layout, tmp_path: Path) -> None:
    put(shop.root + "/large", b"x" * ((1 << 20) + 1))
    before = covered(shop.root)
    summary = write(shop.code, tmp_path / "a.tgz")
    damage(shop)
    put(shop.root + "/large", b"y" * ((1 << 20) + 1))
    plan = planned(shop, tmp_path / "a.tgz", summary)
    assert not has_cached(shop)
    swap_files(stage_files(plan, job_id="job"))
    assert covered(shop.root) == before


@pytest.mark.parametrize("aside", [True, False])
@pytest.mark.parametrize("has", [attribute, attribute_of_directory])
def test_attributes_come_back(
    shop: Layout, tmp_path: Path, has: Callable[[Layout], None], aside: bool
) -> None:
    has(shop)
    before = covered(shop.root)
    summary = write(shop.code, tmp_path / "a.tgz")
    damage(shop)
    if has is attribute:
        os.unlink(shop.root + "/.gitignore")
    plan = plan_files(
        str(tmp_path / "a.tgz"), shop.code, shop.state + "/plan",
        sha256=summary.sha256, members=summary.members, cache_contents=aside,
    )  # fmt: skip
    assert has_cached(shop) is aside
    swap_files(stage_files(plan, job_id="job"))
    assert covered(shop.root) == before
    if has is attribute:
        assert os.getxattr(shop.root + "/.gitignore", b"user.origin") == b"here"
    if has is attribute_of_directory:
        assert os.getxattr(shop.root + "/vendor", b"user.origin") == b"here"


@pytest.mark.parametrize("limit", [0, 100, 5000, 100_000])
def test_too_much_comes_from_the_archive(
    shop: Layout, archive: tuple[Path, ArchiveSummary], monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    monkeypatch.setattr(cached_contents, "LARGEST", limit)
    before = covered(shop.root)
    damage(shop)
    plan = planned(shop, *archive)
    assert not has_cached(shop)
    swap_files(stage_files(plan, job_id="job"))
    assert covered(shop.root) == before


def test_a_full_disk_stops_no_plan(
    shop: Layout, archive: tuple[Path, ArchiveSummary], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_args: object) -> None:
        raise OSError(28, "No space left on device")

    before = covered(shop.root)
    damage(shop)
    monkeypatch.setattr(cached_contents, "write_all", full)
    plan = planned(shop, *archive)
    assert not has_cached(shop)
    swap_files(stage_files(plan, job_id="job"))
    assert covered(shop.root) == before


def test_nothing_is_cached_unless_asked(shop: Layout, archive: tuple[Path, ArchiveSummary]) -> None:
    damage(shop)
    plan_files(str(archive[0]), shop.code, shop.state + "/plan", sha256=archive[1].sha256)
    assert not has_cached(shop)


def test_another_archive_is_refused(shop: Layout, archive: tuple[Path, ArchiveSummary]) -> None:
    damage(shop)
    plan = planned(shop, *archive)
    before = covered(shop.root)
    with open(archive[0], "ab") as file:
        file.write(b"\0")
    with pytest.raises(PlanChanged, match="no longer the file"):
        stage_files(plan, job_id="job")
    assert covered(shop.root) == before
    assert not has_cached(shop)


@pytest.mark.parametrize("act", ["flip", "cut", "longer", "empty"])
def test_cached_contents_must_be_unchanged(
    shop: Layout, archive: tuple[Path, ArchiveSummary], act: str
) -> None:
    damage(shop)
    plan = planned(shop, *archive)
    before = covered(shop.root)
    path = shop.state + "/plan.spool"
    with open(path, "r+b") as file:
        content = bytearray(file.read())
        if act == "flip":
            content[-1] ^= 1
        elif act == "longer":
            content += b"x"
        file.seek(0)
        file.truncate()
        file.write(content[: {"cut": -3, "empty": 0}.get(act, len(content))])
    with pytest.raises(StorageError):
        stage_files(plan, job_id="job")
    assert covered(shop.root) == before
    assert not [name for name in os.listdir(shop.state) if name.startswith("stage")]


def test_it_goes_with_the_stage(shop: Layout, archive: tuple[Path, ArchiveSummary]) -> None:
    damage(shop)
    plan = planned(shop, *archive)
    assert has_cached(shop)
    remove_stage(plan.plan_path)
    assert not has_cached(shop)


@pytest.mark.parametrize("size", [1, 7, 300])
def test_the_second_look_tells_what_came_went_and_changed(shop: Layout, size: int) -> None:
    names = [f"n{number:05}" for number in range(9000)]
    for name in names[:40]:
        put(f"{shop.root}/{name}")
    status = os.lstat(f"{shop.root}/{names[0]}")
    with SeenWriter(state_file(shop.state + "/seen")) as writer:
        for name in names:
            writer.add(record_of(name.encode(), status))
    put(f"{shop.root}/{names[0]}", b"changed")
    other = os.lstat(f"{shop.root}/{names[0]}")
    gone, changed, new = names[17], names[5000], "n05000-new"
    now = [
        (name.encode(), record_of(name.encode(), other if name == changed else status))
        for name in sorted([*names, new])
        if name != gone
    ][:-2]

    def in_parts(size: int, *, fresh: bool) -> Iterator[Looks]:
        for at in range(0, len(now), size):
            paths, records = zip(*now[at : at + size], strict=True)
            yield b"".join(records), list(paths), fresh

    before = SeenReader(state_file(shop.state + "/seen"))
    found = list(changes(before, in_parts(size, fresh=False), since_ns=1 << 62))
    before.close()
    certain = [path for paths, change in found if change is Change.CERTAIN for path in paths]
    assert certain == [name.encode() for name in (gone, changed, new, *names[-2:])]
    assert sum(len(paths) for paths, _ in found) == len(names) + 1
    before = SeenReader(state_file(shop.state + "/seen"))
    fresh = list(changes(before, in_parts(size, fresh=True), since_ns=0))
    before.close()
    assert {change for _, change in fresh} == {Change.CERTAIN, Change.MAYBE}
