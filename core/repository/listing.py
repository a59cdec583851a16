"""The content of a snapshot of a tree, as members in the order of the walk.

restic lists a tree in that order already. Its listing has no raw names and no targets of links:
these come from the manifest of the set. It owns the checks of a listing: names stay inside, types
are known, no path is repeated.
"""

from __future__ import annotations

import json
import re
import stat
from collections import defaultdict, deque
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final

from core.archive.plan.listing_file import Listed
from core.archive.tree.selection import walk_key
from core.errors import MALFORMED, HostileArchive, RepositoryError
from core.repository.calls import LIST
from core.repository.restic import Restic
from core.repository.sets import PartManifest

_UNKNOWN: Final = "\ufffd"
_TYPES: Final = {"file": stat.S_IFREG, "dir": stat.S_IFDIR, "symlink": stat.S_IFLNK}
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_MODE: Final = 0o777
_MOST_32, _MOST_64 = (1 << 32) - 1, (1 << 64) - 1
_DEEPEST: Final = 20_000  # components; a walk goes as deep
_LONGEST_NAME: Final = 255
_SHOWN: Final = 200
_MOST_ENTRIES: Final = 10_000_000
_LARGEST: Final = 4 << 30
"""Bytes of a listing; restic needs about 400 for an entry."""
_STICKY, _SETGID = 1 << 20, 1 << 22  # of Go's file modes


def lossy(path: bytes) -> str:
    """Return a path as in restic's JSON: each byte that is no UTF-8 becomes one mark."""
    text = path.decode("utf-8", "surrogateescape")
    return "".join(_UNKNOWN if "\ud800" <= letter <= "\udfff" else letter for letter in text)


class _Names:
    """Turns names of a listing into the bytes that they were."""

    def __init__(self, part: PartManifest, prefix: bytes) -> None:
        self._prefix = prefix
        self._odd: defaultdict[str, deque[bytes]] = defaultdict(deque)
        for path in part.odd:
            self._odd[lossy(path[len(prefix) :])].append(path)

    def of(self, path: str) -> bytes:
        """Return the member path of a listed one. Raises RepositoryError for one never heard of."""
        relative = path.removeprefix("/")
        if _UNKNOWN in relative and self._odd.get(relative):
            return self._odd[relative].popleft()
        return self._prefix + relative.encode("utf-8", "surrogateescape")


def _nanoseconds(text: str) -> int:
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("a time that is none")
    moment = datetime.fromisoformat(match[1] + match[3].replace("Z", "+00:00"))
    seconds = int((moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds())
    return seconds * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))


def _number(value: object, most: int) -> int:
    """Return a whole number of a listing. Raises ValueError for anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError("a number that no file can have")
    return value


def _listed(row: dict[str, Any], names: _Names, links: PartManifest) -> Listed | None:
    kind = _TYPES.get(str(row["type"]))
    if kind is None:
        return None  # a device, a pipe: in no archive either
    path = names.of(str(row["path"]))
    mode = _number(row["mode"], _MOST_32)
    bits = mode & _MODE | (0o1000 if mode & _STICKY else 0) | (0o2000 if mode & _SETGID else 0)
    link = b""
    if kind == stat.S_IFLNK:
        if path not in links.links:
            raise ValueError(f"no target of the link {path!r}")
        link = links.links[path]
    return Listed(
        path, kind | bits, _number(row.get("uid", 0), _MOST_32),
        _number(row.get("gid", 0), _MOST_32),
        _number(row.get("size", 0), _MOST_64 >> 1) if kind == stat.S_IFREG else 0,
        _nanoseconds(str(row["mtime"])), _number(row.get("inode", 0), _MOST_64), link,
        links.attributes.get(path) if kind == stat.S_IFDIR else None,
    )  # fmt: skip


def _refuse(path: bytes, why: str) -> HostileArchive:
    name = path if len(path) <= _SHOWN else path[:_SHOWN] + b"..."
    return HostileArchive(f"The snapshot in the repository is not used: {name!r} {why}.")


class _Place:
    """Where a listing has come to: the directories that its next entry may be in."""

    def __init__(self, prefix: bytes) -> None:
        self._root = prefix.rstrip(b"/")
        self._way = [self._root]
        self._last = b""

    def enter(self, entry: Listed) -> None:
        """Go on to an entry. Raises HostileArchive for one that cannot be there."""
        path, key = entry.path, walk_key(entry.path)
        parts = path.split(b"/")
        if b"\0" in path or {b"", b".", b".."} & set(parts):
            raise _refuse(path, "leads out of the store")
        if len(parts) > _DEEPEST or max(map(len, parts)) > _LONGEST_NAME:
            raise _refuse(path, "is a path that no file can have")
        if key <= self._last:
            raise _refuse(path, "is out of its order")
        self._last = key
        above = path.rpartition(b"/")[0]
        while self._way and self._way[-1] != above:
            self._way.pop()
        if not self._way:
            raise _refuse(path, "is in no directory of it")
        if stat.S_ISDIR(entry.mode):
            self._way.append(path)


def list_tree(restic: Restic, part: PartManifest, prefix: bytes) -> Iterator[Listed]:
    """Yield the entries in the snapshot of a part. Raises RepositoryError, HostileArchive.

    Memory stays flat: each line is parsed on arrival. Entries below what is no directory of the
    listing are refused, and so are names that no file can have.
    """
    names = _Names(part, prefix)
    place, count = _Place(prefix), 0
    words = ("ls", "--no-lock", part.snapshot)
    for line in restic.lines(words, limits=LIST, largest=_LARGEST):
        try:
            row = json.loads(line)
            if row.get("message_type", row.get("struct_type")) != "node":
                continue
            entry = _listed(row, names, part)
        except MALFORMED as error:
            raise RepositoryError(
                f"A line of the snapshot's listing cannot be read: {error}."
            ) from error
        if entry is None:
            continue
        place.enter(entry)
        count += 1
        if count > _MOST_ENTRIES:
            raise HostileArchive(f"The snapshot lists more than {_MOST_ENTRIES:,} entries.")
        yield entry
