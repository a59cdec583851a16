"""Stores that have lost everything, for the tests of a stage."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from core.archive.plan.summary import FilePlan
from tests.archive.trees import Layout, plan, write


def lose(shop: Layout) -> None:
    """Remove all entries of the store."""
    for name in ("lib", "vendor"):
        shutil.rmtree(f"{shop.root}/{name}")


def planned_after_a_loss(shop: Layout, directory: Path) -> FilePlan:
    """Return the plan that brings everything back from an archive in a directory."""
    summary = write(shop.code, directory / "a.tgz")
    lose(shop)
    return plan(directory / "a.tgz", shop, summary)


def left(shop: Layout) -> list[str]:
    return [name for name in os.listdir(shop.state) if name.startswith("stage")]
