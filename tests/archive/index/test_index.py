"""The index of an archive: written while packing, made again, and used for searches."""

from __future__ import annotations

import os
import random
import subprocess
import zlib
from pathlib import Path

import pytest

from core.archive.create.pack_worker import SMALL
from core.archive.create.write_archive import ArchiveSummary, write_archive
from core.archive.index.blocks import Broken, IndexRow, decode, encode
from core.archive.index.reader import IndexReader, Located
from core.archive.index.rebuild_index import make_index
from core.archive.index.stretches import StretchContents
from core.archive.index.writer import TRAILER
from core.archive.tar.header import DIRECTORY, HARD_LINK, REGULAR, SYMLINK
from core.archive.workers import child
from core.errors import DamagedBackup
from tests.archive.trees import Layout, covered, put


def packed(shop: Layout, path: Path, *, level: int | None = None) -> ArchiveSummary:
    """Write an archive and its index beside it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    index = os.open(f"{path}.index", os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        return write_archive(shop.code, fd, level=level, index_fd=index)
    finally:
        os.close(fd)
        os.close(index)


def reader(path: Path | str) -> IndexReader:
    return IndexReader(os.open(path, os.O_RDONLY))


def again(archive: Path, summary: ArchiveSummary | None = None) -> IndexReader:
    """Make the index of an archive by reading it."""
    path = f"{archive}.again"
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
    sha256 = None if summary is None else summary.sha256
    digest = make_index(str(archive), fd, sha256=sha256)
    os.close(fd)
    made = reader(path)
    assert made.digest == digest
    return made


def facts(located: Located) -> tuple[object, ...]:
    """Return the facts common to both ways to an index: a tar keeps whole seconds."""
    row = located.row
    return row._replace(mtime_ns=row.mtime_ns // 10**9, lead=0), located.place


@pytest.fixture
def full(shop: Layout) -> Layout:
    """The store, with entries that the walking process writes itself among the rest."""
    rng = random.Random(3)
    base = shop.root.encode() + b"/lib"
    os.mkdir(base)
    put(base + b"/a-large", rng.randbytes(SMALL + 70_001))
    put(base + b"/b-large", bytes(SMALL * 3))
    for number in range(40):
        put(base + b"/some%02d" % number, rng.randbytes(60_000))
    os.link(base + b"/some07", base + b"/some07-again")
    put(base + b"/marks", b"\0\0\xff\xff" * 30_000)
    return shop


@pytest.mark.parametrize("level", [1, 6])
def test_all_members_are_in_it_with_their_facts(full: Layout, tmp_path: Path, level: int) -> None:
    archive = tmp_path / "a.tgz"
    summary = packed(full, archive, level=level)
    with reader(f"{archive}.index") as index, again(archive, summary) as second:
        members = list(index.members())
        assert index.digest == summary.index_sha256
        assert index.subject == second.subject
        assert index.subject.sha256 == summary.sha256
        assert [facts(one) for one in members] == [facts(one) for one in second.members()]
    live = covered(full.root)
    assert {one.row.path for one in members} == set(live)
    for row, _, _ in members:
        status = os.lstat(os.path.join(os.fsencode(full.root), row.path))
        assert row.mtime_ns == status.st_mtime_ns
        assert row.owner[:2] == (status.st_uid, status.st_gid)
        kind = {REGULAR: "file", HARD_LINK: "file", SYMLINK: "link", DIRECTORY: "directory"}
        assert live[row.path][0] == kind[row.type]


@pytest.mark.parametrize("made", ["packed", "again"])
def test_each_content_is_found_without_the_rest(full: Layout, tmp_path: Path, made: str) -> None:
    archive = tmp_path / "a.tgz"
    packed(full, archive)
    opened = reader(f"{archive}.index") if made == "packed" else again(archive)
    with opened as index, StretchContents(str(archive)) as contents:
        assert index.subject.ordered
        members = [one for one in index.members() if one.row.type == REGULAR]
        random.Random(1).shuffle(members)
        for one in members:
            live = Path(os.fsdecode(os.path.join(os.fsencode(full.root), one.row.path)))
            assert b"".join(contents.pieces(one)) == live.read_bytes()
        # No part of a large file has to be read for members behind it.
        behind = index.find(b"lib/some00")
        assert behind is not None
        assert behind.place - behind.stretch.begin < SMALL


def test_it_is_the_same_whoever_packs(
    full: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = packed(full, tmp_path / "alone.tgz")
    monkeypatch.setattr(child, "WORTHWHILE", 0)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1, 2})
    shared = packed(full, tmp_path / "shared.tgz")
    assert (alone.sha256, alone.index_sha256) == (shared.sha256, shared.index_sha256)


def test_a_subtree_and_one_path_are_found_among_many(shop: Layout, tmp_path: Path) -> None:
    base = shop.root.encode() + b"/lib"
    for name in (b"m", b"m-1", b"m.x", b"m0", b"m\x01", b"n"):
        os.makedirs(base + b"/" + name)
        for number in range(250):
            put(base + b"/" + name + b"/%03d" % number, b"")
    archive = tmp_path / "a.tgz"
    packed(shop, archive)
    with reader(f"{archive}.index") as index:
        paths = [one.row.path for one in index.members()]
        for path in (b"lib/m", b"lib/m-1", b"lib/n", b"lib/m/200", b"lib", b"vendor", b"nothing"):
            below = [one for one in paths if one == path or one.startswith(path + b"/")]
            assert [one.row.path for one in index.members(path)] == below
            found = index.find(path)
            assert (found is not None and found.row.path == path) == (path in paths)
            listed = [
                one
                for entry in index.entries(path)
                for block in [index.block(entry)]
                for one in block.part(*block.range_of(path)).paths
            ]
            assert listed == below


def test_archives_of_others_are_indexed_by_name(full: Layout, tmp_path: Path) -> None:
    archive = tmp_path / "foreign.tgz"
    subprocess.run(
        ["tar", "czf", archive, "--exclude=./var", "--exclude=./pub/media", "--sort=none",
         "-C", full.root, "."],
        check=True,
    )  # fmt: skip
    with again(archive) as index:
        assert not index.subject.ordered
        paths = [one.row.path for one in index.members()]
        assert paths == sorted(paths, key=lambda path: path.replace(b"/", b"\0"))
        assert set(covered(full.root)) <= set(paths)
        assert {one.stretch.at for one in index.members()} == {-1}


def test_flushes_that_are_no_fresh_beginning_are_no_stretches(tmp_path: Path) -> None:
    for number in range(60):
        put(tmp_path / f"f{number:02d}", random.Random(1).randbytes(9_000))
    names = sorted(os.listdir(tmp_path))
    tar = subprocess.run(["tar", "cf", "-", *names], cwd=tmp_path, check=True, capture_output=True)
    compressing = zlib.compressobj(wbits=31)
    archive = tmp_path / "flushed.tgz"
    with archive.open("wb") as out:
        for at in range(0, len(tar.stdout), 40_000):
            out.write(compressing.compress(tar.stdout[at : at + 40_000]))
            out.write(compressing.flush(zlib.Z_SYNC_FLUSH))  # as pigz does, and not a fresh start
        out.write(compressing.flush())
    assert archive.read_bytes().count(b"\0\0\xff\xff") > 10
    with again(archive) as index, StretchContents(str(archive)) as contents:
        assert {one.stretch.at for one in index.members()} == {10}
        for one in index.members():
            live = (tmp_path / os.fsdecode(one.row.path)).read_bytes()
            assert b"".join(contents.pieces(one)) == live


def test_a_damaged_content_is_not_given(full: Layout, tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    packed(full, archive)
    with reader(f"{archive}.index") as index:
        found = index.find(b"lib/some20")
    assert found is not None
    content = bytearray(archive.read_bytes())
    content[found.stretch.at + 40_000] ^= 0x10
    archive.write_bytes(content)
    with StretchContents(str(archive)) as contents, pytest.raises(DamagedBackup, match="damaged"):
        list(contents.pieces(found))


def test_no_damage_of_an_index_goes_unseen(full: Layout, tmp_path: Path) -> None:
    archive = tmp_path / "a.tgz"
    packed(full, archive)
    path = tmp_path / "a.tgz.index"
    sound = path.read_bytes()
    with reader(path) as index:
        members = list(index.members())
    rng = random.Random(1)
    trailer = range(len(sound) - TRAILER.size, len(sound))
    for number in range(100 + len(trailer)):
        damaged = bytearray(sound)
        if number >= 100:
            damaged[trailer[number - 100]] ^= 0x80  # places and lengths beyond everything
        elif rng.random() < 0.2:
            del damaged[rng.randrange(len(damaged)) :]
        else:
            damaged[rng.randrange(len(damaged))] ^= rng.randrange(1, 256)
        path.write_bytes(damaged)
        with pytest.raises(Broken), reader(path) as index:
            assert list(index.members()) == members


def test_blocks_hold_any_fact() -> None:
    rng = random.Random(5)
    rows = [
        IndexRow(
            bytes([rng.randrange(1, 256) for _ in range(rng.randrange(1, 60))]),
            rng.choice([REGULAR, DIRECTORY, SYMLINK, HARD_LINK]),
            rng.choice([-1, 0, 0o7777, 0o644]),
            (rng.choice([-1, 0, 0xFFFFFFFE]), rng.randrange(9), rng.choice([b"", b"u\xff"]), b"g"),
            rng.choice([0, 1, 1 << 50]),
            rng.choice([-(1 << 40), -1, 0, 1 << 40]) * 10**9 + rng.randrange(10**9),
            rng.choice([b"", b"to"]),
            rng.choice([0, 512, -4096, 1 << 45]),
        )
        for _ in range(300)
    ]
    assert decode(encode(rows)).rows() == rows
    assert decode(encode(rows[:1])).rows() == rows[:1]


def test_added_and_removed_names_move_no_later_segment(
    shop: Layout, tmp_path: Path, always: None
) -> None:
    rng = random.Random(6)
    base = shop.root.encode() + b"/vendor"
    for module in range(30):
        os.mkdir(base + b"/m%02d" % module)
        for number in range(60):
            put(base + b"/m%02d/%d.php" % (module, number), rng.randbytes(900))
    before = packed(shop, tmp_path / "before.tgz")
    for number in range(7):
        put(base + b"/m01/added%d" % number)
        put(shop.root.encode() + b"/app/added%d" % number)
        os.unlink(base + b"/m20/%d.php" % (number * 3))
    after = packed(shop, tmp_path / "after.tgz")
    assert before.sha256 != after.sha256
    sums = []
    for name in ("before", "after"):
        with reader(tmp_path / f"{name}.tgz.index") as index:
            sums.append({(one.stretch.crc, one.stretch.size) for one in index.members()})
    shared = sum(size for _, size in sums[0] & sums[1])
    assert shared > 0.4 * sum(size for _, size in sums[1])
