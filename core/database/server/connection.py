"""Connections to a database server: the only module that talks to the driver.

Owns login, TLS, the session settings that everything else relies on, and the translation of the
driver's errors into `core.errors`. Knows nothing of dumps and loads.

Session: utf8mb4, UTC, sql_mode NO_AUTO_VALUE_ON_ZERO alone (a backslash escapes, double quotes are
strings, nothing is strict), autocommit, long network timeouts, no statement timeout, and a wait of
at most 5 s for a metadata lock unless told otherwise.

A result that is not read to its end is never drained (the driver's cursors would, for gigabytes):
the connection is dropped instead.
"""

from __future__ import annotations

import contextlib
import hashlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self, cast

import pymysql
from pymysql import converters
from pymysql.constants import COMMAND, FIELD_TYPE

from core.database.server.address import place_of, socket_of, tls_ways
from core.database.server.dialect import Server, one_line, parse_version, quote_text
from core.database.server.error_codes import login_error, may_try_next, server_error
from core.errors import (
    ConnectionLost,
    DatabaseError,
    JobRunning,
)
from core.magento.settings import DatabaseConnection

Value = str | int | float | None
"""What `query` returns for a column."""

SQL_MODE: Final = "NO_AUTO_VALUE_ON_ZERO"
CONNECT_TIMEOUT_S: Final = 10
LOCK_WAIT_S: Final = 5
DAY_S: Final = 86400
_INTEGERS: Final = frozenset(
    {
        FIELD_TYPE.TINY,
        FIELD_TYPE.SHORT,
        FIELD_TYPE.LONG,
        FIELD_TYPE.INT24,
        FIELD_TYPE.LONGLONG,
        FIELD_TYPE.YEAR,
    }
)
_FLOATS: Final = frozenset({FIELD_TYPE.FLOAT, FIELD_TYPE.DOUBLE})
_ENCODERS: Final[dict[Any, Any]] = {
    key: value for key, value in converters.conversions.items() if not isinstance(key, int)
}


def connect(
    settings: DatabaseConnection,
    *,
    program: str = "magerewind",
    lock_wait_s: int = LOCK_WAIT_S,
    variables: Mapping[str, str | int] | None = None,
) -> Connection:
    """Return an open connection to the schema of `settings`.

    `variables` are further session variables. Raises ConnectionFailed with one line that tells
    apart no server, no login and no schema.
    """
    raw = _open(settings, program)
    connection = Connection(raw, settings)
    try:
        connection.prepare(lock_wait_s, variables or {})
    except BaseException:
        connection.close()
        raise
    return connection


def _open(settings: DatabaseConnection, program: str) -> Any:  # noqa: ANN401 - the driver's own
    """Log in, over TLS where that is asked for or where the login needs it."""
    ways = tls_ways(settings)
    for way in ways[:-1]:
        try:
            return _log_in(settings, program, way)
        except (pymysql.err.MySQLError, RuntimeError) as error:
            if not may_try_next(error):
                raise login_error(settings, place_of(settings), error) from error.with_traceback(
                    None
                )
    try:
        return _log_in(settings, program, ways[-1])
    except (pymysql.err.MySQLError, RuntimeError, OSError, ValueError) as error:
        # Without the driver's frames, whose locals hold the password.
        raise login_error(settings, place_of(settings), error) from error.with_traceback(None)


def _log_in(settings: DatabaseConnection, program: str, way: Mapping[str, object]) -> Any:  # noqa: ANN401
    options = cast("dict[str, Any]", dict(way))
    raw = pymysql.Connection(
        user=_raw(settings.username),
        password=_raw(settings.password.reveal()),
        database=_raw(settings.schema) or None,
        host=settings.host,
        port=settings.port,
        charset="utf8mb4",
        use_unicode=False,
        conv=_ENCODERS,
        autocommit=True,
        connect_timeout=CONNECT_TIMEOUT_S,
        local_infile=False,
        program_name=program,
        defer_connect=True,
        **options,
    )
    path = socket_of(settings)
    raw.connect(_unix_socket(raw, path) if path is not None else None)
    raw.password = b""  # not needed again: nothing here reconnects
    _keep_alive(raw)
    return raw


def _unix_socket(raw: Any, path: str) -> socket.socket:  # noqa: ANN401
    """Return a connected socket; the driver would leave one that fails to the collector."""
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.settimeout(CONNECT_TIMEOUT_S)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    raw._secure = True  # noqa: SLF001 - lets caching_sha2_password send the password as it is
    return sock


def _raw(text: str) -> Any:  # noqa: ANN401 - the stubs want str where the driver takes bytes
    return text.encode("utf-8", "surrogateescape")


def _keep_alive(raw: Any) -> None:  # noqa: ANN401
    """Notice a network that went away within minutes instead of hours."""
    sock = raw._sock  # noqa: SLF001
    if sock.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    with contextlib.suppress(OSError, AttributeError):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 20)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6)


def _decode(value: bytes | None, kind: int) -> Value:
    if value is None:
        return None
    if kind in _INTEGERS:
        return int(value)
    if kind in _FLOATS:
        return float(value)
    text = value.decode("utf-8", "surrogateescape")
    # SUM() of integers is a decimal: an integer in all but its type.
    if kind == FIELD_TYPE.NEWDECIMAL and "." not in text:
        return int(text)
    return text


