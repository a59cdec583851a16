"""One instant of a schema, seen through several connections.

Tries the snapshot methods from the gentlest to the plainest, and reports the one it took:

    A  MariaDB's BACKUP STAGE: commits pause for milliseconds               (needs RELOAD)
    B  FLUSH TABLES WITH READ LOCK: everything pauses for milliseconds      (needs RELOAD)
    C  snapshots whose positions in the binary log are equal: nothing pauses (MariaDB, binary log)
    D  LOCK TABLES … READ for all tables: writes pause for milliseconds     (needs LOCK TABLES)
    E  one connection, one snapshot: nothing pauses, nothing is parallel

Tables outside transactions are in no snapshot: they are locked before it is taken and stay so until
`release_locks`, if they are small enough for that; else `unlocked` names them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final, Self

from msgspec import Struct

from core.database.schema.definitions import Table
from core.database.server.connection import Connection
from core.database.server.dialect import quote_name
from core.errors import ConnectionFailed, ConnectionLost, DatabaseError, RightsMissing

LOCK_WAIT_S: Final = 2
"""How long a lock on tables may be waited for: writers wait behind it meanwhile."""

LOCKED_BYTES: Final = 64 << 20
"""How much outside transactions is read under its lock, so for about a second."""

_TRIES: Final = 20
_LONG_QUERY_S: Final = 5


class SnapshotMethod(StrEnum):
    """How a snapshot was taken; the value is the word in the manifest and on the screens."""

    STAGES = "A: BACKUP STAGE, parallel"
    GLOBAL_LOCK = "B: global read lock, parallel"
    POSITIONS = "C: equal binary log positions, parallel"
    TABLE_LOCKS = "D: table read locks, parallel"
    SINGLE = "E: one connection, one consistent snapshot"


class Snapshot(Struct, kw_only=True):
    """Connections that see the same instant, and a lock on tables that no snapshot holds."""

    connections: list[Connection]
    method: SnapshotMethod
    holder: Connection | None
    unlocked: tuple[str, ...]
    passed: tuple[str, ...]  # methods that failed, and why

    def release_locks(self) -> None:
        """Let go of the tables outside transactions."""
        holder, self.holder = self.holder, None
        if holder is not None:
            holder.close()

    def close(self) -> None:
        """End all transactions by dropping their connections."""
        self.release_locks()
        for connection in self.connections:
            connection.close()


_BEGIN: Final = "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY"

Opener = Callable[[], Connection]


def take_snapshot(
    open_connection: Opener,
    tables: Sequence[Table],
    *,
    wanted: int,
    methods: Sequence[SnapshotMethod] = tuple(SnapshotMethod),
) -> Snapshot:
    """Return `wanted` connections that see one instant of these tables, by the best method.

    Where no method allows several, there is one connection. `methods` limits the choice.
    """
    with contextlib.ExitStack() as stack:
        outside = stack.enter_context(_Outside(open_connection, tables))
        connections = _open_several(open_connection, max(1, wanted), stack)
        for connection in connections:
            connection.execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        passed: list[str] = []
        method = _first_possible(open_connection, connections, outside, tables, methods, passed)
        if method is SnapshotMethod.SINGLE:
            for spare in connections[1:]:
                spare.close()
            del connections[1:]
            outside.lock()
            connections[0].execute(_BEGIN)
            _touch(connections, tables)
        for connection in connections:
            connection.execute("SAVEPOINT magerewind")
        stack.pop_all()
        return Snapshot(
            connections=connections,
            method=method,
            holder=outside.holder,
            unlocked=outside.unlocked,
            passed=tuple(passed),
        )


def _open_several(
    open_connection: Opener, wanted: int, stack: contextlib.ExitStack
) -> list[Connection]:
    """Open as many connections as the server, or the account, has left; at least one."""
    found: list[Connection] = []
    while len(found) < wanted:
        try:
            found.append(stack.enter_context(open_connection()))
        except ConnectionFailed:
            if not found:
                raise
            break
    if 1 < len(found) < wanted:  # a lock needs one more
        found.pop().close()
    return found


def release_snapshot(connection: Connection) -> None:
    """Release the locks on definitions that reading has taken, where the server lets go of them.

    Without a binary log this frees every table that was read; with one it changes nothing.
    """
    connection.execute("ROLLBACK TO SAVEPOINT magerewind")


class _Outside:
    """The tables outside transactions, and the connection that locks them.

    `unlocked` names them where they are too large for that, or cannot be locked.
    """

    def __init__(self, open_connection: Opener, tables: Sequence[Table]) -> None:
        self._open = open_connection
        self._tables = [table for table in tables if not table.transactional]
        self.holder: Connection | None = None
        self.unlocked: tuple[str, ...] = ()
        if sum(table.data_bytes for table in self._tables) > LOCKED_BYTES:
            self._give_up()

    def lock(self) -> None:
        """Lock them, unless they are locked or cannot be."""
        if self.holder is not None or not self._tables:
            return
        self.holder = self._open()
        try:
            _lock(self.holder, self._tables)
        except ConnectionLost:
            raise
        except DatabaseError:
            self.unlock()
            self._give_up()

    def unlock(self) -> None:
        """Let go of them, for another method."""
        holder, self.holder = self.holder, None
        if holder is not None:
            holder.close()

    def _give_up(self) -> None:
        self.unlocked = tuple(table.name for table in self._tables)
        self._tables = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.unlock()


def _lock(connection: Connection, tables: Sequence[Table]) -> None:
    connection.set_session({"lock_wait_timeout": LOCK_WAIT_S})
    parts = ", ".join(f"{quote_name(table.name)} READ" for table in tables)
    connection.execute(f"LOCK TABLES {parts}")


def _first_possible(
    open_connection: Opener,
    connections: Sequence[Connection],
    outside: _Outside,
    tables: Sequence[Table],
    methods: Sequence[SnapshotMethod],
    passed: list[str],
) -> SnapshotMethod:
    """Take the first method that works; note why the ones before did not."""
    server = connections[0].server
    ways: tuple[tuple[SnapshotMethod, bool, Callable[[], None]], ...] = (
        (
            SnapshotMethod.STAGES,
            server.backup_stages,
            lambda: _stages(open_connection, connections),
        ),
        (
            SnapshotMethod.GLOBAL_LOCK,
            not server.backup_stages,
            lambda: _global_lock(open_connection, connections, outside, tables),
        ),
        (SnapshotMethod.POSITIONS, server.mariadb, lambda: _positions(connections)),
        (
            SnapshotMethod.TABLE_LOCKS,
            True,
            lambda: _table_locks(open_connection, connections, tables),
        ),
    )
    if len(connections) > 1:
        for method, possible, take in ways:
            if method not in methods or not possible:
                continue
            try:
                if method is not SnapshotMethod.GLOBAL_LOCK:
                    outside.lock()
                take()
            except ConnectionLost:
                raise
            except DatabaseError as error:
                passed.append(f"{method.value[0]}: {error.message}")
                for connection in connections:
                    connection.execute("ROLLBACK")
            else:
                return method
    return SnapshotMethod.SINGLE


def _begin(connections: Sequence[Connection]) -> None:
    for connection in connections:
        connection.execute(_BEGIN)


def _touch(connections: Sequence[Connection], tables: Sequence[Table]) -> None:
    """Hold the definitions of all tables from now on: no change can pass unseen.

    For MySQL, where a table that is renamed keeps its time of creation, so that a swap of two
    tables could not be told afterwards.
    """
    if connections[0].server.mariadb:
        return
    for table in tables:
        connections[0].query(f"SELECT 1 FROM {quote_name(table.name)} LIMIT 0")


def _stages(open_connection: Opener, connections: Sequence[Connection]) -> None:
    with open_connection() as locker:
        locker.set_session({"lock_wait_timeout": LOCK_WAIT_S})
        for stage in ("START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"):
            locker.execute(f"BACKUP STAGE {stage}")
        _begin(connections)
        locker.execute("BACKUP STAGE END")


def _global_lock(
    open_connection: Opener,
    connections: Sequence[Connection],
    outside: _Outside,
    tables: Sequence[Table],
) -> None:
    with open_connection() as locker:
        locker.set_session({"lock_wait_timeout": LOCK_WAIT_S})
        # A lock that waits for a long query makes the whole server wait behind it.
        for process in locker.query("SHOW FULL PROCESSLIST"):
            if process[4] == "Query" and int(process[5] or 0) > _LONG_QUERY_S:
                raise DatabaseError("a query runs for long, a global lock would wait for it")
        # Tables that are locked while all are flushed cannot be read by others until they are
        # let go (seen on MySQL 9.7), so their lock comes after.
        outside.unlock()
        locker.execute("FLUSH TABLES WITH READ LOCK")
        outside.lock()
        _begin(connections)
        _touch(connections, tables)
        locker.execute("UNLOCK TABLES")


def _positions(connections: Sequence[Connection]) -> None:
    for _ in range(_TRIES):
        _begin(connections)
        seen = {_position(connection) for connection in connections}
        if len(seen) == 1:
            if seen == {()}:
                raise DatabaseError("the binary log is off")
            return
        for connection in connections:
            connection.execute("ROLLBACK")
    raise DatabaseError(f"the positions differed {_TRIES} times")


def _position(connection: Connection) -> tuple[str, ...]:
    """Return the position of the snapshot in the binary log; empty where there is none.

    Without a binary log the position is not missing, but 0 in a file without a name.
    """
    found = {
        str(name).lower(): str(value)
        for name, value in connection.query("SHOW STATUS LIKE 'binlog_snapshot_%'")
    }
    file = found.get("binlog_snapshot_file")
    return (file, found.get("binlog_snapshot_position", "")) if file else ()


def _table_locks(
    open_connection: Opener, connections: Sequence[Connection], tables: Sequence[Table]
) -> None:
    if not tables:
        _begin(connections)
        return
    with open_connection() as locker:
        try:
            _lock(locker, tables)
        except RightsMissing as error:
            raise DatabaseError("the account has no right to LOCK TABLES") from error
        _begin(connections)
        _touch(connections, tables)
        locker.execute("UNLOCK TABLES")
