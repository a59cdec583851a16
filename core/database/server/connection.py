"""Connections to a database server, for all other modules.

Owns the session settings that other modules rely on, and the time limits of answers. Knows nothing
of dumps and loads.

Session: utf8mb4, UTC, sql_mode NO_AUTO_VALUE_ON_ZERO alone (a backslash escapes, double quotes are
strings, nothing is strict), autocommit, long network timeouts, no statement timeout, and a wait of
at most 5 s for a metadata lock unless told otherwise.

Every wait ends (`core.database.server.wire`). Questions (`query` and its like) have limits in time
and size. Statements may take hours, but only while another connection hears from the server that it
is at work on them. An abandoned wait closes the connection; one that a cancel ends also asks the
server to end the statement.

A result that is not read to its end is never drained (the driver's cursors would, for gigabytes):
the connection is dropped instead.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

from core.closeable import Closeable
from core.database.server.address import place_of
from core.database.server.dialect import Server, one_line, parse_version, quote_text
from core.database.server.driver import Driver, decode, drop, log_in, translated
from core.database.server.watch import WHO, Watch
from core.database.server.wire import Exchange, limits
from core.errors import Cancelled, ConnectionFailed, DatabaseError, JobRunning
from core.magento.settings import DatabaseConnection

SQL_MODE: Final = "NO_AUTO_VALUE_ON_ZERO"
LOCK_WAIT_S: Final = 5
DAY_S: Final = 86400
_NO_LIMIT: Final = (1 << 64) - 1
_QUESTION_BYTES: Final = 256 << 20
_QUESTION_PACKETS: Final = 2_000_000


def connect(
    settings: DatabaseConnection,
    *,
    program: str = "magerewind",
    lock_wait_s: int = LOCK_WAIT_S,
    variables: Mapping[str, str | int] | None = None,
) -> Connection:
    """Return an open connection to the schema of `settings`.

    `variables` are further session variables. Raises ConnectionFailed with one line that tells
    apart no server, no login and no schema, also where the server is silent for too long.
    """
    deadline = time.monotonic() + limits().connect_s
    connection = Connection(log_in(settings, program, limits().connect_s), settings)
    try:
        connection.prepare(lock_wait_s, variables or {}, limit_s=deadline - time.monotonic())
    except DatabaseError as error:
        connection.close()
        if error.errno is not None:
            raise
        raise ConnectionFailed(
            f"No database server answers at {place_of(settings)}: {error.message}"
        ) from error
    except BaseException:
        connection.close()
        raise
    return connection


class Connection(Closeable):
    """One session. Not for two threads at once, except `abort`.

    SQL is text, or bytes that are sent as they are. Errors are those of `core.errors`:
    ConnectionLost, RightsMissing, else DatabaseError with its `errno`.
    """

    def __init__(self, raw: Driver, settings: DatabaseConnection) -> None:
        self._raw = raw
        self.settings = settings
        self._place = place_of(settings)
        self.schema = settings.schema
        self.server: Server = parse_version(raw.version)
        self.lock_wait_s = LOCK_WAIT_S
        self.max_packet = 0  # the server's limit of one statement, in bytes
        self._ready_by_s: float | None = None
        self._watch = Watch(settings, self.thread_id, None, raw.wire.is_severed)

    def prepare(
        self, lock_wait_s: int, variables: Mapping[str, str | int], *, limit_s: float
    ) -> None:
        """Set the session as the module describes, within `limit_s` seconds."""
        self._ready_by_s = time.monotonic() + limit_s
        rows = self.query(
            f"SELECT VERSION(), @@version_comment, @@max_allowed_packet, {WHO},"
            f" (SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID = {self.thread_id})"
            " LIMIT 1"  # whatever sql_select_limit is
        )
        if [len(row) for row in rows] != [5] or not isinstance(rows[0][2], int):
            raise DatabaseError("The database server's answer makes no sense.")
        text, comment, packet, who, listed = rows[0]
        server = parse_version(str(text))
        # A MariaDB may be set to call itself anything; its comment still tells the product.
        if not server.mariadb and "mariadb" in str(comment).lower():
            server = parse_version(f"{text}-MariaDB")
        self.server = server
        self.max_packet = packet
        self._watch = Watch(
            self.settings, self.thread_id, str(who) if listed else None, self._raw.wire.is_severed
        )
        values: dict[str, str | int] = {
            "time_zone": "+00:00",
            "sql_mode": SQL_MODE,
            "sql_quote_show_create": 1,
            "sql_big_selects": 1,  # with any max_join_size
            "sql_select_limit": _NO_LIMIT,
            "sql_auto_is_null": 0,
            "completion_type": 0,  # a COMMIT begins nothing, and closes nothing
            "sql_safe_updates": 0,
            "net_read_timeout": DAY_S,
            "net_write_timeout": DAY_S,
            "wait_timeout": DAY_S,
            "max_statement_time" if server.mariadb else "max_execution_time": 0,
            "lock_wait_timeout": lock_wait_s,
            **variables,
        }
        if server.version >= (8, 0, 0) and not server.mariadb:
            values["information_schema_stats_expiry"] = 0  # sizes of today, not of yesterday
        self.lock_wait_s = lock_wait_s
        self.set_session(values)
        self._ready_by_s = None

    def set_session(self, values: Mapping[str, str | int]) -> None:
        """Set session variables, all or none."""
        parts = (
            f"SESSION {name} = {quote_text(value) if isinstance(value, str) else value}"
            for name, value in values.items()
        )
        self.query("SET " + ", ".join(parts))

    @property
    def thread_id(self) -> int:
        """The server's number of this connection."""
        return self._raw.number

    @property
    def open(self) -> bool:
        """Whether the connection has not been closed or lost, as far as is known here."""
        return bool(self._raw.open)

    @property
    def warnings(self) -> int:
        """How many warnings the last statement left."""
        return self._raw.warnings

    def query(
        self, sql: str | bytes, args: Sequence[object] = (), *, long: bool = False
    ) -> list[tuple[Any, ...]]:
        """Return all rows: integers as int, doubles as float, NULL as None, the rest as text.

        Text is UTF-8 with surrogate escapes, dates and decimals are text too. `args` take the
        places of `%s`, quoted for this session. `long`: it may read rows, and so take any time.
        """
        with self._cursor(sql, args, self._exchange(long=long)) as cursor:
            kinds = [column[1] for column in cursor.description or ()]
            return [
                tuple(decode(value, kind) for value, kind in zip(row, kinds, strict=True))
                for row in cursor.fetchall()
            ]

    def query_bytes(
        self, sql: str | bytes, args: Sequence[object] = (), *, long: bool = False
    ) -> list[tuple[bytes | None, ...]]:
        """Return all rows as the server wrote them."""
        with self._cursor(sql, args, self._exchange(long=long)) as cursor:
            return cast("list[tuple[bytes | None, ...]]", list(cursor.fetchall()))

    def scalar(self, sql: str, args: Sequence[object] = (), *, long: bool = False) -> Any:  # noqa: ANN401 - a Value
        """Return the first column of the first row, or None where there is no row."""
        rows = self.query(sql, args, long=long)
        return rows[0][0] if rows else None

    def execute(self, sql: str | bytes, args: Sequence[object] = ()) -> int:
        """Run a statement, however long it takes, and return how many rows it touched."""
        with self._cursor(sql, args, self._exchange(long=True)) as cursor:
            return int(cursor.rowcount)

    def stream(self, sql: str | bytes) -> Iterator[tuple[bytes | None, ...]]:
        """Yield rows as the server writes them, without holding them.

        A stream that is left before its end closes the connection.
        """
        done = False
        try:
            row = Exchange(watch=self._watch.look, place=self._place)
            with self._exchanging(row):  # its limit is for a row
                yield from self._raw.rows(_encoded(sql))
                done = True
        finally:
            if not done:
                self.close()

    def ask(self, sql: str | bytes) -> None:
        """Send a query without waiting; `answer` must be the next call."""
        with self._exchanging(self._exchange(long=True)):
            self._raw.ask(_encoded(sql))

    def answer(self) -> list[tuple[bytes | None, ...]]:
        """Return the rows of the query that `ask` sent, as the server wrote them."""
        with self._going_on(self._exchange(long=True)):
            return self._raw.answer()

    @contextlib.contextmanager
    def _cursor(
        self, sql: str | bytes, args: Sequence[object], exchange: Exchange
    ) -> Iterator[Any]:
        with self._exchanging(exchange):
            cursor = self._raw.cursor()
            if args:
                sql = cursor.mogrify(
                    _encoded(sql).decode() if isinstance(sql, bytes) else sql, args
                )
            cursor.execute(_encoded(sql))
            yield cursor
            cursor.close()

    def _exchange(self, *, long: bool) -> Exchange:
        """Return the limits of a question, or of a statement that may take any time."""
        if self._ready_by_s is not None:
            return Exchange(
                limit_s=max(0.0, self._ready_by_s - time.monotonic()),
                bytes=_QUESTION_BYTES,
                packets=_QUESTION_PACKETS,
                place=self._place,
            )
        return Exchange(
            limit_s=None if long else limits().short_s,
            answer_s=None if long else limits().answer_s,
            bytes=_QUESTION_BYTES,
            packets=_QUESTION_PACKETS,
            watch=self._watch.look,
            place=self._place,
        )

    @contextlib.contextmanager
    def _exchanging(self, exchange: Exchange) -> Iterator[None]:
        """Begin an exchange, and give up a connection whose exchange is broken off."""
        self._watch.begin()
        self._raw.wire.begin(exchange)
        with self._going_on(exchange):
            yield

    @contextlib.contextmanager
    def _going_on(self, exchange: Exchange) -> Iterator[None]:
        self._raw.wire.allow(exchange)
        try:
            with translated():
                yield
        except DatabaseError as error:
            if error.errno is None:  # no answer, or none that makes sense: nothing can follow it
                self.close()
            raise
        except Cancelled as error:
            self.close()
            if not self._watch.end():
                raise Cancelled(
                    f"{error.message} The database server does not answer: what connection"
                    f" {self.thread_id} was doing there may go on."
                ) from error
            raise
        except BaseException:
            self.close()
            raise

    def kill(self, thread_id: int) -> None:
        """End another connection of this account; one that is gone already is fine."""
        try:
            with self._cursor(f"KILL {thread_id:d}", (), Exchange(limit_s=limits().courtesy_s)):
                pass
        except DatabaseError as error:
            if error.errno != 1094:
                raise

    def abort(self) -> None:
        """Cut the connection from another thread: a call that waits on it raises ConnectionLost."""
        self._raw.wire.sever()

    def close(self) -> None:
        """Drop the connection; no answer on its way is read or waited for."""
        drop(self._raw)


