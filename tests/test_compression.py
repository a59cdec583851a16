"""Backups in containers that the documented names do not promise: read, or named."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import random
import subprocess
import tarfile
import zipfile

import pytest

from core.archive.restore.stage import stage_files
from core.archive.restore.swap import swap_files
from core.archive.tar.gzip import GzipBlocks
from core.backups.catalog import Health, find_any_backup
from core.backups.verification import verify_backup
from core.compression import Compression, compression_of
from core.database.sql.split import DumpFile
from core.errors import DamagedBackup
from core.inflating import ZstdInflater, zstd
from tests.archive.trees import damage, layout, plan, tree_hash, write

SQL = b"CREATE TABLE t (id int);\n" * 50_000


def zipped(content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("d.sql", content)
    return file.getvalue()


def tarred(content):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        entry = tarfile.TarInfo("d.sql")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return file.getvalue()


NAMED = {
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": zipped,
    "tar": tarred,
    "7z": lambda _: b"7z\xbc\xaf\x27\x1c" + bytes(600),
    "rar": lambda _: b"Rar!\x1a\x07\x01\x00" + bytes(600),
    "lz4": lambda _: b"\x04\x22\x4d\x18" + bytes(600),
}


@pytest.mark.parametrize("kind", NAMED)
def test_a_dump_that_cannot_be_unpacked_is_named(kind, tmp_path):
    path = tmp_path / "1700000000_db.sql"
    path.write_bytes(NAMED[kind](SQL))
    with pytest.raises(DamagedBackup, match=f"is {kind}, which is not unpacked") as refused:
        DumpFile(str(path))
    assert "Unpack it first" in refused.value.hint


def test_dumps_of_zstd_are_read_in_any_number_of_frames(tmp_path):
    path = tmp_path / "1700000000_db.sql"
    frames = [SQL[:7], SQL[7:500_000], b"", SQL[500_000:]]
    empty = b"\x5a\x2a\x4d\x18" + (12).to_bytes(4, "little") + bytes(12)  # a skippable frame
    path.write_bytes(empty + b"".join(zstd.compress(frame) for frame in frames))
    file = DumpFile(str(path), digest=True)
    content = b"".join(iter(lambda: file.read(65_536), b""))
    file.close()
    assert content == SQL


@pytest.mark.parametrize("change", ["cut", "bit", "behind"])
def test_a_broken_zstd_dump_is_damaged(change, tmp_path):
    path = tmp_path / "1700000000_db.sql"
    option = {zstd.CompressionParameter.checksum_flag: 1}
    whole = zstd.compress(random.Random(1).randbytes(200_000), options=option)
    broken = {
        "cut": whole[:-1],
        "bit": whole[:5000] + bytes([whole[5000] ^ 1]) + whole[5001:],
        "behind": whole + b"and more",
    }
    path.write_bytes(broken[change])
    file = DumpFile(str(path))
    with pytest.raises(DamagedBackup):
        list(iter(lambda: file.read(1 << 20), b""))
    file.close()


@pytest.mark.parametrize("kind", ["zstd", "tar"])
def test_an_archive_of_zstd_and_one_that_is_not_compressed_come_back(kind, tmp_path):
    shop = layout(tmp_path / "shop")
    write(shop.code, tmp_path / "ours.tgz")
    before = tree_hash(shop.root)
    plain = subprocess.run(["gzip", "-dc", tmp_path / "ours.tgz"], capture_output=True, check=True)
    half = len(plain.stdout) // 2
    frames = zstd.compress(plain.stdout[:half]) + zstd.compress(plain.stdout[half:])
    archive = tmp_path / "a.tgz"
    archive.write_bytes(frames if kind == "zstd" else plain.stdout)
    assert plan(archive, shop).differs == 0
    damage(shop.root, random.Random(5))
    swap_files(stage_files(plan(archive, shop), job_id="j"))
    assert {p: look for p, look in tree_hash(shop.root).items() if p in before} == before


@pytest.mark.parametrize("kind", sorted(set(NAMED) - {"tar"}))
def test_an_archive_that_cannot_be_unpacked_is_named(kind, tmp_path):
    shop = layout(tmp_path / "shop")
    archive = tmp_path / "a.tgz"
    archive.write_bytes(NAMED[kind](b"content"))
    with pytest.raises(DamagedBackup, match=f"is {kind}, which is not unpacked"):
        plan(archive, shop)


@pytest.mark.parametrize("outer", [gzip.compress, zstd.compress])
def test_what_is_packed_otherwise_is_refused_and_not_damaged(outer, tmp_path):
    directory = tmp_path / "var/backups"
    directory.mkdir(parents=True)
    tar = tarred(b"content")
    for name, inside, found in (
        ("1700000000_filesystem.tgz", gzip.compress(tar), "compressed twice: unpacked, it is gzip"),
        ("1700000001_filesystem.tgz", bz2.compress(tar), "compressed twice: unpacked, it is bzip2"),
        ("1700000002_db.sql.gz", gzip.compress(SQL), "compressed twice: unpacked, it is gzip"),
        ("1700000003_db.sql.gz", tar, "tar, which is not unpacked here"),
        ("1700000004_db.sql.gz", "SELECT 1".encode("utf-16"), "written in UTF-16"),
    ):
        (directory / name).write_bytes(outer(inside))
        found_now = verify_backup(find_any_backup(str(directory), name))
        assert (found_now.sound, found_now.refused) == (False, True)
        assert found_now.problem.startswith(found), found_now.problem
        assert find_any_backup(str(directory), name).health is Health.REFUSED
    (directory / "1700000005_filesystem.tgz").write_bytes(outer(tar))
    assert verify_backup(find_any_backup(str(directory), "1700000005_filesystem.tgz")).sound


def test_a_cut_zstd_archive_is_damaged(tmp_path):
    path = tmp_path / "a.tgz"
    path.write_bytes(zstd.compress(tarred(SQL))[:-3])
    with (
        open(path, "rb") as file,
        contextlib.closing(GzipBlocks(file.fileno(), "a.tgz")) as blocks,
        pytest.raises(DamagedBackup, match="cut short"),
    ):
        list(blocks)


def test_the_inflater_gives_no_more_than_asked_for():
    inflater, raw, found = ZstdInflater(), zstd.compress(bytes(10 << 20)), b""
    while not inflater.between_frames:
        block = inflater.decompress(raw, 1 << 20)
        assert len(block) <= 1 << 20
        raw, found = b"", found + block
    assert found == bytes(10 << 20)


def test_beginnings_are_told_from_sql():
    assert compression_of(b"") is Compression.NONE
    assert compression_of(b"-- MySQL dump") is Compression.NONE
