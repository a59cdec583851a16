"""The known contents of one backup, as the rows of a tree: parts, and their relation to the store.

How to use it: `add` the read parts of a directory, `stand` the known relations to the store, then
`rows` are the visible ones. Nothing here asks the engine or draws.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from heapq import merge

from tui.engine.inside_port import InsideView, StandingView

Row = tuple[int, InsideView | str]
"""Its depth, and a part; a text is a directory of which there is more to read."""


def _key(part: InsideView) -> bytes:
    return os.fsencode(part.path).replace(b"/", b"\0")


class InsideTree:
    """The parts of one backup. `tables`: it is a dump, whose parts have no directories."""

    def __init__(self, *, tables: bool) -> None:
        self.tables = tables
        self.only_changes = False
        self.word = ""
        self.hits: tuple[InsideView, ...] | None = None  # of an archive, while one searches
        self._children: dict[str, list[InsideView]] = {}
        self._only_now: dict[str, dict[str, InsideView]] = {}
        self._standing: dict[str, StandingView] = {}
        self._unread: set[str] = set()
        self._open: set[str] = {""}

    def add(self, directory: str, parts: Iterable[InsideView], *, more: bool) -> None:
        """Take in parts of a directory, behind those that are known; `more` are to be read."""
        self._children.setdefault(directory, []).extend(parts)
        (self._unread.add if more else self._unread.discard)(directory)
        self._open.add(directory)

    def stand(self, found: Iterable[StandingView]) -> None:
        """Take in relations of parts to the store; parts only in the store become rows."""
        for one in found:
            self._standing[one.path] = one
            if one.part is not None:
                directory = "" if self.tables else one.path.rpartition("/")[0]
                self._only_now.setdefault(directory, {})[one.path] = one.part

    def standing(self, part: InsideView) -> StandingView | None:
        """Return the relation of a part to the store; None while it is unknown."""
        return self._standing.get(part.path)

    def is_only_now(self, part: InsideView) -> bool:
        """Tell whether a part, or the directory above it, is only in the store."""
        known = self.standing(part)
        return known is not None and known.state == "only now"

    def is_known(self, directory: str) -> bool:
        """Tell whether something of a directory was read."""
        return directory in self._children

    def is_open(self, part: InsideView) -> bool:
        """Return whether a directory is open."""
        return part.path in self._open

    def unfold(self, directory: str, *, opens: bool) -> None:
        """Show the children of a directory, or hide them."""
        (self._open.add if opens else self._open.discard)(directory)

    def behind(self, directory: str) -> str:
        """Return the place behind which a directory is read on."""
        known = self._children.get(directory, [])
        return "" if not known else str(len(known)) if self.tables else known[-1].path

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many parts of the top, or hits, are known, differ, and are not told yet."""
        top = [*self._children.get("", ()), *self._only_now.get("", {}).values()]
        top = top if self.hits is None else list(self.hits)
        top = [one for one in top if one.kind == "table"] if self.tables else top
        states = [self._standing.get(one.path) for one in top]
        known = [one.state for one in states if one is not None and one.state]
        return len(top), sum(1 for one in known if one != "same"), len(top) - len(known)

    def rows(self) -> list[Row]:
        """Return the rows that are seen."""
        return list(self._rows())

    def _rows(self) -> Iterator[Row]:
        top = self._below("") if self.hits is None else iter(self.hits)
        stack = [("", top)]
        while stack:
            directory, parts = stack[-1]
            part = next(parts, None)
            depth = len(stack) - 1
            if part is None:
                stack.pop()
                if directory in self._unread and self.hits is None:
                    yield depth, directory
                continue
            if self._is_hidden(part):
                continue
            yield depth, part
            if part.kind == "directory" and part.path in self._open:
                stack.append((part.path, self._below(part.path)))

    def _below(self, directory: str) -> Iterator[InsideView]:
        """Return the parts of a directory with those that are only in the store, in order."""
        known = self._children.get(directory, [])
        extra = sorted(self._only_now.get(directory, {}).values(), key=_key)
        if directory in self._unread and known:
            extra = [one for one in extra if _key(one) < _key(known[-1])]
        if not extra:
            return iter(known)
        if self.tables:  # views and the like come after the tables
            tables = [one for one in known if one.kind == "table"]
            return iter([*merge(tables, extra, key=_key), *known[len(tables) :]])
        return merge(known, extra, key=_key)

    def _is_hidden(self, part: InsideView) -> bool:
        if self.tables and self.word and self.word not in part.path.casefold():
            return True
        known = self._standing.get(part.path)
        if not self.only_changes:
            return False
        return (known is not None and known.state == "same") or part.kind in _NEVER_COMPARED


_NEVER_COMPARED = frozenset({"view", "trigger", "procedure", "function", "event", "sequence"})
