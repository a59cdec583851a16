"""A disk that fills up, at a sweep of places, and one without inodes. Needs root, for the mount."""

from __future__ import annotations

import os
import subprocess

import pytest

from core.errors import MagerewindError
from core.operations.requests import BackupRequest
from tests.shop import ALL, Shop

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")

KIB = 1024


@pytest.fixture(scope="module")
def small_disk(tmp_path_factory):
    """A file system of 64 MiB."""
    place = tmp_path_factory.mktemp("disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m,nr_inodes=6000", "tmpfs", place], check=False
    )
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture(scope="module")
def small_shop(small_disk, own_server):
    made = Shop.make(small_disk / "shop", own_server, "full")
    made.request = made.back_up()
    made.new = made.state()
    made.damage()
    made.old = made.state()
    return made


def free_bytes(place):
    status = os.statvfs(place)
    return status.f_bavail * status.f_frsize


def fill(place, *, leave):
    filler = place / "filler"
    with open(filler, "wb") as file:
        file.truncate(0)
        os.posix_fallocate(file.fileno(), 0, max(1, free_bytes(place) - leave))
    return filler


def check_after(shop, summary, *, tally, what):
    if summary is not None and summary.interrupted:
        summary, _ = shop.recover()
    committed = summary is not None and summary.committed
    whole = shop.state() == (shop.new if committed else shop.old)
    tally.add(what, survived=whole and not shop.closed() and shop.leftovers() == [])
    assert whole
    assert not shop.closed()
    assert shop.leftovers() == []
    if committed:
        shop.damage()
        assert shop.state() == shop.old
    return committed


SWEEP = [8, 90, 130, 200, 300, 450, 700, 1100, 1800, 3000, 4200, 6000]


@pytest.mark.parametrize("operation", ["backup", "rollback"])
@pytest.mark.parametrize(
    "leave_kib",
    [number if number in (90, 1800) else pytest.param(number, marks=pytest.mark.crash)
     for number in SWEEP],
)  # fmt: skip
def test_a_disk_that_fills_up(small_shop, small_disk, operation, leave_kib, tally):
    shop = small_shop
    request = BackupRequest(kinds=ALL) if operation == "backup" else shop.request
    before = sorted(os.listdir(shop.store.backups))
    filler = fill(small_disk, leave=leave_kib * KIB)
    summary, events = None, []
    try:
        summary, events = shop.run(request, fault="nospacecheck:1:on")
    except MagerewindError as error:
        assert "space" in error.message.lower()
    finally:
        filler.unlink()
    if summary is not None and summary.exit_code != 0 and not summary.interrupted:
        failure = next(event for event in events if type(event).__name__ == "Failed")
        assert failure.error in {"DiskFull", "PreflightRefused"}, failure
        assert "free" in failure.message or failure.error == "DiskFull", failure
        assert "\n" not in failure.message
    check_after(shop, summary, tally=tally, what="disk full")
    for name in sorted(os.listdir(shop.store.backups)):
        if name not in before:
            os.unlink(os.path.join(shop.store.backups, name))


@pytest.mark.parametrize("operation", ["backup", "rollback"])
@pytest.mark.parametrize(
    "left",
    [pytest.param(3, marks=pytest.mark.crash), pytest.param(12, marks=pytest.mark.crash), 40],
)
def test_a_disk_without_inodes(small_shop, small_disk, operation, left, tally):
    shop = small_shop
    request = BackupRequest(kinds=ALL) if operation == "backup" else shop.request
    before = sorted(os.listdir(shop.store.backups))
    pile = small_disk / "pile"
    pile.mkdir()
    for number in range(os.statvfs(small_disk).f_favail - left):
        (pile / str(number)).touch()
    summary = None
    try:
        summary, _ = shop.run(request, fault="nospacecheck:1:on")
    except MagerewindError as error:
        assert "space" in error.message.lower()
    finally:
        for entry in pile.iterdir():
            entry.unlink()
        pile.rmdir()
    check_after(shop, summary, tally=tally, what="no inodes left")
    for name in sorted(os.listdir(shop.store.backups)):
        if name not in before:
            os.unlink(os.path.join(shop.store.backups, name))


def test_the_check_beforehand_refuses_and_says_how_much_is_missing(small_shop, small_disk):
    filler = fill(small_disk, leave=300 * KIB)
    try:
        summary, events = small_shop.run(BackupRequest(kinds=ALL))
    finally:
        filler.unlink()
    failure = next(event for event in events if type(event).__name__ == "Failed")
    assert failure.error == "PreflightRefused"
    assert "need about" in failure.message
    assert small_shop.state() == small_shop.old
    assert summary.closed_s == 0
