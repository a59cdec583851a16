"""Names of CHECK constraints on MySQL, where they are unique in a schema, as those of foreign keys.

MariaDB keeps them apart by table, so nothing here is done there. A generated name (`t_chk_1`)
follows its table when that is renamed; other names get a temporary name until the swap is over.
"""

from __future__ import annotations

import re
from collections import defaultdict

from msgspec.structs import replace

from core.database.schema.definitions import is_own
from core.database.schema.names import deferred_check_name
from core.database.schema.read_objects import show_create
from core.database.schema.swap_file import DeferredCheck
from core.database.server.connection import Connection
from core.database.server.dialect import Server, quote_name
from core.database.sql.table_text import PartKind, TablePart, TableText, parse_show_create
from core.database.sql.tokens import tokens


def shares_names(server: Server) -> bool:
    """Whether the names of CHECK constraints are unique in a schema of this server."""
    return not server.mariadb and server.version >= (8, 0, 16)


def _is_generated(name: str, table: str) -> bool:
    return re.fullmatch(re.escape(table) + r"_chk_\d+", name) is not None


def defer_checks(
    text: TableText, staged: str, short: str, taken: int
) -> tuple[TableText, list[DeferredCheck]]:
    """Return the table with its CHECK constraints under other names, and those that wait."""
    parts: list[TablePart] = []
    waiting: list[DeferredCheck] = []
    for part in text.parts:
        if part.kind is not PartKind.CHECK or not part.name:
            parts.append(part)
            continue
        if _is_generated(part.name, text.name):
            other = staged + part.name[len(text.name) :]
        else:
            other = deferred_check_name(short, taken + len(waiting) + 1)
            waiting.append(
                DeferredCheck(waiting=other, table=text.name, name=part.name, clause=_clause(part))
            )
        named = f"CONSTRAINT {quote_name(other)} {_clause(part)}"
        parts.append(replace(part, name=other, text=named.encode("utf-8", "surrogateescape")))
    return replace(text, parts=tuple(parts)), waiting


def _clause(part: TablePart) -> str:
    """Return a constraint from CHECK on, its name left out."""
    start = next(word.start for word in tokens(part.text) if word.upper == b"CHECK")
    return part.text[start:].decode("utf-8", "surrogateescape")


def _names_now(connection: Connection) -> dict[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for table, name in connection.query(
        "SELECT TABLE_NAME, CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS"
        " WHERE TABLE_SCHEMA = DATABASE() AND CONSTRAINT_TYPE = 'CHECK'"
    ):
        found[str(table)].add(str(name))
    return found


def read_checks(connection: Connection) -> tuple[DeferredCheck, ...]:
    """Return the CHECK constraints of the live tables that do not follow a rename."""
    if not shares_names(connection.server):
        return ()
    found = []
    for table, names in sorted(_names_now(connection).items()):
        if is_own(table) or all(_is_generated(name, table) for name in names):
            continue
        text = parse_show_create(str(show_create(connection, "TABLE", table)[1]))
        found += [
            DeferredCheck(waiting="", table=table, name=part.name, clause=_clause(part))
            for part in text.parts
            if part.kind is PartKind.CHECK and not _is_generated(part.name, table)
        ]
    return tuple(found)


def changes_for_asides(connection: Connection, asides: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the statements that free the names held by the aside tables, by table."""
    if not shares_names(connection.server):
        return {}
    now = _names_now(connection)
    return {
        aside: [
            f"DROP CHECK {quote_name(name)}"
            for name in sorted(now[aside])
            if not _is_generated(name, aside)
        ]
        for aside in asides
        if any(not _is_generated(name, aside) for name in now.get(aside, ()))
    }


def changes_for_checks(
    connection: Connection, checks: tuple[DeferredCheck, ...]
) -> dict[str, list[str]]:
    """Return the statements that name waiting constraints, by table; finished ones are left out."""
    if not checks or not shares_names(connection.server):
        return {}
    now = _names_now(connection)
    changes: defaultdict[str, list[str]] = defaultdict(list)
    for one in checks:
        if one.waiting and one.waiting in now.get(one.table, ()):
            changes[one.table].append(f"DROP CHECK {quote_name(one.waiting)}")
        if one.name not in now.get(one.table, ()):
            changes[one.table].append(f"ADD CONSTRAINT {quote_name(one.name)} {one.clause}")
    return changes
