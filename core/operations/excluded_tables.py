"""Applies `--exclude-table`: the excluded tables, and foreign keys that tie them to other tables.

match the patterns against the tables of dump and schema       a pattern without a match: refused
take these tables out of the load and out of the tables that are set aside
count the rows that foreign keys would leave without a parent  between excluded and other tables
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.database.load.chosen_tables import DumpTables, dump_tables, live_ties
from core.database.load.dangling import Dangling, count_dangling
from core.database.load.dump_check import DumpCheck, without_tables
from core.database.schema.table_names import base_tables
from core.database.server.connection import connect
from core.errors import PreflightRefused
from core.events import Report
from core.magento.settings import DatabaseConnection
from core.operations.chosen_tables import matching_tables, tie_names
from core.operations.findings import Finding, note, warn
from core.operations.requests import RollbackRequest

_TIED: Final = "Foreign keys tie tables that are left as they are to others:"


class LeftTables(Struct, frozen=True, kw_only=True):
    """A check without the tables that stay, their names, and the foreign keys to the others."""

    check: DumpCheck
    tables: tuple[str, ...]
    ties: tuple[Dangling, ...]


def leave_tables(
    request: RollbackRequest, check: DumpCheck, settings: DatabaseConnection, report: Report
) -> LeftTables:
    """Return a check in which the tables of `--exclude-table` are neither loaded nor set aside.

    Raises PreflightRefused for a word that means no table, UsageError for an unknown group, and
    DatabaseError.
    """
    with connect(settings) as connection:
        live = frozenset(base_tables(connection))
        ours = (*check.tables, *check.sequences)
        names = tuple(dict.fromkeys((*ours, *sorted(live))))
        left, without = matching_tables(request.exclude_table, names, settings.table_prefix)
        if without:
            more = f" (and {len(without) - 1} more)" if len(without) > 1 else ""
            raise PreflightRefused(
                f"Neither the dump nor the schema has a table {without[0]}.{more}",
                hint="--exclude-table takes names, patterns with *, and groups as --strip does.",
            )
        stays = frozenset(left)
        tables = dump_tables(check, connection.server)
        ties = count_dangling(
            check,
            DumpTables(
                columns=tables.columns, ties=tuple(t for t in tables.ties if t.parent in stays)
            ),
            [tie for tie in live_ties(connection) if tie.child in stays],
            frozenset(ours) - stays,
            connection,
            report=report,
        )
    less = without_tables(check, stays)
    if request.only_table and not (less.tables or less.sequences):
        raise PreflightRefused(
            "--exclude-table leaves out all tables that --only-table chooses.",
            hint="Nothing would be rolled back: leave one of them out.",
        )
    less = replace(
        less,
        content_bytes=sum(one.row_bytes for one in less.contents),
        stays=(*check.stays, *(name for name in left if name in live)),
    )
    return LeftTables(check=less, tables=left, ties=ties)


def left_findings(left: LeftTables) -> list[Finding]:
    """Return which tables stay as they are, and which rows would have no parent."""
    missing = [name for name in left.tables if name not in left.check.stays]
    found = []
    if missing:
        message = "Left out, and missing now: these tables do not come back:"
        found.append(warn("left-missing", message, names=missing))
    if left.ties:
        dangles = any(tie.rows != 0 for tie in left.ties)
        found.append((warn if dangles else note)("tied", _TIED, names=tie_names(left.ties)))
    return found
