"""How fast archives are beside the tools that administrators use today, as ratios of paired runs.

    python tests/bench/bench_archive.py [TREE] [--pairs N] [--linear]

TREE is the root of a real store (it is copied first); without it a medium sample is made. Each row
is the median of paired runs, ours and the peer's alternating, in one go; peers end with `sync`,
since ours is durable. `--linear` shows time and peak memory at 110,000 to 1,200,000 entries.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from msgspec import Struct

from core.archive.create.write_archive import ArchiveSummary, write_archive
from core.archive.plan.plan_files import plan_files
from core.archive.restore.recheck import recheck_files
from core.archive.restore.stage import stage_files
from core.archive.restore.swap import revert_files, swap_files
from core.archive.tar.verify import verify_archive
from core.archive.tree.selection import Selection, code_selection, walk
from core.sample.sizes import Size
from core.sample.store import make_store

IGNORED = ("pub/media", "pub/static", "var", "update", "node_modules", ".grunt", ".idea", ".svn",
           ".git")  # fmt: skip


class Row(Struct, frozen=True, kw_only=True):
    """One line of the table: medians of paired runs; `ratio` is the median of the pairs' ratios."""

    work: str
    beside: str
    ours_s: float
    peer_s: float
    ratio: float
    target: float


def selection_of(root: str) -> Selection:
    """Return the code of a tree."""
    store = SimpleNamespace(
        root=root,
        media=f"{root}/pub/media",
        media_target=f"{root}/pub/media",
        static=f"{root}/pub/static",
        var=f"{root}/var",
    )
    return code_selection(store)


def timed(act: Callable[[], object]) -> float:
    """Return how long something takes, in seconds."""
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def shell(command: str, **names: str) -> None:
    """Run a peer."""
    subprocess.run(["sh", "-c", command], check=True, env={**os.environ, **names})


