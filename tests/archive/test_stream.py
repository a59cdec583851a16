"""What a stream changes of the interpreter is as it was once the last stream has ended."""

from __future__ import annotations

import gc
import gzip
import os
import sys
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
