"""The definitions that hold in a schema now, read so that they can be made again.

Reads through `core.database.schema.read_objects` and SHOW CREATE TABLE; owns only the form in which
a swap keeps them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from core.database.schema.broken_tables import broken_tables
from core.database.schema.check_constraints import read_checks
from core.database.schema.definitions import ScheduledEvent, StoredObject, Trigger
from core.database.schema.other_stores import IgnoredTables, other_stores
from core.database.schema.read_objects import (
    read_events,
    read_routines,
    read_triggers,
    read_views,
    show_create,
)
from core.database.schema.read_tables import read_foreign_keys
from core.database.schema.swap_file import DeferredKey, Definitions, ObjectText
from core.database.server.connection import Connection
from core.database.sql.table_text import ForeignKeyText, parse_show_create


def read_definitions(connection: Connection, about: Collection[str]) -> Definitions:
    """Return all objects of the live schema, and the foreign keys of and to some tables.

    Of a table that refers to one of those `about`, all keys are among them. Views, triggers,
    routines and events of other stores are left out; their foreign keys are not, for they may
    refer to our tables. Nothing can read those of broken tables. Raises RightsMissing or DumpFailed
    with the name of the object that the account may not read: an object that cannot be saved is not
    replaced.
    """
    broken = broken_tables(connection)
    tables = {
        key.table
        for key in read_foreign_keys(connection, broken)
        if key.table in about or key.referenced_table in about
    }
    keys = [key for name in sorted(tables) for key in foreign_keys_of(connection, name)]
    others = other_stores(connection)
    objects = (
        *read_triggers(connection, IgnoredTables(stores=others, tables=broken)),
        *read_views(connection, others),
        *(one for one in read_routines(connection) if not others.has_object(one.name)),
        *(one for one in read_events(connection) if not others.has_object(one.name)),
    )
    return Definitions(
        foreign_keys=tuple(DeferredKey(waiting="", key=key) for key in keys),
        objects=tuple(_text(one) for one in objects),
        checks=read_checks(connection),
    )


def foreign_keys_of(connection: Connection, table: str) -> tuple[ForeignKeyText, ...]:
    """Return the foreign keys of one table as they would be written."""
    return parse_show_create(str(show_create(connection, "TABLE", table)[1])).foreign_keys


def objects_now(connection: Connection, kinds: Iterable[str]) -> tuple[ObjectText, ...]:
    """Return the objects of these kinds that the schema has now.

    Triggers of broken tables are left out: nothing can read them.
    """
    wanted = set(kinds)
    found: list[StoredObject] = []
    if "VIEW" in wanted:
        found += read_views(connection)
    if "TRIGGER" in wanted:
        found += read_triggers(connection, broken_tables(connection))
    if wanted & {"PROCEDURE", "FUNCTION", "PACKAGE", "PACKAGE BODY"}:
        found += (one for one in read_routines(connection) if one.kind in wanted)
    if "EVENT" in wanted:
        found += read_events(connection)
    return tuple(_text(one) for one in found)


def _text(one: StoredObject) -> ObjectText:
    return ObjectText(
        kind=one.kind,
        name=one.name,
        table=one.table if isinstance(one, Trigger) else "",
        create=one.create,
        definer=one.definer,
        sql_mode=one.sql_mode,
        charset=one.charset,
        collation=one.collation,
        time_zone=one.time_zone if isinstance(one, ScheduledEvent) else "",
    )
