"""Whether the views, triggers, routines and events of the schema are those of a dump.

The texts are compared by the same rule by which a swap decides what it makes again.
"""

from __future__ import annotations

from core.database.load.dump_check import DumpCheck, unnamed_kinds
from core.database.load.try_triggers import object_text, same_text, tables_with_other_triggers
from core.database.schema.read_definitions import read_definitions
from core.database.schema.swap_file import ObjectText
from core.database.server.connection import Connection, connect
from core.database.sql.allowed import classify
from core.database.sql.collations import CollationMap
from core.database.sql.statement import OBJECTS, StatementKind
from core.magento.settings import DatabaseConnection

_TRIGGER = StatementKind.TRIGGER.value.upper()


def same_objects(check: DumpCheck, settings: DatabaseConnection, *, partial: bool) -> bool:
    """Tell whether a swap of a checked dump would make, replace and drop none of them.

    With `partial` the schema may have others besides. Raises DatabaseError, StatementRefused.
    """
    with connect(settings) as connection:
        wanted = _wanted(check, connection)
        now = read_definitions(connection, ()).objects
    triggers = [one for one in wanted if one.kind == _TRIGGER]
    if (triggers or not partial) and tables_with_other_triggers(now, triggers, check.tables):
        return False
    there = {(one.kind, one.name): one for one in now if one.kind != _TRIGGER}
    others = [one for one in wanted if one.kind != _TRIGGER]
    if not all(same_text(there.get((one.kind, one.name)), one) for one in others):
        return False
    left_alone = unnamed_kinds(check)
    named = {(one.kind, one.name) for one in others}
    return partial or all(one in named or one[0] in left_alone for one in there)


def _wanted(check: DumpCheck, connection: Connection) -> list[ObjectText]:
    """Return the objects of a dump as a load takes them."""
    unmapped = CollationMap(known=frozenset(), names={})
    return [
        object_text(
            classify(
                one.raw,
                reading=one.state.reading,
                server=connection.server,
                schema=check.schema or None,
                from_schema=check.from_schema,
                trusted=check.trusted,
            ),
            one.state,
            unmapped,
        )
        for one in check.definitions
        if one.kind in OBJECTS
    ]
