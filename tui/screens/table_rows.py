"""The rows of one table of a backup, and their relation to those of the store.

Pages are read in a background thread: first the backup's, then with the store's rows beside them.
After the screen is left, running queries end by themselves.
"""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content

from tui.engine.inside_port import ROWS_PAGE, OpenTable, RowsView, RowView
from tui.engine.row_pages import RowPages
from tui.render import table_rows, text
from tui.render.table_rows import Shape
from tui.render.text import assemble
from tui.screens.page import Page
from tui.widgets.keys import BACK, HELP, Hint
from tui.widgets.lines import Lines
from tui.widgets.panel import Panel
from tui.widgets.rows import Rows


class TableRows(Page):
    """One table, row by row."""

    PURPOSE = """The rows of a table as the backup has them, in the order of its key, beside those
        of the store: + is only in the backup and comes back, - is only in the store and would be
        lost, ~ has other values in the cells that are marked. Secrets are masked."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right", "columns(1)", "More columns", tooltip="Show the columns to the right."),
        Binding("left", "columns(-1)", "Columns back", show=False),
        Binding("s", "secrets", "Secrets", tooltip="Show secrets, or mask them."),
        Binding("tab", "swap", "Pane", tooltip="Go between the rows and the row."),
    ]
    HINTS = (
        Hint(key="enter", words="Whole row"),
        Hint(key="right", words="More columns"),
        Hint(key="s", words="Secrets"),
        Hint(key="tab", words="Pane"),
        BACK,
        HELP,
    )

    def __init__(self, name: str, table: str, crumb: str) -> None:
        super().__init__()
        self._backup_name = name
        self._table = table
        self._crumb = crumb
        self._open: OpenTable | None = None
        self._pages = RowPages()
        self._shape = Shape()
        self._left = 0  # the first column that is shown
        self._wanted: int | None = None  # the page that was missed last
        self._asking = False
        self._alone = ""  # why the store's rows are not known
        self._shows_secrets = False
        self._gone = False
        self._values: list[Content] = []

    def crumb(self) -> str:
        """Say which table this is."""
        return f"{self._crumb} > {self._table}"

    def body(self) -> ComposeResult:
        """Show the rows, and all values of one beside them or below."""
        with Container(id="table-columns"):
            with Panel(self._table.upper(), id="table-panel", classes="fills"):
                yield Lines(self._draw_head, id="table-head")
                yield Rows(self._line, id="table-rows")
            with Panel("THE ROW", id="row-panel"):
                yield Rows(self._value_line, id="row-values")

    def on_mount(self) -> None:
        """Open the table, and read its first page."""
        super().on_mount()
        self._rows.focus()
        self._name_it(f"reading {self.owner.glyphs.ellipsis}")
        inside, name, table = self.owner.engine.inside, self._backup_name, self._table

        def opened() -> tuple[OpenTable, RowsView]:
            found = inside.table(name, table)
            return found, found.page(0, show_secrets=False)

        def came(value: tuple[OpenTable, RowsView] | Exception) -> None:
            self._asking = False
            if isinstance(value, Exception):
                self._name_it("cannot be read")
                self.owner.complain(value)
                return
            self._open, view = value
            if self._gone:
                self._close()
                return
            self._take(0, view, whole=False)
            self._ask_beside(0)

        self._asking = True
        self.owner.questions.ask(opened, came)

    def on_unmount(self) -> None:
        """Close the table after its last question."""
        self._gone = True
        if not self._asking:
            self._close()

    def _close(self) -> None:
        table, self._open = self._open, None
        if table is not None:
            self.owner.questions.ask(table.close, lambda _value: None)

    @property
    def _rows(self) -> Rows:
        return self.query_one("#table-rows", Rows)

    def _name_it(self, fact: str) -> None:
        self.query_one("#table-panel", Panel).name_it(text.clean(self._table).upper(), fact)

    # Pages

    def _ask_page(self) -> None:
        """Read the page that was missed last; one at a time."""
        page, table = self._wanted, self._open
        if page is None or table is None or self._asking:
            return
        self._wanted = None
        self._asking = True
        shows = self._shows_secrets

        def came(value: RowsView | Exception) -> None:
            if self._ended():
                return
            if isinstance(value, Exception):
                self.owner.complain(value)
                return
            self._take(page, value, whole=False)
            self._ask_beside(page)

        self.owner.questions.ask(lambda: table.page(page * ROWS_PAGE, show_secrets=shows), came)

    def _ask_beside(self, page: int) -> None:
        """Put the store's rows beside a page, unless another one is wanted by now."""
        table = self._open
        if self._wanted is not None:
            self._ask_page()
            return
        if table is None or self._alone:
            return
        self._asking = True
        shows = self._shows_secrets

        def came(value: RowsView | Exception) -> None:
            if self._ended():
                return
            if isinstance(value, Exception):
                self._alone = text.clean(getattr(value, "message", str(value)))
                self.owner.refuse(f"The store's rows are not known: {self._alone}")
            else:
                self._take(page, value, whole=True)
            self._ask_page()

        self.owner.questions.ask(lambda: table.beside(page * ROWS_PAGE, show_secrets=shows), came)

    def _ended(self) -> bool:
        """Note that an answer came; return whether it is no longer wanted."""
        self._asking = False
        if self._gone:
            self._close()
        return self._gone

    def _take(self, page: int, view: RowsView, *, whole: bool) -> None:
        """Show a page; the cursor stays on its row."""
        rows, pages = self._rows, self._pages
        at, number = pages.place(rows.cursor)
        before = pages.row(rows.cursor)
        pages.take(page, view, whole=whole)
        self._shape = table_rows.wider(self._shape, table_rows.shape_of(view))
        if at == page and before is not None:
            same = (n for n, one in enumerate(view.rows) if one.then == before.then is not None)
            number = next(same, number)
        rows.show(pages.count, cursor=pages.begin(at) + number)
        self._tell()
        self.query_one("#table-head", Lines).show(self._draw_head)
        self._show_row()

    def _tell(self) -> None:
        total = text.plural(self._pages.total, "row")
        self._name_it(f"{total} in the backup" + (", the store's not known" if self._alone else ""))

    # Drawing

    def _draw_head(self, width: int) -> list[Content]:
        return [table_rows.head(self._shape, self._left, width, self.owner.glyphs)]

    def _line(self, index: int, width: int) -> Content:
        row = self._pages.row(index)
        if row is None:
            self._wanted = self._pages.place(index)[0]
            self.call_later(self._ask_page)
        return table_rows.row_line(row, self._shape, self._left, width, self.owner.glyphs)

    def _value_line(self, index: int, _width: int) -> Content:
        return self._values[index] if index < len(self._values) else Content("")

    def _show_row(self) -> None:
        """Show all values of the row under the cursor."""
        listed = self.query_one("#row-values", Rows)
        row = self._row
        width = max(20, listed.scrollable_content_region.width - 2)
        self._values = (
            []
            if row is None
            else table_rows.value_rows(row, self._shape.names, width, self.owner.glyphs)
        )
        listed.show(len(self._values), cursor=0)
        fact = "" if row is None else _WORDS[row.sign]
        self.query_one("#row-panel", Panel).name_it("THE ROW", fact)

    @property
    def _row(self) -> RowView | None:
        return self._pages.row(self._rows.cursor) if self._pages.count else None

    # Doing

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Show the row under the cursor; put the store's rows beside its page."""
        if event.rows is not self._rows:
            return
        page = self._pages.place(event.index)[0]
        if self._pages.is_held(page) and not self._pages.is_whole(page) and not self._asking:
            self._ask_beside(page)
        self._show_row()

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Go to the values of the row."""
        if event.rows is self._rows:
            self.action_swap()

    def action_swap(self) -> None:
        """Go to the row, or back to the rows."""
        there = self.query_one("#row-values", Rows)
        (self._rows if there.has_focus else there).focus()

    def action_back(self) -> None:
        """Go back to the rows, or leave."""
        if self.query_one("#row-values", Rows).has_focus:
            self._rows.focus()
        else:
            super().action_back()

    def action_columns(self, by: int) -> None:
        """Show other columns."""
        self._left = max(0, min(self._left + by, len(self._shape.names) - 1))
        self.query_one("#table-head", Lines).show(self._draw_head)
        self._rows.refresh()
        self.rest(assemble((f"from column {self._left + 1} on" if self._left else "", "")))

    def action_secrets(self) -> None:
        """Show the secrets, or mask them again."""
        if self._asking:
            self.owner.refuse("Rows are being read: once more, please.")
            return
        self._shows_secrets = not self._shows_secrets
        page = self._pages.place(self._rows.cursor)[0]
        number = self._rows.cursor - self._pages.begin(page)
        self._pages.forget()
        self._rows.show(self._pages.count, cursor=self._pages.begin(page) + number)


_WORDS = {
    "+": "only in the backup: it comes back",
    "-": "only in the store: it would be lost",
    "~": "other values in the store",
    " ": "the same in the store",
    "?": "",
}
