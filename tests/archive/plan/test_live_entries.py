"""A pool reads the same entries of a live tree as one process does."""

from __future__ import annotations

import os
import shutil
import signal
import stat
from pathlib import Path

import pytest

from core.archive.create.write_archive import ArchiveSummary
from core.archive.plan import live_entries as live_module
from core.archive.plan import read_ahead_worker, unwritable
from core.archive.plan.live_entries import Live, LiveParts
from core.archive.plan.read_ahead_worker import ReadAheadPart, ReadAheadWorker
from core.archive.tree.selection import Found, Selection, Status, code_selection, walk
from core.archive.tree.stat_records import record_of
from core.archive.workers import pool
from core.archive.workers import walk_batches as batches_module
from core.errors import Cancelled
from tests.archive.killed_workers import LAST_WORDS, Killed, dies_at_once, on_cores
from tests.archive.trees import Layout, children_now, layout, plan, put, write
from tests.long import few, some

CORES = pytest.mark.parametrize("cores", some([1, 2, 3], 1, 3))


def refuse(path: bytes, error: OSError) -> None:
    raise AssertionError(path) from error


def nothing(*_args: object) -> None:
    pass


def opened(selection: Selection, **rest: object) -> Live:
    words = {"problem": refuse, "skipped": nothing, "record": nothing, "waited": nothing, **rest}
    return Live(selection, **words)


def seen(found: Found) -> tuple[object, ...]:
    return found.path, *(getattr(found.status, name) for name in Status._fields)


def second_name(shop: Layout) -> None:
    """Give a file a hard link; an archive of it is then read another way."""
    os.link(shop.root + "/vendor/some/module-01/file-01", shop.root + "/zz-second")


