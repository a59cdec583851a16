"""Watches a statement from another connection: the server must be alive and at work on it.

Owns the second connection, which is opened for each look and takes little time or none. Behind a
proxy the server does not know our connection by the number that we were told; then only the signs
of life count.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from core import cancellation
from core.database.server.driver import Driver, drop, log_in, translated
from core.database.server.wire import Exchange, Unanswered, limits
from core.errors import DatabaseError
from core.magento.settings import DatabaseConnection

WHO: Final = "CONCAT_WS(' ', @@hostname, @@port, @@server_id)"
"""SQL by which a server is known again: another node of a cluster has other numbers."""

_LOOKS: Final = 2
"""How many looks in a row must find nothing at work before a statement counts as lost."""

_BYTES: Final = 64 << 10


class Watch:
    """Looks after the statements of one connection.

    `who`: the answer of that connection's server to `WHO`; None where its number is not one
    of that server's. `severed` tells whether the connection was cut meanwhile.
    """

    def __init__(
        self,
        settings: DatabaseConnection,
        thread_id: int,
        who: str | None,
        severed: Callable[[], bool],
    ) -> None:
        self._settings = settings
        self._thread_id = thread_id
        self._who = who
        self._severed = severed
        self._idle_looks = 0

    def begin(self) -> None:
        """Forget the looks at an earlier statement."""
        self._idle_looks = 0

    def look(self) -> bool:
        """Tell whether the server answers. Raises Unanswered once it has lost the statement."""
        try:
            rows = self._ask(
                f"SELECT {WHO}, (SELECT COUNT(*) FROM information_schema.PROCESSLIST"
                f" WHERE ID = {self._thread_id:d} AND COMMAND <> 'Sleep') LIMIT 1",
                self._stop,
            )
        except DatabaseError as error:
            # A refusal, such as for too many connections, is an answer too.
            return _is_answer(error)
        (who, working), *_ = rows
        if self._who is not None and who == self._who.encode():
            self._idle_looks = 0 if working != b"0" else self._idle_looks + 1
            if self._idle_looks >= _LOOKS:
                raise Unanswered("the server is not at work on its last statement")
        return True

    def end(self) -> bool:
        """Have the server end the connection; tell whether it can be taken for ended."""
        if self._who is None:
            return True
        try:
            (who,), *_ = self._ask(f"SELECT {WHO} LIMIT 1", _go_on)
            if who == self._who.encode():
                self._ask(f"KILL {self._thread_id:d}", _go_on)
        except DatabaseError as error:
            return error.errno == 1094  # it knows of no such connection
        return True

    def _ask(self, sql: str, stop: Callable[[], None]) -> Any:  # noqa: ANN401 - rows of bytes
        raw = log_in(self._settings, "magerewind", limits().courtesy_s, stop=stop, tells=False)
        try:
            with translated():
                return _rows(raw, sql)
        finally:
            drop(raw)

    def _stop(self) -> None:
        if self._severed():
            raise Unanswered("the connection was cut from here")
        cancellation.check()


def _go_on() -> None:
    """Let nothing but its own limit end the cleaning after a cancel."""


def _rows(raw: Driver, sql: str) -> Any:  # noqa: ANN401 - as above
    raw.wire.begin(Exchange(limit_s=limits().courtesy_s, bytes=_BYTES, packets=_BYTES))
    cursor = raw.cursor()
    cursor.execute(sql)
    return cursor.fetchall() or [(None,)]


def _is_answer(error: DatabaseError) -> bool:
    """Whether the server itself said so: the driver's own numbers are 0 and 2000 to 2999."""
    return (error.errno or 0) >= 1000 and not 2000 <= (error.errno or 0) < 3000
