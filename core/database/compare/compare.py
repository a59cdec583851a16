"""Compares the live tables with the index of a dump, over several connections.

Owns the threads and the criterion of equality. A table that cannot be compared is different: a
table wrongly taken for different costs time, one wrongly taken for the same costs rows.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct, field

from core.database.compare.questions import (
    Question,
    other_rendering,
    questions_about,
    same_definition,
)
from core.database.dump.row_ranges import CUT_BYTES
from core.database.index.read_index import DumpIndex
from core.database.schema.definitions import Table
from core.database.schema.read_tables import read_tables
from core.database.server.connection import Connection, connect
from core.database.server.dialect import one_line
from core.errors import ConnectionFailed, ConnectionLost, DatabaseError
from core.events import Report, no_report
from core.magento.settings import DatabaseConnection

CONNECTIONS: Final = 2
_TICK_S: Final = 0.1
_HARMLESS: Final = frozenset({1287, 1681, 3719, 3778})  # deprecations


class Verdict(StrEnum):
    """The result of the comparison of one table."""

    SAME = "same"
    DIFFERS = "differs"  # in its rows
    DEFINITION = "definition"  # it is defined otherwise
    UNKNOWN = "unknown"  # it could not be compared, and so counts as different


class Compared(Struct, frozen=True, kw_only=True):
    """The result of a comparison. `reason`: the obstacle to comparing any table."""

    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    reason: str = ""

    @property
    def same(self) -> frozenset[str]:
        """The tables that are as the dump has them."""
        return frozenset(name for name, one in self.verdicts.items() if one is Verdict.SAME)


def compare_tables(
    index: DumpIndex,
    settings: DatabaseConnection,
    names: Iterable[str],
    *,
    report: Report = no_report,
    connections: int = CONNECTIONS,
    holder: Connection | None = None,
    held: Collection[str] = (),
    rows_only: bool = False,
    hurry: threading.Event | None = None,
) -> Compared:
    """Return the verdict on each of these live tables; `report` counts rows.

    Each table is read as it is at the moment of each question. `holder` has locked the tables
    `held`, so that other connections cannot read them. `rows_only`: definitions do not count;
    foreign keys follow the tables that a swap renames. `hurry`: all connections but one wait for
    it, and leave the processors to other work until then. Raises ConnectionFailed, ConnectionLost,
    Cancelled (from `report`).
    """
    wanted = {name for name in names if name in index.tables}
    verdicts: dict[str, Verdict] = dict.fromkeys(wanted, Verdict.UNKNOWN)
    with contextlib.ExitStack() as stack:
        opened = [stack.enter_context(_open(settings))]
        reason = other_rendering(index, opened[0])
        if reason is not None:
            return Compared(verdicts=verdicts, reason=reason)
        questions: list[Question] = []
        try:
            for table in _live(opened[0], wanted):
                asked = _ask_about(index, table, opened[0], rows_only=rows_only)
                if isinstance(asked, Verdict):
                    verdicts[table.name] = asked
                else:
                    verdicts[table.name] = Verdict.SAME
                    questions += asked
        except ValueError as error:
            reason = f"its index is damaged: {error}"
            return Compared(verdicts=dict.fromkeys(wanted, Verdict.UNKNOWN), reason=reason)
        with contextlib.suppress(ConnectionFailed):  # one is enough
            while len(opened) < min(connections, len(questions)):
                opened.append(stack.enter_context(_open(settings)))
        asking = _Asking(questions, opened, hurry)
        if holder is not None and held:
            half = holder.max_packet // 2
            holder.set_session({"group_concat_max_len": min(CUT_BYTES, half)})
            asking.add_holder(holder, held)
        asking.run(report)
    verdicts |= asking.verdicts
    return Compared(verdicts=verdicts)


def _open(settings: DatabaseConnection) -> Connection:
    connection = connect(settings)
    half = connection.max_packet // 2
    connection.set_session({"group_concat_max_len": min(CUT_BYTES, half)})
    return connection


def _live(connection: Connection, wanted: set[str]) -> list[Table]:
    """Return the live tables among those wanted, the largest first."""
    return sorted(read_tables(connection, only=wanted), key=lambda one: -one.data_bytes)


def _ask_about(
    index: DumpIndex, table: Table, connection: Connection, *, rows_only: bool
) -> Verdict | tuple[Question, ...]:
    if not rows_only and not same_definition(index.tables[table.name], table, connection.schema):
        return Verdict.DEFINITION
    questions = questions_about(index, table, connection.server)
    return Verdict.UNKNOWN if questions is None else questions


class _Asking:
    """Asks all questions, each of whichever connection is free; a table that differs is left."""

    def __init__(
        self,
        questions: Iterable[Question],
        connections: list[Connection],
        hurry: threading.Event | None,
    ) -> None:
        self._todo = deque(questions)
        self._hurry = hurry
        self._held: deque[Question] = deque()
        self._holder: Connection | None = None
        self._connections = list(connections)
        self._lock = threading.Condition()
        self._running = len(connections)
        self._failure: BaseException | None = None
        self._rows = 0
        self._current = ""
        self.verdicts: dict[str, Verdict] = {}

    def add_holder(self, holder: Connection, held: Collection[str]) -> None:
        """Ask this connection, and no other, about these tables."""
        self._held = deque(one for one in self._todo if one.table in held)
        self._todo = deque(one for one in self._todo if one.table not in held)
        self._holder = holder
        self._connections.append(holder)
        self._running += 1

    def run(self, report: Report) -> None:
        """Ask every question. Raises errors of connections or `report`, with all threads ended."""
        threads = [
            threading.Thread(target=self._serve, args=(one,), name="compare", daemon=True)
            for one in self._connections
        ]
        for thread in threads:
            thread.start()
        try:
            with self._lock:
                while self._running and self._failure is None:
                    self._lock.wait(_TICK_S)
                    report(0, self._rows, one_line(self._current))
        except BaseException as error:
            self._failure = self._failure or error
            raise
        finally:
            if self._failure is not None:
                for one in self._connections:
                    one.abort()
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure

    def _serve(self, connection: Connection) -> None:
        try:
            if connection is not self._connections[0]:
                self._wait_for_hurry()
            todo = self._held if connection is self._holder else self._todo
            while self._failure is None and (question := self._take(todo)) is not None:
                verdict = _answer(connection, question)
                with self._lock:
                    self._rows += question.rows
                    self._current = question.table
                    if verdict is not Verdict.SAME:
                        self.verdicts[question.table] = verdict
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            self._failure = self._failure or error
        finally:
            with self._lock:
                self._running -= 1
                self._lock.notify_all()

    def _wait_for_hurry(self) -> None:
        while self._hurry is not None and not self._hurry.wait(_TICK_S):
            if self._failure is not None or not self._todo:
                return

    def _take(self, todo: deque[Question]) -> Question | None:
        with self._lock:
            while todo:
                question = todo.popleft()
                if question.table not in self.verdicts:
                    return question
        return None


def _answer(connection: Connection, question: Question) -> Verdict:
    """Ask one question. A table that cannot be read is none that is the same."""
    try:
        ((count, digest),) = connection.query(question.sql, long=True)
        if (int(count), digest) != (question.rows, question.digest):
            return Verdict.DIFFERS
        # A text that was cut has a digest too: only a warning tells.
        if connection.warnings and _warned(connection):
            return Verdict.UNKNOWN
    except ConnectionLost:
        raise
    except DatabaseError as error:
        if error.errno is None:
            raise
        return Verdict.UNKNOWN
    return Verdict.SAME


def _warned(connection: Connection) -> bool:
    return not {int(row[1]) for row in connection.query("SHOW WARNINGS")} <= _HARMLESS
