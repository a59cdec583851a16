"""A compressed dump: the plain one, byte for byte, in independent frames."""

from __future__ import annotations

import gzip
import os
import re
import subprocess

import pytest

from core.compression import Compression
from core.database.dump import frames
from core.database.dump.writer import DumpWriter
from core.database.load.offline_check import check_dump
from core.inflating import zstd
from tests.database.dumping import as_root, dump_to, load_plain
from tests.database.schema_oracle import differences, portrait
from tests.long import some

UNPACK = {Compression.GZIP: ["gzip", "-dc"], Compression.ZSTD: ["zstd", "-dc", "-q"]}
INFLATE = {Compression.GZIP: gzip.decompress, Compression.ZSTD: zstd.decompress}
NO_PIECES = type("P", (), {"before": (), "after": ()})()
ROWS = """
CREATE TABLE a (id INT PRIMARY KEY, v TEXT);
INSERT INTO a SELECT seq, CONCAT('text ', seq, REPEAT('é', seq % 50)) FROM seq_1_to_60000;
CREATE TABLE b (id INT PRIMARY KEY, v INT); INSERT INTO b SELECT seq, seq DIV 3 FROM seq_1_to_90000;
ANALYZE TABLE a, b;
CREATE TABLE c (id INT PRIMARY KEY) ENGINE=MyISAM; INSERT INTO c SELECT seq FROM seq_1_to_9;
CREATE TABLE d (id INT PRIMARY KEY) ENGINE=MyISAM; INSERT INTO d VALUES (1);
CREATE TABLE e (id INT PRIMARY KEY);
CREATE VIEW v AS SELECT id FROM a;
"""


def pieces_of(content, starts):
    return [content[a:b] for a, b in zip(starts, [*starts[1:], None], strict=True)]


@pytest.mark.parametrize("compress", some(UNPACK, "zstd"))
@pytest.mark.parametrize("connections", some([1, 2], 2))
def test_frames_stand_alone_and_hold_rows_of_one_table(
    server, schema, tmp_path, compress, connections, monkeypatch
):
    monkeypatch.setattr(frames, "FRAME_BYTES", 100_000)
    made = []
    whole = frames.Frames.finish
    monkeypatch.setattr(
        frames.Frames, "finish", lambda self: [whole(self), made.append(self.frames)]
    )
    server.run(ROWS, schema=schema.schema)
    path = tmp_path / "d.sql.x"
    summary = dump_to(path, schema, compress=compress, connections=connections)
    text = subprocess.run([*UNPACK[compress], path], capture_output=True, check=True).stdout
    content = path.read_bytes()
    assert (len(text), summary.bytes) == (summary.bytes, len(text))
    ((*starts,),) = made
    plain = pieces_of(text, [one[0] for one in starts])
    packed = pieces_of(content, [one[1] for one in starts])
    assert [INFLATE[compress](one) for one in packed] == plain
    assert all(one.endswith(b"\n") for one in plain)
    held = [set(re.findall(rb"(?m)^INSERT INTO `(\w+)`", one)) for one in plain]
    assert max(map(len, held)) == 1
    assert set().union(*held) == {b"a", b"b", b"c", b"d"}
    assert sum(b"a" in one for one in held) > 3
    check = check_dump(str(path), sha256=summary.sha256, content_bytes=summary.bytes)
    assert (check.complete, check.problems) == (True, ())
    (tmp_path / "plain.sql").write_bytes(text)
    load_plain(server, tmp_path / "plain.sql", "copy_frames")
    there = as_root(schema, schema="copy_frames")
    assert differences(portrait(as_root(schema)), portrait(there)) == {}


@pytest.mark.parametrize("compress", UNPACK)
def test_a_compressed_dump_is_the_plain_one(server, schema, tmp_path, compress):
    server.run(ROWS, schema=schema.schema)
    for name, way in (("plain", Compression.NONE), ("packed", compress)):
        dump_to(tmp_path / name, schema, compress=way, connections=1)
    text = subprocess.run(
        [*UNPACK[compress], tmp_path / "packed"], capture_output=True, check=True
    ).stdout
    assert text == (tmp_path / "plain").read_bytes()


@pytest.mark.parametrize("compress", UNPACK)
def test_another_try_begins_anew(tmp_path, compress):
    with open(tmp_path / "d", "w+b", buffering=0) as file:
        file.write(b"before")
        writer = DumpWriter(file.fileno(), compress)
        writer.write(os.urandom(3 << 20))
        writer.statement(b"INSERT INTO `a` (", b"1", 1, NO_PIECES)
        writer.rewind()
        writer.write(b"-- again\n")
        writer.finish()
        writer.abandon()
    content = (tmp_path / "d").read_bytes()
    assert content[:6] == b"before"
    assert INFLATE[compress](content[6:]) == b"-- again\n"
    assert writer.bytes == 9


@pytest.mark.parametrize("level", [1, 9, 19])
def test_levels_are_used(tmp_path, level):
    with open(tmp_path / "d", "wb", buffering=0) as file:
        writer = DumpWriter(file.fileno(), Compression.ZSTD, level)
        writer.write(b"".join(b"(%d,'%d')," % (i, i * i) for i in range(20_000)))
        writer.finish()
    sizes = {1: range(100_000, 200_000), 9: range(75_000, 100_000), 19: range(75_000)}
    assert os.path.getsize(tmp_path / "d") in sizes[level]
