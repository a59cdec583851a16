"""Tables of a plan as text and JSON: the chosen ones, their ties, rows that come or go."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from core.events import encode_text
from core.operations.table_plans import TablePlan, most_changed
from core.text import numbers
from core.text.printable import printable

if TYPE_CHECKING:  # of a database: not loaded for a plan of files
    from core.database.load.dangling import Dangling
    from core.operations.chosen_tables import ChosenTables


def chosen_lines(chosen: ChosenTables, shown: int | None) -> Iterator[str]:
    """Yield the chosen tables, and the related ones added to them."""
    yield from named_lines("only", chosen.tables, shown)
    yield from named_lines("related", chosen.related, shown)


def named_lines(what: str, names: Sequence[str], shown: int | None) -> Iterator[str]:
    """Yield what holds for some tables, with the first of their names; nothing for none."""
    if names:
        listed = ", ".join(printable(name) for name in names[:shown])
        left = 0 if shown is None else len(names) - shown
        yield f"  {what} {listed}" + (f" and {numbers.count(left)} more" if left > 0 else "")


def row_lines(tables: Iterable[TablePlan], shown: int | None) -> Iterator[str]:
    """Yield the tables with added, removed or changed rows, most changes first."""
    tables = tuple(tables)
    changed = most_changed(tables)
    for one in changed[:shown]:
        signs = ((one.rows_added, "+"), (one.rows_removed, "-"), (one.rows_changed, "~"))
        told = ", ".join(f"{sign}{numbers.count(number)}" for number, sign in signs if number)
        about = "" if one.exact else "about "
        yield f"    {printable(one.name)}: {about}{told}"
    if shown is not None and len(changed) > shown:
        yield f"    and {numbers.counted(len(changed) - shown, 'more table')}"
    unknown = sum(one.rows_changed is None for one in tables)
    if unknown:
        yield f"    changed rows are not counted in {numbers.counted(unknown, 'table')}"


def tie_json(tie: Dangling) -> dict[str, Any]:
    """Return a foreign key between a chosen table and one that stays."""
    return {
        "child": encode_text(tie.child),
        "parent": encode_text(tie.parent),
        "columns": [encode_text(name) for name in tie.columns],
        "child_is_restored": tie.child_is_restored,
        "rows_without_parent": tie.rows,
    }
