"""Trees for the tests of plans."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from core.archive.plan.read_ahead_worker import SMALL
from tests.archive.trees import Layout, layout, make_tree, put


@pytest.fixture
def full(tmp_path: Path) -> Layout:
    """Make a store with everything a file can be, and enough of it for many batches and parts."""
    shop = layout(tmp_path / "shop")
    make_tree(os.fsencode(shop.root) + b"/lib", random.Random(4), entries=400)
    rng = random.Random(5)
    for number in range(30):
        os.makedirs(f"{shop.root}/vendor/some/module-{number:02}/empty")
        for name in range(12):
            put(f"{shop.root}/vendor/some/module-{number:02}/file-{name:02}", rng.randbytes(9000))
    here = shop.root + "/vendor/some/module-01"
    put(shop.root + "/large", b"L" * (SMALL + 1))
    put(shop.root + "/nearly-large", rng.randbytes(SMALL))
    put(shop.root + "/tool", mode=0o4755)
    os.mkfifo(here + "/pipe")
    os.symlink("file-02", here + "/link")
    put(here + "/old")
    os.utime(here + "/old", ns=(-(10**18), -(10**18)))
    os.setxattr(here + "/file-04", b"user.origin", b"there" * 50)
    os.setxattr(here, b"user.origin", b"here")
    os.makedirs(shop.root + "/node_modules/gone")
    return shop
