"""Several connections that write rows of a load, each batch in a transaction.

Owns the threads, their order and their failures: the first error stops them all and is raised to
the feeding thread. The work after the last row of a table waits until that row is committed.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self

from core.database.load.batches import BATCH, Batch, Finishing, RowStatement
from core.database.load.work_queue import WorkQueue
from core.database.schema.load_session import LoadingConnection
from core.database.server.dialect import one_line, quote_name
from core.database.sql.split import DumpFile
from core.errors import ConnectionFailed, ConnectionLost, DatabaseError, LoadFailed, MagerewindError
from core.events import Warned
from core.magento.settings import DatabaseConnection

MOST_WRITERS: Final = 4
TICK_S: Final = 0.1
"""How often somebody who waits is told that the work goes on, and may stop it."""
_LOOK_S: Final = 0.2
_TRIES: Final = 20  # of every deadlock one goes on, so each try brings the others further
_AGAIN: Final = frozenset({1205, 1213})  # lock wait, deadlock: the transaction is rolled back
_TRUNCATED: Final = 1265
_NO_CHOICE: Final = "values that are none of an ENUM's choices are stored as the empty one."
# 1906: a value for a generated column, which is made anew; 6414: rows of a table outside
# transactions follow others (MySQL 9 says so even of statements that were committed one by one).
_HARMLESS: Final = frozenset({1906, 6414})
# Warnings after which a value differs from the dump's. The rest are named, not fatal.
_LOST: Final = frozenset({1048, 1264, 1265, 1292, 1301, 1366, 1406, 1411, 1416, 3140, 4025})


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

    They read long statements from `file`, the dump, themselves. `tick` is called now and then while
    the caller waits; it may raise.
    """

    def __init__(
        self,
        settings: DatabaseConnection,
        collations: Mapping[str, str],
        count: int | None,
        file: DumpFile,
        tick: Callable[[], None],
    ) -> None:
        self._tick = tick
        self.file = file
        count = count or max(2, min(os.cpu_count() or 2, MOST_WRITERS))
        self.rows: Counter[str] = Counter()  # by staged name, as the server counted them
        self.warnings: list[Warned] = []
        self._queue = WorkQueue(count, BATCH)
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
            threading.Thread(
                target=self._work, args=(one, number), name=f"rows-{number}", daemon=True
            )
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
        while True:
            if self._error is not None:
                raise self._error
            if self._queue.put(work, TICK_S):
                return
            self._tick()

    def note(self, row: RowStatement, table_bytes: int, cost: int) -> None:
        """Hand over a statement of a large table by its place. Raises the writers' error.

        `cost` is the time that all rows of the table take, by any measure.
        """
        if self._error is not None:
            raise self._error
        self._queue.note(row, table_bytes, cost)

    @property
    def pending_bytes(self) -> int:
        """Bytes of the statements that were handed over by their places and are not written."""
        return self._queue.pending

    def wait(self) -> None:
        """Return when everything handed over is done."""
        while not self._queue.wait(TICK_S):
            if self._error is not None:
                raise self._error
            self._tick()
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is None and self._error is None:
            self._queue.end()
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

    def _work(self, connection: LoadingConnection, number: int) -> None:
        while self._error is None and not self._queue.is_over():
            work = self._queue.take(number, _LOOK_S)
            if work is None:
                continue
            try:
                self._do(connection, work)
            except BaseException as error:  # noqa: BLE001 - raised again in the feeding thread
                if self._error is None:
                    self._error = error
            finally:
                self._queue.done(work)
            del work  # free the rows before waiting for more

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
                counts[row.staged] += connection.execute(self._text(row))
            except DatabaseError as error:
                raise load_failure(row.name, row.line, error) from error
            if connection.warnings:
                self._look_at_warnings(loading, row)
        if not batch.outside:
            connection.execute("COMMIT")
        return counts

    def _text(self, row: RowStatement) -> bytes:
        """Return a row statement under its staged name. Raises LoadFailed for another text."""
        text = row.text
        if row.at is not None:
            text = self.file.read_at(row.at.offset, row.at.length)
            if hashlib.sha256(text).digest() != row.at.digest:
                raise LoadFailed(f"{self.file.path} is not the file that was checked.")
        start, end = row.named
        quoted = quote_name(row.staged).encode()
        if row.state.reading.ansi_quotes:
            quoted = b"`" + row.staged.encode() + b"`"
        return text[:start] + quoted + text[end:]

    def _look_at_warnings(self, loading: LoadingConnection, row: RowStatement) -> None:
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

    def _is_choice(self, loading: LoadingConnection, row: RowStatement, message: str) -> bool:
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
