"""JSON of foreign writers is one refusal of its reader, for any content."""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from pathlib import Path

import pytest

from core.archive.index.blocks import Broken
from core.archive.index.reader import IndexReader
from core.archive.index.writer import FORMAT, MAGIC, TRAILER
from core.backups import manifest
from core.database.index.entries import FIRST_LINE, LAST_LINE
from core.database.index.read_index import DumpIndex
from core.errors import RepositoryError
from core.repository import sets

DEEP = b"[" * 100_000
NONE = [b"null", b"3", b'"a"', b"[]", DEEP]
ENDLESS = b"Infinity"


def _opened(path: Path, content: bytes) -> int:
    path.write_bytes(content)
    return os.open(path, os.O_RDONLY)


@pytest.mark.parametrize("root", [*NONE, b'{"pages": [["", 1, Infinity, 1, ""]]}'])
def test_the_index_of_an_archive(tmp_path: Path, root: bytes) -> None:
    packed = zlib.compress(root)
    digest = hashlib.sha256(packed).digest()
    trailer = TRAILER.pack(MAGIC, FORMAT, 0, len(packed), digest)
    with pytest.raises(Broken):
        IndexReader(_opened(tmp_path / "index", packed + trailer))


@pytest.mark.parametrize("directory", [*NONE, b'{"session": {}, "tables": []}'])
def test_the_index_of_a_dump(tmp_path: Path, directory: bytes) -> None:
    last = LAST_LINE.format(offset=len(FIRST_LINE), length=len(directory)).encode()
    fd = _opened(tmp_path / "index", FIRST_LINE + directory + last)
    try:
        with pytest.raises(ValueError, match=r"directory is damaged|Expecting"):
            DumpIndex(fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize("field", ["version", "frames"])
def test_an_endless_number_in_the_index_of_a_dump(tmp_path: Path, field: str) -> None:
    session = {"flavour": "", "version": [1], "time_zone": "", "sql_mode": "", "charset": ""}
    row = {"session": session, "tables": [], "objects": []}
    endless = float(ENDLESS)
    if field == "version":
        session["version"] = [endless]
    else:
        row["frames"] = [endless, 1]
    directory = json.dumps(row).encode()
    last = LAST_LINE.format(offset=len(FIRST_LINE), length=len(directory)).encode()
    fd = _opened(tmp_path / "index", FIRST_LINE + directory + last)
    try:
        with pytest.raises(ValueError, match="directory is damaged"):
            DumpIndex(fd)
    finally:
        os.close(fd)


@pytest.mark.parametrize("content", [*NONE, b'{"rows": {"a": Infinity}}'])
def test_a_manifest(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        manifest.from_json(content)


@pytest.mark.parametrize("content", [*NONE, b'{"format": 1, "store": "s", "timestamp": Infinity}'])
def test_the_manifest_of_a_set(content: bytes) -> None:
    with pytest.raises(RepositoryError):
        sets.from_json(content)
