"""The tree of a plan of files, folded to some lines: numbers of added, changed, removed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from core.archive.plan.directory_totals import Sums
from core.archive.plan.rows import Action
from core.archive.plan.tree import PlannedNode, PlanTree
from core.text import numbers
from core.text.printable import printable

LINES_SHOWN: Final = 20
_SOME: Final = 4  # lines from which on it is worth to show some of the children
_DONE: Final = {
    Action.ADD: "added",
    Action.CHANGE: "changed",
    Action.REMOVE: "removed",
    Action.MODE: "with another mode or owner",
}


def counts(sums: Sums) -> str:
    """Return the numbers of entries in words."""
    named = (
        ("added", sums.added),
        ("changed", sums.changed),
        ("removed", sums.removed),
        ("with another mode or owner", sums.mode_only),
    )
    return ", ".join(f"{numbers.count(number)} {what}" for what, number in named if number)


_WHOLE: Final = frozenset({Action.ADD, Action.REMOVE})
"""Of a directory: the same is done with everything in it, which needs no lines of its own."""


class _Line(Struct):
    """A shown node: `name` is relative to the line above, `left` counts hidden entries below it."""

    node: PlannedNode
    name: str
    children: list[_Line] = field(default_factory=list)
    left: int = 0


def tree_lines(tree: PlanTree, *, most: int = LINES_SHOWN) -> Iterator[str]:
    """Yield the tree, indented: the big directories are unfolded while there is room."""
    top = _Line(PlannedNode(path="", action=None, sums=tree.sums()), "")
    room = most - _unfold(tree, top, most)  # where there are more, a line tells how many
    heap: list[tuple[int, str, _Line]] = []
    _push(heap, top)
    while heap:
        _, path, line = heapq.heappop(heap)
        count = tree.count(path)
        if count <= room or room >= _SOME:  # one more line says how many are left
            room -= _unfold(tree, line, room if count <= room else room - 1) + (count > room)
            _push(heap, line)
    yield from _rendered(top, "    ")


def _push(heap: list[tuple[int, str, _Line]], line: _Line) -> None:
    for child in line.children:
        sums = child.node.sums
        if sums is not None and sums.entries and child.node.action not in _WHOLE:
            heapq.heappush(heap, (-sums.entries, child.node.path, child))


def _unfold(tree: PlanTree, line: _Line, most: int) -> int:
    """Show the children of a line, at most so many; return how many lines that takes."""
    path = line.node.path
    found = tree.children(path, limit=most)
    line.left = tree.count(path) - len(found)
    line.children = [_Line(*_straight(tree, node, path)) for node in found]
    return len(found)


def _straight(tree: PlanTree, node: PlannedNode, above: str) -> tuple[PlannedNode, str]:
    """Go down as long as a directory that stays has one child only; name the whole way."""
    while node.action is None and node.sums is not None:
        children = tree.children(node.path, limit=2)
        if len(children) != 1 or not children[0].is_directory:
            break
        node = children[0]
    return node, node.path[len(above) + 1 if above else 0 :]


def _rendered(line: _Line, indent: str) -> Iterator[str]:
    for child in line.children:
        yield f"{indent}{printable(child.name)}{_words(child.node)}"
        yield from _rendered(child, indent + "  ")
    if line.left:
        yield f"{indent}and {numbers.count(line.left)} more"


def _words(node: PlannedNode) -> str:
    sums, told = node.sums, []
    if node.action is not None:
        told.append(_DONE[node.action])
    if sums is not None and node.action in _WHOLE and sums.entries:
        told[-1] += f" with {numbers.counted(sums.entries, 'entry', 'entries')}"
        moved = numbers.size(sums.bytes_to_write or sums.bytes_set_aside)
        return f"/: {told[-1]}; {moved}"
    if sums is not None:
        told += [counts(sums)] if sums.entries else []
        written = f"; {numbers.size(sums.bytes_to_write)}" if sums.bytes_to_write else ""
        return f"/: {', '.join(told)}{written}"
    sizes = [numbers.size(size) for size in (node.size_now, node.size_then) if size is not None]
    return f": {', '.join(told)}; {' -> '.join(sizes)}"
