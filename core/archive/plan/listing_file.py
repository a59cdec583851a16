"""A listing of a tree that is kept elsewhere, as a file of lines beside the plan.

It owns the form of that file, and which files of a listing are names of one file. Contents are not
in it: they are fetched into a directory beside it when they are asked for.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from core.archive.plan.plan_location import PlanPlace, plan_location
from core.archive.tar.header import DIRECTORY, HARD_LINK, REGULAR, SYMLINK
from core.archive.tar.member import Member
from core.directories import StateFile
from core.durable import translate, write_all
from core.errors import MALFORMED, StorageError

_TYPES: Final = {stat.S_IFREG: REGULAR, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: SYMLINK}
_NO_ACCOUNT: Final = b""
_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long
_SECOND_NS: Final = 1_000_000_000
_BUFFER: Final = 1 << 18


class Listed(NamedTuple):
    """One entry of a listing. `mode` has the type bits; `inode` 0 is unknown.

    `attributes` are the extended ones of a directory; those of a file come with its content.
    """

    path: bytes  # as a member of an archive: prefix included
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    inode: int
    link: bytes
    attributes: dict[bytes, bytes] | None = None

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.mode & 0o170000 == stat.S_IFREG


def listing_file(place: PlanPlace) -> StateFile:
    """Return the file of a plan's listing."""
    return plan_location(place).file.beside(".listing")


def _text(path: bytes) -> str:
    return path.decode("utf-8", "surrogateescape")


def write_listing(file: StateFile, entries: Iterable[Listed]) -> int:
    """Write a listing, in the order in which it comes; return how many entries it has."""
    file.remove()
    fd = file.create()
    count = 0
    buffer = bytearray()
    try:
        for entry in entries:
            row: tuple[object, ...] = (_text(entry.path), *entry[1:7], _text(entry.link))
            if entry.attributes:
                row += ({_text(name): value.hex() for name, value in entry.attributes.items()},)
            buffer += json.dumps(row).encode("ascii") + b"\n"
            count += 1
            if len(buffer) > _BUFFER:
                write_all(fd, bytes(buffer))
                buffer.clear()
        write_all(fd, bytes(buffer))
    except OSError as error:
        raise translate(error, f"writing {file}") from error
    finally:
        os.close(fd)
    return count


def copy_listing(source: StateFile, target: StateFile) -> None:
    """Copy a listing as it is. Raises StorageError."""
    try:
        target.remove()
        with open(source.open(), "rb", buffering=0) as read, open(target.create(), "wb") as written:
            shutil.copyfileobj(read, written, _BUFFER)
    except OSError as error:
        raise translate(error, f"copying {source}") from error


def read_listing(file: StateFile) -> Iterator[Listed]:
    """Yield the entries of a listing. Raises StorageError for a damaged one."""
    try:
        with open(file.open(), "rb", buffering=_BUFFER) as opened:
            while lines := opened.readlines(_BUFFER):  # many at once: half the time of one by one
                rows = json.loads(b"[" + b",".join(lines) + b"]")
                for path, mode, uid, gid, size, mtime_ns, inode, link, *more in rows:
                    name = path.encode("utf-8", "surrogateescape")
                    target = link.encode("utf-8", "surrogateescape") if link else b""
                    found = _attributes(more[0]) if more else None
                    yield _new(Listed, (name, mode, uid, gid, size, mtime_ns, inode, target, found))
    except (OSError, *MALFORMED) as error:
        raise StorageError(f"{file} is damaged: {error}") from error


def _attributes(row: Mapping[str, str]) -> dict[bytes, bytes]:
    return {
        name.encode("utf-8", "surrogateescape"): bytes.fromhex(value) for name, value in row.items()
    }


class Members:
    """Entries as members of an archive, numbered where their content would be.

    Files of one inode, size and time are names of one file, the first of them its own. Only names
    that are compared count (`belongs`): a file is never made a name of one that is not compared.
    """

    def __init__(
        self, entries: Iterable[Listed], *, belongs: Callable[[bytes], bool] | None = None
    ) -> None:
        self._entries = iter(entries)
        self._belongs = belongs
        self._first: dict[tuple[int, int, int], bytes] = {}
        self._waiting: Listed | None = None
        self.count = 0

    def __iter__(self) -> Iterator[tuple[Member, Listed]]:
        return self

    def __next__(self) -> tuple[Member, Listed]:
        entry, self._waiting = self._waiting or next(self._entries), None
        number, self.count = self.count, self.count + 1
        kind, link = _TYPES[stat.S_IFMT(entry.mode)], entry.link
        if kind == REGULAR:
            known = self._own_name(entry)
            if known != entry.path:
                kind, link = HARD_LINK, known
        member = _new(
            Member,
            (
                number, entry.path, kind, entry.mode & 0o7777, entry.uid, entry.gid,
                0 if kind == HARD_LINK else entry.size, entry.mtime_ns // _SECOND_NS, link,
                _NO_ACCOUNT, _NO_ACCOUNT, entry.attributes,
            ),
        )  # fmt: skip
        return member, entry

    def _own_name(self, entry: Listed) -> bytes:
        """Return the first name of a file."""
        if entry.inode and (self._belongs is None or self._belongs(entry.path)):
            return self._first.setdefault((entry.inode, entry.mtime_ns, entry.size), entry.path)
        return entry.path

    def pass_over(self, alike: Callable[[Listed], bool]) -> int:
        """Pass over the files that come next, as long as they are alike; return how many."""
        begun = self.count
        for entry in self._entries:
            if not entry.is_file or self._own_name(entry) != entry.path or not alike(entry):
                self._waiting = entry
                break
            self.count += 1
        return self.count - begun
