"""A listing of a tree that is kept elsewhere, as a file of lines beside the plan.

It owns the form of that file, and which files of a listing are names of one file. Contents are not
in it: they are fetched into a directory beside it when they are asked for.
"""

from __future__ import annotations

import json
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from core.archive.plan.plan_location import PlanPlace, plan_location
from core.archive.tar.header import DIRECTORY, HARD_LINK, REGULAR, SYMLINK
from core.archive.tar.member import Member
from core.directories import StateFile
from core.durable import translate, write_all
from core.errors import MALFORMED, StorageError

_TYPES: Final = {stat.S_IFREG: REGULAR, stat.S_IFDIR: DIRECTORY, stat.S_IFLNK: SYMLINK}
_NO_ACCOUNT: Final = b""
_SECOND_NS: Final = 1_000_000_000
_BUFFER: Final = 1 << 18


class Listed(NamedTuple):
    """One entry of a listing. `mode` has the type bits; `inode` 0 is unknown."""

    path: bytes  # as a member of an archive: prefix included
    mode: int
    uid: int
    gid: int
    size: int
    mtime_ns: int
    inode: int
    link: bytes

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return stat.S_ISREG(self.mode)


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
            row = (_text(entry.path), *entry[1:7], _text(entry.link))
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
                for path, mode, uid, gid, size, mtime_ns, inode, link in rows:
                    name = path.encode("utf-8", "surrogateescape")
                    target = link.encode("utf-8", "surrogateescape") if link else b""
                    yield Listed(name, mode, uid, gid, size, mtime_ns, inode, target)
    except (OSError, *MALFORMED) as error:
        raise StorageError(f"{file} is damaged: {error}") from error


def members_of(
    entries: Iterable[Listed], *, belongs: Callable[[bytes], bool] | None = None
) -> Iterator[tuple[Member, Listed]]:
    """Yield entries as members of an archive, numbered where their content would be.

    Files of one inode, size and time are names of one file, the first of them its own. Only names
    that are compared count: a file is never made a name of one that is not compared.
    """
    first: dict[tuple[int, int, int], bytes] = {}
    for number, entry in enumerate(entries):
        kind, link = _TYPES[stat.S_IFMT(entry.mode)], entry.link
        if kind == REGULAR and entry.inode and (belongs is None or belongs(entry.path)):
            key = entry.inode, entry.mtime_ns, entry.size
            known = first.setdefault(key, entry.path)
            if known != entry.path:
                kind, link = HARD_LINK, known
        yield (
            Member(
                number, entry.path, kind, entry.mode & 0o7777, entry.uid, entry.gid,
                0 if kind == HARD_LINK else entry.size, entry.mtime_ns // _SECOND_NS, link,
                _NO_ACCOUNT, _NO_ACCOUNT, None,
            ),
            entry,
        )  # fmt: skip
