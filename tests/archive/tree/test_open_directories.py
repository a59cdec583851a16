"""A way through a tree that fails stays where it was."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from core.archive.tree.open_directories import OpenDirectories
from core.errors import StorageError


def deep(tmp_path: Path) -> tuple[bytes, list[bytes]]:
    names = [b"d%d" % number for number in range(80)]
    os.makedirs(os.path.join(os.fsencode(tmp_path), *names))
    return os.fsencode(tmp_path), names


def inode_of(root: bytes, names: list[bytes]) -> int:
    return os.stat(os.path.join(root, *names)).st_ino


def test_a_failure_on_the_way_up_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, names = deep(tmp_path)
    opening = os.open
    with OpenDirectories(root) as open_directories:
        open_directories.go(names)

        def full(path: bytes, *args: int, **rest: int) -> int:
            if path == b"..":
                raise OSError(errno.ENFILE, "Too many open files in system")
            return opening(path, *args, **rest)

        with monkeypatch.context() as patch:
            patch.setattr(os, "open", full)
            with pytest.raises(OSError, match="Too many"):
                open_directories.go(names[:5])
        for depth in (open_directories.depth, open_directories.depth - 1, 13, 40, 5, 0):
            fd = open_directories.go(names[:depth])
            assert os.fstat(fd).st_ino == inode_of(root, names[:depth])


def test_a_directory_that_was_moved_is_not_taken_for_another(tmp_path: Path) -> None:
    root, names = deep(tmp_path)
    before = len(os.listdir("/proc/self/fd"))
    with OpenDirectories(root) as open_directories:
        open_directories.go(names)
        os.mkdir(root + b"/elsewhere")
        os.rename(os.path.join(root, *names[:20]), root + b"/elsewhere/moved")
        with pytest.raises(StorageError, match="moved"):
            open_directories.go([])
    assert len(os.listdir("/proc/self/fd")) == before
