"""The swap: one RENAME TABLE for everything, and its reverse.

Triggers and foreign keys travel with their tables, so before the commit the reverse rename brings
all back untouched. Which of the two states a schema is in is decided by which names exist, so that
everything here may be run again after a crash at any point. Acts that are possible only after the
commit are in `core.database.swap.after_commit`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from core.database.load.staging import drop_staging
from core.database.schema.broken_tables import broken_in_rename, broken_tables, drop_broken
from core.database.schema.marker import JobMark, keep_swap, read_swap
from core.database.schema.names import aside_name, owner_of
from core.database.schema.other_stores import other_stores
from core.database.schema.outside_keys import outside_keys
from core.database.schema.read_definitions import foreign_keys_of, read_definitions
from core.database.schema.records import (
    TablesReverted,
    TablesStaging,
    TablesSwapped,
    TablesSwapping,
)
from core.database.schema.swap_file import ObjectText, StagedTables, Swap, SwappedTable, load_swap
from core.database.schema.table_names import all_names, end_connection, end_statements, table_names
from core.database.server.connection import Connection, connect
from core.database.server.dialect import quote_name
from core.database.server.obstacles import blockers
from core.directories import StateFile, state_file
from core.errors import DatabaseError, StorageError, StoreLeftClosed, SwapBlocked
from core.journal import Journal
from core.magento.settings import DatabaseConnection

LOCK_WAIT_S: Final = 5
SWAP_TRIES: Final = 6
REVERT_TRIES: Final = 12
_LOCKED: Final = 1205
_DROPPABLE: Final = ("VIEW", "PROCEDURE", "FUNCTION", "PACKAGE BODY", "PACKAGE", "EVENT")


def swap_tables(
    staged: StagedTables,
    settings: DatabaseConnection,
    *,
    journal: Journal,
    definitions_path: str | StateFile,
    partial: bool | None = None,
    tries: int = SWAP_TRIES,
) -> Swap:
    """Put the staged tables in the place of the live ones, all at once.

    The old definitions are on disk before, in `definitions_path` (0600). Raises SwapBlocked, with
    nothing changed, when other connections held tables through all tries of 5 s; the message names
    them. `partial` overrides whether tables that are not staged stay.
    """
    whole = staged.whole if partial is None else not partial
    with connect(settings, lock_wait_s=LOCK_WAIT_S) as connection:
        swap = _describe(connection, staged, settings.schema, whole=whole)
        while True:
            keep_swap(connection, JobMark(job_id=staged.job_id), swap)
            _save(swap, definitions_path)
            swapping = TablesSwapping(
                short=swap.short,
                definitions=str(definitions_path),
                connection=connection.thread_id,
            )
            journal.write(swapping)
            try:
                renames = forward_renames(swap.tables, all_names(connection))
                _rename(connection, renames, tries)
                break
            except DatabaseError as error:
                names = [one.name for one in swap.tables if one.aside is not None]
                broken = broken_in_rename(error, settings.schema, names)
                if broken is None:
                    raise
                swap = _given_up(swap, broken)
        journal.write(TablesSwapped(short=swap.short))
        return swap


def _given_up(swap: Swap, name: str) -> Swap:
    """Return a swap in which a table is one that cannot be renamed."""
    before = replace(
        swap.before,
        foreign_keys=tuple(one for one in swap.before.foreign_keys if one.key.table != name),
        checks=tuple(one for one in swap.before.checks if one.table != name),
        objects=tuple(one for one in swap.before.objects if one.table != name),
    )
    tables = tuple(
        replace(one, aside=None, lost=True) if one.name == name else one for one in swap.tables
    )
    return replace(swap, tables=tables, before=before)


def _save(swap: Swap, place: str | StateFile) -> None:
    """Bring a swap's description to disk; the schema holds it where the job's directory is gone."""
    file = state_file(place)
    try:
        swap.save(file)
    except StorageError:
        if not file.directory.is_removed:
            raise


def leaving_tables(connection: Connection, staged: StagedTables, *, whole: bool) -> list[str]:
    """Return the live tables that go aside although nothing takes their place."""
    others = other_stores(connection)
    views = {one.name for one in staged.wanted.of_kind("VIEW")}
    named = {table.name for table in staged.tables}
    return [
        name
        for name in sorted(table_names(connection) - named)
        if owner_of(name) is None
        and name not in others
        and name not in staged.stays
        and name not in staged.kept
        and (whole or name in views)
    ]


def _describe(connection: Connection, staged: StagedTables, schema: str, *, whole: bool) -> Swap:
    present, broken = all_names(connection), broken_tables(connection)
    going = leaving_tables(connection, staged, whole=whole)
    rows = [(table.name, table.staged) for table in staged.tables]
    rows += [(name, None) for name in going]
    before = read_definitions(connection, {name for name, _ in rows})
    swapped = tuple(
        SwappedTable(
            name=name,
            staged=other,
            aside=aside_name(staged.short, number) if name in present - broken.keys() else None,
            lost=name in broken,
        )
        for number, (name, other) in enumerate(rows, 1)
    )
    speaks = any(one.kind == "TRIGGER" for one in staged.wanted.objects)
    return Swap(
        schema=schema,
        short=staged.short,
        tables=tuple(one for one in swapped if one.staged or one.aside or one.lost),
        wanted=staged.wanted,
        before=before,
        drops=_drops(staged, before.objects, whole=whole),
        whole=whole,
        keeps=staged.keeps,
        stays=staged.stays,
        keeps_triggers=not whole and not speaks and staged.drops is None,
        kept=staged.kept,
        source=staged.source,
        outside=outside_keys(connection, {one.name for one in swapped}),
    )


def _drops(
    staged: StagedTables, before: Sequence[ObjectText], *, whole: bool
) -> tuple[tuple[str, str], ...]:
    """Return the objects that go: those of the schema that the dump, whole, does not have."""
    if staged.drops is not None:
        return staged.drops
    if not whole:
        return ()
    wanted = {(one.kind, one.name) for one in staged.wanted.objects}
    return tuple(
        (one.kind, one.name)
        for one in before
        if one.kind in _DROPPABLE
        and one.kind not in staged.keeps
        and (one.kind, one.name) not in wanted
    )


def forward_renames(
    tables: Iterable[SwappedTable], present: frozenset[str]
) -> list[tuple[str, str]]:
    """Return the renames that are still to be made towards the new state, as (from, to)."""
    away, here = [], []
    for table in tables:
        moved = table.aside is not None and table.aside in present
        if table.aside is not None and not moved and table.name in present:
            away.append((table.name, table.aside))
        if table.staged is not None and table.staged in present and not table.lost:
            here.append((table.staged, table.name))
    return away + here


def reverse_renames(
    tables: Iterable[SwappedTable], present: frozenset[str]
) -> list[tuple[str, str]]:
    """Return the renames that lead back to the old state from wherever the schema is.

    A staged table that is not there under its staged name was renamed; where no such rename can
    have happened, the aside name is not there either and the table is left alone.
    """
    away, back = [], []
    for table in tables:
        if table.lost:  # untouched until the commit
            continue
        came = table.staged is not None and table.staged not in present
        if came and table.name in present and (table.aside is None or table.aside in present):
            assert table.staged is not None  # noqa: S101 - `came` says so
            away.append((table.name, table.staged))
        if table.aside is not None and table.aside in present:
            back.append((table.aside, table.name))
    return away + back


def _rename(connection: Connection, renames: Sequence[tuple[str, str]], tries: int) -> None:
    """Make all renames in one statement, all or none."""
    if not renames:
        return
    parts = (f"{quote_name(source)} TO {quote_name(target)}" for source, target in renames)
    statement = "RENAME TABLE " + ", ".join(parts)
    # Without it a table whose foreign key refers to a missing table could not be renamed.
    connection.execute("SET foreign_key_checks = 0")
    for number in range(1, tries + 1):
        try:
            connection.execute(statement)
            break
        except DatabaseError as error:
            if error.errno != _LOCKED:
                raise
            if number == tries:
                raise _blocked(connection, tries) from error
    connection.execute("SET foreign_key_checks = 1")


def _blocked(connection: Connection, tries: int) -> SwapBlocked:
    names = ", ".join(blockers(connection)) or "connections that this account may not see"
    return SwapBlocked(
        f"Other connections held tables for {tries * connection.lock_wait_s} s: {names}.",
        hint="End them (cron, queue consumers, an open client), then run it again.",
        errno=_LOCKED,
    )


def revert_tables(
    settings: DatabaseConnection, journal: Journal, *, tries: int = REVERT_TRIES
) -> None:
    """Bring a job that did not commit back to nothing: the old tables live, no staged ones.

    Decides by the existing names; may be run any number of times. Raises StoreLeftClosed where the
    reverse rename is blocked, ConnectionFailed without a server.
    """
    if journal.has(TablesReverted):
        return
    swapping = journal.newest(TablesSwapping)
    swap = swap_of(journal, settings)
    staging = journal.newest(TablesStaging)
    take_back(
        settings,
        swap,
        None if staging is None else staging_short(staging, settings.schema),
        tries,
        renamed_by=0 if swapping is None else swapping.connection,
    )
    if staging is not None:
        journal.write(TablesReverted(short=staging.short))


def take_back(
    settings: DatabaseConnection,
    swap: Swap | None,
    short: str | None,
    tries: int = REVERT_TRIES,
    *,
    renamed_by: int = 0,
) -> None:
    """Make the old tables live again and drop the staged ones. May be run any number of times.

    `renamed_by`: the id of the connection that sent the RENAME, where it is known.
    """
    if swap is not None:
        with connect(settings, lock_wait_s=LOCK_WAIT_S) as connection:
            # A server that was frozen may not have read the RENAME yet that it was sent.
            end_connection(connection, renamed_by)
            end_statements(connection, swap.short)
            try:
                _rename_back(connection, swap, tries)
            except SwapBlocked as error:
                raise StoreLeftClosed(
                    f"The old tables could not be brought back: {error.message}", hint=error.hint
                ) from error
    if short is not None:
        drop_staging(settings, short)
    if swap is not None:
        with connect(settings, lock_wait_s=LOCK_WAIT_S) as connection:
            _mend_dangling_keys(connection, swap)


def _rename_back(connection: Connection, swap: Swap, tries: int) -> None:
    renames = reverse_renames(swap.tables, all_names(connection))
    # A broken table whose foreign key refers to one of these cannot be locked, and so keeps it from
    # being renamed. The old tables are worth more.
    lost = [table.name for table in swap.tables if table.lost]
    while True:
        try:
            _rename(connection, renames, tries)
        except SwapBlocked:
            if not lost:
                raise
            drop_broken(connection, lost.pop(0))
            tries = 1
        else:
            break


def swap_of(journal: Journal, settings: DatabaseConnection) -> Swap | None:
    """Return the swap that a journal speaks of, None where it began none. Raises as `load_swap`.

    Its file is looked for beside the journal, with any path written there; where the job's
    directory is gone, the schema holds a copy.
    """
    swapping = journal.newest(TablesSwapping)
    if swapping is None:
        return None
    file = journal.beside(os.path.basename(swapping.definitions))
    short = swapping.short
    try:
        swap = load_swap(file, schema=settings.schema)
    except StorageError:
        if file.exists():
            raise
        with connect(settings) as connection:
            kept = read_swap(connection, short)
        if kept is None:
            raise
        return kept
    if swap.short != short:
        raise StorageError(f"{file} is not of the job of its journal.")
    return swap


def staging_short(record: TablesStaging, schema: str) -> str:
    """Return whose staging tables a record speaks of. Raises StorageError for another schema."""
    short = record.short
    if record.schema not in (None, schema):
        raise StorageError("The job's connection is not of the schema that it worked on.")
    if owner_of(aside_name(short, 1)) != short:
        raise StorageError("The job's journal names no staging tables of ours.")
    return short


def _mend_dangling_keys(connection: Connection, swap: Swap) -> None:
    """Point foreign keys that referred to no table at that missing table again.

    While the new tables were live, one of them had the missing name, the server tied the old key to
    it, and the key followed it when it was renamed away (seen on MariaDB 10.11). A damaged store is
    just where such keys are found. May be run again after a crash.
    """
    present = all_names(connection)
    for table in sorted({one.key.table for one in swap.before.foreign_keys} & present):
        saved = [one.key for one in swap.before.foreign_keys if one.key.table == table]
        dangling = [key for key in saved if not key.schema and key.referenced not in present]
        if not dangling:
            continue
        now = {key.name: key for key in foreign_keys_of(connection, table)}
        wrong = [key for key in dangling if now.get(key.name) != key]
        if not wrong:
            continue
        connection.execute("SET foreign_key_checks = 0")
        drops = [key.name for key in wrong if key.name in now]
        if drops:  # in a statement of its own: the names are used again
            words = ", ".join(f"DROP FOREIGN KEY {quote_name(name)}" for name in drops)
            connection.execute(f"ALTER TABLE {quote_name(table)} {words}")
        words = ", ".join(f"ADD {key.render()}" for key in wrong)
        connection.execute(f"ALTER TABLE {quote_name(table)} {words}")
