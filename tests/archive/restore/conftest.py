"""Trees for the tests of a stage."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.archive.trees import Layout, layout, make_tree, put

PIECE = 1 << 20  # of a content, as it is written


@pytest.fixture
def full(tmp_path: Path) -> Layout:
    """Make a store of many directories, with everything a file can be."""
    shop = layout(tmp_path / "shop")
    root = shop.root
    make_tree(os.fsencode(root) + b"/lib", random.Random(4), entries=400)
    for number in range(25):
        os.makedirs(f"{root}/vendor/some/module-{number}/deep/er")
        for name in range(12):
            put(f"{root}/vendor/some/module-{number}/deep/file-{name}", os.urandom(9000))
    put(root + "/vendor/large", b"L" * (PIECE + 12345))
    put(root + "/vendor/some/module-9/deep/er/large", b"L" * (PIECE + 1))
    put(root + "/vendor/some/not-quite-large", os.urandom(PIECE))
    put(root + "/vendor/some/holes", b"x" + bytes(200_000) + b"y")
    for number in range(25):  # when everything is in them
        os.utime(f"{root}/vendor/some/module-{number}/deep", (10**9 + number, 10**9 + number))
    os.setxattr(root + "/vendor/some/module-4", b"user.origin", b"here")
    os.setxattr(root + "/vendor/some/module-4/deep/file-4", b"user.origin", b"there" * 50)
    return shop
