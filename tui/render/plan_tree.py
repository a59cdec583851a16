"""The tree of a plan as lines: sign, name, counts of added, changed and removed entries, size."""

from __future__ import annotations

from typing import Final

from textual.content import Content

from core.archive.plan.directory_totals import Sums
from core.archive.plan.rows import Action
from core.archive.plan.tree import PlannedNode
from core.events import Kind
from core.operations.table_plans import TablePlan, TableState
from tui.engine.plan_model import PlanItem, PlanModel, Sort
from tui.engine.views import FilesPlanView
from tui.render import text
from tui.render.text import Glyphs, assemble

SIGNS: Final = {
    Action.ADD: ("+", "$text-success"),
    Action.CHANGE: ("~", "$text-warning"),
    Action.MODE: ("~", "$text-warning"),
    Action.REMOVE: ("-", "$text-error"),
}
_TABLES: Final = {
    TableState.EXTRA: ("-", "$text-error"),
    TableState.MISSING: ("+", "$text-success"),
    TableState.DEFINITION: ("~", "$text-warning"),
    TableState.CHANGED: ("~", "$text-warning"),
    TableState.KEPT: (" ", "$foreground-muted"),
}
_NUMBER: Final = 7
_SIZE: Final = 9
_TABLE: Final = 22  # cells of most names
_COLUMNS: Final = 3 * _NUMBER + _SIZE
MUTED: Final = "$foreground-muted"


def head(width: int) -> Content:
    """Return the heads of the columns, for rows with the cursor's gutter before them."""
    words = "".join(text.right(sign, _NUMBER) for sign in "+~-") + text.right("SIZE", _SIZE)
    return assemble((f"  {'ENTRY':<{max(5, width - 2 - len(words))}}{words}", MUTED))


def row(model: PlanModel, item: PlanItem, width: int, glyphs: Glyphs) -> Content:
    """Return one row of the tree."""
    lead = "  " * item.depth
    value = item.value
    if item.sort is Sort.KIND:
        return _kind(model, item.kind, width, glyphs)
    if item.sort is Sort.NODE and isinstance(value, PlannedNode):
        name = value.path if model.found is not None else value.name
        if value.sums is not None:
            is_open = model.found is None and item.place in model.opened
            return _directory(lead, name, value, width, glyphs, is_open=is_open)
        return _entry(lead, name, value, width, glyphs)
    if item.sort is Sort.TABLE and isinstance(value, TablePlan):
        return _table(lead, value, width, glyphs)
    if item.sort is Sort.MORE:
        words = f"{lead}  {glyphs.ellipsis} more: Enter shows them"
    elif item.sort is Sort.LEFT:
        words = f"left out: {text.fit_end(text.clean(str(value)), max(8, width - 10), glyphs)}"
    else:
        words = text.clean(str(value))
    return assemble((text.fit(words, width, glyphs), MUTED))


def _kind(model: PlanModel, kind: Kind, width: int, glyphs: Glyphs) -> Content:
    sign = glyphs.opened if (kind, "") in model.opened else glyphs.shut
    if kind is Kind.DB:
        return _database(model, sign, width, glyphs)
    files = model.plan.files[kind]
    sums = Sums(
        added=files.added,
        changed=files.changed,
        removed=files.removed,
        mode_only=files.mode_only,
        bytes_to_write=files.bytes_to_write,
    )
    if not sums.entries:
        words = f"{glyphs.dot} {kind.value:<6} {_same_words(files)}"
        return assemble((text.fit(words, width, glyphs), "$text-success"))
    same = f"  {text.count(files.identical)} the same" if files.identical else ""
    name = text.fit(f"{sign} {kind.value}{same}", max(8, width - _COLUMNS), glyphs)
    return assemble((name, "bold"), *_sums(sums, None))


def _same_words(files: FilesPlanView) -> str:
    if not files.identical:
        return "nothing to change"
    return f"nothing to change, {text.count(files.identical)} identical and untouched"