@CORES
def test_same_entries_in_the_same_order(
    full: Layout, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    second_name(full)
    left: list[bytes] = []
    here: list[bytes] = []
    records: list[bytes] = []
    expected = list(walk(full.code, problem=refuse, skipped=left.append))
    on_cores(monkeypatch, cores)
    with opened(full.code, skipped=here.append, record=records.append) as live:
        assert [seen(one) for one in live] == [seen(one) for one in expected]
    assert here == left != []
    assert b"".join(records) == b"".join(record_of(one.path, one.status) for one in expected)


@pytest.mark.usefixtures("always")
def test_very_many_names_that_are_left_out_make_no_large_batch(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    os.mkdir(shop.root + "/cache")
    for number in range(2000):
        put(f"{shop.root}/cache/left-{number}")
    put(shop.root + "/cache/kept")
    chosen = code_selection(shop, exclude=("cache/left*",))
    sizes = [
        sum(len(names) for _, names in task.batch)
        for task in live_module._LiveBatches(chosen, refuse, contents=True)
    ]
    assert sum(sizes) < 20
    left: list[bytes] = []
    with opened(chosen, skipped=left.append) as live:
        paths = [one.path for one in live]
    assert b"cache/kept" in paths
    assert len([path for path in left if path.startswith(b"cache/left")]) == 2000


@CORES
def test_contents_are_those_of_the_files(
    full: Layout, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    second_name(full)
    on_cores(monkeypatch, cores)
    root, without = os.fsencode(full.root) + b"/", set()
    with opened(full.code) as live:
        for one in live:
            if one.content is None:
                without.add(one.path)
                assert os.lstat(one.name, dir_fd=one.dir_fd).st_ino == one.status.st_ino
            elif stat.S_ISREG(one.status.st_mode):
                with open(root + one.path, "rb") as file:
                    assert one.content == file.read()
    assert {b"large", b"tool", b"zz-second", b"vendor/some/module-01/pipe"} < without
    assert b"nearly-large" not in without


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("module", "name", "value"),
    few([(pool, "_PIPE", 4096), (pool, "_ASSIGNED", 1), (read_ahead_worker, "_HELD", 1),
         (pool, "_PENDING", 1), (batches_module, "_BATCH", 1),
         (read_ahead_worker, "_RING", 3 << 20), (read_ahead_worker, "_PART", 1)], 0, 5),
)  # fmt: skip
def test_no_limit_changes_anything_but_the_time(
    full: Layout, monkeypatch: pytest.MonkeyPatch, module: object, name: str, value: int
) -> None:
    monkeypatch.setattr(module, name, value)
    expected = [seen(one) for one in walk(full.code, problem=refuse)]
    with opened(full.code) as live:
        assert [seen(one) for one in live] == expected


@pytest.mark.usefixtures("always")
@LAST_WORDS
def test_goes_on_without_a_child_that_dies_at_once(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_words: str
) -> None:
    summary = write(full.code, tmp_path / "a.tgz")
    dies_at_once(monkeypatch, last_words)
    found = plan(tmp_path / "a.tgz", full, summary)
    assert (found.identical, found.differs) == (summary.members, 0)


@pytest.mark.parametrize("after", some([1, 2, 3, 5, 8, 13], 2))
def test_goes_on_without_a_child_that_is_killed(
    full: Layout, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    on_cores(monkeypatch, 3)
    monkeypatch.setattr(batches_module, "_BATCH", 50)
    killed = Killed(after)
    killed.at_an_answer(monkeypatch)
    expected = [seen(one) for one in walk(full.code, problem=refuse)]
    with opened(full.code) as live:
        assert [seen(one) for one in live] == expected
    assert killed.came >= after


def test_a_directory_that_goes_away_before_its_rights_are_looked_at(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = write(full.code, tmp_path / "a.tgz")
    os.mkdir(full.root + "/new")
    pinned = unwritable.pinned

    def then_gone(name: bytes, fd: int) -> str | None:
        found = pinned(name, fd)
        if name == b"new":
            os.rmdir(full.root + "/new")
        return found

    monkeypatch.setattr(unwritable, "pinned", then_gone)
    monkeypatch.setattr(os, "access", lambda name, *_args, **_rest: name != b"new")
    assert plan(tmp_path / "a.tgz", full, summary).removed == 1


@pytest.mark.usefixtures("always")
def test_a_stopped_child_does_not_keep_from_a_cancellation(
    full: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    assign, before = ReadAheadWorker.assign, children_now()

    def stopped(self: ReadAheadWorker, task: pool.Task[ReadAheadPart]) -> bool:
        os.kill(self.process.pid, signal.SIGSTOP)
        return assign(self, task)

    def give_up() -> None:
        raise Cancelled("stop")

    monkeypatch.setattr(ReadAheadWorker, "assign", stopped)
    with pytest.raises(Cancelled), opened(full.code, waited=give_up) as live:
        list(live)
    assert children_now() == before


@pytest.mark.usefixtures("always")
def test_what_vanishes_after_it_was_listed_is_told(
    full: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: list[bytes] = []
    take = live_module.LiveParts._left_out

    def then_gone(self: LiveParts, *args: object) -> Found | None:
        shutil.rmtree(full.root + "/vendor", ignore_errors=True)
        return take(self, *args)

    monkeypatch.setattr(LiveParts, "_left_out", then_gone)
    monkeypatch.setattr(batches_module, "_BATCH", 20)
    with opened(full.code, problem=lambda path, _error: lost.append(path)) as live:
        paths = [one.path for one in live]
    assert b"tool" in paths
    assert lost
    assert all(path.startswith(b"vendor") for path in lost)


@pytest.mark.usefixtures("always")
def test_another_file_system_is_looked_at_closely(
    full: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = b"vendor/some/module-07"
    monkeypatch.setattr(live_module, "mounts_below", lambda _root: frozenset([here]))
    with LiveParts(full.code, problem=refuse, waited=nothing, since_ns=1) as live:
        closely = [part.path for part in live if isinstance(part, Found)]
    directories = [path for path in closely if os.path.isdir(os.fsencode(full.root) + b"/" + path)]
    assert directories[0] == here
    assert b"vendor/some/module-06" not in directories
    assert b"vendor/some/module-08" in directories


@pytest.mark.usefixtures("always")
def test_very_long_paths_fit(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    fd = os.open(shop.root, os.O_RDONLY)
    for _ in range(40):
        os.mkdir("d" * 200, dir_fd=fd)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)
    summary: ArchiveSummary = write(shop.code, tmp_path / "a.tgz")
    found = plan(tmp_path / "a.tgz", shop, summary)
    assert (found.identical, found.differs) == (summary.members, 0)
