"""Undoes or discards a finished rollback: its aside tables are swapped back in, or dropped.

An undo is a swap like any other whose staged tables are the aside ones, so it can itself be
reverted, brought to its end and undone. Only discarded tables are dropped here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.database.load.try_triggers import prove_triggers
from core.database.schema.load_session import LoadingConnection
from core.database.schema.marker import JobMark, drop_marker, make_marker
from core.database.schema.names import ASIDE, STAGED, owner_of, short_id
from core.database.schema.records import TablesStaging
from core.database.schema.swap_file import Definitions, StagedTables, Swap, SwappedTable, load_swap
from core.database.schema.table_names import all_names, table_names
from core.database.server.connection import Connection, connect
from core.database.server.dialect import one_line, quote_name
from core.directories import StateFile
from core.errors import DatabaseError, NothingToUndo
from core.events import Report, Warned, no_report
from core.journal import Journal
from core.magento.settings import DatabaseConnection

# 1217, 1451: a foreign key refers to the table; 3730 is MySQL 8's word for it.
_REFERRED_TO: Final = frozenset({1217, 1451, 3730})


class Discarded(Struct, frozen=True, kw_only=True):
    """The result for the aside tables: bytes that are free, tables that had to stay and why."""

    freed_bytes: int
    dropped: int
    kept: tuple[str, ...]
    warnings: tuple[Warned, ...]


class Leftover(Struct, frozen=True, kw_only=True):
    """Staged and aside tables that bear the short id of one job."""

    short: str
    staged: tuple[str, ...]
    aside: tuple[str, ...]
    bytes: int


def undo_tables(
    settings: DatabaseConnection,
    journal: Journal,
    *,
    job_id: str,
    definitions_path: str | StateFile,
    mark: JobMark | None = None,
    stays: tuple[str, ...] = (),
) -> StagedTables:
    """Return the old tables of a finished swap as staged ones, for `swap_tables`.

    `definitions_path` is the file of that swap; nothing is changed yet. Raises NothingToUndo where
    an aside table is missing.
    """
    swap = load_swap(definitions_path, schema=settings.schema)
    short = short_id(job_id)
    loading = LoadingConnection(settings)
    try:
        _all_there(swap, table_names(loading.connection))
        journal.write(TablesStaging(short=short, schema=settings.schema, tables={}))
        make_marker(loading.connection, mark or JobMark(job_id=job_id))
        staged = {one.name: one.aside for one in swap.tables if one.aside is not None}
        wanted = _old_definitions(swap)
        changed, warnings = prove_triggers(loading, wanted.of_kind("TRIGGER"), staged)
    finally:
        loading.connection.close()
    objects = tuple(
        changed.get(one.name, one) if one.kind == "TRIGGER" else one for one in wanted.objects
    )
    return StagedTables(
        job_id=job_id,
        short=short,
        tables=tuple(
            SwappedTable(name=one.name, staged=one.aside, aside=None) for one in swap.tables
        ),
        wanted=replace(wanted, objects=objects),
        whole=swap.whole,
        keeps=swap.keeps,
        stays=(*swap.stays, *stays),
        kept=() if stays else swap.kept,
        source=swap.source,
        drops=None if swap.whole else _came(swap),
        rows={},
        warnings=warnings,
    )


def _all_there(swap: Swap, present: frozenset[str]) -> None:
    missing = [one.name for one in swap.tables if one.aside and one.aside not in present]
    views = {one.name for one in swap.before.of_kind("VIEW")}
    missing = [name for name in missing if name not in views]
    if missing:
        raise NothingToUndo(
            f"{len(missing)} of the old tables are gone, the first is '{one_line(missing[0])}'."
        )


def _old_definitions(swap: Swap) -> Definitions:
    """Return the definitions from before: all, or in a partial swap the replaced ones."""
    names = swap.names
    replaced = {(one.kind, one.name) for one in swap.wanted.objects}
    return Definitions(
        foreign_keys=tuple(one for one in swap.before.foreign_keys if one.key.table in names),
        checks=tuple(one for one in swap.before.checks if one.table in names),
        objects=tuple(
            one
            for one in swap.before.objects
            if one.table in names
            or one.table in swap.kept
            or (one.kind != "TRIGGER" and one.kind not in swap.keeps and swap.whole)
            or (one.kind, one.name) in replaced
        ),
    )


def _came(swap: Swap) -> tuple[tuple[str, str], ...]:
    """Return the objects that a partial swap brought and that were not there before."""
    before = {(one.kind, one.name) for one in swap.before.objects}
    return tuple(
        (one.kind, one.name)
        for one in swap.wanted.objects
        if one.kind not in {"TRIGGER", "ALTER EVENT"} and (one.kind, one.name) not in before
    )


def aside_bytes(settings: DatabaseConnection, definitions_path: str | StateFile) -> int:
    """Return the size of the aside tables of a swap, by the server's estimate."""
    asides = load_swap(definitions_path, schema=settings.schema).asides
    with connect(settings) as connection:
        sizes = _sizes(connection)
    return sum(sizes.get(name, 0) for name in asides)


