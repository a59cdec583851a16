"""Additions to a plan of chosen paths: the directories above them, and patterns without a match.

A directory on the way is passed through: neither its mode nor its owner is compared. Where it is
missing it is made, as the archive has it, and only if an entry below it is restored. A link or a
file in its place is reported, since no entry can be restored below it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from msgspec.structs import replace

from core.account.open_via_helper import lstat
from core.archive.plan.plan_file import PlanFile
from core.archive.tar.header import DIRECTORY
from core.archive.tar.member import Member
from core.archive.tree.open_directories import OpenDirectories, is_gone
from core.archive.tree.patterns import Chosen
from core.archive.tree.selection import Problem, Selection, unreadable, walk, walk_key


class DirectoriesAbove:
    """The directories above the chosen paths, in the order of the walk."""

    def __init__(self, selection: Selection) -> None:
        self._leads = selection.leading()
        self._only = selection if selection.only else None
        self._root, self._start = selection.root, len(selection.prefix)
        self._missing: list[Member] = []
        self._blocked = b"\0"  # the beginning of paths below a non-directory
        self.in_the_way: list[bytes] = []

    def is_above(self, path: bytes) -> bool:
        """Return whether a path is only above the compared ones."""
        if self._only is not None and self._only.is_above(path):
            return True
        return self._leads is not None and self._leads(path)

    def is_outside(self, path: bytes) -> bool:
        """Tell whether it leads to the part of the store itself, which other parts share."""
        return self._only is not None and self._only.is_above(path)

    def lacks(self, member: Member) -> None:
        """Take note of a directory that the live tree has not."""
        if member.type == DIRECTORY:
            self._missing.append(member)

    def is_blocked(self, path: bytes) -> bool:
        """Return whether a path lies below an entry that is no directory."""
        return path.startswith(self._blocked)

    def needed(self, path: bytes) -> Iterator[Member]:
        """Yield, each once, the missing directories above a path of the plan."""
        missing, self._missing = self._missing, []
        for member in missing:
            if not path.startswith(member.name + b"/") or self.is_blocked(path):
                continue
            if self._is_live(member.name):
                self._blocked = member.name + b"/"
                self.in_the_way.append(member.name)
            else:
                yield member

    def _is_live(self, path: bytes) -> bool:
        """Tell whether something that is no directory is where one is missing."""
        with OpenDirectories(self._root) as open_directories:
            try:
                fd, name = open_directories.parent_of(path[self._start :])
                lstat(name, fd)
            except OSError as error:
                if is_gone(error):
                    return False
                raise unreadable(path, error) from error
        return True


def unmatched(plan: PlanFile, selection: Selection, problem: Problem) -> list[str]:
    """Return the patterns of a selection that match nothing of a plan, and nothing that is live."""
    left = {text: Chosen((text,)) for text in selection.chosen}
    if not left:
        return []
    for row in plan.rows():
        for text in [text for text, chosen in left.items() if chosen.holds(row.path)]:
            del left[text]
        if not left:
            return []
    return [text for text in left if not _is_live(text, selection, problem)]


def _is_live(text: str, selection: Selection, problem: Problem) -> bool:
    chosen = Chosen((text,))
    found = walk(replace(selection, chosen=(text,)), problem=problem)
    return any(chosen.holds(one.path) for one in found)


def first_beginning(selection: Selection) -> bytes:
    """Return the path, in the order of the walk, before which nothing is chosen."""
    return min(Chosen(selection.chosen).beginnings, key=walk_key)


def directories_above_exist(selection: Selection) -> bool:
    """Tell whether the directories above all that is chosen are live: none has to be made."""
    if selection.only:
        return False
    prefix = selection.prefix
    with OpenDirectories(selection.root) as open_directories:
        for path in Chosen(selection.chosen).beginnings:
            if not path.startswith(prefix):
                continue
            try:
                open_directories.parent_of(path[len(prefix) :])
            except OSError:
                return False
    return True


def shown(paths: list[bytes]) -> list[str]:
    """Return paths as texts."""
    return [os.fsdecode(path) for path in paths]
