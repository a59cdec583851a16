"""Staged tables as a whole: counted, joined with those of another load, dropped."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from core.database.schema.load_session import LoadingConnection
from core.database.schema.names import STAGED, staged_name
from core.database.schema.swap_file import Definitions, StagedTables, SwappedTable
from core.database.schema.table_names import drop_tables, end_statements, names_of
from core.database.server.dialect import one_line
from core.errors import LoadFailed
from core.events import Warned
from core.magento.settings import DatabaseConnection


def staged_names(
    names: Iterable[str], short: str, before: StagedTables | None
) -> tuple[dict[str, str], frozenset[str]]:
    """Return the staged name of each table, those staged before included, and which are new."""
    there = () if before is None else before.tables
    staged = {one.name: one.staged for one in there if one.staged is not None}
    new = [name for name in names if name not in {one.name for one in there}]
    staged |= {name: staged_name(short, n) for n, name in enumerate(new, len(there) + 1)}
    return staged, frozenset(new)


def compare_counts(rows: Mapping[str, int], expected: Mapping[str, int]) -> None:
    """Raise LoadFailed for a table that came to another count of rows than expected."""
    for name, count in expected.items():
        if name in rows and rows[name] != count:
            raise LoadFailed(
                f"The table '{one_line(name)}' came to {rows[name]} rows instead of {count}."
            )


def add_to(
    before: StagedTables,
    tables: tuple[SwappedTable, ...],
    made: Definitions,
    rows: Mapping[str, int],
    warnings: Iterable[Warned],
) -> StagedTables:
    """Return staged tables with those of a later load. `made` has all objects that are wanted."""
    wanted = before.wanted
    return replace(
        before,
        tables=(*before.tables, *tables),
        wanted=Definitions(
            foreign_keys=(*wanted.foreign_keys, *made.foreign_keys),
            objects=made.objects,
            defaults=(*wanted.defaults, *made.defaults),
            checks=(*wanted.checks, *made.checks),
        ),
        rows={**before.rows, **rows},
        warnings=tuple(dict.fromkeys((*before.warnings, *warnings))),
    )


def drop_staging(settings: DatabaseConnection, short: str) -> None:
    """Drop the staged tables of a job; that there are none is as good."""
    with contextlib.closing(LoadingConnection(settings).connection) as connection:
        end_statements(connection, short)
        names = [name for name in names_of(connection, short) if name.startswith(STAGED)]
        # Last the one that tells whose the others are.
        drop_tables(connection, sorted(names, key=lambda name: name == staged_name(short, 0)))
