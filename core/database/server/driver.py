"""The driver, PyMySQL: logins over a wire of ours, and its errors in our words.

Owns TLS or plain text, the arguments of the driver, and the meaning of its exceptions. A server may
answer anything: an answer that the driver cannot read becomes a DatabaseError, never another
exception.
"""

from __future__ import annotations

import contextlib
import ssl
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import pymysql
from msgspec.structs import replace
from pymysql import converters
from pymysql.constants import COMMAND, FIELD_TYPE
from pymysql.protocol import MysqlPacket

from core import cancellation
from core.database.server.address import place_of, socket_of, tls_ways
from core.database.server.error_codes import login_error, may_try_next, server_error
from core.database.server.wire import Exchange, Unanswered, Wire
from core.errors import ConnectionFailed, ConnectionLost, DatabaseError
from core.magento.settings import DatabaseConnection

Value = str | int | float | None
"""A value of a column, decoded."""

_LOGIN_BYTES: Final = 1 << 20
_LOGIN_PACKETS: Final = 1000
_ENCODERS: Final[dict[Any, Any]] = {
    key: value for key, value in converters.conversions.items() if not isinstance(key, int)
}
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
# Errors of the driver for packets that make no sense.
_NONSENSE: Final = (
    struct.error,
    LookupError,
    ValueError,
    TypeError,
    AssertionError,
    RuntimeError,
    OverflowError,
    MemoryError,
)
_NO_SENSE: Final = "The database server's answer makes no sense"


if TYPE_CHECKING:
    _Base = pymysql.Connection[Any]
else:
    _Base = pymysql.Connection


class Driver(_Base):
    """The driver's connection over a wire, with parts that the driver has no public name for.

    Errors are the driver's own, Unanswered, and the one that ends the job.
    """

    wire: Wire
    ctx: Any
    server_version: str
    server_thread_id: tuple[int]
    _result: Any
    _secure: bool
    _execute_command: Callable[[int, bytes], None]
    _read_query_result: Callable[[], int]

    @property
    def version(self) -> str:
        """The server's own name and version."""
        return self.server_version

    @property
    def number(self) -> int:
        """The server's number of this connection."""
        return self.server_thread_id[0]

    @property
    def warnings(self) -> int:
        """How many warnings the last statement left."""
        return int(self._result.warning_count or 0) if self._result is not None else 0

    def _read_packet(self, packet_type: Any = MysqlPacket) -> Any:  # noqa: ANN401
        self.wire.count_packet()
        return super()._read_packet(packet_type)  # type: ignore[no-untyped-call]

    def ask(self, sql: bytes) -> None:
        """Send a query and wait for nothing."""
        self._execute_command(COMMAND.COM_QUERY, sql)

    def answer(self) -> list[tuple[bytes | None, ...]]:
        """Return the rows that the query of `ask` has."""
        self._read_query_result()
        return list(self._result.rows or ())

    def rows(self, sql: bytes) -> Iterator[tuple[bytes | None, ...]]:
        """Send a query and yield its rows; the limits of the wire are for each."""
        self.query(cast("Any", sql), unbuffered=True)
        read, renew = self._result._read_rowdata_packet_unbuffered, self.wire.renew  # noqa: SLF001
        while (row := read()) is not None:
            renew()
            yield row

    def let_go(self) -> None:
        """Forget a result that is not read to its end: when collected, it would be."""
        if self._result is not None:
            self._result.unbuffered_active = False
            self._result.connection = None


