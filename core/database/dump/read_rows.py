"""One try at the rows of a dump: several connections over one snapshot, watched meanwhile.

Owns the threads, the order of work and the retreat where others wait. The caller decides whether
another try follows.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from core.database.dump.ddl_watch import (
    CHANGED_ERRORS,
    PATIENCE_S,
    DefinitionsChanged,
    check_unchanged,
    tables_named,
    waiting_changes,
)
from core.database.dump.output import DumpOutput
from core.database.dump.row_ranges import Piece, RowReader
from core.database.dump.row_text import Rendering
from core.database.dump.snapshot import Snapshot, release_snapshot
from core.database.schema.definitions import Table
from core.database.server.connection import Connection
from core.database.server.dialect import one_line, quote_name
from core.errors import Cancelled, ConnectionLost, DatabaseError, DumpFailed, MagerewindError
from core.events import Report

REPORT_S: Final = 0.2
WATCH_S: Final = 0.5


class _Stopped(Exception):
    """Another thread has ended the try."""


class _Work:
    """A table that is being read: its pieces that are left, and its rows so far."""

    def __init__(self, table: Table, rendering: Rendering) -> None:
        self.table = table
        self.rendering = rendering
        self.open_pieces = 0
        self.rows = 0


class Attempt:
    """Reads the rows of tables through the connections of a snapshot into an output.

    `watcher` is another connection of the same account. `run` returns the rows of each table, or
    raises DefinitionsChanged when definitions changed or somebody waits to change them.
    """

    def __init__(
        self,
        snapshot: Snapshot,
        watcher: Connection,
        output: DumpOutput,
        tables: Sequence[tuple[Table, Rendering]],
    ) -> None:
        self._snapshot = snapshot
        self._watcher = watcher
        self._output = output
        self._writer = output.writer
        self._tables = tuple(table for table, _ in tables)
        self._lock = threading.Condition()
        self._todo: deque[tuple[_Work, Piece | None]] = deque(
            (_Work(table, rendering), None) for table, rendering in tables
        )
        self._unlocked_left = sum(not table.transactional for table in self._tables)
        self._running = 0
        self._unfinished = len(tables)
        self._failure: BaseException | None = None
        self._rows: dict[str, int] = {}
        self._current = ""

    def run(self, report: Report) -> dict[str, int]:
        """Read everything; `report` may raise Cancelled, which ends all threads first."""
        threads = [
            threading.Thread(target=self._serve, args=(connection,), name="dump", daemon=True)
            for connection in self._snapshot.connections
        ]
        self._running = len(threads)
        for thread in threads:
            thread.start()
        try:
            self._follow(report)
        except BaseException as error:
            self._fail(error)
            ended = self._cut()
            if isinstance(error, Cancelled) and not ended:
                raise _still_at_work(error, self._snapshot) from error
            raise
        finally:
            for thread in threads:
                thread.join()
        if self._failure is not None:
            raise self._failure
        report(self._writer.bytes, self._writer.rows, self._current)
        return self._rows

    def _follow(self, report: Report) -> None:
        """Report and watch until all threads are done."""
        watched = time.monotonic()
        while True:
            with self._lock:
                if self._failure is not None:
                    break
                if not self._running:
                    return
                self._lock.wait(REPORT_S)
            report(self._writer.bytes, self._writer.rows, self._current)
            if time.monotonic() - watched >= WATCH_S:
                self._step_back_if_in_the_way()
                watched = time.monotonic()
        self._cut()

    def _step_back_if_in_the_way(self) -> None:
        waiting = [one for one in waiting_changes(self._watcher) if one.age_s >= PATIENCE_S]
        if waiting:
            raise DefinitionsChanged(tables_named(waiting, self._tables), waiting=True)

    def _cut(self) -> bool:
        """End the work of the connections, here and on the server; tell whether it heard."""
        for connection in self._snapshot.connections:
            connection.abort()
        self._snapshot.release_locks()
        for connection in self._snapshot.connections:
            try:
                self._watcher.kill(connection.thread_id)
            except DatabaseError as error:
                # The server, or our rights, are gone; cutting the sockets must do.
                return error.errno is not None
        return True

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            if self._failure is None:
                self._failure = error
            self._lock.notify_all()

    def _serve(self, connection: Connection) -> None:
        """Work off pieces until there are none; the body of a thread."""
        try:
            while True:
                taken = self._take()
                if taken is None:
                    break
                self._read(connection, *taken)
        except _Stopped:
            pass
        except BaseException as error:  # noqa: BLE001 - carried to the thread that waits
            self._fail(error)
        finally:
            with self._lock:
                self._running -= 1
                self._lock.notify_all()

    def _stop(self) -> None:
        if self._failure is not None:
            raise _Stopped

    def _take(self) -> tuple[_Work, Piece | None] | None:
        """Return the next piece; wait while others may still cut a table into pieces."""
        with self._lock:
            while True:
                self._stop()
                if self._todo:
                    return self._todo.popleft()
                if not self._unfinished:
                    return None
                self._lock.wait()

    def _read(self, connection: Connection, work: _Work, piece: Piece | None) -> None:
        self._current = work.table.name
        reader = _reader(connection, work.table, work.rendering, self._output, self._stop)
        try:
            if piece is None:
                piece = self._share(reader, work)
            self._finish_piece(connection, work, reader.read(piece))
        except DatabaseError as error:
            if error.errno in CHANGED_ERRORS:
                raise DefinitionsChanged([work.table.name], waiting=False) from error
            if isinstance(error, ConnectionLost):
                self._stop()
                raise ConnectionLost(
                    f"{error.message} It was reading the table '{one_line(work.table.name)}'.",
                    errno=error.errno,
                ) from error
            raise
        finally:
            if connection.open and self._failure is None:
                release_snapshot(connection)

    def _share(self, reader: RowReader, work: _Work) -> Piece:
        """Cut a table into pieces: one for this thread, the others first in line for all."""
        first, *others = reader.pieces() or (Piece(),)
        with self._lock:
            work.open_pieces = 1 + len(others)
            self._todo.extendleft((work, piece) for piece in reversed(others))
            self._lock.notify_all()
        return first

    def _finish_piece(self, connection: Connection, work: _Work, rows: int) -> None:
        with self._lock:
            work.rows += rows
            work.open_pieces -= 1
            last = not work.open_pieces
        if not last:
            return
        check_unchanged(connection, work.table)
        with self._lock:
            self._rows[work.table.name] = work.rows
            self._unfinished -= 1
            if not work.table.transactional:
                self._unlocked_left -= 1
                if not self._unlocked_left:
                    self._snapshot.release_locks()
            self._lock.notify_all()


def _still_at_work(error: Cancelled, snapshot: Snapshot) -> Cancelled:
    numbers = ", ".join(str(connection.thread_id) for connection in snapshot.connections)
    return Cancelled(
        f"{error.message} The database server does not answer: its connections {numbers}"
        " end when it notices."
    )


def _reader(
    connection: Connection,
    table: Table,
    rendering: Rendering,
    output: DumpOutput,
    stop: Callable[[], None],
) -> RowReader:
    sink, digests = output.sink(table, rendering), output.index is not None
    return RowReader(connection, table, rendering, sink, stop, digests=digests)


def read_alone(
    connection: Connection,
    describe: Callable[[], tuple[Table, Rendering] | None],
    name: str,
    begin: Callable[[Table], None],
    output: DumpOutput,
    *,
    rows: bool = True,
) -> int | None:
    """Read one table at its own instant: first its definition is held, then its rows are read.

    Returns how many rows were read (none without `rows`), or None if the table is gone. Consistent
    in itself, not with the other tables.
    """
    connection.execute("START TRANSACTION READ ONLY")
    try:
        connection.query(f"SELECT 1 FROM {quote_name(name)} LIMIT 0")
        described = describe()
        if described is None:
            return None
        table, rendering = described
        begin(table)
        if not rows:
            return 0
        reader = _reader(connection, table, rendering, output, lambda: None)
        return sum(reader.read(piece) for piece in reader.pieces() or (Piece(),))
    except MagerewindError as error:
        if isinstance(error, DatabaseError) and error.errno in CHANGED_ERRORS:
            raise DumpFailed(f"The table '{one_line(name)}' changed while it was read.") from error
        raise
    finally:
        if connection.open:
            connection.execute("ROLLBACK")
