"""Every tar program restores our archives, also of a tree that changes during the backup."""

from __future__ import annotations

import errno
import gzip
import os
import random
import resource
import shutil
import socket
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from core.archive.create import write_archive as writer_module
from core.archive.create.count import measure
from core.archive.create.write_archive import write_archive
from core.archive.tar.header import REGULAR, Fields, HeaderReader, HeaderWriter
from core.archive.tar.verify import read_members, verify_archive
from core.archive.tree.open_directories import OpenDirectories
from core.archive.tree.selection import code_selection, media_selection, walk
from core.errors import Cancelled, DiskFull, StoreUnreadable, UsageError
from tests.archive.trees import Layout, covered, layout, make_tree, put, tree_hash, write


def extract(archive: Path, target: Path, *command: str) -> dict[bytes, tuple[object, ...]]:
    target.mkdir()
    subprocess.run([*command, str(archive), "-C", str(target)], check=True)
    return tree_hash(str(target))


@pytest.mark.parametrize("command", [("tar", "-xpzf"), ("bsdtar", "-xpf")])
def test_comes_back_with_other_tars(shop: Layout, tmp_path: Path, command: tuple[str, ...]) -> None:
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive)
    assert not summary.warnings
    assert extract(archive, tmp_path / "out", *command) == covered(shop.root)


