"""The sums of a plan by directory, added up while its rows are written.

Rows come in the order of the walk, so a directory is complete when the rows leave it: only those on
the way to the current row are held. Where rows come in another order a directory may come twice;
its parts are to be added. It knows nothing of the file that the sums are kept in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from core.archive.plan.rows import Action

_PLACES: Final = {action: place for place, action in enumerate(Action)}
_WRITTEN, _GONE = len(_PLACES), len(_PLACES) + 1
NUMBERS: Final = len(_PLACES) + 2
"""How many numbers there are of a directory: entries by action, bytes written, bytes that go."""


class Sums(Struct, frozen=True, kw_only=True):
    """Everything below one directory of a plan, in entries and bytes of content.

    `bytes_to_write` are extracted, `bytes_set_aside` are live and leave their place.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    mode_only: int = 0
    bytes_to_write: int = 0
    bytes_set_aside: int = 0

    @property
    def entries(self) -> int:
        """The number of differing entries."""
        return self.added + self.changed + self.removed + self.mode_only


class DirectorySums:
    """Adds rows up; `finished` gives the directories that are complete."""

    def __init__(self) -> None:
        self._open: list[tuple[bytes, list[int]]] = [(b"", [0] * NUMBERS)]
        self._done: list[tuple[bytes, list[int]]] = []

    def take(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Add rows, which are `Row`s or have the same values at the same places."""
        parent, numbers = self._open[-1]
        for row in rows:
            path, action = row[1], row[2]
            above = path[: max(0, path.rfind(b"/"))]
            if above != parent:
                parent, numbers = self._go_to(above)
            numbers[_PLACES[action]] += 1
            if action is Action.ADD or action is Action.CHANGE:
                numbers[_WRITTEN] += row[8]
            if action is Action.REMOVE or action is Action.CHANGE:
                numbers[_GONE] += row[15]

    def _go_to(self, directory: bytes) -> tuple[bytes, list[int]]:
        """Leave directories and enter others, up to the given one."""
        while (last := self._open[-1][0]) and not (directory + b"/").startswith(last + b"/"):
            self._leave()
        last = self._open[-1][0]
        while last != directory:
            end = directory.find(b"/", len(last) + 1)
            last = directory if end < 0 else directory[:end]
            self._open.append((last, [0] * NUMBERS))
        return self._open[-1]

    def _leave(self) -> None:
        path, numbers = self._open.pop()
        above = self._open[-1][1]
        for place, number in enumerate(numbers):
            above[place] += number
        self._done.append((path, numbers))

    def finished(self, *, all_of_them: bool = False) -> Iterator[tuple[bytes, list[int]]]:
        """Yield, each once, the complete directories; at the end all of them, the root too."""
        if all_of_them:
            while len(self._open) > 1:
                self._leave()
            self._done.append(self._open.pop())
        done, self._done = self._done, []
        yield from done
