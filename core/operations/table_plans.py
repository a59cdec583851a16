"""The treatment of each table of the schema by a rollback, as one frozen value a table.

The rows of the dump are those that its manifest counted. The rows of now are the server's
estimates, so a difference of the two is shown with "about", and no changed rows are known; except
where the plan has counted them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from core.contents.table_rows import RowTotals
    from core.operations.rollback_plan import DatabasePlan


class TableState(StrEnum):
    """How a table of the schema and that of the dump compare."""

    SAME = "same"  # nothing is done with it
    CHANGED = "changed"  # its rows differ, or may differ: it is replaced
    DEFINITION = "definition"  # it is defined otherwise, and is replaced
    MISSING = "missing"  # only the dump has it: it comes back
    EXTRA = "extra"  # only the schema has it: it is set aside
    KEPT = "kept"  # it stays as it is because that was asked for


class TablePlan(Struct, frozen=True, kw_only=True):
    """One table. Rows are None where they were not counted, or where that side does not exist.

    `rows_added`, `rows_removed` and `rows_changed` are the changes by the rollback; `exact`: they
    were counted, else they are estimates, or None where unknown, as changed rows then are.
    """

    name: str
    state: TableState
    rows_now: int | None = None
    rows_then: int | None = None
    rows_added: int | None = None
    rows_removed: int | None = None
    rows_changed: int | None = None
    exact: bool = False
    bytes_then: int | None = None

    @property
    def rows_differ(self) -> int:
        """How many rows, about, come or go."""
        return (self.rows_added or 0) + (self.rows_removed or 0) + (self.rows_changed or 0)


def table_plans(plan: DatabasePlan, rows_then: Mapping[str, int] | None) -> tuple[TablePlan, ...]:
    """Return every table that the plan of a database concerns, by name.

    `rows_then` are the counts of the manifest, None for a dump without one.
    """
    server = plan.server
    if server is None:
        return ()
    then, now = rows_then or {}, server.rows_now
    sizes = {one.name: one.row_bytes for one in plan.check.contents}
    changed = set(server.changed)
    states = dict.fromkeys(server.replaced, TableState.CHANGED)
    states |= dict.fromkeys((one for one in states if one in changed), TableState.DEFINITION)
    states |= dict.fromkeys(server.added, TableState.MISSING)
    states |= dict.fromkeys(server.removed, TableState.EXTRA)
    states |= dict.fromkeys(plan.check.stays, TableState.KEPT)
    if plan.difference is not None:
        states |= dict.fromkeys(plan.difference.kept, TableState.SAME)
    return tuple(
        _planned(
            name, state, now.get(name), then.get(name), sizes.get(name), plan.counted.get(name)
        )
        for name, state in sorted(states.items())
    )


def _planned(
    name: str,
    state: TableState,
    now: int | None,
    then: int | None,
    size: int | None,
    counted: RowTotals | None,
) -> TablePlan:
    if counted is not None:
        same = counted.same + counted.changed
        return TablePlan(
            name=name,
            state=state,
            rows_now=same + counted.only_now,
            rows_then=same + counted.comes_back,
            rows_added=counted.comes_back,
            rows_removed=counted.only_now,
            rows_changed=counted.changed,
            exact=True,
            bytes_then=size,
        )
    stays = state in {TableState.SAME, TableState.KEPT}
    after = now if stays else 0 if state is TableState.EXTRA else then
    before = 0 if state is TableState.MISSING else now
    if state is TableState.SAME:  # compared row by row, by their digests
        before = after = now = then
    none_changes = stays or then == 0 or state in {TableState.MISSING, TableState.EXTRA}
    known = before is not None and after is not None
    difference = (after or 0) - (before or 0)
    return TablePlan(
        name=name,
        state=state,
        rows_now=None if state is TableState.MISSING else now,
        rows_then=None if state is TableState.EXTRA else then,
        rows_added=max(0, difference) if known else None,
        rows_removed=max(0, -difference) if known else None,
        rows_changed=0 if none_changes else None,
        exact=state is TableState.SAME or (state is TableState.MISSING and then is not None),
        bytes_then=size,
    )


def most_changed(tables: Iterable[TablePlan]) -> list[TablePlan]:
    """Return the tables of which rows come or go, those with most of them first."""
    found = [one for one in tables if one.rows_differ]
    return sorted(found, key=lambda one: (-one.rows_differ, one.name))