def _sizes(connection: Connection) -> Mapping[str, int]:
    rows = connection.query(
        "SELECT TABLE_NAME, IFNULL(DATA_LENGTH, 0) + IFNULL(INDEX_LENGTH, 0)"
        " FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        " AND TABLE_NAME LIKE '\\_mr%'"
    )
    return {str(name): int(size) for name, size in rows}


def drop_aside(
    settings: DatabaseConnection, definitions_path: str | StateFile, *, report: Report = no_report
) -> Discarded:
    """Drop the aside tables of a swap; may be run again.

    A table that a foreign key of another schema refers to stays, and is named with its real name.
    """
    swap = load_swap(definitions_path, schema=settings.schema)
    real = {one.aside: one.name for one in swap.tables if one.aside is not None}
    freed, dropped, kept = 0, 0, list[str]()
    with connect(settings) as connection:
        sizes, present = _sizes(connection), all_names(connection)
        for aside, name in real.items():
            if aside not in present:
                continue
            report(freed, dropped, name)
            if _drop(connection, aside):
                freed += sizes.get(aside, 0)
                dropped += 1
            else:
                kept.append(name)
        if not kept:
            drop_marker(connection, swap.short)
    return Discarded(
        freed_bytes=freed,
        dropped=dropped,
        kept=tuple(kept),
        warnings=(_kept_warning(kept),) if kept else (),
    )


def drop_orphans(
    settings: DatabaseConnection, short: str, *, report: Report = no_report
) -> tuple[str, ...]:
    """Drop all staged and aside tables that bear a job's short id; return those that stay.

    They may refer to each other, so they are gone over until nothing more can be dropped.
    """
    with connect(settings) as connection:
        sizes = _sizes(connection)
        markers = {f"{STAGED}{short}_0", f"{ASIDE}{short}_0"}  # last: they tell whose these are
        left = sorted(
            (name for name in sizes if owner_of(name) == short), key=lambda name: name in markers
        )
        freed = dropped = 0
        while True:
            before = len(left)
            for name in list(left):
                report(freed, dropped, name)
                if (name in markers and len(left) > len(markers)) or not _drop(connection, name):
                    continue
                left.remove(name)
                freed, dropped = freed + sizes[name], dropped + 1
            if len(left) == before:
                return tuple(left)


def _drop(connection: Connection, aside: str) -> bool:
    """Drop a table with foreign keys checked; tell whether it could be."""
    try:
        connection.execute(f"DROP TABLE IF EXISTS {quote_name(aside)}")
    except DatabaseError as error:
        if error.errno not in _REFERRED_TO:
            raise
        return False
    return True


def _kept_warning(kept: list[str]) -> Warned:
    return Warned(
        code="aside-kept",
        message="Old tables stay, because foreign keys of another schema refer to them.",
        names=tuple(kept),
    )


def leftovers(settings: DatabaseConnection) -> tuple[Leftover, ...]:
    """Return the staged and aside tables in the schema, by the job that they belong to."""
    with connect(settings) as connection:
        sizes = _sizes(connection)
    by_job: dict[str, list[str]] = {}
    for name in sorted(sizes):
        short = owner_of(name)
        if short is not None:
            by_job.setdefault(short, []).append(name)
    return tuple(
        Leftover(
            short=short,
            staged=tuple(name for name in names if name.startswith(STAGED)),
            aside=tuple(name for name in names if name.startswith(ASIDE)),
            bytes=sum(sizes[name] for name in names),
        )
        for short, names in by_job.items()
    )
