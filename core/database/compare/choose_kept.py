"""Chooses the tables that stay live: equal to the dump, with foreign keys that can stay valid.

MariaDB lets a second connection lock kept tables while the first one renames others, foreign keys
between them or not. MySQL locks both ends of a key, so there a table is kept only if no foreign key
ties it to a swapped one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from core.database.load.dump_check import DumpCheck
from core.database.schema.definitions import ForeignKey
from core.database.schema.read_tables import read_foreign_keys
from core.database.server.connection import Connection
from core.database.server.rights import read_rights
from core.database.sql.statement import StatementKind

_SEQUENCES: Final = (b"nextval(", b"lastval(", b"next value for")


def kept_tables(
    connection: Connection, check: DumpCheck, same: Iterable[str], leaving: Iterable[str] = ()
) -> frozenset[str]:
    """Return which of the tables `same` stay; `leaving` go aside although no dump has them."""
    kept = frozenset(same) - _taking_from_sequences(check)
    if connection.server.mariadb:
        return kept
    swapped = {*check.tables, *leaving} - kept
    return without_relatives(kept, swapped, read_foreign_keys(connection))


def without_relatives(
    kept: frozenset[str], swapped: Iterable[str], keys: Iterable[ForeignKey]
) -> frozenset[str]:
    """Return the kept tables without those that a chain of foreign keys ties to a swapped one."""
    pairs = [{key.table, key.referenced_table} for key in keys]
    tied = set(swapped)
    while more := {name for pair in pairs if pair & tied for name in pair} - tied:
        tied |= more
    return kept - tied


def cluster_reason(connection: Connection) -> str | None:
    """Return why tables of this server cannot be held still; None where they can."""
    rows = connection.query("SHOW VARIABLES LIKE 'wsrep_on'")
    if rows and str(rows[0][1]).upper() in {"ON", "1"}:
        return (
            "the server is part of a Galera cluster, whose locks hold for one of its servers only"
        )
    return None


def may_hold(connection: Connection) -> bool:
    """Tell whether the account may lock tables of its schema against the writes of others."""
    rights = read_rights(connection)
    return rights.may("LOCK TABLES") and rights.may("SELECT")


def _taking_from_sequences(check: DumpCheck) -> frozenset[str]:
    """Return the tables with a default from a sequence: sequences are always swapped."""
    return frozenset(
        one.name
        for one in check.definitions
        if one.kind is StatementKind.TABLE
        and any(word in one.raw.text.lower() for word in _SEQUENCES)
    )
