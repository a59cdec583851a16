"""A stored plan as a tree: the children of a directory with their sums, a page at a time.

It owns the queries of screens and summaries. Each query opens the plan by itself, so that any
thread may run it, and holds only the page that it returns.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct

from core.archive.plan.directory_totals import Sums
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.plan_location import PlanPlace
from core.archive.plan.rows import Action

PAGE: Final = 200


class PlannedNode(Struct, frozen=True, kw_only=True):
    """One line of the tree of a plan.

    `path` is whole, from the root of the store. `action` is None for a directory that stays as it
    is. `sums` are of everything below a directory, None for all else. Sizes in bytes and modes are
    None for a side that does not exist.
    """

    path: str
    action: Action | None
    sums: Sums | None
    size_now: int | None = None
    size_then: int | None = None
    mode_now: int | None = None
    mode_then: int | None = None

    @property
    def name(self) -> str:
        """The last component of the path."""
        return self.path.rpartition("/")[2]

    @property
    def is_directory(self) -> bool:
        """Whether it can have children."""
        return self.sums is not None


_SIDES: Final = "size_now, size_then, mode_now, mode_then, type_now, type_then"
_SUMS: Final = "added, changed, removed, mode_only, written, gone"
_ENTRIES: Final = (
    f"SELECT entry.path AS path, action, {_SIDES}, {_SUMS} FROM entry"
    f" LEFT JOIN directory ON {stat.S_IFDIR} IN (type_now, type_then)"
    " AND directory.path = entry.path"
)
_NOTHING: Final = ", ".join(["NULL"] * 6)
_GOES: Final = "CASE WHEN action = 'remove' OR removed > 0 THEN 0 ELSE 1 END"


class PlanTree:
    """The tree of one plan."""

    def __init__(self, place: PlanPlace) -> None:
        self._place = place

    def sums(self, directory: str = "") -> Sums:
        """Return the sums of a directory; of the root those of the plan."""
        with self._open() as plan:
            rows = plan.ask(f"SELECT {_SUMS} FROM directory WHERE path = ?", os.fsencode(directory))
        return Sums() if not rows else _sums(rows[0])

    def children(
        self,
        directory: str = "",
        *,
        offset: int = 0,
        limit: int = PAGE,
        removals_first: bool = True,
    ) -> tuple[PlannedNode, ...]:
        """Return a page of the children of a directory, by name; removals may come first."""
        path = os.fsencode(directory)
        order = f"{_GOES}, path" if removals_first else "path"
        query = (
            f"SELECT * FROM ({_ENTRIES} WHERE {_direct(path)} UNION ALL"
            f" SELECT path, NULL, {_NOTHING}, {_SUMS} FROM directory WHERE parent = ?"
            " AND path NOT IN (SELECT path FROM entry))"
            f" ORDER BY {order} LIMIT ? OFFSET ?"
        )
        with self._open() as plan:
            rows = plan.ask(query, *_bounds(path), path, limit, offset)
        return tuple(map(_node, rows))

    def count(self, directory: str = "") -> int:
        """Return the number of children of a directory."""
        path = os.fsencode(directory)
        query = (
            f"SELECT (SELECT count(*) FROM entry WHERE {_direct(path)}) + (SELECT count(*)"
            " FROM directory WHERE parent = ? AND path NOT IN (SELECT path FROM entry))"
        )
        with self._open() as plan:
            return int(plan.ask(query, *_bounds(path), path)[0][0])

    def find(
        self, word: str, *, offset: int = 0, limit: int = PAGE, removals_first: bool = True
    ) -> tuple[PlannedNode, ...]:
        """Return a page of the entries with a word in their path, in the order of the walk."""
        order = f"{_GOES}, entry.id" if removals_first else "entry.id"
        query = f"{_ENTRIES} WHERE {_LIKE} ORDER BY {order} LIMIT ? OFFSET ?"
        with self._open() as plan:
            return tuple(map(_node, plan.ask(query, _like(word), limit, offset)))

    def found(self, word: str) -> int:
        """Return the number of entries with a word in their path."""
        with self._open() as plan:
            return int(plan.ask(f"SELECT count(*) FROM entry WHERE {_LIKE}", _like(word))[0][0])

    def directories(self) -> Iterator[PlannedNode]:
        """Yield all directories with something below them, in the order of their paths."""
        query = (
            f"SELECT path, NULL, {_NOTHING}, {_SUMS} FROM directory"
            " WHERE added + changed + removed + mode_only > 0 ORDER BY path"
        )
        with self._open() as plan:
            for row in plan.each(query):
                yield _node(row)

    def _open(self) -> PlanFile:
        return PlanFile(self._place, only_read=True)


_LIKE: Final = r"CAST(entry.path AS TEXT) LIKE CAST(? AS TEXT) ESCAPE '\'"


def _like(word: str) -> bytes:
    for special in ("\\", "%", "_"):
        word = word.replace(special, "\\" + special)
    # As text of any bytes: names need not be UTF-8.
    return os.fsencode(f"%{word}%")


def _direct(directory: bytes) -> str:
    """Return the condition for the entries of a directory itself; it takes `_bounds`."""
    rest = f"substr(entry.path, {len(directory) + 2 if directory else 1})"
    return f"entry.path > ? AND entry.path < ? AND instr({rest}, x'2f') = 0"


def _bounds(directory: bytes) -> tuple[bytes, bytes]:
    return (directory + b"/", directory + b"0") if directory else (b"", b"\xff" * 8)


def _sums(row: tuple[Any, ...]) -> Sums:
    added, changed, removed, mode_only, written, gone = (number or 0 for number in row)
    return Sums(
        added=added, changed=changed, removed=removed, mode_only=mode_only,
        bytes_to_write=written, bytes_set_aside=gone,
    )  # fmt: skip


def _node(row: tuple[Any, ...]) -> PlannedNode:
    path, action, size_now, size_then, mode_now, mode_then, type_now, type_then, *sums = row
    is_directory = action is None or stat.S_IFDIR in {type_now, type_then}
    return PlannedNode(
        path=os.fsdecode(path),
        action=None if action is None else Action(action),
        sums=_sums(tuple(sums)) if is_directory else None,
        size_now=None if type_now is None else size_now,
        size_then=None if type_then is None else size_then,
        mode_now=mode_now,
        mode_then=mode_then,
    )
