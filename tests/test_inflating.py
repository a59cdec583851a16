"""Compressed files of unknown make: read in any number of pieces, and held to limits."""

from __future__ import annotations

import gzip
import io
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import inflating
from core.compression import Compression
from core.database.load.offline_check import check_dump
from core.database.sql import split
from core.errors import DamagedBackup, StatementRefused
from core.inflating import Inflated, zstd

MAKERS = {Compression.GZIP: gzip.compress, Compression.ZSTD: zstd.compress}
SKIPPED = b"\x5a\x2a\x4d\x18" + (12).to_bytes(4, "little") + bytes(12)
TABLE = b"CREATE TABLE t (id int, v longtext);\n"
ROW = b"INSERT INTO `t` VALUES (1,'x');\n"


def inflate(content, found, *, limit=1 << 30, step=70_000):
    stream = Inflated(io.BytesIO(content).read, found, name="d.sql", limit=limit)
    return b"".join(iter(lambda: stream.read(step), b""))


@pytest.mark.parametrize("found", MAKERS)
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=5), st.integers(1, 400), st.data())
def test_any_number_of_members_is_one_text(found, parts, step, data):
    members = [MAKERS[found](part) for part in parts]
    if found is Compression.ZSTD and data.draw(st.booleans()):
        members.insert(data.draw(st.integers(0, len(members))), SKIPPED)
    tail = b"\0" * data.draw(st.integers(0, 9)) if found is Compression.GZIP else b""
    assert inflate(b"".join(members) + tail, found, step=step) == b"".join(parts)


@pytest.mark.parametrize("found", MAKERS)
@pytest.mark.parametrize("change", ["cut", "bit", "behind", "half a member behind"])
def test_what_is_broken_is_damaged(found, change):
    content = random.Random(1).randbytes(300_000)
    if found is Compression.GZIP:
        whole = gzip.compress(content)
    else:
        whole = zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1})
    broken = {
        "cut": whole[:-1],
        "bit": whole[:150_000] + bytes([whole[150_000] ^ 1]) + whole[150_001:],
        "behind": whole + b"and more",
        "half a member behind": whole + whole[:1000],
    }
    with pytest.raises(DamagedBackup, match=r"^d\.sql is cut or corrupt: "):
        inflate(broken[change], found)


@pytest.mark.parametrize("found", MAKERS)
def test_a_file_can_be_begun_where_its_frames_do(found):
    parts = [random.Random(n).randbytes(700_000) for n in range(6)]
    content, text = b"".join(map(MAKERS[found], parts)), b"".join(parts)
    stream = Inflated(io.BytesIO(content).read, found, name="d.sql", limit=1 << 30)
    assert b"".join(iter(lambda: stream.read(99_999), b"")) == text
    assert [at for at, _ in stream.frames] == [0, 1_400_000, 2_800_000]
    for at, file in stream.frames:
        assert inflate(content[file:], found) == text[at:]


@pytest.mark.parametrize("found", MAKERS)
def test_a_bomb_ends_at_the_limit(found):
    bomb = MAKERS[found](bytes(3 << 20))
    assert len(inflate(bomb, found, limit=3 << 20)) == 3 << 20
    with pytest.raises(DamagedBackup, match=r"inflates to more than 3,145,727 bytes"):
        inflate(bomb, found, limit=(3 << 20) - 1)


@pytest.mark.parametrize("found", MAKERS)
def test_pieces_with_nothing_in_them_end(found, monkeypatch):
    monkeypatch.setattr(inflating, "_FREE_MEMBERS", 100)
    assert inflate(MAKERS[found](b"") * 100, found) == b""
    with pytest.raises(DamagedBackup, match="pieces with next to nothing in them"):
        inflate(MAKERS[found](b"") * 101 + MAKERS[found](b"x" * 300), found)


def test_a_long_window_is_named():
    option = {zstd.CompressionParameter.window_log: 28}
    making = zstd.ZstdCompressor(options=option)
    long = making.compress(ROW * 10) + making.flush()
    with pytest.raises(DamagedBackup, match="more than 128 MiB of memory") as refused:
        inflate(long, Compression.ZSTD)
    assert "--long=31" in refused.value.hint


def statement_bomb():
    return TABLE + b"INSERT INTO `t` VALUES (1,'" + b"x" * (20 << 20) + b"');\n"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (statement_bomb(), "a statement of more than 2 MiB"),
        (b"-- magerewind dump\n" + statement_bomb(), "a statement of more than 2 MiB"),
        (b"/* " + b"x" * (20 << 20), "a statement of more than 2 MiB"),
        (TABLE + ROW + b" " * (20 << 20), "inflates to more than 8,388,608 bytes"),
        (TABLE + ROW.replace(b"x", b"x" * 9000) * 1000, "inflates to more than 8,388,608 bytes"),
        (b"XBSTCK01" + bytes(100), "is a physical backup"),
        (gzip.compress(TABLE), "is compressed twice: unpacked, it is gzip"),
        (TABLE.decode().encode("utf-16"), "is written in UTF-16"),
    ],
    ids=["statement", "line", "comment", "blanks", "rows", "xbstream", "twice", "utf-16"],
)
@pytest.mark.parametrize("found", MAKERS)
def test_a_hostile_dump_ends_in_a_line_and_takes_little(text, why, found, tmp_path, monkeypatch):
    monkeypatch.setattr(inflating, "FLOOR", 8 << 20)
    monkeypatch.setattr(split, "LARGE", 2 << 20)
    monkeypatch.setattr(split, "LARGE_RATIO", 1)
    monkeypatch.setattr(inflating, "RATIO", 1)
    path = tmp_path / "1700000000_db.sql.gz"
    path.write_bytes(MAKERS[found](text))
    tracemalloc.start()
    try:
        with pytest.raises((DamagedBackup, StatementRefused), match=why):
            check_dump(str(path))
        assert tracemalloc.get_traced_memory()[1] < 24 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("found", MAKERS)
def test_a_dump_with_a_manifest_holds_what_that_says(found, tmp_path, monkeypatch):
    monkeypatch.setattr(inflating, "FLOOR", 0)
    monkeypatch.setattr(inflating, "RATIO", 1)
    path, text = tmp_path / "d.sql", TABLE + ROW * 1000
    path.write_bytes(MAKERS[found](text))
    with pytest.raises(DamagedBackup, match="inflates to more"):
        check_dump(str(path))
    assert check_dump(str(path), content_bytes=len(text)).content_bytes == len(text)
    with pytest.raises(DamagedBackup, match="inflates to more"):
        check_dump(str(path), content_bytes=len(text) - 1)
