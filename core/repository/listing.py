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

from core.archive.plan.listed import Listed
from core.archive.tree.selection import walk_key
from core.errors import MALFORMED, HostileArchive, RepositoryError
from core.repository.calls import LIST
from core.repository.restic import Restic
from core.repository.sets import PartManifest

_UNKNOWN: Final = "\ufffd"
_TYPES: Final = {"file": stat.S_IFREG, "dir": stat.S_IFDIR, "symlink": stat.S_IFLNK}
_TIME: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")
_MODE: Final = 0o777
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


def _listed(row: dict[str, Any], names: _Names, links: PartManifest) -> Listed | None:
    kind = _TYPES.get(str(row["type"]))
    if kind is None:
        return None  # a device, a pipe: in no archive either
    path = names.of(str(row["path"]))
    mode = int(row["mode"])
    bits = mode & _MODE | (0o1000 if mode & _STICKY else 0) | (0o2000 if mode & _SETGID else 0)
    link = b""
    if kind == stat.S_IFLNK:
        if path not in links.links:
            raise ValueError(f"no target of the link {path!r}")
        link = links.links[path]
    return Listed(
        path, kind | bits, int(row.get("uid", 0)), int(row.get("gid", 0)),
        int(row.get("size", 0)) if kind == stat.S_IFREG else 0,
        _nanoseconds(str(row["mtime"])), int(row.get("inode", 0)), link,
    )  # fmt: skip


def _refuse(path: bytes, why: str) -> HostileArchive:
    return HostileArchive(f"The snapshot in the repository is not used: {path!r} {why}.")


def list_tree(restic: Restic, part: PartManifest, prefix: bytes) -> Iterator[Listed]:
    """Yield the entries in the snapshot of a part. Raises RepositoryError, HostileArchive.

    Memory stays flat: each line is parsed on arrival.
    """
    names = _Names(part, prefix)
    last = b""
    for line in restic.lines(("ls", "--no-lock", part.snapshot), limits=LIST):
        try:
            row = json.loads(line)
            if row.get("message_type", row.get("struct_type")) != "node":
                continue
            entry = _listed(row, names, part)
        except MALFORMED as error:
            raise RepositoryError(f"The listing of the snapshot has {error}.") from error
        if entry is None:
            continue
        parts = entry.path.split(b"/")
        if b"\0" in entry.path or {b"", b".", b".."} & set(parts):
            raise _refuse(entry.path, "leads out of the store")
        key = walk_key(entry.path)
        if key <= last:
            raise _refuse(entry.path, "is out of its order")
        last = key
        yield entry
