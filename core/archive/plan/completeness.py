"""Collects the signs that an archive without a manifest is complete.

A rollback removes entries that the archive lacks. So an archive that is empty, of another kind,
packed with a leading folder or made of a few directories would remove a store. This module owns the
signs of a complete archive. It reads names only; `core.operations.incomplete_archive` decides.
"""

from __future__ import annotations

import os
from typing import Any, Final, Self

from msgspec import Struct

from core.archive.tree.selection import Selection

MARKS: Final = (b"bin/magento", b"vendor", b"app/etc", b"app/etc/env.php")
"""The directories that every code of a store has."""
_SHOWN: Final = 3


class Survey(Struct, frozen=True, kw_only=True):
    """The facts that the names of an archive tell.

    `members` counts those of the asked kind, `marks` are the ones of `MARKS` that it has, `folder`
    is a leading folder that holds a store (empty: none), `tops` are the first names at the top.
    """

    members: int
    marks: tuple[str, ...]
    folder: str
    tops: tuple[str, ...]

    def as_json(self) -> list[Any]:
        """Return it as a JSON value."""
        return [self.members, self.marks, self.folder, self.tops]

    @classmethod
    def from_json(cls, value: list[Any]) -> Self:
        """Return the value of a text of `as_json`."""
        members, marks, folder, tops = value
        return cls(members=members, marks=tuple(marks), folder=folder, tops=tuple(tops))


class Surveyor:
    """Looks at the names of an archive, one after the other."""

    def __init__(self, selection: Selection) -> None:
        self._prefix = selection.prefix or selection.only
        self._left_out = selection.ignores()
        self._ends = (b"/" + self._prefix.rstrip(b"/")) if self._prefix else b"/bin/magento"
        self._members = 0
        self._marks: set[bytes] = set()
        self._folder: bytes | None = None
        self._tops: dict[bytes, None] = {}

    def take(self, name: bytes) -> None:
        """Take a member's name in."""
        if not name:
            return
        if name.startswith(self._prefix) and not self._left_out(name):
            self._members += 1
        if len(self._tops) < _SHOWN:
            self._tops[name.partition(b"/")[0]] = None
        if name.startswith((b"bin/", b"vendor", b"app/")):
            self._marks.update(
                mark for mark in MARKS if name == mark or name.startswith(mark + b"/")
            )
        at = name.find(self._ends)
        if at > 0 and (self._folder is None or at < len(self._folder)):
            self._folder = name[:at]

    def survey(self) -> Survey:
        """Return the facts seen so far."""
        return Survey(
            members=self._members,
            marks=tuple(os.fsdecode(mark) for mark in MARKS if mark in self._marks),
            folder=os.fsdecode(self._folder or b""),
            tops=tuple(os.fsdecode(top) for top in self._tops),
        )
