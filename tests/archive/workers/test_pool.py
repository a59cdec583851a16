"""Several processes pack the same as one, also when they die or the files change."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from core.archive.create import pack_worker
from core.archive.create import write_archive as writer_module
from core.archive.create.pack_worker import SMALL, pack_pool
from core.archive.create.write_archive import (
    ArchiveBatches,
    ArchiveSummary,
    WarnedNames,
    write_archive,
)
from core.archive.tar.gzip import Segment
from core.archive.tar.member_writer import MemberWriter
from core.archive.tar.verify import verify_archive
from core.archive.tree.selection import Selection, media_selection
from core.archive.workers import pool
from core.archive.workers import walk_batches as batches_module
from core.archive.workers.pool import Task, Worker
from core.errors import Cancelled
from tests.archive.killed_workers import LAST_WORDS, Killed, dies_at_once, on_cores
from tests.archive.trees import Layout, children_now, layout, make_tree, put, write
from tests.long import few, some


@pytest.fixture
def full(tmp_path: Path) -> Layout:
    """Make a store with everything a file can be, and enough of it for many batches."""
    shop = layout(tmp_path / "shop")
    root = shop.root
    make_tree(os.fsencode(root) + b"/lib", random.Random(4), entries=500)
    for number in range(40):
        os.makedirs(f"{root}/vendor/some/module-{number}/empty")
        for name in range(12):
            put(f"{root}/vendor/some/module-{number}/file-{name}", os.urandom(1000))
    os.link(root + "/vendor/some/module-1/file-1", root + "/vendor/some/module-2/second")
    os.link(root + "/vendor/some/module-1/file-1", root + "/zz-third")
    put(root + "/large", b"L" * (SMALL + 12345))
    put(root + "/not-quite-large", b"l" * SMALL)
    os.link(root + "/large", root + "/large-again")
    put(root + "/tool", mode=0o4755)
    os.mkfifo(root + "/vendor/some/module-3/pipe")
    os.setxattr(root + "/tool", b"user.origin", b"here")
    os.setxattr(root + "/vendor/some/module-4", b"user.origin", b"here")
    os.setxattr(root + "/vendor/some/module-4/file-4", b"user.origin", b"there" * 50)
    return shop


def alone(
    monkeypatch: pytest.MonkeyPatch, selection: Selection, path: Path, **rest: int
) -> ArchiveSummary:
    with monkeypatch.context() as patch:
        on_cores(patch, 1)
        return write(selection, path, **rest)


@pytest.mark.parametrize("cores", some([2, 3, 9], 3))
@pytest.mark.parametrize("level", some([1, 6], 6))
def test_same_bytes_with_any_number_of_children(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, level: int
) -> None:
    expected = alone(monkeypatch, full.code, tmp_path / "a.tgz", level=level)
    on_cores(monkeypatch, cores)
    assert write(full.code, tmp_path / "b.tgz", level=level) == expected
    assert {w.code for w in expected.warnings} == {"special", "set_id"}
    verify_archive(str(tmp_path / "b.tgz"), sha256=expected.sha256, members=expected.members)


def test_same_bytes_of_media(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = layout(tmp_path / "shop")
    make_tree(os.fsencode(shop.media), random.Random(2), entries=700)
    selection = media_selection(shop, exclude=("pub/media/*1",))
    expected = alone(monkeypatch, selection, tmp_path / "a.tgz")
    on_cores(monkeypatch, 2)
    assert write(selection, tmp_path / "b.tgz") == expected


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("module", "name", "value"),
    few([(pool, "_PIPE", 4096), (pool, "_ASSIGNED", 1), (pack_worker, "_HELD", 1),
         (pool, "_PENDING", 1), (batches_module, "_BATCH", 1)], 2, 4),
)  # fmt: skip
def test_no_limit_changes_anything_but_the_time(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: object, name: str,
    value: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(module, name, value)
    expected = alone(monkeypatch, full.code, tmp_path / "a.tgz")
    assert write(full.code, tmp_path / "b.tgz") == expected


@pytest.mark.usefixtures("always")
@LAST_WORDS
def test_goes_on_without_a_child_that_dies_at_once(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_words: str
) -> None:
    expected = alone(monkeypatch, full.code, tmp_path / "a.tgz")
    dies_at_once(monkeypatch, last_words)
    assert write(full.code, tmp_path / "b.tgz") == expected


@pytest.mark.parametrize("after", some([1, 2, 3, 5, 8, 13], 2, 13))
def test_goes_on_without_a_child_that_is_killed(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    on_cores(monkeypatch, 3)
    monkeypatch.setattr(batches_module, "_BATCH", 50)
    expected = alone(monkeypatch, full.code, tmp_path / "a.tgz")
    killed = Killed(after)
    killed.at_an_answer(monkeypatch)
    assert write(full.code, tmp_path / "b.tgz") == expected
    assert killed.came >= after


@pytest.mark.parametrize("after", some([1, 2, 3, 5, 8], 3))
def test_a_batch_half_packed_here_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """The batches of a child that died come first, and lead into other directories."""
    shop = layout(tmp_path / "shop")
    for number in range(12):
        os.makedirs(f"{shop.root}/module-{number:02}")
        for name in ("composer.json", "registration.php", "a", "b", "c", "d"):
            put(f"{shop.root}/module-{number:02}/{name}", os.urandom(500_000))
    monkeypatch.setattr(batches_module, "_BATCH", 7)
    expected = alone(monkeypatch, shop.code, tmp_path / "a.tgz")
    on_cores(monkeypatch, 2)
    killed = Killed(after)
    killed.at_a_step_here(monkeypatch)
    assert write(shop.code, tmp_path / "b.tgz") == expected
    assert killed.came >= after


@pytest.mark.parametrize("act", ["gone", "linked", "shrunk"])
def test_what_came_of_a_batch_is_not_packed_again_whatever_changed(
    tmp_path: Path, act: str
) -> None:
    shop = layout(tmp_path / "shop")
    names = [b"n%03d" % number for number in range(250)]
    for name in names:
        put(os.fsencode(shop.root) + b"/" + name, os.urandom(20_000))
    crew_here = pack_pool(shop.code, 1)
    task = Task([(b"", list(names))])
    crew_here.keep(task)
    crew_here.step(task)
    first = crew_here.take(task)
    crew_here.step(task)
    for name in names[10:60]:
        path = os.fsencode(shop.root) + b"/" + name
        if act == "gone":
            os.unlink(path)
        elif act == "linked":
            os.link(path, path + b"-again")
        else:
            put(path, b"small")
    crew_here.keep(task)  # as after the death of a child, with one part taken and one at worker
    parts = [first]
    while not task.done or task.parts:
        if task.parts:
            parts.append(crew_here.take(task))
        else:
            crew_here.step(task)
    crew_here.close()
    assert sum(part.entries for part in parts) == len(names)
    assert crew_here.held == 0


def test_only_what_is_held_is_counted(full: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    on_cores(monkeypatch, 2)
    made = pack_pool(full.code, 1)
    task = Task([(b"", [b"large", b"tool", b"gone", b"not-quite-large"])])
    made.assign(task)
    while not task.done or task.parts:
        if task.parts:
            made.take(task)
        else:
            made.step(task)
    made.close()
    assert made.held == 0


def test_directories_alone_fill_batches_too(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    for number in range(1000):
        os.makedirs(f"{shop.root}/lib/{number}")
    noticed, members = WarnedNames(), MemberWriter()
    batches = [task.batch for task in ArchiveBatches(shop.code, noticed, members)]
    assert max(sum(len(entries) for _, entries in batch) for batch in batches) <= 257


@pytest.mark.usefixtures("always")
def test_a_stopped_child_does_not_keep_from_a_cancellation(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = False
    assign = Worker.assign

    def stopped(self: Worker[Segment], task: Task[Segment]) -> bool:
        os.kill(self.process.pid, signal.SIGSTOP)
        return assign(self, task)

    def report(_done_bytes: int, _done_items: int, _current: str) -> None:
        nonlocal asked
        asked = True
        raise Cancelled("stop")

    monkeypatch.setattr(Worker, "assign", stopped)
    fd = os.open(tmp_path / "a.tgz", os.O_RDWR | os.O_CREAT)
    with pytest.raises(Cancelled):
        write_archive(full.code, fd, report=report)
    os.close(fd)
    assert asked


def test_without_a_child_all_is_packed_here(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = alone(monkeypatch, full.code, tmp_path / "a.tgz")
    on_cores(monkeypatch, 2)

    def no_process(*_args: object, **_rest: object) -> None:
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    assert write(full.code, tmp_path / "b.tgz") == expected


def test_small_trees_have_no_child(full: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    monkeypatch.setattr(subprocess, "Popen", None)
    made = pack_pool(full.code, 1)
    assert not made.wants()
    made.close()


@pytest.mark.usefixtures("always")
def test_no_child_is_left_when_the_caller_gives_up(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, during = children_now(), set()

    def give_up(*_args: object) -> None:
        during.update(children_now())
        raise Cancelled("stop")

    monkeypatch.setattr(writer_module._Writer, "_part", give_up)
    with pytest.raises(Cancelled):
        write(full.code, tmp_path / "a.tgz")
    assert children_now() == before
    assert during - before


@pytest.mark.usefixtures("always")
def test_reports_name_where_the_work_is(full: Layout, tmp_path: Path) -> None:
    reported: list[str] = []
    fd = os.open(tmp_path / "a.tgz", os.O_RDWR | os.O_CREAT)
    write_archive(full.code, fd, report=lambda _bytes, _items, current: reported.append(current))
    os.close(fd)
    first = next(place for place, current in enumerate(reported) if current)
    assert len(set(reported)) > 3
    assert all(reported[first:-1])


@pytest.mark.usefixtures("always")
def test_valid_whatever_happens_to_the_tree_meanwhile(full: Layout, tmp_path: Path) -> None:
    rng, stop = random.Random(7), threading.Event()

    def meddle() -> None:
        while not stop.is_set():
            module = f"{full.root}/vendor/some/module-{rng.randrange(40)}"
            path = f"{module}/file-{rng.randrange(12)}"
            act = rng.randrange(5)
            try:
                if act == 0:
                    os.unlink(path)
                elif act == 1:
                    os.rename(module, module + "-moved")
                    os.rename(module + "-moved", module)
                elif act == 2:
                    os.unlink(path)
                    os.mkdir(path)
                elif act == 3:
                    os.symlink("nowhere/at/all", path)  # it is written through as well
                else:
                    put(path, os.urandom(rng.randrange(3000)))
            except OSError:
                continue

    thread = threading.Thread(target=meddle)
    thread.start()
    try:
        for number in range(6):
            summary = write(full.code, tmp_path / f"{number}.tgz")
            verify_archive(
                str(tmp_path / f"{number}.tgz"), sha256=summary.sha256, members=summary.members
            )
            listed = subprocess.run(
                ["tar", "-tzf", str(tmp_path / f"{number}.tgz")],
                check=True, capture_output=True,
            )  # fmt: skip
            assert len(listed.stdout.splitlines()) == summary.members
    finally:
        stop.set()
        thread.join()
