"""The warnings of a dump: rights that hide things before it, oddities after it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from core.database.dump.script import Definers
from core.database.schema.definitions import Schema
from core.database.server.dialect import one_line
from core.database.server.rights import Rights
from core.errors import RightsMissing
from core.events import Warned

ROWS_ELSEWHERE: Final = frozenset({"MRG_MYISAM", "MRG_ISAM", "FEDERATED", "BLACKHOLE"})
"""Engines whose tables show rows that belong to other tables or servers, or have none."""

_MESSAGES: Final = {
    "read-apart": "These tables changed during the dump and were read at an instant of their own;"
    " reindex after a rollback.",
    "broken-tables": "The server cannot open these tables; they are not in the dump.",
    "outside-transactions": "These tables have no transactions and could not be locked;"
    " their rows may be of several instants.",
    "rows-elsewhere": "The rows of these tables are kept elsewhere and are not in the dump.",
    "history-left-out": "Of these system-versioned tables only the present rows are in the dump.",
    "view-invalid": "These views refer to what does not exist; they are in the dump as comments.",
    "definer-replaced": "This account may not name these definers; the objects will run as whoever"
    " loads the dump.",
    "recoded": "These objects will be made under utf8mb4.",
    "foreign-schema": "These foreign keys refer to another schema.",
}


def remarks(
    schema: Schema,
    definers: Definers,
    *,
    apart: Iterable[str],
    left_out: Iterable[str],
    unlocked: Iterable[str],
    without_history: Iterable[str],
) -> list[Warned]:
    """Return a warning for each kind of oddity that a dump met, with the names concerned."""
    names: dict[str, Sequence[str]] = {
        "read-apart": sorted(apart),
        "broken-tables": sorted(left_out),
        "outside-transactions": sorted(unlocked),
        "rows-elsewhere": [t.name for t in schema.tables if t.engine.upper() in ROWS_ELSEWHERE],
        "history-left-out": list(without_history),
        "view-invalid": [view.name for view in schema.views if not view.valid],
        "definer-replaced": definers.replaced,
        "recoded": definers.recoded,
        "foreign-schema": [
            key.name for key in schema.foreign_keys if key.referenced_schema != schema.name
        ],
    }
    return [
        Warned(code=code, message=_MESSAGES[code], names=tuple(found))
        for code, found in names.items()
        if found
    ]


def check_rights(rights: Rights, schema: str) -> list[Warned]:
    """Refuse to dump a schema that is partly hidden; warn of kinds that Magento does not use."""
    name = one_line(schema)
    for right, lost in (("SELECT", "tables"), ("TRIGGER", "triggers")):
        if not rights.may(right):
            raise RightsMissing(
                f"The account {one_line(rights.account)} has no right {right} on the schema"
                f" '{name}': {lost} could be missing from the dump.",
                hint=f"Grant {right} on the whole schema to it.",
            )
    warnings = []
    if not rights.may("EVENT"):
        warnings.append(
            Warned(
                code="events-unseen",
                message="The account has no right EVENT on the schema:"
                " if there are events, they are not in the dump.",
            )
        )
    seen = ("EXECUTE", "ALTER ROUTINE", "CREATE ROUTINE", "SHOW CREATE ROUTINE")
    if not any(rights.may(right) for right in seen) and not rights.may_everywhere("SHOW_ROUTINE"):
        warnings.append(
            Warned(
                code="routines-unseen",
                message="The account has no right on routines of the schema:"
                " if there are procedures or functions, they are not in the dump.",
            )
        )
    return warnings
