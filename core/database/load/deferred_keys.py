"""The foreign keys of a load: those that are made on staged tables, and those that come later.

A key between staged tables is made under a waiting name: names of foreign keys are unique in a
schema and the live tables still have the real ones. A key to any other table is not made before the
commit. With it a DELETE of the open store in that table would cascade into staged rows, or be
refused because of them. It is only proven, on an empty copy of its table.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from core.database.load.keys_after_rows import rename_automatic_keys
from core.database.load.row_writers import load_failure
from core.database.schema.names import copy_name, deferred_key_name
from core.database.schema.swap_file import DeferredKey
from core.database.server.connection import Connection
from core.database.server.dialect import Server, quote_name
from core.database.server.obstacles import LOCKED
from core.database.sql.table_text import ForeignKeyText, without_restrict
from core.errors import DatabaseError

_TRIES: Final = 6


class DeferredKeys:
    """The foreign keys of one load; `before` are those of an earlier load of the same job."""

    def __init__(self, short: str, server: Server, before: tuple[DeferredKey, ...] = ()) -> None:
        self._short, self._server, self._before = short, server, before
        self.keys: list[DeferredKey] = []

    def add(self, keys: tuple[ForeignKeyText, ...]) -> None:
        """Take the keys of a definition, with the names that the server would give them."""
        for one in keys:
            number = len(self._before) + len(self.keys) + 1
            unnamed = not one.name
            key = replace(one, name=self._next_name(one.table)) if unnamed else one
            if self._server.mariadb:
                key = without_restrict(key)
            waiting = deferred_key_name(self._short, number)
            self.keys.append(DeferredKey(waiting=waiting, key=key, unnamed=unnamed))

    def _next_name(self, table: str) -> str:
        start = f"{table}_ibfk_"
        names = (known.key.name for known in self.keys if known.key.name.startswith(start))
        taken = [int(name[len(start) :]) for name in names if name[len(start) :].isdigit()]
        return f"{start}{max(taken, default=0) + 1}"

    def among(self, staged: Mapping[str, str]) -> list[DeferredKey]:
        """Return the keys that refer to staged tables."""
        return [one for one in self.keys if not one.key.schema and one.key.referenced in staged]

    def rename_automatic(self, connection: Connection) -> None:
        """Name the indexes that the server made for keys as those would be named without a load."""
        found = connection.query(
            "SELECT DISTINCT TABLE_NAME, INDEX_NAME FROM information_schema.STATISTICS"
            " WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME LIKE %s",
            (f"\\_mrs\\_{self._short}\\_f%",),
        )
        for text in rename_automatic_keys(found, self.keys):
            connection.execute(text)

    def prove_others(
        self, connection: Connection, staged: Mapping[str, str], lines: Mapping[str, int]
    ) -> None:
        """Make each other key once, on an empty copy. Raises LoadFailed.

        `lines`: the lines of the tables in the dump.
        """
        copy = copy_name(self._short, 1)
        now = {id(one) for one in self.among(staged)}
        others = [one for one in self.keys if id(one) not in now and one.key.table in lines]
        for one in others:
            key = one.key
            connection.execute(f"DROP TABLE IF EXISTS {quote_name(copy)}")
            try:
                connection.execute(
                    f"CREATE TABLE {quote_name(copy)} LIKE {quote_name(staged[key.table])}"
                )
                added = key.render(name=one.waiting)
                _patiently(connection, f"ALTER TABLE {quote_name(copy)} ADD {added}")
            except DatabaseError as error:
                raise load_failure(key.table, lines[key.table], error) from error
            finally:
                if connection.open:
                    with contextlib.suppress(DatabaseError):
                        connection.execute(f"DROP TABLE IF EXISTS {quote_name(copy)}")


def _patiently(connection: Connection, sql: str) -> None:
    """Run a statement that a lock of the store may delay for a moment."""
    for number in range(1, _TRIES + 1):
        try:
            connection.execute(sql.encode("utf-8", "surrogateescape"))
            break
        except DatabaseError as error:
            if error.errno != LOCKED or number == _TRIES:
                raise
