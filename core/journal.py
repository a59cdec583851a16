"""The write-ahead memory of one job: records that are on disk before the act they speak of.

A record is a line `<crc32 in 8 hex digits> <json>`; a torn last line (the crash came while it was
written) is not a record, a broken line before the last is an error. This module knows no kind of
record: each is a dataclass of the package that writes it (`core.operations.records`,
`core.database.schema.records`).
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from enum import Enum
from typing import Any, ClassVar, Final, Self, TypeVar

from msgspec import Struct

from core.directories import StateFile, state_file
from core.durable import fsync, translate, write_all
from core.errors import StorageError
from core.events import Kind, Operation, Outcome
from core.field_types import field_types
from core.owned_files import LARGE, read_all


class Record(Struct, frozen=True):
    """One remembered fact: its number from 0, its kind, and plain JSON values."""

    seq: int
    kind: str
    payload: dict[str, Any]


def _plain(value: object) -> Any:  # noqa: ANN401 - a JSON value
    if isinstance(value, tuple):
        return [_plain(one) for one in value]
    return value.value if isinstance(value, Enum) else value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text is expected")  # noqa: TRY004 - as for anything that is no record
    return value


def _whole(value: object) -> int:
    if type(value) is not int:
        raise ValueError("a number is expected")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is expected")  # noqa: TRY004 - as above
    return float(value)


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false is expected")  # noqa: TRY004 - as above
    return value


def _kinds(value: object) -> tuple[Kind, ...]:
    if not isinstance(value, list):
        raise ValueError("a list is expected")  # noqa: TRY004 - as above
    return tuple(Kind(one) for one in value)


def _list(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("a list is expected")  # noqa: TRY004 - as above
    return tuple(_text(one) for one in value)


def _texts(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        raise ValueError("an object is expected")  # noqa: TRY004 - as above
    return {_text(name): _text(one) for name, one in value.items()}


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "str": _text,
    "str | None": lambda value: None if value is None else _text(value),
    "int": _whole,
    "float": _number,
    "bool": _flag,
    "Kind": Kind,
    "Operation": Operation,
    "Outcome": Outcome,
    "tuple[Kind, ...]": _kinds,
    "tuple[str, ...]": _list,
    "dict[str, str]": _texts,
}
"""How a field of each type is read from its JSON value."""


class TypedRecord(Struct, frozen=True, kw_only=True):
    """The base of the records: the fields, in their order, are the payload.

    A field with a default is one that an earlier version did not write.
    """

    KIND: ClassVar[str] = ""

    def payload(self) -> dict[str, Any]:
        """Return the fields as JSON values."""
        return {name: _plain(getattr(self, name)) for name in self.__struct_fields__}

    @classmethod
    def read(cls, record: Record) -> Self:
        """Return the record in its type. Raises ValueError where it cannot be one."""
        values = {
            name: _READERS[kind](record.payload[name])
            for name, kind in field_types(cls).items()
            if name in record.payload
        }
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(f"a record {cls.KIND} lacks a field") from error


_T = TypeVar("_T", bound=TypedRecord)


def each(records: Iterable[Record], kind: type[_T]) -> Iterator[_T]:
    """Yield the records of one type, oldest first. Raises ValueError for one that is broken."""
    return (kind.read(record) for record in records if record.kind == kind.KIND)


def newest(records: Iterable[Record], kind: type[_T]) -> _T | None:
    """Return the newest record of one type. Raises ValueError where it is broken."""
    found = [record for record in records if record.kind == kind.KIND]
    return kind.read(found[-1]) if found else None


def has(records: Iterable[Record], kind: type[TypedRecord]) -> bool:
    """Tell whether any record is of this type."""
    return any(record.kind == kind.KIND for record in records)


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
    """Return the whole records and their length in bytes."""
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

    def write(self, record: TypedRecord) -> None:
        """Put one record on disk. Raises as `append`."""
        self.append(record.KIND, **record.payload())

    def append(self, kind: str, /, **payload: Any) -> Record:  # noqa: ANN401 - JSON values
        """Put one record on disk.

        Raises StorageError when it could not be. The record is then taken back; where that fails
        too, `broken` says that its presence is unknown.
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

    def newest(self, kind: type[_T]) -> _T | None:
        """Return the newest record of a type. Raises StorageError where it is broken."""
        try:
            return newest(self._records, kind)
        except ValueError as error:
            raise self._broken_record(kind, error) from error

    def each(self, kind: type[_T]) -> list[_T]:
        """Return the records of a type, oldest first. Raises StorageError for a broken one."""
        try:
            return list(each(self._records, kind))
        except ValueError as error:
            raise self._broken_record(kind, error) from error

    def _broken_record(self, kind: type[TypedRecord], error: ValueError) -> StorageError:
        return StorageError(f"The journal {self.path} has a broken record {kind.KIND}: {error}.")

    def has(self, kind: type[TypedRecord]) -> bool:
        """Tell whether any record is of this type."""
        return has(self._records, kind)

    def close(self) -> None:
        """Close the file; the records stay."""
        os.close(self._fd)
