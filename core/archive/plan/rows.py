"""The rows of a plan, and their sums.

It owns the facts of one differing entry. It knows nothing of the file that the rows live in.
"""

from __future__ import annotations

import hashlib
import marshal
import os
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final, NamedTuple

from msgspec import Struct


class Action(StrEnum):
    """The act of a rollback on one entry."""

    ADD = "add"  # the archive has it, the live tree has not
    CHANGE = "change"  # both have it, and it differs
    REMOVE = "remove"  # the live tree has it, the archive has not
    MODE = "mode"  # only mode or owner differ: changed in place


class PlanRow(NamedTuple):
    """One entry of the plan. `then` is the archive's side, `now` the live one; None: no such side.

    Types are the file type bits of a mode. `id` is None until it is in the file.
    """

    id: int | None
    path: bytes
    action: Action
    unit: int | None  # None: this entry is itself a unit
    region: int
    content_at: int | None = None  # bytes of the inflated archive before it; None: not of one
    type_then: int | None = None
    mode_then: int | None = None
    size_then: int = 0
    mtime_then: int = 0
    uid_then: int | None = None
    gid_then: int | None = None
    link_then: bytes | None = None
    type_now: int | None = None
    mode_now: int | None = None
    size_now: int = 0
    mtime_now: int = 0
    uid_now: int | None = None
    gid_now: int | None = None
    ino_now: int | None = None  # inodes are storable ones
    ino_staged: int | None = None


class Region(NamedTuple):
    """A part of the tree within which renames work, with its own stage and aside."""

    id: int
    root: bytes  # absolute
    stage: bytes
    aside: bytes


_PLACES: Final = {action: place for place, action in enumerate(Action)}
_WRITTEN: Final = frozenset({Action.ADD, Action.CHANGE})
_AS_BYTES: Final = 2  # the form of marshal in which equal values are equal bytes


class DirectoryTotals(Struct, frozen=True, kw_only=True):
    """How much of a plan is below one directory (of at most two levels)."""

    path: str
    added: int
    changed: int
    removed: int
    mode_only: int
    bytes_to_write: int


class Totals:
    """Adds up the rows of a plan."""

    def __init__(self) -> None:
        self.removed = 0
        """The bytes of live content that go."""
        self._digest = hashlib.sha256()
        self._groups: dict[bytes, list[int]] = {}

    def take(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows, which are `PlanRow`s or have the same values at the same places."""
        listed = []
        for row in rows:
            path, action = row[1], row[2]
            place, written = _PLACES[action], row[8] if action in _WRITTEN else 0
            listed.append(marshal.dumps((place, path, *row[6:9], *row[13:16]), _AS_BYTES))
            if action is Action.REMOVE or action is Action.CHANGE:
                self.removed += row[15]
            end = path.find(b"/")
            if end >= 0:
                further = path.find(b"/", end + 1)
                end = further if further >= 0 else end
            key = path[: max(0, end)]
            group = self._groups.get(key)
            if group is None:
                group = self._groups[key] = [0, 0, 0, 0, 0]
            group[place] += 1
            group[4] += written
        self._digest.update(b"".join(listed))

    @property
    def counts(self) -> dict[Action, int]:
        """How many rows there are of each action."""
        groups = self._groups.values()
        return {action: sum(group[place] for group in groups) for action, place in _PLACES.items()}

    @property
    def written(self) -> int:
        """The bytes of content that are to be written."""
        return sum(group[4] for group in self._groups.values())

    def fingerprint(self, sha256: str) -> str:
        """Return a digest of the archive and all rows."""
        whole = self._digest.copy()
        whole.update(sha256.encode())
        return whole.hexdigest()

    def directories(self) -> tuple[DirectoryTotals, ...]:
        """Return the sums by directory."""
        return tuple(
            DirectoryTotals(
                path=os.fsdecode(path),
                added=group[0],
                changed=group[1],
                removed=group[2],
                mode_only=group[3],
                bytes_to_write=group[4],
            )
            for path, group in sorted(self._groups.items())
        )