def write(selection: Selection, path: str, level: int | None = None) -> ArchiveSummary:
    """Write an archive durably."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        summary = write_archive(selection, fd, level=level)
        os.fsync(fd)
    finally:
        os.close(fd)
    return summary


def compare(
    work: str,
    beside: str,
    target: float,
    ours: Callable[[], object],
    peer: Callable[[], object],
    *,
    pairs: int,
    between: Callable[[], None] = lambda: None,
) -> Row:
    """Time both sides alternately; `between` puts things back after each of ours."""
    mine, theirs = [], []
    for _ in range(pairs):
        mine.append(timed(ours))
        between()
        theirs.append(timed(peer))
    ratios = [a / b for a, b in zip(mine, theirs, strict=True)]
    return Row(
        work=work,
        beside=beside,
        ours_s=statistics.median(mine),
        peer_s=statistics.median(theirs),
        ratio=statistics.median(ratios),
        target=target,
    )


class Bench:
    """A tree, a scratch directory, and the rows that are measured with them."""

    def __init__(self, root: str, scratch: str, pairs: int) -> None:
        self.root = root
        self.selection = selection_of(root)
        self.archive = f"{scratch}/ours.tgz"
        self.peer = f"{scratch}/peer.tgz"
        self.plan = f"{root}/var/.magerewind/bench-plan"
        self.out = f"{scratch}/out"
        self.pairs = pairs
        self.graves = (f"{scratch}/grave-{number}" for number in itertools.count())
        os.makedirs(os.path.dirname(self.plan), exist_ok=True)
        excluded = " ".join(f"--exclude='./{path}'" for path in IGNORED)
        self.source = f"{excluded} -C '{root}' ."
        self.summary = write(self.selection, self.archive)

    def backup(self, beside: str, compressor: str, target: float) -> Row:
        command = f"tar {compressor} '{self.peer}' {self.source} && sync '{self.peer}'"
        return compare(
            "code backup with checksum", beside, target,
            lambda: write(self.selection, self.archive), lambda: shell(command), pairs=self.pairs,
        )  # fmt: skip

    def verification(self) -> Row:
        return compare(
            "verification", "gzip -t", 0.5,
            lambda: verify_archive(self.archive, sha256=self.summary.sha256),
            lambda: shell(f"gzip -t '{self.archive}'"), pairs=self.pairs,
        )  # fmt: skip

    def bury(self, path: str) -> None:
        """Take a tree out of the way without deleting it.

        ext4 passes over every inode that was deleted in the last minutes: whoever made files next,
        ours or the peer, would pay ten times for it.
        """
        os.rename(path, next(self.graves))

    def make_plan(self) -> object:
        summary = self.summary
        return plan_files(
            self.archive, self.selection, self.plan, sha256=summary.sha256, members=summary.members
        )

    def no_difference(self) -> Row:
        return compare(
            "plan without a difference", "tar -dzf", 1.0, self.make_plan,
            lambda: shell(f"tar -dzf '{self.archive}' -C '{self.root}'"), pairs=self.pairs,
        )  # fmt: skip

    def roll_back(self) -> None:
        """Verify to commit, as a job does it."""
        plan = plan_files(
            self.archive, self.selection, self.plan, sha256=self.summary.sha256,
            members=self.summary.members, cache_contents=True,
        )  # fmt: skip
        staged = stage_files(plan, job_id="bench")
        swap_files(recheck_files(staged).staged)

    def put_back(self) -> None:
        """Make the rollback undone, so that the next pair finds the same damage."""
        revert_files(self.plan)
        self.bury(f"{self.root}/var/.magerewind")
        os.makedirs(f"{self.root}/var/.magerewind")
        time.sleep(0.1)  # what was renamed at this very moment would be looked at twice

    def extract(self) -> None:
        os.makedirs(self.out)
        shell(f"tar xzf '{self.archive}' -C '{self.out}' && sync -f '{self.out}'")

    def rollback(self, work: str, target: float) -> Row:
        def between() -> None:
            self.put_back()
            if os.path.exists(self.out):
                self.bury(self.out)

        row = compare(
            work, "tar xzf into an empty directory", target, self.roll_back, self.extract,
            pairs=self.pairs, between=between,
        )  # fmt: skip
        self.bury(self.out)
        return row

    def one_per_cent(self) -> Row:
        """Damage one file in a hundred, then roll back."""
        rng = random.Random(1)
        files = [
            found.path
            for found in walk(self.selection, problem=lambda path, error: None)
            if found.name != b"." and found.status.st_size > 0
        ]
        for path in rng.sample(files, len(files) // 100):
            whole = os.fsencode(self.root) + b"/" + path
            if not os.path.islink(whole):
                with open(whole, "r+b") as file:
                    file.write(b"\0")
        time.sleep(0.1)  # a damage of this very moment would be looked at twice
        return self.rollback("rollback, 1 % of the files differ", 0.6)

    def empty(self) -> Row:
        """Roll back into a tree without anything that the archive covers."""
        for name in os.listdir(self.root):
            if name != "var":
                self.bury(f"{self.root}/{name}")
        return self.rollback("rollback into an empty tree", 1.2)


def measured(tree: str, *, pairs: int = 3, scratch: str | None = None) -> Iterator[Row]:
    """Measure on a copy of `tree`; yield each row of the table when it is known."""
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        root = f"{directory}/tree"
        subprocess.run(["cp", "-a", tree, root], check=True)
        os.sync()
        bench = Bench(root, directory, pairs)
        yield bench.backup("tar czf", "czf", 0.25)
        yield bench.backup("tar -I 'igzip -1' -cf", "-I 'igzip -1' -cf", 1.0)
        yield bench.verification()
        yield bench.no_difference()
        yield bench.one_per_cent()
        yield bench.empty()


def run(tree: str, *, pairs: int = 3, scratch: str | None = None) -> list[Row]:
    """Measure everything on a copy of `tree`; return the rows of the table."""
    return list(measured(tree, pairs=pairs, scratch=scratch))


def table(rows: Iterable[Row]) -> Iterator[str]:
    """Yield the rows as lines of Markdown."""
    yield "| work | beside | ours | peer | ratio | to reach |"
    yield "|---|---|---|---|---|---|"
    for row in rows:
        yield (
            f"| {row.work} | `{row.beside}` | {row.ours_s:.2f} s | {row.peer_s:.2f} s "
            f"| **{row.ratio:.2f}** | <= {row.target} |"
        )


class Growth(Struct, frozen=True, kw_only=True):
    """Time of all processes, and peak memory of ours and the largest child, on a tree."""

    work: str
    entries: int
    elapsed_s: float
    cpu_s: float
    peak_bytes: int


_CHILD = """
import os, resource, sys, time
sys.path.insert(0, {here!r})
from tests.bench.bench_archive import Bench, selection_of, verify_archive, write, plan_files
root, archive, work = sys.argv[1:]
began = time.perf_counter()
if work == "backup":
    write(selection_of(root), archive)
