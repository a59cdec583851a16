"""Rebuilds the index of an archive by reading all of it: of a foreign one, or where it was lost.

If an archive is in walk order and its stream has positions to start at, each block gets its
stretch. Any other is indexed by sorted names only, and read from its beginning for contents.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

from core.archive.index.blocks import IndexRow, stored
from core.archive.index.writer import NO_STRETCH, ArchiveIndexWriter, IndexedArchive, RowGatherer
from core.archive.tar.gzip import Stretch
from core.archive.tar.member import Member
from core.archive.tar.name_index import Index
from core.archive.tar.reader import ArchiveReader, OutOfOrder
from core.archive.tar.stretch_finder import StretchFinder
from core.archive.tar.verify import check_totals
from core.archive.tree.selection import walk_key
from core.durable import translate
from core.events import Report, no_report

_NANOSECONDS = 1_000_000_000


class _Gathering:
    """Puts members into blocks, each in one of the stretches that were found so far."""

    def __init__(self, writer: ArchiveIndexWriter, stretches: Sequence[Stretch]) -> None:
        self._writer = writer
        self._gatherer = RowGatherer(writer)
        self._members = 0
        self._stretches = stretches
        self._number = -1  # of the stretch that the gathered rows are in
        self._ended = 0  # where the last member ends
        self._is_full = False

    def add(self, member: Member) -> None:
        """Take in a member."""
        ended = self._ended
        if self._is_next(ended) or self._is_full:
            self.end()
            while self._is_next(ended):
                self._number += 1
        place = ended if member.content_at < 0 else member.content_at
        owner = (member.uid, member.gid, _name(member.uname), _name(member.gname))
        row = IndexRow(
            member.name, member.type, member.mode, owner, member.size,
            member.mtime * _NANOSECONDS, member.link, place - ended,
        )  # fmt: skip
        self._is_full = self._gatherer.add(row, ended)
        self._members += 1
        self._ended = place + stored(member.type, member.size)

    def _is_next(self, place: int) -> bool:
        following = self._number + 1
        return following < len(self._stretches) and self._stretches[following].begin <= place

    def end(self) -> None:
        """Write the gathered members as a block."""
        self._gatherer.end(self._stretches[self._number] if self._number >= 0 else NO_STRETCH)
        self._is_full = False

    def finish(self, reader: ArchiveReader, identity: str, *, direct: bool) -> str:
        """Write the end of the index; return its digest."""
        subject = IndexedArchive(
            sha256=reader.sha256,
            size_bytes=reader.compressed_bytes,
            members=self._members,
            content_bytes=reader.content_bytes,
            ordered=direct,
            identity=identity,
        )
        return self._writer.finish(subject)


def _name(name: bytes) -> bytes:
    return name.replace(b"\0", b"")


def make_index(
    path: str,
    fd: int,
    *,
    sha256: str | None = None,
    members: int | None = None,
    identity: str = "",
    report: Report = no_report,
) -> str:
    """Read an archive and write its index to `fd`, from its beginning; return the index's digest.

    `sha256` and `members` are those of its manifest, where it has one; `identity` is kept in the
    index. `report` gets compressed bytes. Raises DamagedBackup, HostileArchive, StorageError.
    """
    trusted = sha256 is not None
    try:
        finder = StretchFinder()
        with (
            suppress(OutOfOrder),
            ArchiveReader(path, trusted=trusted, report=report, watch=finder) as reader,
        ):
            gathered = _gathered(fd, _in_order(reader), finder.stretches)
            check_totals(reader, sha256=sha256, members=members)
            # The content of a sparse member is not stored as it is read.
            direct = bool(finder.stretches and not finder.stretches[0].begin)
            direct = direct and not reader.sparse.maps
            return gathered.finish(reader, identity, direct=direct)
        with ArchiveReader(path, trusted=trusted, report=report) as reader, Index() as index:
            for member in reader:
                index.add(member, reader)
            check_totals(reader, sha256=sha256, members=members)
            return _gathered(fd, index.members(), ()).finish(reader, identity, direct=False)
    except OSError as error:
        raise translate(error, "writing an index") from error


def _in_order(members: Iterable[Member]) -> Iterator[Member]:
    """Yield members as long as their names rise. Raises OutOfOrder."""
    last = b""
    for member in members:
        key = walk_key(member.name)
        if key <= last:
            raise OutOfOrder
        last = key
        yield member


def _gathered(fd: int, found: Iterable[Member], stretches: Sequence[Stretch]) -> _Gathering:
    os.ftruncate(fd, 0)
    os.lseek(fd, 0, os.SEEK_SET)
    gathering = _Gathering(ArchiveIndexWriter(fd), stretches)
    for member in found:
        gathering.add(member)
    gathering.end()
    return gathering