def _encoded(sql: str | bytes) -> Any:  # noqa: ANN401 - the stubs want str where bytes are fine
    return sql if isinstance(sql, bytes) else sql.encode("utf-8", "surrogateescape")


def lock_name(schema: str) -> str:
    """Return the name of the lock that a job holds on a schema; at most 64 characters."""
    name = f"magerewind:{schema}"
    if len(name) <= 64:
        return name
    return (
        "magerewind:" + hashlib.sha256(schema.encode("utf-8", "surrogateescape")).hexdigest()[:40]
    )


@contextlib.contextmanager
def schema_lock(settings: DatabaseConnection) -> Iterator[Connection]:
    """Hold the schema against other jobs, also those of other machines and releases.

    Yields the connection that holds the lock, free for use. Raises JobRunning naming the
    connection of the holder. The lock goes with the connection, so a dead job leaves none.
    """
    with connect(settings) as connection:
        name = lock_name(settings.schema)
        if connection.scalar("SELECT GET_LOCK(%s, 0)", (name,)) != 1:
            raise JobRunning(
                f"Another magerewind job works on the schema '{one_line(settings.schema)}': "
                f"{_holder(connection, name)}.",
                hint="Wait for it, or look at it on the machine that it comes from.",
            )
        yield connection


def _holder(connection: Connection, name: str) -> str:
    holder = connection.scalar("SELECT IS_USED_LOCK(%s)", (name,))
    for number, user, host, _, _, age, *_ in connection.query("SHOW PROCESSLIST"):
        if number == holder:
            return (
                f"connection {number} of {one_line(str(user))} from {one_line(str(host))}, {age} s"
            )
    return f"connection {holder or 'unknown'}"
