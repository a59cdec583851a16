"""Takes one safeguard out of the code at a time, and expects a fast test to notice.

Each mutation is a line of a copy of this checkout: a flush, the lock, or a record of the journal.
A safeguard that can go without a test failing is not held by anything.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.timeout(300)

CHECKOUT = Path(__file__).parents[2]
DURABLE = ("tests/test_durable.py", "tests/test_journal.py")
LOCK = ("tests/jobs/test_lock.py",)
ORDER = ("tests/operations/test_order.py",)
STORE = ("tests/magento/test_maintenance.py", "tests/magento/test_caches.py", *ORDER)


def lines(path, tests, *numbered):
    """Name mutations of a file: how its line begins, and which of its occurrences (from 1)."""
    return [(path, text, number, tests) for text, number in numbered]


MUTATIONS = [
    *lines(
        "core/durable.py", DURABLE,
        ("    os.fsync(fd)", 1),  # fsync itself
        ("        fsync(fd)", 1),  # fsync_directory
        ("        fsync(fd)", 2),  # make_directory: its own mode and owner
        ("    fsync_directory(parent, dir_fd=dir_fd)", 1),  # make_directory
        ("            fsync(fd)", 1),  # write_file
        ("        fsync(directory)", 1),  # write_file
        ("            fsync(self.fd)", 1),  # PartialFile.flush
        ("        self.flush()", 1),  # PartialFile.commit
        ("            fsync(self._directory)", 1),  # PartialFile.commit
    ),
    *lines(
        "core/journal.py", DURABLE,
        ("            file.directory.flush()", 1),  # create
        ("            fsync(fd)", 1),  # resume
        ("            fsync(self._fd)", 1),  # append
        ("            fsync(self._fd)", 2),  # the record that is taken back
    ),
    *lines(
        "core/jobs/lock.py", LOCK,
        ("        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)", 1),
        ("            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)", 1),
    ),
    *lines(
        "core/magento/maintenance.py", STORE,
        ("        fsync(var)", 1), ("            fsync(fd)", 1), ("        fsync(var)", 2),
    ),
    *lines(
        "core/magento/caches.py", STORE,
        ("            fsync(aside)", 1), ("            fsync(var)", 1),
    ),
    *lines(
        "core/archive/restore/swap.py", ORDER,
        ("            durable.fsync(fd)", 1),
        ("            durable.fsync(self._places.live.fd)", 1),
        ("            flush.finish()", 1),
    ),
    *lines(
        "core/archive/plan/plan_database.py", ORDER,
        ("            durable.fsync(self._fd)", 1),
        ("            self.home.directory.flush()", 1),
    ),
    *lines("core/archive/restore/write_entry.py", ORDER, ("            fsync(out)", 1)),
    *lines(
        "core/archive/restore/stage.py", ORDER,
        ("                    fsync(open_directories.go([]))", 1),
        ("                    flush.finish()", 1),
        ("                fsync(fd)", 1),
    ),
    *lines(
        "core/operations/closing.py", ORDER,
        ('        context.journal.write(Close(already=already, at_s=context.clock()))', 1),
        ('            context.journal.write(Opened(at_s=context.clock()))', 1),
    ),
    *lines(
        "core/operations/backup.py", ORDER,
        ('        context.journal.write(Verified(', 1),
        ('    context.journal.write(BackupNamed(name=name))', 1),
        ("            partial.flush()", 1),
    ),
    *lines(
        "core/operations/files_part.py", ORDER,
        ('            context.journal.write(StageBegun(kind=self.kind))', 1),
        ('            context.journal.write(SwapBegun(kind=self.kind))', 1),
        ('            context.journal.write(SwapEnded(kind=self.kind))', 1),
    ),
    *lines(
        "core/operations/database_part.py", ORDER,
        ('            context.journal.write(TablesSwapBegun(', 1),
        ('            context.journal.write(SwapEnded(kind=Kind.DB))', 1),
    ),
    *lines(
        "core/operations/commit_or_revert.py", ORDER,
        ('            context.journal.write(Committed(at_s=context.clock()))', 1),
        ('            context.journal.write(Settled())', 1),
    ),
    *lines(
        "core/operations/rollback.py", ORDER,
        ("            keep_connection(context.directory, sources.connection)", 1),
    ),
    *lines(
        "core/operations/undo.py", ORDER,
        ('    context.journal.write(UndoBegun(job_id=request.job_id))', 1),
    ),
    *lines(
        "core/operations/discard.py", ORDER,
        ('    context.journal.write(DiscardBegun(', 1),
        ("        directory.flush()", 1),
        ("    directory.flush()", 1),
    ),
    *lines(
        "core/jobs/runner.py", ORDER,
        ('            journal.write(RecoveryStarted(', 1),
        ('                context.journal.write(End(outcome=ending.outcome))', 1),
        ("                context.keep_reserve()", 1),
    ),
    *lines(
        "core/database/load/load.py", ORDER,
        ("    journal.write(TablesStaging(", 1),
        ("    journal.write(TablesLoaded(short=short, rows=sum(loaded.rows.values())))", 1),
    ),
    *lines(
        "core/database/swap/swap.py", ORDER,
        ("            journal.write(swapping)", 1),
        ("        journal.write(TablesSwapped(short=swap.short))", 1),
    ),
    *lines(
        "core/database/swap/after_commit.py", ORDER,
        ("        journal.write(ForwardStep(step=step))", 1),
        ("    journal.write(ForwardDone(short=swap.short))", 1),
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of this checkout that may be broken."""
    target = tmp_path_factory.mktemp("mutated")
    leave = shutil.ignore_patterns("__pycache__", "goldens")
    for name in ("core", "tests"):
        shutil.copytree(CHECKOUT / name, target / name, ignore=leave)
    shutil.copy(CHECKOUT / "pyproject.toml", target)
    return target


