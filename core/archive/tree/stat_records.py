"""The state of the live tree when it was compared: one short record for each entry, on disk.

It lets a recheck find the changes of an open store without reading any content. The
file is a scratch beside the plan (`<plan>.seen`), worthless after the job and never fsynced.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterator
from enum import Enum
from typing import Final, Self

from core.archive.tree.selection import Status, walk_key
from core.directories import StateFile
from core.durable import translate, write_all

_RECORD: Final = struct.Struct("<I5q")
_LENGTH: Final = 4  # bytes of it that say how long the path is
_FLUSH: Final = 1 << 18
_63_BITS: Final = (1 << 63) - 1  # a time after 2262 is more nanoseconds than a record holds

EntryState = tuple[int, int, int, int, int]


def storable(nanoseconds: int) -> int:
    """Return a time as the plan's database can hold it, which ends in the year 2262."""
    return max(-_63_BITS, min(nanoseconds, _63_BITS))


def storable_inode(inode: int) -> int:
    """Return an inode as the plan's database can hold it, as a signed number of 64 bits.

    File systems of a network (GlusterFS, for one) number by hashes of all 64. May be applied again.
    """
    return inode if inode <= _63_BITS else inode - (1 << 64)


def entry_state(status: os.stat_result | Status) -> EntryState:
    """Return a value that changes when the entry changes.

    Of a directory, its own mode and owner: its entries have records of their own.
    """
    inode = storable_inode(status.st_ino)
    if status.st_mode & 0o170000 == stat.S_IFDIR:
        return inode, status.st_dev, status.st_mode, status.st_uid, status.st_gid
    return (
        inode, status.st_dev, status.st_size, status.st_mtime_ns & _63_BITS,
        status.st_ctime_ns,
    )  # fmt: skip


def record_of(path: bytes, status: os.stat_result | Status) -> bytes:
    """Return the record of a live entry."""
    return _RECORD.pack(len(path), *entry_state(status)) + path


def is_exact(status: os.stat_result | Status) -> bool:
    """Tell whether the times of a file can be had back from its record."""
    return 0 <= status.st_mtime_ns <= _63_BITS and 0 <= status.st_ctime_ns <= _63_BITS


def parse_record(records: bytes, at: int = 0) -> tuple[bytes, EntryState, int]:
    """Return the path and look of the record that begins at `at`, and where it ends."""
    length, *look = _RECORD.unpack_from(records, at)
    begin = at + _RECORD.size
    end = begin + length
    return records[begin:end], (look[0], look[1], look[2], look[3], look[4]), end


def end_of_records(records: bytes, at: int, count: int) -> int:
    """Return where `count` records end, the first of which begins at `at`."""
    for _ in range(count):
        at += _RECORD.size + int.from_bytes(records[at : at + _LENGTH], "little")
    return at


class SeenWriter:
    """Writes the records, in the order of the walk."""

    def __init__(self, file: StateFile) -> None:
        self._path = file.path
        self._buffer = bytearray()
        try:
            file.remove()
            self._fd = file.create()
        except OSError as error:
            raise translate(error, f"making {file}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_error: object) -> None:
        try:
            if kind is None:
                self._flush()
        finally:
            os.close(self._fd)

    def add(self, records: bytes) -> None:
        """Take in the records of one live entry, or of several."""
        self._buffer += records
        if len(self._buffer) >= _FLUSH:
            self._flush()

    def _flush(self) -> None:
        try:
            write_all(self._fd, bytes(self._buffer))
        except OSError as error:
            raise translate(error, f"writing {self._path}") from error
        self._buffer.clear()


class SeenReader:
    """Reads the records, in the order of the walk."""

    def __init__(self, file: StateFile) -> None:
        self._path = file.path
        self._buffer = b""
        self._at = 0
        try:
            self._fd = file.open()
        except OSError as error:
            raise translate(error, f"reading {file}") from error

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)

    def is_next(self, record: bytes) -> bool:
        """Tell whether the next record is this one, and if so go on behind it.

        Nearly all are: this compares bytes, where `next` would take one apart.
        """
        if self._buffer.startswith(record, self._at) or (
            len(self._buffer) - self._at < len(record)
            and self._fill(len(record))
            and self._buffer.startswith(record, self._at)
        ):
            self._at += len(record)
            return True
        return False

    def next(self) -> tuple[bytes, EntryState] | None:
        """Return the next path and look; None at the end. Raises StorageError."""
        if not self._fill(1):
            return None
        if not self._fill(_RECORD.size):
            raise self._broken()
        length, *look = _RECORD.unpack_from(self._buffer, self._at)
        if not self._fill(_RECORD.size + length):
            raise self._broken()
        begin = self._at + _RECORD.size
        self._at = begin + length
        return self._buffer[begin : self._at], (look[0], look[1], look[2], look[3], look[4])

    def _broken(self) -> Exception:
        return translate(OSError("it was cut short"), f"reading {self._path}")

    def _fill(self, size: int) -> bool:
        """Have so many bytes at hand; tell whether there are."""
        while len(self._buffer) - self._at < size:
            try:
                more = os.read(self._fd, max(size, _FLUSH))
            except OSError as error:
                raise translate(error, f"reading {self._path}") from error
            if not more:
                return False
            self._buffer = self._buffer[self._at :] + more
            self._at = 0
        return True


