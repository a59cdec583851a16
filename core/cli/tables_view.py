"""The contents of a dump as lines and as JSON: tables with their rows, then other objects."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from core.backups.catalog import Backup
from core.contents.origin import Origin
from core.contents.protocol import no_such_part
from core.contents.tables import DumpContents, DumpPart
from core.database.index.entries import IndexedTable, RowsAt
from core.errors import UsageError
from core.events import Report, encode_text
from core.magento.store import Store, shown
from core.text import numbers
from core.text.printable import printable

if TYPE_CHECKING:
    from core.cli.table_differences_view import TableDifferencesView

_LINE: Final = "{kind:<10} {rows:>15} {size:>12}  {name}"
_RANGE: Final = "{rows:>15} {size:>12}  {bounds}"
_MANY: Final = 500  # lines in one text


class TablesView:
    """A dump, opened to be looked into (`core.cli.contents_view.ContentsView`)."""

    def __init__(self, contents: DumpContents, store: Store) -> None:
        self.contents = contents
        self._store = store

    def lines(self, part: str) -> Iterator[str]:
        """Yield the list of all parts; of a table its columns and ranges of rows."""
        if not part:
            yield _LINE.format(kind="kind", rows="rows", size="bytes", name="name")
            yield from _joined(_part_line(one) for one in self.contents.parts())
            return
        table = self.contents.table(part)
        if table is None:
            yield _part_line(self._object(part))
            return
        yield from self._table_lines(table)

    def _table_lines(self, table: IndexedTable) -> Iterator[str]:
        shape = self.contents.columns_of(table)
        yield f"{printable(table.name)}: {table.rows:,} rows, {numbers.size(table.bytes)}"
        yield from (f"  {printable(text)}" for text in shape)
        for trigger in self.contents.triggers_of(table.name):
            yield f"  trigger {printable(trigger.name)}"
        yield _RANGE.format(rows="rows", size="bytes", bounds="range of the key")
        yield from _joined(_range_line(one) for one in self.contents.ranges(table))

    def json(self, part: str) -> Iterator[str]:
        """Yield the same as JSON."""
        if not part:
            yield from _joined(_json(_part_row(one)) for one in self.contents.parts())
            return
        table = self.contents.table(part)
        if table is None:
            yield _json(_part_row(self._object(part)))
            return
        triggers = self.contents.triggers_of(table.name)
        yield _json(
            {
                "type": "Table",
                "name": encode_text(table.name),
                "rows": table.rows,
                "size_bytes": table.bytes,
                "definition": [encode_text(text) for text in self.contents.columns_of(table)],
                "key": [encode_text(name) for name in table.key],
                "triggers": [encode_text(one.name) for one in triggers],
            }
        )
        yield from _joined(_json(_range_row(one)) for one in self.contents.ranges(table))

    def difference_lines(self, part: str, *, show_secrets: bool, limit: int) -> Iterator[str]:
        """Yield the differences between the dump, or one table of it, and the live schema."""
        with self._shower(part, show_secrets=show_secrets, limit=limit) as shower:
            yield from shower.lines(part) if part else shower.table_lines()

    def difference_json(self, part: str, *, show_secrets: bool, limit: int) -> Iterator[str]:
        """Yield the same as JSON."""
        with self._shower(part, show_secrets=show_secrets, limit=limit) as shower:
            yield from shower.rows(part) if part else shower.table_rows()

    @contextmanager
    def _shower(
        self, part: str, *, show_secrets: bool, limit: int
    ) -> Iterator[TableDifferencesView]:
        # A list needs neither these nor a server.
        from core.cli.table_differences_view import TableDifferencesView  # noqa: PLC0415
        from core.contents.table_differences import TableDifferences  # noqa: PLC0415

        with TableDifferences(self.contents, self._store, environ=os.environ) as found:
            if part:
                found.require(part)
            yield TableDifferencesView(found, limit=limit, show_secrets=show_secrets)

    def _object(self, part: str) -> DumpPart:
        found = [one for one in self.contents.parts() if one.name == part]
        if not found:
            raise no_such_part(shown(part), self.contents.name)
        return found[0]


def _joined(texts: Iterator[str]) -> Iterator[str]:
    waiting: list[str] = []
    for text in texts:
        waiting.append(text)
        if len(waiting) >= _MANY:
            yield "\n".join(waiting)
            waiting = []
    if waiting:
        yield "\n".join(waiting)


def _part_line(part: DumpPart) -> str:
    name = printable(part.name) + (f" on {printable(part.table)}" if part.table else "")
    rows = "" if part.rows is None else f"{part.rows:,}"
    return _LINE.format(kind=part.kind, rows=rows, size=f"{part.size_bytes:,}", name=name)


def _part_row(part: DumpPart) -> dict[str, Any]:
    return {
        "type": "Part",
        "name": encode_text(part.name),
        "kind": part.kind,
        "rows": part.rows,
        "size_bytes": part.size_bytes,
        "table": encode_text(part.table) if part.table else None,
    }


def _range_line(one: RowsAt) -> str:
    after = "" if one.span.after is None else f"after {printable(one.span.after)} "
    upto = "" if one.span.upto is None else f"up to {printable(one.span.upto)}"
    return _RANGE.format(
        rows=f"{one.rows:,}", size=f"{one.length:,}", bounds=(after + upto).rstrip() or "all"
    )


def _range_row(one: RowsAt) -> dict[str, Any]:
    return {
        "type": "Rows",
        "rows": one.rows,
        "size_bytes": one.length,
        "after": one.span.after,
        "upto": one.span.upto,
        "digest": one.span.digest,
    }


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row)


@contextmanager
def open_tables(
    backup: Backup, store: Store, report: Report, keep: bool, origin: Origin | None = None
) -> Iterator[TablesView]:
    """Give the view of a backup of the database."""
    if backup.kind is None:
        raise UsageError(f"{backup.name.text} holds several kinds at once.")
    with DumpContents(backup, keep=keep, report=report, origin=origin) as contents:
        yield TablesView(contents, store)
