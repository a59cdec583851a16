"""One table of a dump, held open for its pages, and the server beside it once that is asked for."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Final

from core.cli.found_backup import FoundBackup
from core.contents.cells import Cells
from core.contents.protocol import no_such_part
from core.contents.secret_columns import secret_cells
from core.contents.secrets import MASK
from core.contents.table_differences import TableDifferences
from core.contents.table_pages import RowNow, TablePages
from core.contents.table_rows import NotComparable, RowComparison
from core.contents.tables import DumpContents
from core.errors import DatabaseError, UsageError
from core.magento.store import Store, shown
from tui.engine.inside_port import ROWS_PAGE, RowsView, RowView

_LONGEST: Final = 4000  # characters of a value


class DumpTable:
    """The rows of one table. Questions wait for each other. Raises BackupNotFound."""

    def __init__(
        self,
        opened: AbstractContextManager[FoundBackup],
        store: Store,
        table: str,
        *,
        keep: bool,
    ) -> None:
        self._store = store
        self._name = table
        self._turn = threading.Lock()
        self._live: RowComparison | None = None
        self._prefix = ""
        with ExitStack() as stack:
            one = stack.enter_context(opened)
            dump = DumpContents(one.backup, keep=keep, origin=one.origin)
            self._dump = stack.enter_context(dump)
            indexed = self._dump.table(table)
            if indexed is None:
                raise no_such_part(shown(table), one.backup.name.text)
            self._pages = TablePages(self._dump, indexed)
            self._stack = stack.pop_all()

    def page(self, first: int, *, show_secrets: bool) -> RowsView:
        """Return rows of the backup alone."""
        with self._turn:
            try:
                rows = self._pages.rows(first, ROWS_PAGE)
            except NotComparable as error:
                raise self._refused(error) from error
            columns = self._pages.columns
            shown_rows = tuple(
                RowView(sign="?", then=self._texts(columns, row, frozenset(), show_secrets))
                for row in rows
            )
            return self._view(columns, self._pages.table.key, shown_rows)

    def beside(self, first: int, *, show_secrets: bool) -> RowsView:
        """Return the rows beside the live ones."""
        with self._turn:
            try:
                live = self._comparison()
                rows = self._pages.beside(live, first, ROWS_PAGE)
            except NotComparable as error:
                raise self._refused(error) from error
            except DatabaseError:
                self._live = None
                raise
            shown_rows = tuple(self._row(live, row, show_secrets) for row in rows)
            return self._view(live.columns, live.table.key, shown_rows)

    def _refused(self, error: NotComparable) -> UsageError:
        return UsageError(f"{shown(self._name)} cannot be compared row by row: {error}.")

    def _comparison(self) -> RowComparison:
        if self._live is None:
            found = self._stack.enter_context(
                TableDifferences(self._dump, self._store, environ=os.environ)
            )
            if not found.has_both(self._name):
                raise UsageError(f"The store has no table {shown(self._name)} now.")
            self._live, self._prefix = found.rows(self._name), found.settings.table_prefix
        return self._live

    def _view(
        self, columns: tuple[str, ...], key: Sequence[str], rows: tuple[RowView, ...]
    ) -> RowsView:
        return RowsView(columns=columns, key=tuple(key), rows=rows, total=self._pages.count)

    def _row(self, live: RowComparison, row: RowNow, show_secrets: bool) -> RowView:
        sides = [
            None if side is None else self._texts(live.columns, side, live.binary, show_secrets)
            for side in (row.then, row.now)
        ]
        return RowView(sign=row.sign, then=sides[0], now=sides[1])

    def _texts(
        self, columns: tuple[str, ...], row: Cells, binary: frozenset[str], show_secrets: bool
    ) -> tuple[str | None, ...]:
        named = dict(zip(columns, row, strict=False))
        masked = frozenset() if show_secrets else secret_cells(self._name, named, self._prefix)
        return tuple(
            MASK if name in masked and value else _text(value, is_binary=name in binary)
            for name, value in named.items()
        )

    def close(self) -> None:
        """Close the dump and the connection."""
        with self._turn:
            self._stack.close()


def _text(value: bytes | None, *, is_binary: bool) -> str | None:
    if value is None:
        return None
    if not is_binary:
        try:
            return value.decode()[:_LONGEST]
        except UnicodeDecodeError:
            pass
    return "0x" + value[: _LONGEST // 2].hex()
