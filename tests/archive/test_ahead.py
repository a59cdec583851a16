"""A child that walks and reads gives what one process finds, or leaves it to the caller."""

from __future__ import annotations

import io
import marshal
import mmap
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.archive import ahead, children
from core.archive.ahead import SMALL, Child, Sender, walker
from core.archive.measuring import measure
from core.archive.members import Found, Selection, code_selection, walk
from core.archive.seen import record_of
from core.archive.stage import stage_files
from core.archive.swap import swap_files
from core.errors import Cancelled, MagerewindError, StorageError
from tests.archive.trees import Layout, children_now, covered, plan, put, write


@pytest.fixture
def never(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})


def seen(found: Iterator[Found]) -> list[tuple[object, ...]]:
    return [
        (one.path, *(getattr(one.status, name) for name in ahead.Status._fields)) for one in found
    ]


def refuse(path: bytes, error: OSError) -> None:
    raise AssertionError(path) from error


def test_same_walk_in_the_same_order(shop: Layout, always: None) -> None:
    left: list[bytes] = []
    left_by_child: list[bytes] = []
    expected = seen(walk(shop.code, problem=refuse, skipped=left.append))
    with walker(shop.code) as by_child:
        assert isinstance(by_child, Child)
        assert seen(by_child(problem=refuse, skipped=left_by_child.append)) == expected
    assert left_by_child == left != []


def records_of(walk_of: ahead.Walk) -> bytes:
    records: list[bytes] = []
    for _ in walk_of(problem=refuse, record=records.append):
        pass
    return b"".join(records)


def test_same_records(shop: Layout, always: None) -> None:
    with walker(shop.code) as by_child, ahead.walk_alone(shop.code) as alone:
        assert isinstance(by_child, Child)
        assert records_of(by_child) == records_of(alone) != b""


def test_what_is_not_found_again_is_not_recorded(shop: Layout, always: None) -> None:
    put(shop.root + "/large", b"x" * (SMALL + 1))
    os.mkdir(shop.root + "/directory")
    put(shop.root + "/directory/large", b"x" * (SMALL + 1))
    put(shop.root + "/directory/small")
    records: list[bytes] = []
    lost: list[bytes] = []
    with walker(shop.code) as by_child:
        found = by_child(problem=lambda path, _error: lost.append(path), record=records.append)
        next(found)  # the first batch, which is all, has come
        os.rename(shop.root + "/directory", shop.root + "/elsewhere")
        list(found)
    os.rename(shop.root + "/elsewhere", shop.root + "/directory")
    assert lost == [b"directory/large"]
    expected = [
        record_of(one.path, one.status)
        for one in walk(shop.code, problem=refuse)
        if one.path != b"directory/large"
    ]
    assert b"".join(records) == b"".join(expected)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("batch", [1, 300, 4096])
def test_slots_are_used_again(shop: Layout, monkeypatch: pytest.MonkeyPatch, batch: int) -> None:
    """With batches of a few entries, every slot is filled many times."""
    monkeypatch.setattr(ahead, "_BATCH", batch)
    monkeypatch.setattr(ahead, "_SLOT", batch + SMALL + 1)
    put(shop.root + "/nearly-large", os.urandom(SMALL))
    start = subprocess.Popen
    code = (
        "from core.archive import ahead; ahead._BATCH = {0}; ahead._SLOT = {0} + ahead.SMALL + 1; "
        "ahead.main()"
    )
    monkeypatch.setattr(
        subprocess,
        "Popen",
        lambda _command, **rest: start([sys.executable, "-I", "-c", code.format(batch)], **rest),
    )
    with walker(shop.code) as by_child:
        for one in by_child(problem=refuse):
            if stat.S_ISREG(one.status.st_mode):
                with open(os.fsencode(shop.root) + b"/" + one.path, "rb") as file:
                    assert one.content == file.read()


def test_contents_are_those_of_the_files(shop: Layout, always: None) -> None:
    put(shop.root + "/large", b"x" * (SMALL + 1))
    found: dict[bytes, Found] = {}
    with walker(shop.code) as by_child:
        for one in by_child(problem=refuse):
            found[one.path] = one
            if one.content is None and stat.S_ISREG(one.status.st_mode):
                assert os.stat(one.name, dir_fd=one.dir_fd).st_ino == one.status.st_ino
    root = os.fsencode(shop.root) + b"/"
    assert [path for path, one in found.items() if one.content is None] == [b"large"]
    for path, one in found.items():
        if stat.S_ISREG(one.status.st_mode) and one.content is not None:
            with open(root + path, "rb") as file:
                assert one.content == file.read()
        if stat.S_ISLNK(one.status.st_mode):
            assert one.content == os.readlink(root + path)


def sending() -> tuple[io.BytesIO, Sender]:
    out = io.BytesIO()
    return out, Sender(out, io.BytesIO(), mmap.mmap(-1, ahead._SLOTS * ahead._SLOT))


