"""The write-ahead memory of one job: records that are on disk before the act they speak of.

A record is a line `<crc32 in 8 hex digits> <json>`; a torn last line (the crash came while it was
written) is not a record, a broken line before the last is an error. This module knows nothing of
what the records mean; `core.operations` gives and takes their sense.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from typing import Any

from core.durable import fsync, translate, write_all
from core.errors import StorageError
from core.held import StateFile, state_file
from core.owned import LARGE, read_all


@dataclass(frozen=True, slots=True)
class Record:
    """One remembered fact: its number from 0, its kind, and plain JSON values."""

    seq: int
    kind: str
    payload: dict[str, Any]


def _line(record: Record) -> bytes:
    # ensure_ascii keeps surrogate escapes of odd file names as \udcXX, which json reads back.
    text = json.dumps([record.seq, record.kind, record.payload]).encode("ascii")
    return b"%08x %s\n" % (zlib.crc32(text), text)


def _parse(line: bytes) -> Record:
    checksum, _, text = line.partition(b" ")
    if int(checksum, 16) != zlib.crc32(text):
        raise ValueError("checksum")
    seq, kind, payload = json.loads(text)
    if type(seq) is not int or not isinstance(kind, str) or not isinstance(payload, dict):
        raise ValueError("no record")
    return Record(seq, kind, payload)


def _read(content: bytes, path: str) -> tuple[list[Record], int]:
    """Return the whole records and the length in bytes of what they take."""
    records: list[Record] = []
    good = 0
    for line in content.splitlines(keepends=True):
        try:
            if not line.endswith(b"\n"):
                raise ValueError("torn")
            record = _parse(line[:-1])
            if record.seq != len(records):
                raise ValueError("out of sequence")
        except (ValueError, RecursionError) as error:
            if good + len(line) < len(content):
                raise StorageError(
                    f"The journal {path} is damaged in line {len(records) + 1}: {error}"
                ) from None
            break
        records.append(record)
        good += len(line)
    return records, good


def read_journal(place: str | StateFile) -> tuple[Record, ...]:
    """Return the records of a journal, oldest first; a missing file has none.

    Raises ForeignState, StorageError.
    """
    file = state_file(place)
    try:
        content = file.read(limit=LARGE)
    except FileNotFoundError:
        return ()
    return tuple(_read(content, file.path)[0])


class Journal:
    """A journal that is being written. Each `append` is on disk when it returns."""

    def __init__(self, fd: int, file: StateFile, records: list[Record]) -> None:
        self._fd = fd
        self._file = file
        self.path = file.path
        self._records = records
        self.broken = False  # a record may, or may not, be on disk

    @classmethod
    def create(cls, place: str | StateFile) -> Journal:
        """Start a journal; an existing one is never overwritten."""
        file = state_file(place)
        fd = file.create()
        try:
            file.directory.flush()
        except OSError as error:
            os.close(fd)
            raise translate(error, f"making the journal {file.path}") from error
        return cls(fd, file, [])

    @classmethod
    def resume(cls, place: str | StateFile) -> Journal:
        """Go on with the journal of a dead job; a torn last line is cut off first.

        Raises FileNotFoundError, ForeignState, StorageError.
        """
        file = state_file(place)
        fd = file.open(os.O_RDWR, limit=LARGE)
        try:
            records, good = _read(read_all(fd, LARGE, what=file.path), file.path)
            os.ftruncate(fd, good)
            fsync(fd)
            os.lseek(fd, good, os.SEEK_SET)
        except OSError as error:
            os.close(fd)
            raise translate(error, f"opening the journal {file.path}") from error
        except BaseException:
            os.close(fd)
            raise
        return cls(fd, file, records)

    def beside(self, name: str) -> StateFile:
        """Return another file of the directory that the journal is in."""
        return StateFile(self._file.directory, name)

    @property
    def records(self) -> tuple[Record, ...]:
        """All records so far, those of an earlier process too."""
        return tuple(self._records)

    def append(self, kind: str, /, **payload: Any) -> Record:  # noqa: ANN401 - JSON values
        """Put one record on disk.

        Raises StorageError when it could not be. The record is then taken back; where that fails
        too, `broken` says that nobody knows whether it is there.
        """
        record = Record(len(self._records), kind, payload)
        before = os.lseek(self._fd, 0, os.SEEK_CUR)
        try:
            write_all(self._fd, _line(record))
            fsync(self._fd)
        except OSError as error:
            self._take_back(before)
            raise translate(error, f"writing the journal {self.path}") from error
        self._records.append(record)
        return record

    def _take_back(self, length: int) -> None:
        try:
            os.ftruncate(self._fd, length)
            os.lseek(self._fd, length, os.SEEK_SET)
            fsync(self._fd)
        except OSError:
            self.broken = True

    def last_payload(self, kind: str) -> dict[str, Any]:
        """Return what the newest record of a kind says; nothing if there is none."""
        record = self.last(kind)
        return {} if record is None else record.payload

    def last(self, kind: str) -> Record | None:
        """Return the newest record of a kind."""
        return next((record for record in reversed(self._records) if record.kind == kind), None)

    def has(self, kind: str) -> bool:
        """Tell whether any record is of this kind."""
        return self.last(kind) is not None

    def close(self) -> None:
        """Close the file; the records stay."""
        os.close(self._fd)
