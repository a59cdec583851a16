"""Settings of a connection that runs statements of a dump.

Owns the difference between a session that loads rows (nothing is checked twice, nothing is strict,
dates are kept as they are) and one that makes an object (exactly the dump's session, because a
routine remembers it). Sets only the differences from the last statement.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Final

from core.database.schema.swap_file import ObjectText
from core.database.server.connection import Connection, connect
from core.database.server.dialect import quote_text
from core.database.sql.set_statements import SERVER_ZONE, SessionState
from core.errors import DatabaseError
from core.magento.settings import DatabaseConnection

ROW_MODE: Final = "NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES"
# Settings that only some servers know, or only some accounts may set, and that are good to have.
_WELCOME: Final = (
    "innodb_strict_mode = 0",
    "check_constraint_checks = 0",
    "sql_require_primary_key = 0",
    "restrict_fk_on_non_standard_key = 0",
    "sql_generate_invisible_primary_key = 0",
    "system_versioning_alter_history = KEEP",
    "innodb_lock_wait_timeout = 5",
    "sql_notes = 1",
)
# The size of a row in a MEMORY table, where each is as long as the longest, over its size in a
# dump: a VARCHAR(255) of one letter is about 250.
_MEMORY_GROWTH: Final = 1024
_MEMORY_MOST: Final = 1 << 30


class LoadingConnection:
    """A connection that follows the sessions of a dump."""

    def __init__(
        self, settings: DatabaseConnection, collations: Mapping[str, str] | None = None
    ) -> None:
        self.connection: Connection = connect(settings)
        self.collations = collations or {}
        self._set: tuple[str, ...] = ()
        self.connection.execute("SET foreign_key_checks = 0, unique_checks = 1")
        for setting in _WELCOME:
            with contextlib.suppress(DatabaseError):
                self.connection.execute(f"SET SESSION {setting}")

    def for_rows(self, state: SessionState) -> None:
        """Read statements as `state` does; store their values, known or not."""
        reading = state.reading
        mode = ROW_MODE
        mode += "" if reading.backslash_escapes else ",NO_BACKSLASH_ESCAPES"
        mode += ",ANSI_QUOTES" if reading.ansi_quotes else ""
        self._settle(state.charset, state.collation, mode, state.time_zone, state.history)

    def for_object(self, one: ObjectText) -> None:
        """Set exactly the session that an object was made in."""
        self._settle(one.charset, one.collation, one.sql_mode, one.time_zone or "+00:00", "0")

    def make_room(self, row_bytes: int) -> None:
        """Let the next MEMORY table hold rows that take so much in the dump.

        No more than they may need: the server takes memory by the limit, not by the rows (64 MiB
        and as much for each index, of an almost empty table, at a limit of 1 GiB).
        """
        limit = min(_MEMORY_MOST, row_bytes * _MEMORY_GROWTH)
        with contextlib.suppress(DatabaseError):
            self.connection.execute(
                f"SET SESSION max_heap_table_size = GREATEST(@@GLOBAL.max_heap_table_size, {limit})"
            )

    def plain(self) -> None:
        """Go back to a session of our own."""
        self.for_rows(SessionState())

    def _settle(self, charset: str, collation: str, mode: str, zone: str, history: str) -> None:
        wanted = (charset, collation, mode, zone, history)
        if wanted == self._set:
            return
        collation = self.collations.get(collation.lower(), collation)
        names = f"SET NAMES {quote_text(charset)}"
        names += f" COLLATE {quote_text(collation)}" if collation else ""
        self._names(names, charset, collation)
        zone = zone if zone == SERVER_ZONE else quote_text(zone)
        self.connection.execute(
            f"SET SESSION sql_mode = {quote_text(mode)}, SESSION time_zone = {zone}"
        )
        if self.connection.server.inserts_history:
            self.connection.execute(f"SET SESSION system_versioning_insert_history = {history}")
        self._set = wanted

    def _names(self, names: str, charset: str, collation: str) -> None:
        try:
            self.connection.execute(names)
        except DatabaseError as error:
            # 1253: the client's character set and the connection's collation need not agree.
            if error.errno != 1253:
                raise
            self.connection.set_session(
                {"character_set_client": charset, "collation_connection": collation}
            )
            self.connection.execute("SET character_set_results = utf8mb4")