def run(copy, tests):
    return subprocess.run(
        [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=copy,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


def without(text, line, number):
    """Return a source without the given occurrence of a line, told by how it begins."""
    rows = text.split("\n")
    places = [at for at, row in enumerate(rows) if row.startswith(line)]
    assert len(places) >= number, f"not there any more: {line.strip()}"
    assert rows[places[number - 1]].endswith(")"), "one line, or what is left is no Python"
    rows[places[number - 1]] = line[: len(line) - len(line.lstrip())] + "pass"
    return "\n".join(rows)


def test_each_safeguard_is_still_in_its_file():
    """Quick, and run with all tests: a renamed record must not empty the long suite."""
    for path, line, number, _tests in MUTATIONS:
        assert without((CHECKOUT / path).read_text(), line, number)


@pytest.mark.crash
def test_the_copy_itself_passes_and_is_what_is_tested(copy):
    every = sorted({test for *_, tests in MUTATIONS for test in tests})
    done = run(copy, every)
    assert done.returncode == 0, done.stdout[-3000:]
    path = copy / "core/durable.py"
    was = path.read_text()
    path.write_text("raise SystemError('mutated')\n")
    done = run(copy, DURABLE)
    assert "mutated" in done.stdout + done.stderr  # also where it is loaded before the first test
    path.write_text(was)


@pytest.mark.crash
@pytest.mark.parametrize(
    ("path", "line", "number", "tests"),
    [pytest.param(*one, id=f"{one[0]}: {one[1].strip()} {one[2]}") for one in MUTATIONS],
)
def test_a_missing_safeguard_is_noticed(copy, tally, path, line, number, tests):
    file = copy / path
    was = file.read_text()
    file.write_text(without(was, line, number))
    try:
        done = run(copy, tests)
    finally:
        file.write_text(was)
    tally.add("a safeguard taken out of the code", survived=done.returncode == 1)
    assert done.returncode == 1, f"nothing noticed that it was gone:\n{done.stdout[-2000:]}"
