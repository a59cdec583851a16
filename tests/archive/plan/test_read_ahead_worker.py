"""Readers of entries: left out entries, memory between two parts, and the report of a part."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue

import pytest

from core.archive.plan import read_ahead_worker
from core.archive.plan.read_ahead_worker import (
    SMALL,
    MemberReader,
    ReadAheadPart,
    ReadAheadWorker,
    StatusReader,
)
from core.archive.tree.selection import Selection
from core.archive.tree.stat_records import parse_record
from core.archive.workers import pool
from core.archive.workers.batch_reader import BatchReader
from tests.archive.trees import Layout, layout, put


@pytest.fixture
def shop(tmp_path: Path) -> Layout:
    """Make a store with nothing that can be read ahead."""
    made = layout(tmp_path / "shop")
    put(made.root + "/large", b"L" * (SMALL + 1))
    put(made.root + "/tool", mode=0o4755)
    return made


@pytest.mark.parametrize("maker", [MemberReader, lambda selection: StatusReader(selection, 1)])
def test_another_batch_may_come_between_two_parts(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    maker: Callable[[Selection], BatchReader[ReadAheadPart]],
) -> None:
    """As when a child has died: its batch comes while others are at work."""
    shop = layout(tmp_path / "shop")
    for name in "abde":
        put(f"{shop.root}/{name}")
    monkeypatch.setattr(read_ahead_worker, "_PART", 1)
    here = maker(shop.code)
    late = here.pack([(b"", [b"d", b"gone", b"e"])])
    parts = [next(late), *here.pack([(b"", [b"a", b"b"])]), *late]
    here.close()
    paths = []
    for part in parts:
        at = 0
        for _ in range(part.entries if isinstance(part, ReadAheadPart) else 0):
            path, _, at = parse_record(part.records, at)
            paths.append(path)
    assert paths == [b"d", b"a", b"b", b"e"]


@pytest.mark.usefixtures("always")
def test_nothing_is_written_to_a_child_that_is_gone(shop: Layout) -> None:
    """Its descriptors may be those of other files by then."""
    made = read_ahead_worker.read_ahead_pool(shop.code)
    (worker,) = made._workers
    assert isinstance(worker, ReadAheadWorker)
    number = worker._in
    made._drop(worker)
    victim = os.open(shop.root + "/victim", os.O_RDWR | os.O_CREAT)
    if victim != number:
        os.dup2(victim, number)
    worker.free(4096)
    assert os.path.getsize(shop.root + "/victim") == 0
    os.close(number)
    if victim != number:
        os.close(victim)
    made.close()


@pytest.mark.usefixtures("always")
def test_half_a_part_is_not_waited_for(shop: Layout) -> None:
    made = read_ahead_worker.read_ahead_pool(shop.code)
    (worker,) = made._workers
    task: pool.Task[ReadAheadPart] = pool.Task([(b"", [b"tool", b"large"])])
    worker.assign(task)
    while not worker._poll.poll(100):
        pass
    reading, worker._has = worker._has, lambda size: size <= 4 and reading(size)
    assert worker.receive() is None
    worker._has = reading
    while not task.done:
        if worker.has_answer(100):
            worker.receive()
    assert [part.entries for part in task.parts] == [1, 1]
    made.close()


def test_a_child_ends_when_it_cannot_read_its_batches() -> None:
    class Full:
        def read(self, _size: int) -> bytes:
            raise MemoryError

    freed: SimpleQueue[int] = SimpleQueue()
    assert list(pool.batches(Full(), freed.put)) == []  # type: ignore[arg-type]
    assert freed.get(timeout=10) == -1


@pytest.mark.parametrize("becomes", ["directory", "link", "fifo", "larger"])
def test_what_became_something_else_is_left_to_the_caller(tmp_path: Path, becomes: str) -> None:
    shop = layout(tmp_path / "shop")
    put(shop.root + "/a")
    path = shop.root + "/b"
    if becomes == "directory":
        os.mkdir(path)
    elif becomes == "link":
        os.symlink("a", path)
    elif becomes == "fifo":
        os.mkfifo(path)
    else:
        put(path, bytes(SMALL + 1))
    member_reader = MemberReader(shop.code)
    parts = list(member_reader.pack([(b"", [b"a", b"b", b"c"])]))
    member_reader.close()
    assert [part.entries for part in parts] == [1, 1, 1]
    assert parts[1:] == [(0, 1, False), (0, 2, False)]