def _database(model: PlanModel, sign: str, width: int, glyphs: Glyphs) -> Content:
    """Return the row of the database: its numbers are tables, its size is what is loaded."""
    plan = model.plan.database
    if plan is None:
        words = "the tables set aside come back, the present ones are set aside"
        return assemble((text.fit(f"{sign} database  {words}", width, glyphs), "bold"))
    same = f"  {text.count(plan.same)} tables the same" if plan.same else "  tables"
    sums = Sums(
        added=plan.added,
        changed=plan.replaced,
        removed=plan.aside,
        bytes_to_write=plan.size_bytes or 0,
    )
    if not sums.entries:
        kept = f", {same.strip()}" if plan.same else ""
        words = f"{glyphs.dot} database  nothing to change{kept}"
        return assemble((text.fit(words, width, glyphs), "$text-success"))
    name = text.fit(f"{sign} database{same}", max(8, width - _COLUMNS), glyphs)
    return assemble((name, "bold"), *_sums(sums, None))


def _name(lead: str, name: str, width: int, glyphs: Glyphs) -> str:
    room = max(8, width - _COLUMNS)
    shown = text.clean(name)
    if "/" in name.rstrip("/"):  # a path of a search result: its end tells
        shown = text.fit_end(shown, max(4, room - len(lead)), glyphs)
    if len(lead) > room // 2:  # a deep tree keeps room for its names
        lead = f"{lead[: room // 2 - 1]} "
    return text.fit(f"{lead}{shown}", room, glyphs)


def _sums(sums: Sums, size: int | None) -> list[tuple[str, str]]:
    numbers = (
        (sums.added, "$text-success"),
        (sums.changed + sums.mode_only, "$text-warning"),
        (sums.removed, "$text-error"),
    )
    cells = [(text.right(text.count(one) if one else "", _NUMBER), style) for one, style in numbers]
    shown = sums.bytes_to_write if size is None else size
    return [*cells, (text.right(text.column_size(shown) if shown else "", _SIZE), "")]


def _directory(
    lead: str, name: str, node: PlannedNode, width: int, glyphs: Glyphs, *, is_open: bool
) -> Content:
    sums = node.sums or Sums()
    if not sums.entries:  # an empty one, or one of which only mode and owner differ
        return _entry(lead, f"{name}/", node, width, glyphs)
    sign = glyphs.opened if is_open else glyphs.shut
    own, style = SIGNS[node.action] if node.action is not None else ("", "")
    name = f"{own} {name}" if own else name
    size = sums.bytes_to_write or sums.bytes_set_aside
    return assemble((_name(f"{lead}{sign} ", name, width, glyphs), style), *_sums(sums, size))


def _entry(lead: str, name: str, node: PlannedNode, width: int, glyphs: Glyphs) -> Content:
    action = node.action or Action.CHANGE
    sign, style = SIGNS[action]
    size = node.size_now if action is Action.REMOVE else node.size_then
    words = "" if size is None or node.is_directory else text.column_size(size)
    if action is Action.MODE:
        words = f"mode {_mode(node.mode_now)} {glyphs.arrow} {_mode(node.mode_then)}"
        if node.mode_now is not None and _mode(node.mode_now) == _mode(node.mode_then):
            words = "owner"
    shown = _name(f"{lead}  {sign} ", name, width, glyphs)
    begin = len(lead) + 2
    return assemble(
        shown[:begin], (shown[begin : begin + 1], style), shown[begin + 1 :],
        text.right(words, _COLUMNS),
    )  # fmt: skip


def _mode(mode: int | None) -> str:
    return "?" if mode is None else f"{mode & 0o7777:04o}"


def _rows(number: int | None) -> str:
    return "rows not counted" if number is None else text.plural(number, "row")


def _table(lead: str, table: TablePlan, width: int, glyphs: Glyphs) -> Content:
    sign, style = _TABLES[table.state]
    match table.state:
        case TableState.EXTRA:
            words = "set aside, undo brings it back"
        case TableState.MISSING:
            words = f"comes back, {_rows(table.rows_then)}"
        case TableState.KEPT:
            words = "stays as it is"
        case _:
            now = "" if table.rows_now is None else f", about {text.count(table.rows_now)} now"
            words = f"{_rows(table.rows_then)}{now}"
            if table.state is TableState.DEFINITION:
                words += ", defined otherwise"
    name = text.clean(table.name)
    name = text.fit(name, max(_TABLE, min(len(name), width // 2)), glyphs)
    line = text.fit(f"{name}  {words}", max(8, width - len(lead) - 4), glyphs)
    return assemble(f"{lead}  ", (sign, style), f" {line}")
