"""A dump beside the live schema: which tables differ, and the rows of one that differ.

Tables are told by the digests in the dump's index where it has them: those are exact, and cost the
server half of a dump. Rows of tables that differ are compared within a time limit; after it, and
without digests, counts are the server's estimates.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from enum import StrEnum
from typing import Final, Self

from msgspec import Struct

from core.contents.protocol import no_such_part
from core.contents.table_rows import (
    NotComparable,
    RowComparison,
    RowTotals,
    concat_limit,
)
from core.contents.tables import DumpContents
from core.database.compare.compare import Verdict, compare_tables
from core.database.compare.questions import other_rendering, same_definition
from core.database.schema.definitions import Table
from core.database.schema.names import ASIDE, STAGED
from core.database.schema.other_stores import other_stores
from core.database.schema.read_tables import read_tables
from core.database.server.connection import Connection, connect
from core.database.server.dialect import quote_name
from core.errors import Cancelled, DatabaseError, UsageError
from core.events import Report, no_report
from core.magento.env_php import read_configuration
from core.magento.settings import DatabaseConnection
from core.magento.store import Store, shown

COUNTING_S: Final = 30.0
"""How long rows of tables that differ are compared for a list of tables."""
_STATEMENT_S: Final = 60  # of the server, for one question
_AT_ONCE: Final = 40  # tables that are compared before their results are returned


class State(StrEnum):
    """The relation of a table of a dump to the one of the live schema."""

    SAME = "same"
    CHANGED = "changed"
    DEFINITION = "definition"  # it is defined otherwise
    MISSING = "missing"  # it is only in the dump
    EXTRA = "extra"  # it is only live
    UNKNOWN = "unknown"  # it cannot be told


class TableDifference(Struct, frozen=True, kw_only=True):
    """How a table differs. `rows_now` is about, as the server guesses; `rows` are exact.

    `reason` says why rows were not compared.
    """

    name: str
    state: State
    rows_then: int | None = None
    rows_now: int | None = None
    rows: RowTotals | None = None
    counted: bool = False  # whether `rows_now` is exact after all
    reason: str = ""


class TableDifferences:
    """A dump beside the live schema, to be used with `with`.

    Raises ConfigurationError, ConnectionFailed, ConnectionLost.
    """

    def __init__(
        self,
        contents: DumpContents,
        store: Store,
        *,
        environ: Mapping[str, str],
        report: Report = no_report,
    ) -> None:
        self.contents = contents
        self._store = store
        self._environ = environ
        self._report = report
        self._stack = ExitStack()
        self._known: dict[str, Table] | None = None
        self.settings: DatabaseConnection
        self._connection: Connection

    def __enter__(self) -> Self:
        configuration = read_configuration(self._store, environ=self._environ)
        self.settings = configuration.default_connection()
        self._connection = self._stack.enter_context(self._opened())
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    def _opened(self) -> Connection:
        connection = connect(self.settings)
        limit = "max_statement_time" if connection.server.mariadb else "max_execution_time"
        seconds = _STATEMENT_S if connection.server.mariadb else _STATEMENT_S * 1000
        connection.set_session({"group_concat_max_len": concat_limit(connection), limit: seconds})
        return connection

    def require(self, part: str) -> None:
        """Raise UsageError or BackupNotFound unless this is a table, there or here."""
        if self.contents.table(part) is None and part not in self._live():
            if self.contents.thing(part) is not None:
                raise UsageError(
                    f"{shown(part)} is no table: only tables are compared.",
                    hint=f"magerewind info:backups:show {self.contents.name} NAME writes it.",
                )
            raise no_such_part(shown(part), self.contents.name)

    def _live(self) -> dict[str, Table]:
        """Return the live tables of this store, by name."""
        if self._known is None:
            others = other_stores(self._connection)
            self._known = {
                one.name: one
                for one in read_tables(self._connection)
                if not one.name.startswith((STAGED, ASIDE)) and one.name not in others
            }
        return self._known

    def tables(self) -> Iterator[TableDifference]:
        """Yield every table of the dump and of the live schema, by name."""
        live, index = self._live(), self.contents.index
        compared = compare_tables(index, self.settings, live, report=self._report)
        deadline = time.monotonic() + COUNTING_S
        for name in sorted({*live, *index.tables}):
            now, then = live.get(name), index.tables.get(name)
            if now is None or then is None:
                yield TableDifference(
                    name=name,
                    state=State.MISSING if now is None else State.EXTRA,
                    rows_then=None if then is None else then.rows,
                    rows_now=None if now is None else now.rows,
                )
                continue
            verdict = compared.verdicts.get(name, Verdict.UNKNOWN)
            state = _STATES[verdict]
            rows, reason = None, compared.reason if verdict is Verdict.UNKNOWN else ""
            if state is State.SAME:
                rows = RowTotals(same=then.rows)
            elif time.monotonic() < deadline:
                rows, reason = self._counted(name, now, deadline)
                if state is State.UNKNOWN:
                    state = self._told_by_rows(name, now, rows)
            else:
                reason = "its rows were not compared: that takes long"
            yield TableDifference(
                name=name, state=state, rows_then=then.rows, rows_now=now.rows, rows=rows,
                reason=reason,
            )  # fmt: skip

    def standings(self, *, stop: Callable[[], bool]) -> Iterator[TableDifference]:
        """Yield every table, first its existence and estimated rows, then its comparison.

        Digests tell the small tables first; rows of those that differ are counted now, not
        compared. A table comes again when more is known of it. Raises Cancelled.
        """
        live, index = self._live(), self.contents.index
        shared: list[Table] = []
        for name in sorted({*live, *index.tables}):
            now, then = live.get(name), index.tables.get(name)
            state = State.MISSING if now is None else State.EXTRA if then is None else State.UNKNOWN
            rows = None if then is None else then.rows
            yield TableDifference(name=name, state=state, rows_then=rows,
                                  rows_now=None if now is None else now.rows)  # fmt: skip
            if now is not None and then is not None:
                shared.append(now)
        shared.sort(key=lambda one: one.data_bytes)
        for begin in range(0, len(shared), _AT_ONCE):
            some = shared[begin : begin + _AT_ONCE]
            compared = compare_tables(
                index, self.settings, [one.name for one in some], report=_ending(stop)
            )
            for table in some:
                state = _STATES[compared.verdicts.get(table.name, Verdict.UNKNOWN)]
                then = index.tables[table.name]
                rows = then.rows if state is State.SAME else self._rows_now(table, stop)
                reason = compared.reason if state is State.UNKNOWN else ""
                yield TableDifference(name=table.name, state=state, rows_then=then.rows,
                                      rows_now=rows, counted=True, reason=reason)  # fmt: skip

    def _rows_now(self, table: Table, stop: Callable[[], bool]) -> int | None:
        if stop():
            raise Cancelled("Nobody waits for this comparison any more.")
        try:
            ((count,),) = self._connection.query(f"SELECT COUNT(*) FROM {quote_name(table.name)}")
        except DatabaseError as error:
            if error.errno is None:
                raise
            return None
        return int(count or 0)

    def _told_by_rows(self, name: str, table: Table, rows: RowTotals | None) -> State:
        """Return the state of a table that no digest tells, by its columns and rows."""
        then = _columns(self.contents.columns_of(self.contents.index.tables[name]))
        if then != _columns(self.contents.lines_of(table.create)):
            return State.DEFINITION
        if rows is None:
            return State.UNKNOWN
        same = not (rows.comes_back or rows.only_now or rows.changed)
        return State.SAME if same else State.CHANGED

    def _counted(self, name: str, table: Table, deadline: float) -> tuple[RowTotals | None, str]:
        """Return how many rows of a table differ; None, and why, where that is not known."""
        try:
            comparison = self._comparison(name, table)
            for _ in comparison.differences():
                if time.monotonic() > deadline:
                    raise NotComparable("that takes long")
        except NotComparable as error:
            self._again()
            return None, f"its rows were not compared: {error}"
        except DatabaseError as error:
            if error.errno is None:
                raise
            self._again()
            return None, f"its rows were not compared: {error.message}"
        return comparison.totals, ""

    def count(self, names: Iterable[str], *, deadline: float) -> dict[str, RowTotals]:
        """Return how many rows differ in these tables, as far as they can be compared in time.

        None is begun after the `deadline`, of the monotonic clock.
        """
        live = {one.name: one for one in read_tables(self._connection, only=set(names))}
        found = {}
        for name in names:
            if time.monotonic() > deadline:
                break
            if name in live and name in self.contents.index.tables:
                totals, _ = self._counted(name, live[name], deadline)
                if totals is not None:
                    found[name] = totals
        return found

    def _again(self) -> None:
        """Have a connection on which no answer is left."""
        if not self._connection.open:
            self._connection = self._stack.enter_context(self._opened())

    def _comparison(self, name: str, table: Table) -> RowComparison:
        index = self.contents.index
        return RowComparison(
            contents=self.contents,
            indexed=index.tables[name],
            table=table,
            connection=self._connection,
            by_digest=other_rendering(index, self._connection) is None
            and same_definition(index.tables[name], table, self._connection.schema),
        )

    def definitions(self, name: str) -> tuple[list[str], list[str]]:
        """Return the definition of a table then and now, a line each; none where it is not."""
        then, now = self.contents.index.tables.get(name), self._live().get(name)
        return (
            [] if then is None else self.contents.columns_of(then),
            [] if now is None else self.contents.lines_of(now.create),
        )

    def rows(self, name: str) -> RowComparison:
        """Return the comparison of one table, which both have. Raises NotComparable."""
        return self._comparison(name, self._live()[name])

    def has_both(self, name: str) -> bool:
        """Tell whether the dump and the live schema have a table."""
        return name in self.contents.index.tables and name in self._live()


def _ending(stop: Callable[[], bool]) -> Report:
    def report(_done_bytes: int, _items: int, _current: str) -> None:
        if stop():
            raise Cancelled("Nobody waits for this comparison any more.")

    return report


def _columns(lines: Iterable[str]) -> set[str]:
    """Return the names of the columns in the lines of a definition."""
    return {line[1:].partition("` ")[0] for line in lines if line.startswith("`")}


_STATES: Final[Mapping[Verdict, State]] = {
    Verdict.SAME: State.SAME,
    Verdict.DIFFERS: State.CHANGED,
    Verdict.DEFINITION: State.DEFINITION,
    Verdict.UNKNOWN: State.UNKNOWN,
}
