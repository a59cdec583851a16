"""Tables of a dump that are not loaded: those of rollbacks, and those of other stores."""

from __future__ import annotations

from msgspec.structs import replace

from core.database.load.dump_check import DumpCheck, without_tables
from core.database.schema.names import ASIDE, STAGED
from core.database.schema.other_stores import OtherStores, find_stores
from core.events import Warned


def without_others(check: DumpCheck, table_prefix: str) -> DumpCheck:
    """Leave out the tables of rollbacks, and those of other stores, that a dump has."""
    names = (*check.tables, *check.sequences)
    ours = tuple(name for name in names if name.startswith((STAGED, ASIDE)))
    check = without_tables(check, ours)
    if ours:
        message = "The dump has tables that a rollback had set aside; they are passed over:"
        warned = Warned(code="own-tables", message=message, names=ours)
        check = replace(check, warnings=(*check.warnings, warned))
    return without_stores(check, find_stores(names, table_prefix))


def without_stores(check: DumpCheck, others: OtherStores) -> DumpCheck:
    """Leave out the tables of other stores, and say so."""
    less = without_tables(check, others)
    if less is check:
        return check
    (warned,) = others.warning("other-stores-in-dump")
    if not less.tables:
        problem = "The dump has tables of other stores only, by their prefix."
        less = replace(less, problems=(*less.problems, problem))
    message = "The dump has tables of other stores; they are not loaded. Their prefixes:"
    return replace(less, warnings=(*less.warnings, replace(warned, message=message)))
