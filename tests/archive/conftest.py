"""A small store with awkward content, and its archive."""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.archive.workers import child
from tests.archive.trees import Layout, layout, make_tree, put


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A directory in /tmp, on most machines a disk, also where other tests have theirs in memory.

    File systems differ in attributes, in the order of entries and in what they flush.
    """
    made = tempfile.mkdtemp(prefix="magerewind-test-", dir="/tmp")
    yield Path(os.path.realpath(made))
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a child for every tree and stage, of any size and on any machine."""
    monkeypatch.setattr(child, "WORTHWHILE", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})


@pytest.fixture
def shop(tmp_path: Path) -> Layout:
    """A store of some 150 entries, with the well-known directories of Magento."""
    root = tmp_path / "shop"
    made = layout(root)
    base = made.root.encode()
    make_tree(base + b"/vendor", random.Random(1))
    make_tree(base + b"/app", random.Random(2), entries=30)
    for directory in (b"/generated/code", b"/empty", b"/pub/static", b"/node_modules", b"/.git"):
        (tmp_path / ("shop" + directory.decode())).mkdir(parents=True)
    put(base + b"/pub/static.php", b"<?php")
    put(base + b"/.gitignore", b"*")
    put(base + b"/pub/static/gone.css")
    put(base + b"/node_modules/gone.js")
    put(base + b"/var/gone.log")
    put(base + b"/pub/media/gone.jpg")
    return made
