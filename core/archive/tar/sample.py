"""A sample of the files of an archive, written to a directory and read back.

Which files is decided by a seed; their number and bytes are bounded. They get numbers for names, so
that nothing in an archive decides where anything is written.
"""

from __future__ import annotations

import hashlib
import os
import random
from typing import Final

from msgspec import Struct

from core.archive.tar.header import REGULAR
from core.archive.tar.member import Member
from core.archive.tar.reader import ArchiveReader
from core.durable import create_exclusive, translate, write_all
from core.errors import DamagedBackup
from core.events import Report, no_report

WANTED: Final = 256
"""Files of a sample, about."""
LARGEST: Final = 16 << 20
"""The most bytes of one of its files."""
TOTAL: Final = 64 << 20
"""The most bytes of all of them."""
_PIECE: Final = 1 << 20


class Sampled(Struct, frozen=True, kw_only=True):
    """How many files were written and read back, and their bytes."""

    files: int
    bytes: int


def try_sample(
    path: str,
    directory: int,
    *,
    seed: int,
    members: int,
    trusted: bool,
    report: Report = no_report,
) -> Sampled:
    """Extract a sample of an archive into an open, empty directory, read it back and compare.

    `members` are how many there are, about. The files stay there. Raises DamagedBackup, and
    StorageError for a directory that takes no more.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret
    share = min(1.0, WANTED / max(1, members))
    files = total = 0
    with ArchiveReader(path, trusted=trusted, report=report) as reader:
        for member in reader:
            if member.type != REGULAR:
                continue
            chosen = chance.random() < share or not files
            if not chosen or member.size > min(LARGEST, TOTAL - total):
                continue
            _try_file(reader, member, directory, str(files))
            files += 1
            total += member.size
    return Sampled(files=files, bytes=total)


def _try_file(reader: ArchiveReader, member: Member, directory: int, name: str) -> None:
    digest = hashlib.sha256()
    try:
        fd = create_exclusive(name, dir_fd=directory)
        try:
            for piece in reader.pieces():
                digest.update(piece)
                write_all(fd, piece)
            os.fsync(fd)
            found = _digest_of(fd, member.size)
        finally:
            os.close(fd)
    except OSError as error:
        raise translate(error, "extracting a sample") from error
    if found != digest.hexdigest():
        shown = os.fsdecode(member.name)
        raise DamagedBackup(f"{shown} does not read back as it was extracted.")


def _digest_of(fd: int, size: int) -> str:
    """Return the digest of a file of exactly this size, as the disk gives it back."""
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    digest, at = hashlib.sha256(), 0
    while piece := os.pread(fd, _PIECE, at):
        digest.update(piece)
        at += len(piece)
    return digest.hexdigest() if at == size else ""
