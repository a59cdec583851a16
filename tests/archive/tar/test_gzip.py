"""A stream's changes of the interpreter are undone at the end of the last stream."""

from __future__ import annotations

import gc
import gzip
import hashlib
import os
import random
import sys
import zlib
from pathlib import Path

import pytest

from core.archive.tar.gzip import GzipBlocks, GzipWriter, Segment, compressor, cut
from core.archive.tar.gzip_position import InflatedArchive
from core.archive.tar.verify import verify_archive
from core.errors import DamagedBackup


def settings() -> tuple[float, tuple[int, int, int]]:
    return sys.getswitchinterval(), gc.get_threshold()


def test_the_interpreter_is_as_before_after_the_last_stream(tmp_path: Path) -> None:
    before = settings()
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"content"))
    reading = os.open(tmp_path / "a.gz", os.O_RDONLY)
    writing = os.open(tmp_path / "b.gz", os.O_WRONLY | os.O_CREAT)
    blocks, writer = GzipBlocks(reading, "a.gz"), GzipWriter(writing, None)
    assert settings() != before
    writer.write(b"content")
    writer.close()
    writer.close()  # may be said twice, and counts once
    assert settings() != before
    assert b"".join(blocks) == b"content"
    blocks.close()
    blocks.close()
    assert settings() == before
    os.close(reading)
    os.close(writing)


def test_also_after_a_failure(tmp_path: Path) -> None:
    before = settings()
    (tmp_path / "a.tgz").write_bytes(gzip.compress(b"no tar at all" * 100))
    with pytest.raises(DamagedBackup):
        verify_archive(str(tmp_path / "a.tgz"))
    assert settings() == before


@pytest.mark.parametrize("level", [0, 1, 3, 4, 9])
def test_what_is_written_and_what_is_put_between_is_one_gzip(tmp_path: Path, level: int) -> None:
    rng = random.Random(1)
    pieces = [rng.randbytes(rng.randrange(70_000)) + bytes(rng.randrange(9)) for _ in range(40)]
    fd = os.open(tmp_path / "a.gz", os.O_RDWR | os.O_CREAT)
    writer = GzipWriter(fd, level)
    for number, piece in enumerate(pieces):
        if number % 3:
            writer.write(piece)
        else:
            compressing = compressor(level)
            deflated = compressing.compress(piece) + cut(compressing)
            writer.add(Segment(deflated, zlib.crc32(piece), len(piece), 1, len(piece)))
    writer.close()
    os.close(fd)
    written = (tmp_path / "a.gz").read_bytes()
    assert gzip.decompress(written) == b"".join(pieces)
    assert (writer.size, writer.sha256) == (len(written), hashlib.sha256(written).hexdigest())


@pytest.mark.parametrize("level", [1, 6])
def test_nothing_is_a_gzip_too(tmp_path: Path, level: int) -> None:
    fd = os.open(tmp_path / "a.gz", os.O_RDWR | os.O_CREAT)
    GzipWriter(fd, level).close()
    os.close(fd)
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()) == b""


def test_what_is_inflated_is_gone_to_by_its_place_forwards_only(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(5 << 20)
    (tmp_path / "a.gz").write_bytes(gzip.compress(content, 1))
    with InflatedArchive(str(tmp_path / "a.gz")) as inflated:
        for place, size in ((0, 10), (10, 0), (2_000_000, 3_000_000), (5_100_000, 142_880)):
            inflated.go_to(place)
            assert inflated.take(size) == content[place : place + size]
        with pytest.raises(ValueError, match="behind"):
            inflated.go_to(5_000_000)
        with pytest.raises(DamagedBackup, match="cut short"):
            inflated.go_to(len(content) + 1)