def test_other_tars_see_no_difference(shop: Layout, tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    write(shop.code, archive)
    subprocess.run(["tar", "-dzf", str(archive), "-C", shop.root], check=True)


def test_seven_zip_accepts_it(shop: Layout, tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    write(shop.code, archive)
    subprocess.run(["7z", "t", str(archive)], check=True, stdout=subprocess.DEVNULL)


def test_only_types_that_magento_reads(shop: Layout, tmp_path: Path) -> None:
    """Magento's Tar.php knows 0, NUL, 5, 2 and L, and checks each header's sum."""
    archive = tmp_path / "a.tgz"
    write(shop.code, archive)
    content = gzip.decompress(archive.read_bytes())
    position, kinds = 0, set()
    while content[position : position + 512] != bytes(512):
        header = content[position : position + 512]
        assert int(header[148:154], 8) == sum(header[:148] + b" " * 8 + header[156:])
        kind = chr(header[156])
        kinds.add(kind)
        size = 0 if kind == "5" else int(header[124:135], 8)
        position += 512 + -(-size // 512) * 512
    assert kinds <= {"0", "5", "2", "L", "K"}


def test_ignored_are_whole_components(shop: Layout, tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    write(shop.code, archive)
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
    assert {"pub/static.php", ".gitignore", "pub", "empty", "generated/code"} <= names
    gone = ("pub/static/", "pub/media/", "var/", "node_modules/", ".git/")
    assert not [name for name in names if name.startswith(gone) or ".magerewind" in name]


@pytest.mark.parametrize("level", [0, 1, 2, 3, 6])
def test_every_level_reads_back(shop: Layout, tmp_path: Path, level: int) -> None:
    archive = tmp_path / "a.tgz"
    summary = write(shop.code, archive, level=level)
    verified = verify_archive(str(archive), sha256=summary.sha256, members=summary.members)
    assert verified.content_bytes == summary.content_bytes
    assert archive.stat().st_size == summary.archive_bytes


def test_unknown_level_is_refused(shop: Layout, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="0 to 9"):
        write(shop.code, tmp_path / "a.tgz", level=10)


def test_measure_agrees_with_what_is_written(shop: Layout, tmp_path: Path) -> None:
    summary = write(shop.code, tmp_path / "a.tgz")
    measured = measure(shop.code)
    assert (measured.members, measured.bytes) == (summary.members, summary.content_bytes)
    assert measured.unreadable == ()


def test_media_behind_a_link_is_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "nfs"
    make_tree(os.fsencode(elsewhere), random.Random(3), entries=20)
    (tmp_path / "shop/pub").mkdir(parents=True)
    (tmp_path / "shop/pub/media").symlink_to(elsewhere)
    shop = layout(tmp_path / "shop")
    archive = tmp_path / "m.tgz"
    write(media_selection(shop), archive)
    found = extract(archive, tmp_path / "out", "tar", "-xpzf")
    inside = {b"pub/media/" + path: look for path, look in tree_hash(str(elsewhere)).items()}
    assert {p: k for p, k in found.items() if p not in {b"pub", b"pub/media"}} == inside


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("a/**", ["a", "b", "b/c", "b/c/e", "b/c/e/g"]),
        ("**", []),
        ("b/**/g", ["a", "a/d", "b", "b/c", "b/c/e"]),
        ("./b/c/", ["a", "a/d", "b"]),
        ("/b/*", ["a", "a/d", "b"]),
    ],
)
def test_a_pattern_leaves_out_what_it_says(tmp_path: Path, pattern: str, left: list[str]) -> None:
    shop = layout(tmp_path / "shop")
    os.rmdir(shop.media)
    os.rmdir(os.path.dirname(shop.media))
    for directory in ("a", "b/c/e"):
        os.makedirs(f"{shop.root}/{directory}")
    for name in ("a/d", "b/c/e/g"):
        put(f"{shop.root}/{name}")
    found = walk(code_selection(shop, exclude=(pattern,)), problem=lambda path, error: None)
    assert sorted(os.fsdecode(one.path) for one in found if one.path) == left


@pytest.mark.parametrize("pattern", ["", "/", ".", "../shop/a", "a/../b"])
def test_a_pattern_that_could_match_nothing_is_refused(tmp_path: Path, pattern: str) -> None:
    with pytest.raises(UsageError, match="a path below the root"):
        code_selection(layout(tmp_path / "shop"), exclude=(pattern,))


def test_exclusions_are_whole_path_patterns(shop: Layout, tmp_path: Path) -> None:
    base = Path(shop.root)
    for path in ("a/node_modules/x", "a/b/node_modules/y", "a/node_modules_old/z", "dev/t1/q"):
        (base / path).parent.mkdir(parents=True, exist_ok=True)
        (base / path).write_text("1")
    selection = code_selection(shop, exclude=("@node_modules", "dev/t?"))
    summary = write(selection, tmp_path / "a.tgz")
    with tarfile.open(tmp_path / "a.tgz") as tar:
        names = set(tar.getnames())
    assert "a/node_modules_old/z" in names
    assert "dev" in names
    assert not names & {"a/node_modules", "a/node_modules/x", "a/b/node_modules/y", "dev/t1"}
    assert summary.excluded == ("**/node_modules", "dev/t?")
    with pytest.raises(UsageError, match="@nothing"):
        code_selection(shop, exclude=("@nothing",))


def test_hard_links_come_back(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    put(shop.root + "/a", b"content")
    os.link(shop.root + "/a", shop.root + "/b")
    summary = write(shop.code, tmp_path / "a.tgz")
    assert measure(shop.code).bytes == summary.content_bytes == 7
    for command in (("tar", "-xpzf"), ("bsdtar", "-xpf")):
        out = tmp_path / command[0]
        extract(tmp_path / "a.tgz", out, *command)
        assert (out / "a").stat().st_ino == (out / "b").stat().st_ino


def test_extended_attributes_are_kept(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    put(shop.root + "/a")
    try:
        os.setxattr(shop.root + "/a", "user.note", b"\0binary\n")
    except OSError:
        pytest.skip("no extended attributes on this file system")
    write(shop.code, tmp_path / "a.tgz")
    out = tmp_path / "out"
    extract(tmp_path / "a.tgz", out, "tar", "--xattrs", "-xpzf")
    assert os.getxattr(out / "a", "user.note") == b"\0binary\n"


def test_specials_are_named(shop: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(shop.root + "/pipe")
    with socket.socket(socket.AF_UNIX) as listening, monkeypatch.context() as there:
        there.chdir(shop.root)  # a socket's path is short
        listening.bind("socket")
    summary = write(shop.code, tmp_path / "a.tgz")
    (warning,) = summary.warnings
    assert (warning.code, warning.names) == ("special", ("pipe", "socket"))
    assert measure(shop.code).special == ("pipe", "socket")


def test_set_id_bits_are_named_and_not_kept(shop: Layout, tmp_path: Path) -> None:
    put(shop.root + "/tool", mode=0o4755)
    summary = write(shop.code, tmp_path / "a.tgz")
    assert [warning.code for warning in summary.warnings] == ["set_id"]
    verify_archive(str(tmp_path / "a.tgz"), sha256=summary.sha256)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_unreadable_is_named(shop: Layout, tmp_path: Path) -> None:
    put(shop.root + "/secret", mode=0)
    assert measure(shop.code).unreadable == ("secret",)
    with pytest.raises(StoreUnreadable, match="secret"):
        write(shop.code, tmp_path / "a.tgz")


class Meddler:
    """Changes a file each time the writer is about to look at it after reading."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: str, *, times: int, act: str) -> None:
        self.path, self.left, self.act = path, times, act
        self._inode = os.stat(path).st_ino
        self._fstat = os.fstat
        monkeypatch.setattr(writer_module.os, "fstat", self)

    def __call__(self, fd: int) -> os.stat_result:
        status = self._fstat(fd)
        if status.st_ino == self._inode and self.left:
            self.left -= 1
            if self.act == "grow":
                with open(self.path, "ab") as file:
                    file.write(b"more")
            elif self.act == "shrink":
                os.truncate(self.path, 3)
            os.utime(self.path, ns=(self.left, self.left))
            return self._fstat(fd)
        return status


@pytest.mark.parametrize("act", ["grow", "shrink", "touch"])
@pytest.mark.parametrize("size", [100, 3 << 20])
def test_changed_while_read_is_named_and_valid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, act: str, size: int
) -> None:
    shop = layout(tmp_path / "shop")
    for name in ("a", "b.log", "c"):
        put(f"{shop.root}/{name}", b"z" * size)
    Meddler(monkeypatch, shop.root + "/b.log", times=9, act=act)
    summary = write(shop.code, tmp_path / "a.tgz")
    monkeypatch.undo()
    assert [(w.code, w.names) for w in summary.warnings] == [("changed", ("b.log",))]
    verify_archive(str(tmp_path / "a.tgz"), sha256=summary.sha256, members=summary.members)
    assert read_members(str(tmp_path / "a.tgz"), [b"c"]) == {b"c": b"z" * size}


def test_changed_code_is_read_until_it_holds_still(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = layout(tmp_path / "shop")
    put(shop.root + "/b.php", b"z" * 100)
    Meddler(monkeypatch, shop.root + "/b.php", times=1, act="grow")
    write(shop.code, tmp_path / "a.tgz")
    monkeypatch.undo()
    assert read_members(str(tmp_path / "a.tgz"), [b"b.php"]) == {b"b.php": b"z" * 100 + b"more"}


def test_vanished_is_named(shop: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    doomed = shop.root + "/zz"
    put(doomed)
    plain = os.open

    def opening(path: bytes, *args: int, **rest: int) -> int:
        if path == b"zz":
            os.unlink(doomed)
        return plain(path, *args, **rest)

    monkeypatch.setattr(writer_module.os, "open", opening)
    summary = write(shop.code, tmp_path / "a.tgz")
    monkeypatch.undo()
    assert [(w.code, w.names) for w in summary.warnings] == [("vanished", ("zz",))]
    verify_archive(str(tmp_path / "a.tgz"), sha256=summary.sha256)


@pytest.mark.parametrize("level", [1, 6])
@pytest.mark.parametrize("room", [0, 1, 1 << 20])
@pytest.mark.parametrize("cores", [2, 8])
def test_full_disk_is_said_and_stops_the_threads(
    shop: Layout,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    level: int,
    room: int,
    cores: int,
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    put(shop.root + "/big", random.Random(1).randbytes(4 << 20))
    fd = os.open(tmp_path / "a.tgz", os.O_WRONLY | os.O_CREAT)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = threading.active_count()
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
    try:
        with pytest.raises(DiskFull, match="writing the archive"):
            write_archive(shop.code, fd, level=level)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        os.close(fd)
    assert threading.active_count() == before


def test_cancelling_passes_through(shop: Layout, tmp_path: Path) -> None:
    def report(done_bytes: int, done_items: int, current: str) -> None:
        raise Cancelled("stop")

    fd = os.open(tmp_path / "a.tgz", os.O_RDWR | os.O_CREAT)
    try:
        with pytest.raises(Cancelled):
            write_archive(shop.code, fd, report=report)
    finally:
        os.close(fd)


def test_sparse_and_huge_sizes(tmp_path: Path) -> None:
    """A file over 8 GiB needs a size that octal cannot hold; only its header is looked at."""
    shop = layout(tmp_path / "shop")
    with open(shop.root + "/sparse", "wb") as file:
        file.truncate(9 << 30)
    size = os.stat(shop.root + "/sparse").st_size
    fields = Fields(b"sparse", 0o644, 3_000_000, 0, size, -5, REGULAR, b"", b"u", b"g")
    header = HeaderWriter().build(fields)
    assert HeaderReader().parse(header) == fields
    info = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    assert (info.size, info.uid, info.mtime) == (size, 3_000_000, -5)


@pytest.mark.long
def test_very_deep_trees(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    depth, name = 5000, b"n" * 30
    here = os.open(shop.root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("f", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A hundred more than this process has, which holds the server of other tests too.
    limit = max(map(int, os.listdir("/proc/self/fd"))) + 110
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    try:
        summary = write(shop.code, tmp_path / "a.tgz")
        verified = verify_archive(str(tmp_path / "a.tgz"), sha256=summary.sha256)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        subprocess.run(["rm", "-rf", shop.root], check=True)
    assert summary.members == verified.members == depth + 2  # pub, and the file


def test_many_entries_in_one_directory(tmp_path: Path) -> None:
    shop = layout(tmp_path / "shop")
    os.mkdir(shop.root + "/many")
    for number in range(20_000):
        os.symlink("x", f"{shop.root}/many/{number:x}")
    summary = write(shop.code, tmp_path / "a.tgz")
    assert verify_archive(str(tmp_path / "a.tgz")).members == summary.members == 20_002
    shutil.rmtree(shop.root)


def test_loops_cannot_happen(shop: Layout, tmp_path: Path) -> None:
    os.symlink(".", shop.root + "/loop")
    os.symlink(shop.root, shop.root + "/app/up")
    summary = write(shop.code, tmp_path / "a.tgz")
    assert summary.members == measure(shop.code).members


def test_a_directory_that_became_a_link_is_not_followed(shop: Layout, tmp_path: Path) -> None:
    """The walk opens every directory without following, relative to the one above."""
    os.symlink("/etc", shop.root + "/etc-link")
    with (
        OpenDirectories(os.fsencode(shop.root)) as open_directories,
        pytest.raises(OSError) as refused,
    ):
        open_directories.push(b"etc-link")
    assert refused.value.errno in {errno.ENOTDIR, errno.ELOOP}
