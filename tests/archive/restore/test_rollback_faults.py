"""A rollback that something stops leaves the store whole, or says that it stays closed."""

from __future__ import annotations

import gzip
import os
import random
import shutil
from pathlib import Path

import pytest

from core.archive.restore.stage import stage_files
from core.archive.restore.swap import (
    moves_anything,
    revert_files,
    swap_files,
)
from core.errors import (
    Cancelled,
    PlanChanged,
    StorageError,
    StoreLeftClosed,
)
from tests.archive.trees import (
    Layout,
    covered,
    plan,
    put,
    tree_hash,
    write,
)


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
        case "shorter":  # ends before the members that the plan needs
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
    monkeypatch.setattr("core.archive.tar.gzip._INFLATED", 1 << 16)
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
