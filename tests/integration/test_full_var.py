"""A `var` without space or inodes before a job has begun: named as that. Needs root, to mount."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path

import pytest

from core.sample.sizes import Size
from core.sample.store import make_store
from tests.integration.commands import magerewind
from tests.long import some

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root mounts")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    root = tmp_path_factory.mktemp("full") / "store"
    make_store(str(root), size=Size.SMALL)
    return root


@contextlib.contextmanager
def mounted(root, options):
    var = root / "var"
    command = ["mount", "-t", "tmpfs", "-o", f"{options},mode=755", "none", str(var)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let root mount")
    try:
        (var / "backups").mkdir()
        yield var
    finally:
        subprocess.run(["umount", "-l", str(var)], check=True)


def filled(var, pages):
    """Fill a file system but for some pages."""
    with (var / "fill").open("wb", buffering=0) as fill, contextlib.suppress(OSError):
        while True:
            fill.write(bytes(4096))
    os.truncate(var / "fill", max(0, (var / "fill").stat().st_size - pages * 4096))


def without_inodes(var, left):
    """Use up all inodes but for some."""
    made = []
    with contextlib.suppress(OSError):
        while True:
            made.append(var / f"file{len(made)}")
            made[-1].touch(exist_ok=False)
    for path in [path for path in made if path.exists()][:left]:
        path.unlink()


@pytest.mark.parametrize("what", ["space", "inodes"])
@pytest.mark.parametrize("left", some(range(6), 0, 3))
def test_a_job_that_finds_no_room_says_where(what, left, small):
    with mounted(small, "size=400k" if what == "space" else "size=4m,nr_inodes=12") as var:
        if what == "space":
            filled(var, left)
        else:
            without_inodes(var, left)
        said = magerewind(None, "setup:backup", "--code", cwd=small, code=1)
        assert said.problem[0] == f"The job could not be started: no space is left in {var}."
        assert "Its log" not in said.err
        assert "no reason known" not in said.err
        assert not (var / ".maintenance.flag").exists()
        jobs = var / ".magerewind/jobs"
        left = os.listdir(jobs) if jobs.exists() else []
        assert all((jobs / job / "journal.jsonl").exists() for job in left)
    assert Path(small).is_dir()