class Change(Enum):
    """The result of a recheck for an entry."""

    NONE = "none"
    # Unchanged, but last written so shortly before the first look that another write may have come
    # within the same tick of the file system's clock; or a file that got another name by us, which
    # changes its ctime as anything else would.
    MAYBE = "maybe"
    CERTAIN = "certain"


Looks = tuple[bytes, list[bytes], bool]
"""Records of entries that follow one another, their paths, and whether one of them, no directory,
changed so late that it is fresh."""


Changes = Iterator[tuple[list[bytes], Change]]
"""Paths that follow one another, and their changes."""


def changes(
    before: SeenReader,
    now: Iterator[Looks],
    *,
    since_ns: int,
    linked: frozenset[tuple[int, int]] = frozenset(),
) -> Changes:
    """Yield the changes of the entries of either side; `since_ns` is when the first look began.

    `linked` are the inodes and devices of entries that we gave another name meanwhile.
    """
    pairing = _Pairing(before, since_ns, linked)
    for records, paths, fresh in now:
        if not fresh and pairing.are_next(records):
            yield paths, Change.NONE
        else:
            yield from pairing.one_by_one(records, paths)
    yield from pairing.gone_before(None)


class _Pairing:
    """Both looks side by side, in the order of the walk."""

    def __init__(
        self, before: SeenReader, since_ns: int, linked: frozenset[tuple[int, int]]
    ) -> None:
        self._before = before
        self._since_ns = since_ns
        self._linked = linked
        self._old: tuple[bytes, EntryState] | None = None  # read ahead of its turn

    def are_next(self, records: bytes) -> bool:
        """Tell whether these very records come next in the first look; then pass over them."""
        return self._old is None and self._before.is_next(records)

    def one_by_one(self, records: bytes, paths: list[bytes]) -> Changes:
        """Yield the change of each of these entries, and of those gone before it."""
        at = 0
        for path in paths:
            _, look, end = parse_record(records, at)
            record, at = records[at:end], end
            if self.are_next(record):
                yield [path], self._unchanged(look)
                continue
            yield from self.gone_before(walk_key(path))
            yield [path], self._compared(path, look)

    def gone_before(self, key: bytes | None) -> Changes:
        """Yield the entries of the first look alone, up to `key`; None: up to the end."""
        self._old = self._old or self._before.next()
        while self._old is not None and (key is None or walk_key(self._old[0]) < key):
            yield [self._old[0]], Change.CERTAIN
            self._old = self._before.next()

    def _compared(self, path: bytes, look: EntryState) -> Change:
        if self._old is None or self._old[0] != path:
            return Change.CERTAIN  # new
        old, self._old = self._old[1], None
        if old == look:
            return self._unchanged(look)
        is_by_us = look[:2] in self._linked and old[:4] == look[:4]
        return Change.MAYBE if is_by_us else Change.CERTAIN

    def _unchanged(self, look: EntryState) -> Change:
        # A directory's look ends with its group, which is no time by far.
        return Change.MAYBE if look[4] >= self._since_ns else Change.NONE
