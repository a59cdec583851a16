"""What a stream changes of the interpreter is as it was once the last stream has ended."""

from __future__ import annotations

import gc
import gzip
import hashlib
import os
import random
import sys
import threading
from pathlib import Path

import pytest

from core.archive.reader import verify_archive
from core.archive.stream import GzipBlocks, GzipWriter
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
@pytest.mark.parametrize("cores", [1, 2, 3, 8])
def test_written_on_any_number_of_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int, level: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: set(range(cores)))
    content = random.Random(1).randbytes(3 << 20) + bytes(3 << 20)
    before = threading.active_count()
    fd = os.open(tmp_path / "a.gz", os.O_RDWR | os.O_CREAT)
    writer = GzipWriter(fd, level)
    for at in range(0, len(content), 1 << 20):
        writer.write(content[at : at + (1 << 20)])
    writer.close()
    os.close(fd)
    written = (tmp_path / "a.gz").read_bytes()
    assert gzip.decompress(written) == content
    assert (writer.size, writer.sha256) == (len(written), hashlib.sha256(written).hexdigest())
    assert threading.active_count() == before
