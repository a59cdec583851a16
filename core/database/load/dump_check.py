"""The findings of the offline check of a dump, as a value.

`core.database.load.offline_check` makes it.
"""

from __future__ import annotations

from collections.abc import Container, Mapping

from msgspec import Struct, field
from msgspec.structs import replace

from core.database.sql.set_statements import UTC, SessionState
from core.database.sql.split import RawStatement
from core.database.sql.statement import ROUTINES, StatementKind
from core.events import Warned


class Definition(Struct, frozen=True, kw_only=True):
    """A statement that makes or alters something, as written in the dump, and its session.

    Only those that the dump itself does not undo again.
    """

    kind: StatementKind
    name: str
    raw: RawStatement
    state: SessionState


class TableContent(Struct, frozen=True, kw_only=True):
    """A table of a dump: the statement that makes it, and its row statements.

    `made` is the number of that statement in the dump; an earlier one that is dropped again (the
    stand-in of a view) does not count.
    """

    name: str
    made: int
    engine: str = ""
    row_statements: int = 0
    row_bytes: int = 0


class DumpCheck(Struct, frozen=True, kw_only=True):
    """The contents of a dump. `problems` are reasons not to load it, each one line.

    `content_bytes` is its unpacked size, `max_statement_bytes` the size that the server must take
    as one packet. `made_by` is magerewind, mysqldump, mariadb-dump, magento, phpmyadmin, adminer,
    heidisql or "": the claim of the dump. `trusted`: it is the file that a manifest of ours names
    by its checksum. `time_zone` is the one that it means before it sets one, `time_zones` are all
    that its statements are run in; `zoneless` are tables with TIMESTAMPs, and events, whose times
    are read in the zone of the server because the dump sets none. `left_out` are tables and views
    that it has and that are not loaded; nothing else here speaks of them. `from_schema` is another
    name in it that means `schema`. `stays` are those left out tables that stay live. With
    `tables_only` its views, routines and events are left out as well. The rows of the tables in
    `absent` are not in the file, which is a part of a dump.
    """

    path: str
    made_by: str
    schema: str  # that names in it are qualified with
    tables: tuple[str, ...]
    contents: tuple[TableContent, ...]
    sequences: tuple[str, ...]
    views: tuple[str, ...]
    triggers: tuple[str, ...]
    routines: tuple[str, ...]
    events: tuple[str, ...]
    statements: int
    content_bytes: int
    complete: bool
    whole_store: bool
    max_statement_bytes: int
    max_value_bytes: int  # of a value that is made of pieces
    collations: tuple[str, ...]
    engines: tuple[str, ...]
    definers: tuple[str, ...]
    foreign_keys: int
    problems: tuple[str, ...]
    warnings: tuple[Warned, ...]
    sha256: str
    trusted: bool = False
    time_zone: str = UTC
    time_zones: tuple[str, ...] = ()
    zoneless: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()
    from_schema: str = ""
    stays: tuple[str, ...] = ()
    trigger_tables: Mapping[str, str] = field(default_factory=dict)
    definitions: tuple[Definition, ...] = ()
    tables_only: bool = False
    absent: frozenset[str] = frozenset()


def without_tables(check: DumpCheck, left_out: Container[str]) -> DumpCheck:
    """Return a check in which some tables and views, and the triggers on them, are not loaded."""
    tables = {*check.tables, *check.sequences, *check.views}
    names = frozenset(name for name in tables if name in left_out)
    if not names:
        return check
    on = check.trigger_tables
    contents = tuple(one for one in check.contents if one.name not in names)
    return replace(
        check,
        tables=_rest(check.tables, names),
        contents=contents,
        sequences=_rest(check.sequences, names),
        views=_rest(check.views, names),
        triggers=tuple(name for name in check.triggers if on.get(name) not in names),
        definitions=tuple(
            one
            for one in check.definitions
            if not (one.name in names and one.kind not in ROUTINES)
            and not (one.kind is StatementKind.TRIGGER and on.get(one.name) in names)
        ),
        engines=tuple(sorted({one.engine.upper() for one in contents if one.engine})),
        zoneless=_rest(check.zoneless, names),
        left_out=check.left_out | names,
    )


def _rest(names: tuple[str, ...], without: Container[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in without)


def unnamed_kinds(check: DumpCheck) -> tuple[str, ...]:
    """Return the kinds of objects that a dump of this maker leaves out unless asked.

    Their absence then says nothing, so those of the schema stay.
    """
    if check.made_by == "magerewind":
        return ()
    routines = () if check.routines else ("PROCEDURE", "FUNCTION", "PACKAGE", "PACKAGE BODY")
    return (*routines, *(() if check.events else ("EVENT",)))
