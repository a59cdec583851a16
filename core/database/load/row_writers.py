"""Several connections that write rows of a load, each batch in a transaction.

Owns the threads, their order and their failures: the first error stops them all and is raised to
the feeding thread. The work after the last row of a table waits until that row is committed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, NamedTuple, Self

from core.database.schema.load_session import LoadingConnection
from core.database.server.dialect import one_line
from core.database.sql.set_statements import SessionState
from core.errors import ConnectionFailed, ConnectionLost, DatabaseError, LoadFailed, MagerewindError
from core.events import Warned
from core.magento.settings import DatabaseConnection

MOST_WRITERS: Final = 4
TICK_S: Final = 0.1
"""How often somebody who waits is told that the work goes on, and may stop it."""
_TRIES: Final = 20  # of every deadlock one goes on, so each try brings the others further
_AGAIN: Final = frozenset({1205, 1213})  # lock wait, deadlock: the transaction is rolled back
_TRUNCATED: Final = 1265
_NO_CHOICE: Final = "values that are none of an ENUM's choices are stored as the empty one."
# 1906: a value for a generated column, which is made anew; 6414: rows of a table outside
# transactions follow others (MySQL 9 says so even of statements that were committed one by one).
_HARMLESS: Final = frozenset({1906, 6414})
# Warnings after which a value differs from the dump's. The rest are named, not fatal.
_LOST: Final = frozenset({1048, 1264, 1265, 1292, 1301, 1366, 1406, 1411, 1416, 3140, 4025})


class Row(NamedTuple):
    """A row statement under its staged name, its origin, and the statements of its values."""

    staged: str
    name: str
    text: bytes
    state: SessionState
    line: int
    before: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Batch:
    """Row statements for one transaction; `outside` for a statement that is to be in none."""

    rows: list[Row] = field(default_factory=list)
    size: int = 0
    current: str = ""
    outside: bool = False

    def add(
        self,
        staged: str,
        name: str,
        text: bytes,
        state: SessionState,
        line: int,
        before: tuple[bytes, ...] = (),
    ) -> None:
        """Take one more statement, and those to be run before it on the same connection."""
        self.rows.append(Row(staged, name, text, state, line, before))
        self.size += len(text) + sum(map(len, before))
        self.current = name


@dataclass(frozen=True, slots=True)
class Finishing:
    """Statements for a table whose rows are in; `name` is its real one, for messages."""

    name: str
    statements: tuple[tuple[bytes, SessionState, int], ...]


def load_failure(name: str, line: int, error: DatabaseError) -> MagerewindError:
    """Return the message of a load's error: the table, the line, the server's words."""
    if isinstance(error, ConnectionLost):
        return error
    return LoadFailed(
        f"Line {line} of the dump, '{one_line(name)}': {error.message}",
        hint=error.hint,
        errno=error.errno,
    )


class RowWriters:
    """Threads with a connection each. Use as a context: leaving it by an error stops them.

    `tick` is called now and then while the caller waits; it may raise.
    """

    def __init__(
        self,
        settings: DatabaseConnection,
        collations: Mapping[str, str],
        count: int | None,
        *,
        tick: Callable[[], None],
    ) -> None:
        self._tick = tick
        count = count or max(2, min(os.cpu_count() or 2, MOST_WRITERS))
        self.rows: Counter[str] = Counter()  # by staged name, as the server counted them
        self.warnings: list[Warned] = []
        self._queue: queue.Queue[Batch | Finishing | None] = queue.Queue(count)
        self._lock = threading.Lock()
        self._warned: set[tuple[str, object]] = set()
        self._done: Counter[str] = Counter()
        self._after: dict[str, tuple[int, Finishing]] = {}
        self._error: BaseException | None = None
        self._connections: list[LoadingConnection] = []
        try:
            while len(self._connections) < count:
                self._connections.append(LoadingConnection(settings, collations))
        except ConnectionFailed:  # as many as the server has left, and one for the later work
            if len(self._connections) < 2:
                self._close()
                raise
            self._connections.pop().connection.close()
        except BaseException:
            self._close()
            raise
        self._threads = [
            threading.Thread(target=self._work, args=(one,), name=f"rows-{number}", daemon=True)
            for number, one in enumerate(self._connections, 1)
        ]

    @property
    def rows_written(self) -> int:
        """How many rows the server has taken so far."""
        return sum(self.rows.values())

    def after(self, staged: str, statements: int, finishing: Finishing) -> None:
        """Have `finishing` done once so many row statements of a table are committed."""
        with self._lock:
            self._after[staged] = (statements, finishing)

    def put(self, work: Batch | Finishing) -> None:
        """Hand over work; waits while enough is underway. Raises the writers' error."""
        if isinstance(work, Batch) and not work.rows:
            return
        self._offer(work)

    def _offer(self, work: Batch | Finishing | None) -> None:
        while True:
            if self._error is not None:
                raise self._error
            with contextlib.suppress(queue.Full):
                self._queue.put(work, timeout=TICK_S)
                return
            if work is not None:  # the end is not to be stopped any more
                self._tick()

    def wait(self) -> None:
        """Return when everything handed over is done."""
        while self._queue.unfinished_tasks:
            if self._error is not None:
                raise self._error
            with self._queue.all_tasks_done:
                if self._queue.unfinished_tasks:
                    self._queue.all_tasks_done.wait(TICK_S)
            self._tick()
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None and self._error is None:
            for _ in self._threads:
                self._offer(None)
        else:
            if self._error is None:
                self._error = error
            for one in self._connections:
                one.connection.abort()
        for thread in self._threads:
            thread.join()
        self._close()

    def _close(self) -> None:
        for one in self._connections:
            one.connection.close()

    def _work(self, connection: LoadingConnection) -> None:
        while self._error is None:
            try:
                work = self._queue.get(timeout=0.2)
            except queue.Empty:
                continue
            try:
                if work is None:
                    return
                self._do(connection, work)
                work = None  # free the rows before waiting for more
            except BaseException as error:  # noqa: BLE001 - raised again in the feeding thread
                if self._error is None:
                    self._error = error
            finally:
                self._queue.task_done()

    def _do(self, connection: LoadingConnection, work: Batch | Finishing) -> None:
        if isinstance(work, Finishing):
            self._finish(connection, work)
            return
        for tries in range(1, _TRIES + 1):
            try:
                counts = self._write(connection, work)
                break
            except LoadFailed as error:
                if error.errno not in _AGAIN or tries == _TRIES:
                    raise
                connection.connection.execute("ROLLBACK")
        else:  # pragma: no cover - the last try breaks or raises
            return
        for finishing in self._count(work, counts):
            self._finish(connection, finishing)

    def _count(self, batch: Batch, counts: Counter[str]) -> list[Finishing]:
        """Note a committed statement; return the work that may follow now."""
        ready = []
        with self._lock:
            self.rows.update(counts)
            self._done.update(row.staged for row in batch.rows)
            for staged in {row.staged for row in batch.rows} & self._after.keys():
                statements, finishing = self._after[staged]
                if self._done[staged] >= statements:
                    ready.append(finishing)
                    del self._after[staged]
        return ready

    def _write(self, loading: LoadingConnection, batch: Batch) -> Counter[str]:
        connection, counts = loading.connection, Counter[str]()
        if not batch.outside:
            connection.execute("START TRANSACTION")
        for row in batch.rows:
            try:
                loading.for_rows(row.state)
                for piece in row.before:
                    connection.execute(piece)
                    if connection.warnings:
                        self._look_at_warnings(loading, row)
                counts[row.staged] += connection.execute(row.text)
            except DatabaseError as error:
                raise load_failure(row.name, row.line, error) from error
            if connection.warnings:
                self._look_at_warnings(loading, row)
        if not batch.outside:
            connection.execute("COMMIT")
        return counts

    def _look_at_warnings(self, loading: LoadingConnection, row: Row) -> None:
        found = loading.connection.query("SHOW WARNINGS LIMIT 64")
        for level, code, message in found:
            if level == "Note" or int(code) in _HARMLESS:
                continue
            text = f"Line {row.line} of the dump, '{one_line(row.name)}': {one_line(str(message))}"
            if int(code) == _TRUNCATED and self._is_choice(loading, row, str(message)):
                code, text = _TRUNCATED, f"'{one_line(row.name)}': {_NO_CHOICE}"  # noqa: PLW2901
            elif int(code) in _LOST:
                raise LoadFailed(f"{text}: the value would be lost.", errno=int(code))
            warned = Warned(code="load-warning", message=text, names=(row.name,))
            with self._lock:
                if (row.name, code) not in self._warned and len(self.warnings) < 100:
                    self._warned.add((row.name, code))
                    self.warnings.append(warned)

    def _is_choice(self, loading: LoadingConnection, row: Row, message: str) -> bool:
        """Whether a warning is of an ENUM: it comes with the empty value too, which is kept."""
        found = re.search(r"column '(.*)' at row", message)
        if found is None:
            return False
        kinds = loading.connection.query(
            "SELECT DATA_TYPE FROM information_schema.COLUMNS"
            " WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = %s AND COLUMN_NAME = %s",
            (row.staged, found.group(1)),
        )
        return bool(kinds) and str(kinds[0][0]).lower() == "enum"

    def _finish(self, loading: LoadingConnection, work: Finishing) -> None:
        for text, state, line in work.statements:
            for tries in range(1, _TRIES + 1):
                try:
                    loading.for_rows(state)
                    loading.connection.execute(text)
                    break
                except DatabaseError as error:
                    # Tables that refer to each other, altered side by side: one has to wait.
                    if error.errno not in _AGAIN or tries == _TRIES:
                        raise load_failure(work.name, line, error) from error


def run_all(writers: RowWriters, work: Sequence[Finishing]) -> None:
    """Have all this done, in any order, and wait for it."""
    for one in work:
        writers.put(one)
    writers.wait()