def found_at(root: str, path: bytes) -> tuple[int, Found]:
    fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    return fd, Found(path, path, fd, os.lstat(path, dir_fd=fd))


@pytest.mark.parametrize("act", ["grow", "shrink", "replace", "vanish", "become a link"])
def test_what_changes_under_its_hands_comes_without_content(tmp_path: Path, act: str) -> None:
    root = str(tmp_path)
    put(root + "/file", b"0123456789")
    fd, found = found_at(root, b"file")
    if act == "grow":
        put(root + "/file", b"0123456789more")
    elif act == "shrink":
        put(root + "/file", b"0")
    else:
        os.unlink(root + "/file")
        if act == "replace":
            put(root + "/file", b"another one")
        elif act == "become a link":
            os.symlink("/etc/passwd", root + "/file")
    out, sender = sending()
    sender.take(found)
    sender.end()
    os.close(fd)
    size = int.from_bytes(out.getvalue()[:4], "little")
    ((path, *_, content),), records = marshal.loads(out.getvalue()[4 : 4 + size])
    assert (path, content) == (b"file", None)
    assert records == record_of(b"file", found.status)


def test_problems_are_passed_on(tmp_path: Path) -> None:
    out, sender = sending()
    sender.problem(b"a", PermissionError(13, "no"))
    sender.skipped(b"b")
    sender.end()
    assert marshal.loads(out.getvalue()[4:-4]) == ([(b"a", 13), (b"b",)], b"")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_is_refused_by_name(shop: Layout, tmp_path: Path, always: None) -> None:
    put(shop.root + "/secret.php", mode=0)
    with pytest.raises(MagerewindError, match=r"secret\.php"):
        write(shop.code, tmp_path / "a.tgz")


def test_same_archive_and_same_plan(
    shop: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    summaries, plans = [], []
    for cores in ({0}, {0, 1}):
        monkeypatch.setattr(children, "WORTHWHILE", 0)
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid, cores=cores: cores)
        summaries.append(write(shop.code, tmp_path / "a.tgz"))
    assert summaries[0].members == summaries[1].members
    assert summaries[0].content_bytes == summaries[1].content_bytes
    put(shop.root + "/app/new.php")
    os.unlink(shop.root + "/.gitignore")
    put(shop.root + "/pub/static.php", b"<?phq")
    for cores in ({0}, {0, 1}):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _pid, cores=cores: cores)
        plans.append(plan(tmp_path / "a.tgz", shop, summaries[1]))
    assert plans[0].fingerprint == plans[1].fingerprint
    assert (plans[0].added, plans[0].changed, plans[0].removed) == (1, 1, 1)


def test_rolls_back_what_the_child_wrote(shop: Layout, tmp_path: Path, always: None) -> None:
    put(shop.root + "/large.bin", b"y" * (SMALL + 7))
    before = covered(shop.root)
    summary = write(shop.code, tmp_path / "a.tgz")
    put(shop.root + "/large.bin", b"z" * (SMALL + 7))
    shutil.rmtree(shop.root + "/vendor")
    swap_files(stage_files(plan(tmp_path / "a.tgz", shop, summary), job_id="job"))
    assert covered(shop.root) == before


def test_no_child_is_left_when_the_caller_gives_up(shop: Layout, always: None) -> None:
    def give_up() -> None:
        with walker(shop.code) as by_child:
            for _ in by_child(problem=refuse):
                assert children_now() != before
                raise Cancelled("stop")

    before = children_now()
    with pytest.raises(Cancelled):
        give_up()
    assert children_now() == before


@pytest.mark.parametrize("last_words", ["", "ab", "\\x05\\0\\0\\0ab"])
def test_a_child_that_dies_is_an_error_and_never_the_end(
    shop: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last_words: str
) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    start = subprocess.Popen
    says = f"import sys; sys.stdout.buffer.write(b'{last_words}')"
    monkeypatch.setattr(
        subprocess, "Popen", lambda _command, **rest: start([sys.executable, "-c", says], **rest)
    )
    monkeypatch.setattr(children, "WORTHWHILE", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    with pytest.raises(StorageError, match="ended too early"):
        plan(tmp_path / "a.tgz", shop, summary)


@pytest.mark.usefixtures("always")
def test_without_a_child_the_walk_is_made_here(
    shop: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_process(*_args: object, **_rest: object) -> None:
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr(subprocess, "Popen", no_process)
    with walker(shop.code) as alone:
        assert not isinstance(alone, Child)
        assert seen(alone(problem=refuse)) == seen(walk(shop.code, problem=refuse))


def test_small_trees_and_single_cores_have_none(shop: Layout, never: None) -> None:
    with walker(shop.code) as alone:
        assert not isinstance(alone, Child)


def test_small_trees_have_none(shop: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    with walker(shop.code) as alone:
        assert not isinstance(alone, Child)


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
    monkeypatch.setattr(children, "WORTHWHILE", 0)
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
    assert children.of_values(children.as_values(chosen)) == chosen
