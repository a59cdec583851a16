"""A packer leaves out entries that need a decision: changed files, odd files, several names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from core.archive.create.pack_worker import SMALL, Packer
from core.archive.tar.gzip import Segment
from core.archive.tar.verify import verify_archive
from core.archive.workers.batch_reader import LeftOut
from tests.archive.trees import Layout, layout, put, write


@pytest.mark.parametrize("becomes", ["file", "fifo", "directory", "nothing"])
def test_a_link_or_file_that_became_something_else_vanished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, becomes: str
) -> None:
    """Exchange the entry between the look at its type and the reading."""
    shop = layout(tmp_path / "shop")
    os.symlink("nowhere", shop.root + "/b-link")
    put(shop.root + "/c-file", bytes(SMALL + 1))
    put(shop.root + "/d")
    real = {"readlink": os.readlink, "open": os.open}

    def exchange(name: bytes) -> None:
        path = f"{shop.root}/{os.fsdecode(name)}"
        if os.path.lexists(path) and (os.path.islink(path) or os.path.getsize(path) > SMALL):
            os.unlink(path)
            if becomes == "file":
                put(path)
            elif becomes == "fifo":
                os.mkfifo(path)
            elif becomes == "directory":
                os.mkdir(path)

    def reading(name: bytes, **rest: int) -> bytes:
        if name == b"b-link":
            exchange(name)
        return real["readlink"](name, **rest)

    def opening(name: bytes, *args: int, **rest: int) -> int:
        if name == b"c-file" and becomes != "file":
            exchange(name)
        return real["open"](name, *args, **rest)

    monkeypatch.setattr(os, "readlink", reading)
    monkeypatch.setattr(os, "open", opening)
    monkeypatch.setattr(Packer, "_take", lambda *_: False)
    summary = write(shop.code, tmp_path / "a.tgz")
    monkeypatch.undo()
    verify_archive(str(tmp_path / "a.tgz"), sha256=summary.sha256, members=summary.members)
    [vanished] = [warned for warned in summary.warnings if warned.code == "vanished"]
    assert vanished.names == (("b-link",) if becomes == "file" else ("b-link", "c-file"))


def packed(shop: Layout, names: list[bytes | tuple[bytes, ...]]) -> list[Segment | LeftOut]:
    packer = Packer(shop.code, 1)
    parts = list(packer.pack([(b"", names)]))
    packer.close()
    return parts


@pytest.mark.parametrize("act", ["grow", "shrink", "touch"])
def test_what_changes_while_it_is_read_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    shop = layout(tmp_path / "shop")
    path = shop.root + "/b"
    for name in "abc":
        put(f"{shop.root}/{name}", b"0123456789")
    inode, reading = os.stat(path).st_ino, os.read

    def meddling(fd: int, size: int) -> bytes:
        if os.fstat(fd).st_ino == inode:
            if act == "touch":
                os.utime(path, (1, 1))
            else:
                put(path, b"0" if act == "shrink" else b"0123456789more")
        return reading(fd, size)

    monkeypatch.setattr(os, "read", meddling)
    parts = packed(shop, [b"a", b"b", b"c"])
    assert [part for part in parts if isinstance(part, LeftOut)] == [LeftOut(0, 1, changed=True)]
    assert [part.members for part in parts if isinstance(part, Segment)] == [1, 1]


def test_what_is_no_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A writer to a fifo waits for a reader, and a device may act when it is opened."""
    shop = layout(tmp_path / "shop")
    os.mkfifo(shop.root + "/fifo")
    os.symlink("fifo", shop.root + "/link")
    put(shop.root + "/plain")
    opening, opened = os.open, set()

    def noting(name: bytes | str, *args: int, **rest: int) -> int:
        opened.add(os.path.basename(os.fsencode(name)))
        return opening(name, *args, **rest)

    monkeypatch.setattr(os, "open", noting)
    summary = write(shop.code, tmp_path / "a.tgz")
    assert summary.members == 3  # with the directory pub
    assert b"plain" in opened
    assert not opened & {b"fifo", b"link"}


def test_what_needs_a_decision_is_left_out(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    names = [b"directory", b"fifo/", b"gone", b"large", b"linked", b"set-id"]
    os.mkdir(shop.root + "/directory")
    os.mkfifo(shop.root + "/fifo")
    put(shop.root + "/large", bytes(SMALL + 1))
    put(shop.root + "/linked")
    os.link(shop.root + "/linked", shop.root + "/other")
    put(shop.root + "/set-id", mode=0o2755)
    put(shop.root + "/plain")
    os.symlink("plain", shop.root + "/symlink")
    parts = packed(shop, [*names, b"plain", b"symlink/"])
    assert parts[:-1] == [LeftOut(0, place) for place in range(len(names))]
    assert isinstance(parts[-1], Segment)
    assert parts[-1].members == 2
