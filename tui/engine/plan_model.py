"""The rows of the shown plan: open directories, the filter, and the flat list of both.

No widget is known here. Children of a directory are held as they came, page by page; a row of the
flat list is a small tuple. Search results are a list of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

from msgspec import Struct, field

from core.archive.plan.tree import PlannedNode
from core.events import Kind
from core.operations.table_plans import TablePlan, TableState
from tui.engine.plan_port import PAGE, goes
from tui.engine.views import PlanView

Place = tuple[Kind, str]
"""A directory of the plan: its kind, and its path from the root of the store."""

OPENED_AT_FIRST: Final = 14  # rows that open by themselves: a small plan is seen whole
_ORDER: Final = (TableState.EXTRA, TableState.MISSING, TableState.DEFINITION, TableState.CHANGED,
                 TableState.KEPT)  # fmt: skip


class Sort(StrEnum):
    """The sort of a row."""

    KIND = "kind"
    NODE = "node"
    TABLE = "table"
    MORE = "more"  # there are more children, which Enter asks for
    LEFT = "left"  # an entry or a table that was left out
    WORDS = "words"  # a line that says something; the cursor may be on it


class PlanItem(NamedTuple):
    """One row. `value` is a PlannedNode, a TablePlan, or text, as `sort` says."""

    sort: Sort
    depth: int
    kind: Kind
    value: PlannedNode | TablePlan | str

    @property
    def place(self) -> Place | None:
        """The directory that this row opens; None where it opens nothing."""
        if self.sort is Sort.KIND:
            return self.kind, ""
        node = self.value
        if self.sort is Sort.NODE and isinstance(node, PlannedNode) and node.is_directory:
            return self.kind, node.path
        return None

    @property
    def key(self) -> tuple[Sort, Kind, str]:
        """The identity of this row among the others."""
        value = self.value
        if isinstance(value, PlannedNode):
            return self.sort, self.kind, value.path
        return self.sort, self.kind, value.name if isinstance(value, TablePlan) else value


class SearchResult(Struct, kw_only=True):
    """The search results of a word; `count` may be more than the nodes."""

    word: str
    count: int = 0
    nodes: tuple[tuple[Kind, PlannedNode], ...] = ()
    tables: tuple[TablePlan, ...] = ()


class PlanModel(Struct, kw_only=True):
    """A plan, and its visible part."""

    plan: PlanView
    left: tuple[tuple[Kind, str], ...] = ()  # paths and tables that were left out of it
    opened: set[Place] = field(default_factory=set)
    children: dict[Place, list[PlannedNode]] = field(default_factory=dict)
    unread: set[Place] = field(default_factory=set)  # of which there are more children
    only_goes: bool = False
    found: SearchResult | None = None

    def take(self, place: Place, nodes: tuple[PlannedNode, ...]) -> None:
        """Add a page of children."""
        self.children.setdefault(place, []).extend(nodes)
        (self.unread.add if len(nodes) == PAGE else self.unread.discard)(place)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The parts that the plan is about."""
        database = self.plan.database is not None or self.plan.database_aside
        return (*self.plan.files, *([Kind.DB] if database else []))

    def tables(self) -> list[TablePlan]:
        """Return the tables with which something is done, those that go first."""
        left = {name for kind, name in self.left if kind is Kind.DB}
        listed = [one for one in self.plan.tables if one.state in _ORDER and one.name not in left]
        if self.only_goes:
            listed = [one for one in listed if one.state is TableState.EXTRA]
        return sorted(listed, key=lambda one: (_ORDER.index(one.state), one.name))

    def items(self) -> list[PlanItem]:
        """Return the rows from top to bottom."""
        if self.found is not None:
            return list(self._found_items(self.found))
        rows: list[PlanItem] = []
        for kind in self.kinds:
            rows.append(PlanItem(Sort.KIND, 0, kind, kind.value))
            if (kind, "") not in self.opened:
                continue
            if kind is Kind.DB:
                rows += (PlanItem(Sort.TABLE, 1, kind, one) for one in self.tables())
            else:
                rows += self._below(kind)
        rows += (PlanItem(Sort.LEFT, 0, kind, name) for kind, name in self.left)
        return rows

    def _found_items(self, found: SearchResult) -> Iterator[PlanItem]:
        for kind, node in found.nodes:
            if not self.only_goes or goes(node):
                yield PlanItem(Sort.NODE, 0, kind, node)
        for table in found.tables:
            yield PlanItem(Sort.TABLE, 0, Kind.DB, table)
        if not found.nodes and not found.tables:
            yield PlanItem(Sort.WORDS, 0, Kind.CODE, "Nothing in this plan matches.")

    def _below(self, kind: Kind) -> Iterator[PlanItem]:
        """Yield the open rows of a kind; a stack instead of recursion, as trees may be deep."""
        stack: list[tuple[int, str, Iterator[PlannedNode]]] = [(1, "", self._seen((kind, "")))]
        while stack:
            depth, directory, nodes = stack[-1]
            node = next(nodes, None)
            if node is None:
                stack.pop()
                if (kind, directory) in self.unread:
                    yield PlanItem(Sort.MORE, depth, kind, directory)
                continue
            yield PlanItem(Sort.NODE, depth, kind, node)
            if node.is_directory and (kind, node.path) in self.opened:
                stack.append((depth + 1, node.path, self._seen((kind, node.path))))

    def _seen(self, place: Place) -> Iterator[PlannedNode]:
        nodes: Iterable[PlannedNode] = self.children.get(place, ())
        return (node for node in nodes if not self.only_goes or goes(node))


Children = Callable[[Kind, str, int], tuple[PlannedNode, ...]]


def opened_at_first(plan: PlanView, children: Children, before: set[Place]) -> PlanModel:
    """Return the rows of a new plan, read from `children`.

    Directories open before stay open; else directories open from the top as long as the rows stay
    few.
    """
    model = PlanModel(plan=plan)
    waiting: list[Place] = [(kind, "") for kind in model.kinds]
    model.opened.update(waiting)
    rows = len(model.tables()) if not before else 0
    while waiting:
        place = waiting.pop(0)
        if place[0] is Kind.DB:
            continue
        nodes = children(place[0], place[1], 0)
        if not nodes or (not before and place[1] and rows + len(nodes) > OPENED_AT_FIRST):
            continue
        model.take(place, nodes)
        model.opened.add(place)
        rows += len(nodes)
        below = [(place[0], node.path) for node in nodes if node.is_directory]
        waiting += [one for one in below if one in before] if before else below[:OPENED_AT_FIRST]
    return model


def open_chain(
    place: Place, children: Children, offset: int = 0
) -> list[tuple[Place, tuple[PlannedNode, ...]]]:
    """Read a directory, and those below it as long as each has one child only."""
    read = [(place, children(*place, offset))]
    while len(read) < OPENED_AT_FIRST:
        kind, nodes = read[-1][0][0], read[-1][1]
        if offset or len(nodes) != 1 or not nodes[0].is_directory:
            break
        below = (kind, nodes[0].path)
        read.append((below, children(*below, 0)))
    return [one for one in read if one[1]]
