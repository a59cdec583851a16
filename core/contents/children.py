"""The children of one directory of an archive, by its index: deeper entries are skipped.

for each member of the directory, in walk order:
take it; if entries below it follow, continue after the last of them
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from core.archive.index.blocks import UNKNOWN, Broken
from core.archive.index.reader import IndexReader, Located
from core.archive.tar.header import DIRECTORY, SYMLINK
from core.archive.tree.selection import walk_key
from core.errors import DamagedBackup

_FAR: Final = 64
"""Members that are read over before a new place is looked up."""


class Child(Struct, frozen=True, kw_only=True):
    """One child. `kind` is `directory`, `file` or `link`; size in bytes, mode None: not known.

    A directory that the archive has no member of its own for has neither mode nor link.
    """

    path: str
    kind: str
    size: int = 0
    mode: int | None = None
    link: str = ""


def children_of(index: IndexReader, directory: str, *, after: str = "") -> Iterator[Child]:
    """Yield the children of a directory, "" being the top, those behind `after`, in our order.

    Raises DamagedBackup.
    """
    top = os.fsencode(directory)
    prefix = top + b"/" if top else b""
    key = walk_key(os.fsencode(after)) + b"\1" if after else walk_key(prefix)
    try:
        yield from _children(index, prefix, key)
    except Broken:
        raise DamagedBackup("The index of the backup changed while it was read.") from None


def _children(index: IndexReader, prefix: bytes, key: bytes) -> Iterator[Child]:
    while True:
        passed, behind = 0, b""
        for located in index.since(key):
            path = located.row.path
            if path == prefix.rstrip(b"/"):
                continue
            if not path.startswith(prefix):
                return
            if behind and walk_key(path) < behind:
                passed += 1
                if passed > _FAR:
                    break
                continue
            name = path[len(prefix) :].partition(b"/")[0]
            child = prefix + name
            behind, passed = walk_key(child) + b"\1", 0
            yield _child(child, located if path == child else None)
        else:
            return
        key = behind


def _child(path: bytes, located: Located | None) -> Child:
    if located is None:
        return Child(path=os.fsdecode(path), kind="directory")
    row = located.row
    kind = {DIRECTORY: "directory", SYMLINK: "link"}.get(row.type, "file")
    return Child(
        path=os.fsdecode(path),
        kind=kind,
        size=row.size,
        mode=None if row.mode == UNKNOWN else row.mode,
        link=os.fsdecode(row.link),
    )
