"""A child counts the same as one process does, and receives the selection unchanged."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from core.archive.create.count import measure
from core.archive.tree.selection import Selection, code_selection
from core.archive.workers import child
from core.errors import MagerewindError
from tests.archive.trees import Layout, put, write


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_is_refused_by_name(shop: Layout, tmp_path: Path, always: None) -> None:
    put(shop.root + "/secret.php", mode=0)
    with pytest.raises(MagerewindError, match=r"secret\.php"):
        write(shop.code, tmp_path / "a.tgz")


def test_half_the_tree_is_measured_elsewhere(
    shop: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        os.makedirs(f"{shop.root}/vendor/some/module-{number}/sub")
        put(f"{shop.root}/vendor/some/module-{number}/sub/file", b"x" * number)
    os.link(shop.root + "/vendor/some/module-1/sub/file", shop.root + "/vendor/some/module-2/twin")
    os.mkfifo(shop.root + "/vendor/some/module-3/pipe")
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    alone = measure(shop.code)
    monkeypatch.setattr(child, "WORTHWHILE", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    assert measure(shop.code) == alone
    assert alone.special == ("vendor/some/module-3/pipe",)


@pytest.mark.usefixtures("always")
def test_a_measure_of_a_child_that_died_is_made_here(
    shop: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = measure(shop.code)
    start = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda _command, **rest: start(["/bin/false"], **rest))
    assert measure(shop.code) == expected


def test_a_selection_survives_the_way(shop: Layout) -> None:
    chosen: Selection = code_selection(shop, exclude=["@node_modules", "a/**/b"])
    assert child.of_values(child.as_values(chosen)) == chosen