elif work == "verification":
    verify_archive(archive, sha256=None)
else:
    plan_files(archive, selection_of(root), archive + ".plan")
elapsed = time.perf_counter() - began
all_of_it = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
cpu = sum(one.ru_utime + one.ru_stime for one in all_of_it)
# There is one child at most at a time, on two cores: the largest of them is what was beside us.
print(elapsed, cpu, sum(one.ru_maxrss for one in all_of_it) * 1024)
"""


def growth(sizes: tuple[int, ...], scratch: str | None = None) -> list[Growth]:
    """Measure time and peak memory, each in a process of its own, on ever larger trees."""
    found = []
    here = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    with tempfile.TemporaryDirectory(dir=scratch) as directory:
        for entries in sizes:
            root = f"{directory}/{entries}"
            _many_files(root, entries)
            for work in ("backup", "verification", "plan"):
                command = [sys.executable, "-c", _CHILD.format(here=here), root,
                           f"{directory}/{entries}.tgz", work]  # fmt: skip
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                elapsed, cpu, peak = done.stdout.split()
                found.append(
                    Growth(work=work, entries=entries, elapsed_s=float(elapsed),
                        cpu_s=float(cpu),
                           peak_bytes=int(peak))
                )  # fmt: skip
            os.rename(root, f"{root}-done")  # deleting it would make the next tree slow to make
    return found


def _many_files(root: str, entries: int) -> None:
    """Make about `entries` small files, 100 to a directory, with names as long as Magento's."""
    os.makedirs(f"{root}/var/.magerewind")
    for number in range(entries // 101):
        directory = f"{root}/vendor/magento/module-{number % 300:03d}/Model/ResourceModel/{number}"
        os.makedirs(directory)
        fd = os.open(directory, os.O_RDONLY)
        for name in range(100):
            opened = os.open(f"Collection{name}.php", os.O_WRONLY | os.O_CREAT, 0o644, dir_fd=fd)
            os.write(opened, b"<?php return %d;\n" % (number * name))
            os.close(opened)
        os.close(fd)


@contextmanager
def _tree(given: str | None) -> Iterator[str]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory() as directory:
        make_store(f"{directory}/sample", size=Size.MEDIUM)
        yield f"{directory}/sample"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="archives beside other tools")
    parser.add_argument("tree", nargs="?")
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--scratch", help="where to copy the tree to; default: TMPDIR")
    parser.add_argument("--linear", action="store_true")
    chosen = parser.parse_args()
    if chosen.linear:
        for line in growth((110_000, 400_000, 1_200_000), chosen.scratch):
            each_us = line.cpu_s / line.entries * 1e6
            print(f"{line.work:13} {line.entries:>9,} entries  {line.elapsed_s:6.2f} s  "
                  f"{each_us:5.1f} us of CPU each  "
                  f"peak {line.peak_bytes / (1 << 20):4.0f} MiB")  # fmt: skip
        return
    with _tree(chosen.tree) as tree:
        for text in table(measured(tree, pairs=chosen.pairs, scratch=chosen.scratch)):
            print(text, flush=True)


if __name__ == "__main__":
    main()