class _Tls:
    """The context for the driver: TLS that begins on the wire."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context

    def wrap_socket(self, wire: Wire, *, server_hostname: str | None) -> Wire:
        """Begin TLS on the wire that the driver has, and give it back."""
        wire.start_tls(self._context, server_hostname)
        return wire


def log_in(
    settings: DatabaseConnection,
    program: str,
    limit_s: float,
    *,
    stop: Callable[[], None] = cancellation.check,
    tells: bool = True,
) -> Driver:
    """Return a session of the driver, over TLS where that is asked for or the login needs it.

    All tries together take at most `limit_s` seconds; `stop` may end them. A silence is told of,
    unless `tells` is False. Raises ConnectionFailed with one line that tells apart no server, no
    login and no schema.
    """
    deadline = time.monotonic() + limit_s
    login = Exchange(
        limit_s=limit_s,
        bytes=_LOGIN_BYTES,
        packets=_LOGIN_PACKETS,
        place=place_of(settings) if tells else "",
    )
    ways = tls_ways(settings)
    for number, way in enumerate(ways, 1):
        try:
            left_s = max(0.0, deadline - time.monotonic())
            return _log_in(settings, program, way, replace(login, limit_s=left_s), stop)
        except (pymysql.err.MySQLError, OSError, Unanswered, *_NONSENSE) as error:
            if number < len(ways) and may_try_next(error):
                continue
            # Without the driver's frames, whose locals hold the password.
            raise _login_failure(settings, error) from error.with_traceback(None)
    raise AssertionError  # pragma: no cover - there is always a way


def _login_failure(settings: DatabaseConnection, error: Exception) -> ConnectionFailed:
    if isinstance(error, Unanswered):
        return unanswered(settings, error)
    said = isinstance(error, pymysql.err.MySQLError | OSError | UnicodeError)
    if said or "cryptography" in str(error):
        return login_error(settings, place_of(settings), error)
    return ConnectionFailed(f"No database server answers at {place_of(settings)}: {_NO_SENSE}.")


def unanswered(settings: DatabaseConnection, error: Unanswered) -> ConnectionFailed:
    """Return the error of a login that was given up."""
    return ConnectionFailed(
        f"No database server answers at {place_of(settings)}: {error}.",
        hint="See db/connection in app/etc/env.php.",
    )


def _log_in(
    settings: DatabaseConnection,
    program: str,
    way: Mapping[str, object],
    login: Exchange,
    stop: Callable[[], None],
) -> Driver:
    options = cast("dict[str, Any]", dict(way))
    raw = Driver(
        user=_raw(settings.username),
        password=_raw(settings.password.reveal()),
        database=_raw(settings.schema) or None,
        host=settings.host,
        port=settings.port,
        charset="utf8mb4",
        use_unicode=False,
        conv=_ENCODERS,
        autocommit=True,
        local_infile=False,
        program_name=program,
        defer_connect=True,
        **options,
    )
    if raw.ssl:
        raw.ctx = _Tls(raw.ctx)
    raw.wire = Wire(login, stop=stop)
    try:
        path = socket_of(settings)
        if path is not None:
            raw.wire.open_unix(path)
            raw._secure = True  # noqa: SLF001 - caching_sha2_password sends the password as it is
        else:
            raw.wire.open_tcp(settings.host, settings.port)
        raw.connect(cast("Any", raw.wire))
    except BaseException:
        raw.wire.close()  # the driver would leave one that fails to the collector
        raise
    raw.password = b""  # not needed again: nothing here reconnects
    return raw


def _raw(text: str) -> Any:  # noqa: ANN401 - the stubs want str where the driver takes bytes
    return text.encode("utf-8", "surrogateescape")


def decode(value: bytes | None, kind: int) -> Value:
    """Return a value as the driver's kind of the column says."""
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


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Turn errors of the driver into errors of ours."""
    try:
        yield
    except pymysql.err.MySQLError as error:
        raise server_error(error) from error
    except Unanswered as error:
        raise ConnectionLost(f"The connection to the database server was given up: {error}.") from (
            error
        )
    except (OSError, AttributeError) as error:
        # The driver trips over its own closed socket when it was cut from another thread.
        raise ConnectionLost("The connection to the database server was lost.") from error
    except _NONSENSE as error:
        raise DatabaseError(f"{_NO_SENSE} ({type(error).__name__}).") from error


def drop(raw: Driver) -> None:
    """Close a session without reading answers on their way, and without cancellation."""
    raw.let_go()
    raw.wire.say_goodbye()
    with contextlib.suppress(pymysql.err.MySQLError, OSError, Unanswered):
        raw.close()
    raw.wire.close()
