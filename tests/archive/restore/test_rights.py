"""Owners, modes and flags: restored, worked around, or named beforehand."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from core.archive.restore.asides import remove_aside
from core.archive.restore.stage import stage_files
from core.archive.restore.swap import (
    revert_files,
    swap_files,
)
from core.archive.tree.remove import remove_tree
from tests.archive.trees import (
    layout,
    plan,
    put,
    tree_hash,
    write,
)


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
    staged = stage_files(planned, job_id="j")
    swap_files(staged)
    assert os.stat(base + "/a").st_uid == 33  # the archive's, which exists here
    assert os.stat(base + "/stays").st_uid == 33
    assert os.stat(base + "/unknown").st_uid == 33  # no account of that number: the root's owner
    revert_files(staged)
    assert os.stat(base + "/a").st_uid == 0
    assert os.stat(base + "/stays").st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root reads such a directory")
def test_a_directory_that_is_closed_to_everybody_comes_back_so(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    os.makedirs(shop.root + "/vendor/closed")
    os.chmod(shop.root + "/vendor/closed", 0o000)
    summary = write(shop.code, tmp_path / "a.tgz")
    os.rmdir(shop.root + "/vendor/closed")
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="j"))
    assert os.stat(shop.root + "/vendor/closed").st_mode & 0o7777 == 0


def test_a_staged_directory_that_is_closed_to_its_owner_can_be_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root could in any case, so the test is that its owner opens it up."""
    directory = tmp_path / "stage"
    (directory / "inside").mkdir(parents=True)
    put(str(directory / "inside/file"))
    (directory / "inside").chmod(0o500)
    directory.chmod(0o500)
    opened: list[str] = []
    chmod = os.chmod

    def noted(path: bytes, mode: int, **where: int) -> None:
        opened.append(os.path.basename(os.readlink(path)))
        chmod(path, mode, **where)

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "chmod", noted)
    remove_tree(os.fsencode(directory))
    assert opened == ["stage", "inside"]
    assert not directory.exists()


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