class Connection:
    """One session. Not for two threads at once, except `abort`.

    SQL is text, or bytes that are sent as they are. Errors are those of `core.errors`:
    ConnectionLost, RightsMissing, else DatabaseError with its `errno`.
    """

    def __init__(self, raw: Any, settings: DatabaseConnection) -> None:  # noqa: ANN401
        self._raw = raw
        self.settings = settings
        self.schema = settings.schema
        self.server: Server = parse_version(raw.server_version)
        self.lock_wait_s = LOCK_WAIT_S

    def prepare(self, lock_wait_s: int, variables: Mapping[str, str | int]) -> None:
        """Set the session as the module describes."""
        text, comment = self.query("SELECT VERSION(), @@version_comment")[0]
        server = parse_version(str(text))
        # A MariaDB may be set to call itself anything; its comment still says what it is.
        if not server.mariadb and "mariadb" in str(comment).lower():
            server = parse_version(f"{text}-MariaDB")
        self.server = server
        values: dict[str, str | int] = {
            "time_zone": "+00:00",
            "sql_mode": SQL_MODE,
            "sql_quote_show_create": 1,
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

    def set_session(self, values: Mapping[str, str | int]) -> None:
        """Set session variables, all or none."""
        parts = (
            f"SESSION {name} = {quote_text(value) if isinstance(value, str) else value}"
            for name, value in values.items()
        )
        self.execute("SET " + ", ".join(parts))

    @property
    def thread_id(self) -> int:
        """The server's number of this connection."""
        return int(self._raw.thread_id())

    @property
    def open(self) -> bool:
        """Whether the connection has not been closed or lost, as far as is known here."""
        return bool(self._raw.open)

    @property
    def warnings(self) -> int:
        """How many warnings the last statement left."""
        result = self._raw._result  # noqa: SLF001
        return int(result.warning_count or 0) if result is not None else 0

    def query(self, sql: str | bytes, args: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """Return all rows: integers as int, doubles as float, NULL as None, the rest as text.

        Text is UTF-8 with surrogate escapes, dates and decimals are text too. `args` take the
        places of `%s`, quoted for this session.
        """
        with self._cursor(sql, args) as cursor:
            kinds = [column[1] for column in cursor.description or ()]
            return [
                tuple(_decode(value, kind) for value, kind in zip(row, kinds, strict=True))
                for row in cursor.fetchall()
            ]

    def query_bytes(
        self, sql: str | bytes, args: Sequence[object] = ()
    ) -> list[tuple[bytes | None, ...]]:
        """Return all rows as the server wrote them."""
        with self._cursor(sql, args) as cursor:
            return cast("list[tuple[bytes | None, ...]]", list(cursor.fetchall()))

    def scalar(self, sql: str, args: Sequence[object] = ()) -> Any:  # noqa: ANN401 - a Value
        """Return the first column of the first row, or None where there is no row."""
        rows = self.query(sql, args)
        return rows[0][0] if rows else None

    def execute(self, sql: str | bytes, args: Sequence[object] = ()) -> int:
        """Run a statement and return how many rows it touched."""
        with self._cursor(sql, args) as cursor:
            return int(cursor.rowcount)

    def stream(self, sql: str | bytes) -> Iterator[tuple[bytes | None, ...]]:
        """Yield rows as the server writes them, without holding them.

        A stream that is left before its end closes the connection.
        """
        raw, done = self._raw, False
        try:
            with _translated():
                raw.query(_encoded(sql), unbuffered=True)
                result = raw._result  # noqa: SLF001
            while True:
                with _translated():
                    row = result._read_rowdata_packet_unbuffered()  # noqa: SLF001
                if row is None:
                    done = True
                    return
                yield row
        finally:
            if not done:
                self.close()

    def ask(self, sql: str | bytes) -> None:
        """Send a query without waiting; `answer` must be the next call."""
        with _translated():
            self._raw._execute_command(COMMAND.COM_QUERY, _encoded(sql))  # noqa: SLF001

    def answer(self) -> list[tuple[bytes | None, ...]]:
        """Return the rows of the query that `ask` sent, as the server wrote them."""
        with _translated():
            self._raw._read_query_result()  # noqa: SLF001
            return list(self._raw._result.rows or ())  # noqa: SLF001

    @contextlib.contextmanager
    def _cursor(self, sql: str | bytes, args: Sequence[object]) -> Iterator[Any]:
        with _translated():
            cursor = self._raw.cursor()
            if args:
                sql = cursor.mogrify(sql, args)
            cursor.execute(_encoded(sql))
            yield cursor
            cursor.close()

    def kill(self, thread_id: int) -> None:
        """End another connection of this account; one that is gone already is fine."""
        try:
            self.execute(f"KILL {thread_id:d}")
        except DatabaseError as error:
            if error.errno != 1094:
                raise

    def abort(self) -> None:
        """Cut the connection from another thread: whoever waits on it gets ConnectionLost."""
        sock = self._raw._sock  # noqa: SLF001
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Drop the connection; nothing that is still on its way is read."""
        result = self._raw._result  # noqa: SLF001
        if result is not None:  # or the driver would read it to its end when it is collected
            result.unbuffered_active = False
            result.connection = None
        with contextlib.suppress(pymysql.err.MySQLError, OSError):
            self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _encoded(sql: str | bytes) -> Any:  # noqa: ANN401 - the stubs want str where bytes are fine
    return sql if isinstance(sql, bytes) else sql.encode("utf-8", "surrogateescape")


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except pymysql.err.MySQLError as error:
        raise server_error(error) from error
    except (OSError, AttributeError) as error:
        # The driver trips over its own closed socket when `abort` came from another thread.
        raise ConnectionLost("The connection to the database server was lost.") from error


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
