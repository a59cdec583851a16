"""The tree of a plan with the difference of one entry beside it: opened, searched, filtered.

How to use it: `PlanPane(title)` in a page's `body`, `pane.show(model, tail, names)` with a plan. It
reads children and differences in threads, and posts `PlanPane.LeftOut` when an entry is to be left
out, or taken in again: the page changes the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Final, cast

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from core.archive.plan.tree import PlannedNode
from core.events import Kind
from core.operations.table_plans import TablePlan
from tui.engine.plan_model import Place, PlanItem, PlanModel, SearchResult, Sort, open_chain
from tui.render import plan_tree, text
from tui.screens.difference_pane import DifferencePane
from tui.screens.host import Host
from tui.widgets.entry import Entry
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel
from tui.widgets.rows import GUTTER, Rows

Tail = Callable[[int], list[Content]]
"""Lines below the tree, for a width in cells: further findings."""
_WIDE: Final = ("-wide", "-huge")


class PlanPane(Vertical):
    """The tree, and the difference."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "unfold(True)", "Open", show=False),
        Binding("left", "unfold(False)", "Fold", show=False),
        Binding("c", "only_goes", "Only what goes", tooltip="Show only what leaves the store."),
        Binding("slash", "find", "Find", tooltip="Find an entry or a table, while you type."),
        Binding("equals_sign", "compare", "Diff", tooltip="How this entry differs, line by line."),
        Binding("tab", "swap", "Diff", tooltip="Go to the difference, and back."),
        Binding("escape", "leave", "Back", show=False),
    ]

    class LeftOut(Message):
        """A part is to be left out; with `back` it is to be taken in again.

        Without a `part` all of its kind is meant.
        """

        def __init__(self, kind: Kind, name: str | None, *, back: bool) -> None:
            self.kind = kind
            self.part = None if name is None else (kind, name)
            self.back = back
            super().__init__()

    def __init__(self, title: str) -> None:
        super().__init__(id="plan-pane")
        self._title = title
        self._model: PlanModel | None = None
        self._items: list[PlanItem] = []
        self._tail: Tail = lambda _width: []
        self._tail_rows: list[Content] = []
        self._searches = 0

    @property
    def _owner(self) -> Host:
        return cast("Host", self.app)

    @property
    def model(self) -> PlanModel | None:
        """The plan that is shown."""
        return self._model

    @property
    def item(self) -> PlanItem | None:
        """The entry under the cursor."""
        at = self._rows.cursor
        return self._items[at] if at < len(self._items) else None

    @property
    def _rows(self) -> Rows:
        return self.query_one("#plan-rows", Rows)

    @property
    def _difference(self) -> DifferencePane:
        return self.query_one(DifferencePane)

    def compose(self) -> ComposeResult:
        """Two panels, beside each other where there is room."""
        with Container(id="plan-columns"):
            with Panel(
                self._title, hint="+ comes  ~ changes  - goes", id="plan-tree", classes="fills"
            ):
                yield Entry(id="find", placeholder="part of a path or a table; Esc shows all again")
                yield Lines(lambda width: [plan_tree.head(width)], id="plan-heads")
                yield Rows(self._line, id="plan-rows")
            yield DifferencePane()

    def on_mount(self) -> None:
        """Hide the parts that are not used yet."""
        self.query_one("#find", Input).display = False
        self._rows.marked = lambda _index: False

    def show(self, model: PlanModel, tail: Tail, names: Mapping[Kind, str]) -> None:
        """Show a plan. `names`: the backups that its entries are compared with, none of an undo."""
        before = self._model
        if before is not None and before.plan is not model.plan:
            model.only_goes = before.only_goes
            self._searches += 1
            self._close_find()
        self._model, self._tail = model, tail
        self._difference.names = names
        self._list(cursor=self._first_entry() if before is None and self._beside else None)

    def _first_entry(self) -> int:
        """Return the row of the first file or table: its difference is seen at once."""
        items = self._model.items() if self._model is not None else []
        for sort in (Sort.NODE, Sort.TABLE):
            for at, one in enumerate(items):
                if one.sort is sort and one.place is None:
                    return at
        return 0

    def focus_tree(self) -> None:
        """Put the cursor where the keys are expected."""
        self._rows.focus()

    # Drawing

    def _line(self, index: int, width: int) -> Content:
        if self._model is None:
            return Content("")
        if index >= len(self._items):
            return self._tail_rows[index - len(self._items)]
        return plan_tree.row(self._model, self._items[index], width, self._owner.glyphs)

    def _list(self, *, keep: bool = False, cursor: int | None = None) -> None:
        """Make the flat list anew; with `keep` the cursor stays on its row."""
        model = self._model
        if model is None:
            return
        on = self.item
        self._items = model.items()
        width = self._rows.scrollable_content_region.width - GUTTER
        self._tail_rows = [] if model.found is not None else self._tail(max(20, width))
        if keep and on is not None:
            keys = (at for at, one in enumerate(self._items) if one.key == on.key)
            cursor = next(keys, None)
        self._rows.show(len(self._items) + len(self._tail_rows), cursor=cursor)
        changes = sum(
            one.added + one.changed + one.removed + one.mode_only
            for one in model.plan.files.values()
        )
        fact = f"{text.plural(changes, 'entry', 'entries')}"
        if model.found is not None:
            found = model.found.count + len(model.found.tables)
            fact = f"{text.count(found)} match, of {fact}"
            if model.found.count > len(model.found.nodes):
                fact += f"; the first {text.count(len(model.found.nodes))}"
        if model.only_goes:
            fact += ", only what goes"
        self.query_one("#plan-tree", Panel).name_it(self._title, fact)
        self._look()

    def on_resize(self, _event: events.Resize) -> None:
        """Fold the lines below the tree anew."""
        self.call_after_refresh(self._list, keep=True)

    # Opening

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Open the directory, or the difference of a file."""
        event.stop()
        item = self.item
        if item is None or self._model is None or event.rows is not self._rows:
            return
        if item.sort is Sort.MORE:
            place = (item.kind, str(item.value))
            self._read(place, offset=len(self._model.children.get(place, ())))
        elif item.place is None or self._model.found is not None:
            self.action_compare()
        else:
            self.action_unfold(item.place not in self._model.opened)

    def action_unfold(self, opens: bool) -> None:
        """Open or fold the directory under the cursor; an open one's parent is folded instead."""
        model, item = self._model, self.item
        if model is None or item is None or model.found is not None:
            return
        place = item.place
        if not opens and (place is None or place not in model.opened):
            self._to_parent(item)
        elif place is not None and not opens:
            model.opened.discard(place)
            self._list(keep=True)
        elif place is not None and (place in model.children or place[0] is Kind.DB):
            model.opened.add(place)
            self._list(keep=True)
        elif place is not None:
            self._read(place)

    def _to_parent(self, item: PlanItem) -> None:
        at = self._rows.cursor
        above = (n for n in range(at - 1, -1, -1) if self._items[n].depth < item.depth)
        self._rows.move_to_row(next(above, at))

    def _read(self, place: Place, *, offset: int = 0) -> None:
        """Read children in a background thread, and open them."""
        model, children = self._model, self._owner.engine.planned.children

        def came(value: list[tuple[Place, tuple[PlannedNode, ...]]] | Exception) -> None:
            if model is None or model is not self._model:
                return
            if isinstance(value, Exception):
                self._owner.complain(value)
                return
            for where, nodes in value:
                if offset or where not in model.children:
                    model.take(where, nodes)
                model.opened.add(where)
            self._list(keep=not offset)

        self._owner.questions.ask(lambda: open_chain(place, children, offset), came)

    # Filters

    def action_only_goes(self) -> None:
        """Show only entries that leave the store, or all again."""
        if self._model is not None:
            self._model.only_goes = not self._model.only_goes
            self._list(cursor=0)

    def action_find(self) -> None:
        """Type the search term."""
        field = self.query_one("#find", Input)
        field.display = True
        field.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search in a background thread; an outdated answer is dropped."""
        event.stop()
        model, word = self._model, event.value.strip()
        self._searches += 1
        if model is None:
            return
        if not word:
            model.found = None
            self._list(cursor=0)
            return
        number, engine = self._searches, self._owner.engine

        def look() -> SearchResult:
            found = SearchResult(word=word)
            for kind in model.plan.files:
                if number != self._searches:
                    break
                count, nodes = engine.planned.found(kind, word)
                found.count += count
                found.nodes += tuple((kind, node) for node in nodes)
            lower = word.casefold()
            found.tables = tuple(one for one in model.tables() if lower in one.name.casefold())
            return found

        def came(value: SearchResult | Exception) -> None:
            if number != self._searches or model is not self._model:
                return
            if isinstance(value, Exception):
                self._owner.complain(value)
                return
            model.found = value
            self._list(cursor=0)

        self._owner.questions.ask(look, came)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the search result."""
        event.stop()
        self._rows.focus()

    def _close_find(self) -> None:
        field = self.query_one("#find", Input)
        if field.display:
            with self.prevent(Input.Changed):
                field.value = ""
            field.display = False

    # The difference

    @property
    def _beside(self) -> bool:
        return any(self.screen.has_class(name) for name in _WIDE)

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Show the entry under the cursor beside the tree."""
        event.stop()
        if event.rows is self._rows:
            self._look()

    def _look(self) -> None:
        """Show the difference of the entry under the cursor, where the pane is visible."""
        if self._beside or self.has_class("-difference"):
            item = self.item
            value = None if item is None else item.value
            if item is None or value is None or item.sort not in (Sort.NODE, Sort.TABLE):
                self._difference.look(None)
            elif isinstance(value, TablePlan):
                self._difference.look((Kind.DB, value.name))
            elif isinstance(value, str) or value.sums is not None:
                self._difference.look(None)
            else:
                self._difference.look((item.kind, value.path))

    def action_compare(self) -> None:
        """Go to the difference."""
        item = self.item
        if item is None or item.sort not in (Sort.NODE, Sort.TABLE):
            return
        self.add_class("-difference")
        self._look()
        self._difference.focus_rows()

    def action_swap(self) -> None:
        """Go to the difference, or back."""
        if self._difference.has_focus_within:
            self.action_leave()
        else:
            self.action_compare()

    def action_leave(self) -> None:
        """Back from the difference, from a search, or from this screen."""
        model = self._model
        if self._difference.has_focus_within:
            self.remove_class("-difference")
            self._rows.focus()
        elif self.query_one("#find", Input).display:
            self._searches += 1
            self._close_find()
            if model is not None:
                model.found = None
            self._rows.focus()
            self._list(cursor=0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        """Leave Esc to the page where there is nothing to leave here."""
        if action == "leave":
            return self._difference.has_focus_within or self.query_one("#find", Input).display
        return True

    # Leaving out

    def on_rows_marked(self, event: Rows.Marked) -> None:
        """Leave out the entry under the cursor, or take it in again."""
        event.stop()
        item = self.item
        value = None if item is None else item.value
        if item is None or event.rows is not self._rows:
            return
        if item.sort is Sort.LEFT:
            self.post_message(self.LeftOut(item.kind, str(value), back=True))
        elif isinstance(value, TablePlan):
            self.post_message(self.LeftOut(Kind.DB, value.name, back=False))
        elif item.sort is Sort.KIND:
            self.post_message(self.LeftOut(item.kind, None, back=False))
        elif item.sort is Sort.NODE and not isinstance(value, str) and value is not None:
            self.post_message(self.LeftOut(item.kind, value.path, back=False))
        else:
            self._owner.refuse("Put the cursor on a file, a directory or a table to leave it out.")
