"""Tables without rows in a dump, kept with their present rows."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from core.database.load.dump_check import DumpCheck, without_tables
from core.database.schema.broken_tables import broken_tables
from core.database.schema.definitions import definition_of
from core.database.schema.read_objects import show_create
from core.database.schema.table_names import base_tables
from core.database.server.connection import Connection, connect
from core.database.server.dialect import one_line
from core.database.sql.statement import StatementKind
from core.errors import DatabaseError
from core.magento.settings import DatabaseConnection


def keep_rows(check: DumpCheck, names: Iterable[str], settings: DatabaseConnection) -> DumpCheck:
    """Return a check in which these tables, where they are live, stay out of the load and the swap.

    One that is defined otherwise in the dump is a problem: its rows would not fit its users.
    """
    with connect(settings) as connection:
        live = frozenset(base_tables(connection)) - broken_tables(connection).keys()
        wanted = [name for name in names if name in check.tables and name in live]
        differing = differing_tables(check, wanted, connection)
    kept = [name for name in wanted if name not in differing]
    problems = check.problems
    if differing:
        problems = (
            *problems,
            (
                "These tables are defined otherwise in the dump, so their present rows cannot be"
                f" kept: {', '.join(map(one_line, differing))}."
            ),
        )
    return replace(without_tables(check, kept), problems=problems, stays=(*check.stays, *kept))


def differing_tables(
    check: DumpCheck, names: Iterable[str], connection: Connection
) -> tuple[str, ...]:
    """Return which of these live tables a dump of ours defines otherwise than they are now."""
    made = {
        one.name: one.raw.text.decode("utf-8", "surrogateescape").strip()
        for one in check.definitions
        if one.kind is StatementKind.TABLE
    }
    found = []
    for name in names:
        try:
            now = str(show_create(connection, "TABLE", name)[1])
        except DatabaseError as error:
            if error.errno is None:
                raise
            continue  # broken, or a view, which is said elsewhere
        if name in made and definition_of(now) != definition_of(made[name]):
            found.append(name)
    return tuple(found)
