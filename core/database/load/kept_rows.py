"""Tables of which a dump has no rows, left as they are with the rows that they have now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from core.database.load.dump_check import DumpCheck, without_tables
from core.database.schema.definitions import definition_of
from core.database.schema.read_objects import show_create
from core.database.schema.table_names import base_tables
from core.database.server.connection import connect
from core.database.server.dialect import one_line
from core.database.sql.statement import StatementKind
from core.errors import DatabaseError
from core.magento.settings import DatabaseConnection


def keep_rows(check: DumpCheck, names: Iterable[str], settings: DatabaseConnection) -> DumpCheck:
    """Return a check in which these tables, where they are live, stay out of the load and the swap.

    One that is defined otherwise in the dump is a problem: its rows would not fit what uses it.
    """
    made = {
        one.name: one.raw.text.decode("utf-8", "surrogateescape").strip()
        for one in check.definitions
        if one.kind is StatementKind.TABLE
    }
    kept: list[str] = []
    differing: list[str] = []
    with connect(settings) as connection:
        live = frozenset(base_tables(connection))
        for name in names:
            if name not in made or name not in live:
                continue
            try:
                now = str(show_create(connection, "TABLE", name)[1])
            except DatabaseError as error:
                if error.errno is None:
                    raise
                continue  # broken, and said elsewhere
            same = definition_of(now) == definition_of(made[name])
            (kept if same else differing).append(one_line(name))
    problems = check.problems
    if differing:
        problems = (
            *problems,
            (
                "These tables are defined otherwise in the dump, so their present rows cannot be kept:"
                f" {', '.join(differing)}."
            ),
        )
    return replace(without_tables(check, kept), problems=problems, stays=tuple(kept))
