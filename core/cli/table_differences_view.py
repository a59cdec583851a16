"""The differences between a dump and the live schema, as lines for a person and as JSON.

`+` comes back with a rollback, `-` is there only now, `~` differs. All text is made safe here, and
the cells of secrets are masked.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

from core.cli.differences_view import totals_text
from core.contents.cells import Cells
from core.contents.secret_columns import secret_cells
from core.contents.secrets import MASK
from core.contents.table_differences import State, TableDifference, TableDifferences
from core.contents.table_rows import NotComparable, RowComparison, RowDifference, RowTotals
from core.errors import MagerewindError
from core.events import encode_text
from core.magento.store import shown
from core.text import numbers
from core.text.printable import printable

_SIGNS: Final = {State.MISSING: "+", State.EXTRA: "-", State.SAME: "="}
_WORDS: Final = {
    State.SAME: "the same",
    State.CHANGED: "changed",
    State.DEFINITION: "defined otherwise",
    State.MISSING: "missing now",
    State.EXTRA: "only now",
    State.UNKNOWN: "not comparable",
}
_LONGEST: Final = 80  # characters of a cell
_LONGEST_ROW: Final = 200


class TableDifferencesView:
    """Turns the differences of one dump into texts; at most `limit` rows of a table are shown."""

    def __init__(self, found: TableDifferences, *, limit: int, show_secrets: bool) -> None:
        self._found = found
        self._limit = limit
        self._show_secrets = show_secrets

    def table_lines(self) -> Iterator[str]:
        """Yield a line for each table that is not the same, and the totals."""
        counted: Counter[State] = Counter()
        for one in self._found.tables():
            counted[one.state] += 1
            if one.state is not State.SAME:
                yield _table_line(one)
        told = [
            f"{numbers.count(counted[state])} {words}"
            for state, words in _WORDS.items()
            if counted[state]
        ]
        yield f"Tables: {', '.join(told) or 'none'}."

    def table_rows(self) -> Iterator[str]:
        """Yield the same as JSON, for all tables."""
        counted: Counter[State] = Counter()
        for one in self._found.tables():
            counted[one.state] += 1
            yield json.dumps(_table_row(one))
        yield json.dumps({"type": "TableTotals", **{one.value: counted[one] for one in State}})

    def lines(self, name: str) -> Iterator[str]:
        """Yield the differences of one table: its definition, its rows, the totals."""
        then, now = self._found.definitions(name)
        if then != now:
            for line in difflib.unified_diff(now, then, "now", "then", lineterm="", n=0):
                yield printable(line)
        if not self._found.has_both(name):
            yield f"{printable(name)} is {'only there now' if now else 'missing now'}."
            return
        comparison = self._comparison(name)
        for one in self._limited(comparison):
            yield from self._row_lines(comparison, one)
        yield from self._total_lines(comparison.totals)

    def rows(self, name: str) -> Iterator[str]:
        """Yield the same as JSON."""
        then, now = self._found.definitions(name)
        if then != now:
            row = {"then": [*map(encode_text, then)], "now": [*map(encode_text, now)]}
            yield json.dumps({"type": "DefinitionDifference", "table": encode_text(name), **row})
        if not self._found.has_both(name):
            return
        comparison = self._comparison(name)
        for one in self._limited(comparison):
            yield json.dumps(self._row_json(comparison, one))
        yield json.dumps({"type": "RowTotals", **_totals(comparison.totals), "limit": self._limit})

    def _comparison(self, name: str) -> RowComparison:
        try:
            return self._found.rows(name)
        except NotComparable as error:
            raise _not_comparable(name, error) from error

    def _limited(self, comparison: RowComparison) -> Iterator[RowDifference]:
        """Yield the first differences, and count the rest."""
        number = 0
        try:
            for one in comparison.differences():
                number += 1
                if number <= self._limit:
                    yield one
        except NotComparable as error:
            raise _not_comparable(comparison.indexed.name, error) from error

    def _secrets(self, comparison: RowComparison, row: Cells | None) -> frozenset[str]:
        if self._show_secrets or row is None:
            return frozenset()
        cells = dict(zip(comparison.columns, row, strict=True))
        return secret_cells(comparison.indexed.name, cells, self._found.settings.table_prefix)

    def _row_lines(self, comparison: RowComparison, one: RowDifference) -> Iterator[str]:
        masked = self._secrets(comparison, one.then) | self._secrets(comparison, one.now)
        show = _shower(comparison, masked)
        if one.then is None or one.now is None:
            row = one.then if one.then is not None else one.now
            assert row is not None  # noqa: S101 - a difference has a side
            cells = ", ".join(map(show, comparison.columns, row))
            more = "" if len(cells) <= _LONGEST_ROW else " ..."
            yield f"{one.sign} {cells[:_LONGEST_ROW]}{more}"
            return
        yield f"~ {', '.join(map(show, comparison.table.key, one.key))}"
        for name, then, now in zip(comparison.columns, one.then, one.now, strict=True):
            if then != now:
                if name in masked:
                    yield f"    {printable(name)}: {MASK} (now) -> {MASK} (then)"
                else:
                    change = f"{_cell(comparison, name, now)} -> {_cell(comparison, name, then)}"
                    yield f"    {printable(name)}: {change}"

    def _row_json(self, comparison: RowComparison, one: RowDifference) -> dict[str, Any]:
        masked = self._secrets(comparison, one.then) | self._secrets(comparison, one.now)

        def side(row: Cells | None) -> dict[str, Any] | None:
            if row is None:
                return None
            return {
                name: MASK if name in masked and value else _value(comparison, name, value)
                for name, value in zip(comparison.columns, row, strict=True)
            }

        changed = [
            name
            for name, then, now in zip(comparison.columns, one.then or (), one.now or (),
                                       strict=False)
            if then != now
        ]  # fmt: skip
        key = dict(zip(comparison.table.key, one.key, strict=False))
        return {
            "type": "RowDifference",
            "sign": one.sign,
            "key": {
                name: MASK if name in masked else _value(comparison, name, value)
                for name, value in key.items()
            },
            "changed": changed,
            "then": side(one.then),
            "now": side(one.now),
        }

    def _total_lines(self, totals: RowTotals) -> Iterator[str]:
        differing = totals.comes_back + totals.only_now + totals.changed
        if differing > self._limit:
            yield f"The first {self._limit:,} of {differing:,} differences; --limit shows more."
        yield f"Rows: {totals_text(totals) or 'none'}."


def _not_comparable(name: str, error: NotComparable) -> MagerewindError:
    return MagerewindError(f"The rows of {shown(name)} cannot be compared: {error}.")


def _totals(totals: RowTotals) -> dict[str, int]:
    return {
        "comes_back": totals.comes_back,
        "only_now": totals.only_now,
        "changed": totals.changed,
        "same": totals.same,
    }


def _table_line(one: TableDifference) -> str:
    facts = [_WORDS[one.state]]
    if one.rows is not None:
        facts.append(f"rows: {totals_text(one.rows) or 'none'}")
    elif one.rows_then is not None and one.rows_now is not None:
        facts.append(f"{one.rows_then:,} rows then, about {one.rows_now:,} now")
    elif one.rows_then is not None:
        facts.append(f"{one.rows_then:,} rows")
    elif one.rows_now is not None:
        facts.append(f"about {one.rows_now:,} rows")
    if one.reason:
        facts.append(printable(one.reason))
    return f"{_SIGNS.get(one.state, '~')} {printable(one.name)}  ({'; '.join(facts)})"


def _table_row(one: TableDifference) -> dict[str, Any]:
    return {
        "type": "TableDifference",
        "name": encode_text(one.name),
        "state": one.state.value,
        "rows_then": one.rows_then,
        "rows_now": one.rows_now,
        "rows": None if one.rows is None else _totals(one.rows),
        "exact": one.rows is not None,
        "reason": encode_text(one.reason),
    }


def _shower(
    comparison: RowComparison, masked: frozenset[str]
) -> Callable[[str, bytes | None], str]:
    def show(name: str, value: bytes | None) -> str:
        text = MASK if name in masked and value else _cell(comparison, name, value)
        return f"{printable(name)}={text}"

    return show


def _is_binary(comparison: RowComparison, name: str, value: bytes) -> bool:
    if name in comparison.binary:
        return True
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return True
    return b"\0" in value


def _cell(comparison: RowComparison, name: str, value: bytes | None) -> str:
    """Return a cell as a short text that any terminal can show."""
    if value is None:
        return "NULL"
    if _is_binary(comparison, name, value):
        text = value[: _LONGEST // 2].hex().upper()
        more = "" if len(value) <= _LONGEST // 2 else f"... ({len(value):,} bytes)"
        return f"0x{text}{more}"
    text = value.decode("utf-8")
    more = "" if len(text) <= _LONGEST else f"... ({len(text):,} characters)"
    return f"'{printable(text[:_LONGEST])}'{more}"


def _value(comparison: RowComparison, name: str, value: bytes | None) -> Any:  # noqa: ANN401 - JSON
    """Return a cell as a JSON value; binary ones as `{"hex": ...}`."""
    if value is None:
        return None
    if _is_binary(comparison, name, value):
        return {"hex": value.hex().upper()}
    return value.decode("utf-8")
