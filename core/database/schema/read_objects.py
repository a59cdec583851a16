"""The objects of a schema that hold no rows: views, triggers, routines, events.

Reads them into the classes of `core.database.schema.definitions`. A body that the account may not
read is DumpFailed with the name of the object, never an empty text.

Triggers, routines and events are read with character_set_results off: the server then sends the
bytes as they were written, and they can be made again byte for byte under their own character set.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Container, Iterator
from typing import Any, Final

from core.database.schema.definitions import Routine, ScheduledEvent, Trigger, View, is_own
from core.database.server.connection import Connection
from core.database.server.dialect import one_line, quote_name
from core.errors import DatabaseError, DumpFailed, RightsMissing

_NAME: Final = r"`(?:[^`]|``)*`"
_WORDS: Final = re.compile(_NAME)
_INVALID_VIEW: Final = 1356
_RENAMED: Final = frozenset({1146, 1343, 1360})
_TRIES: Final = 20
_PAUSE_S: Final = 0.05


def show_create(connection: Connection, kind: str, name: str) -> tuple[Any, ...]:
    """Return the row of SHOW CREATE; errors name the object."""
    try:
        return connection.query(f"SHOW CREATE {kind} {quote_name(name)}")[0]
    except RightsMissing as error:
        raise RightsMissing(
            f"The account may not read the definition of the {kind.lower()} '{one_line(name)}'.",
            hint="Grant SELECT, SHOW VIEW and TRIGGER on the schema to it.",
            errno=error.errno,
        ) from error


@contextlib.contextmanager
def _bytes_as_written(connection: Connection) -> Iterator[None]:
    connection.execute("SET character_set_results = NULL")
    try:
        yield
    finally:
        if connection.open:
            connection.execute("SET character_set_results = utf8mb4")


def read_views(connection: Connection, without: Container[str] = ()) -> tuple[View, ...]:
    """Return the views, but some, so that each comes after those that it is made of."""
    rows = connection.query(
        "SELECT TABLE_NAME, DEFINER, CHARACTER_SET_CLIENT, COLLATION_CONNECTION"
        " FROM information_schema.VIEWS WHERE TABLE_SCHEMA = DATABASE() ORDER BY TABLE_NAME"
    )
    views = []
    for name, definer, charset, collation in rows:
        if is_own(name) or name in without:
            continue
        create = str(show_create(connection, "VIEW", name)[1])
        columns = _view_columns(connection, name)
        views.append(
            View(
                name=name,
                create=create,
                definer=str(definer),
                charset=str(charset),
                collation=str(collation),
                valid=columns is not None,
                columns=columns or (),
            )
        )
    return _by_dependency(views)


def _view_columns(connection: Connection, name: str) -> tuple[str, ...] | None:
    try:
        return tuple(row[0] for row in connection.query(f"SHOW COLUMNS FROM {quote_name(name)}"))
    except DatabaseError as error:
        if error.errno in {_INVALID_VIEW, 1146, 1054, 1305, 1449}:
            return None
        raise


def _by_dependency(views: list[View]) -> tuple[View, ...]:
    """Order views by the names in their texts; an alias that is a view's name does no harm.

    Real views cannot depend on each other in a circle; names that only look so are cut open
    where the circle is met.
    """
    by_name = {view.name: view for view in views}
    done: dict[str, View] = {}
    for first in views:
        path: list[tuple[View, Iterator[str]]] = [(first, iter(_mentioned(first)))]
        active = {first.name}
        while path:
            view, names = path[-1]
            for name in names:
                if name in by_name and name not in done and name not in active:
                    active.add(name)
                    path.append((by_name[name], iter(_mentioned(by_name[name]))))
                    break
            else:
                done.setdefault(view.name, view)
                path.pop()
    return tuple(done.values())


def _mentioned(view: View) -> list[str]:
    """Return the names after FROM, JOIN, a comma or a parenthesis: possible sources of a view."""
    body = view.create.partition(" AS ")[2]
    names = re.findall(rf"(?:from|join|,|\() *\(*(?:{_NAME}\.)?({_NAME})", body, re.IGNORECASE)
    return [name[1:-1].replace("``", "`") for name in names]


def read_triggers(connection: Connection, without: Container[str] = ()) -> tuple[Trigger, ...]:
    """Return the triggers in the order in which they must be made, but those on some tables.

    While another connection renames their tables, MariaDB reads the small file of a trigger at its
    old length and cannot make sense of it (1343), or finds neither trigger nor table: that passes.
    """
    for _ in range(_TRIES):
        try:
            return _triggers_now(connection, without)
        except DatabaseError as error:
            if error.errno not in _RENAMED:
                raise
            time.sleep(_PAUSE_S)
    return _triggers_now(connection, without)


def _triggers_now(connection: Connection, without: Container[str]) -> tuple[Trigger, ...]:
    rows = connection.query(
        "SELECT TRIGGER_NAME, EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER,"
        " DEFINER, SQL_MODE, CHARACTER_SET_CLIENT, COLLATION_CONNECTION"
        " FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
        " ORDER BY EVENT_OBJECT_TABLE, ACTION_TIMING, EVENT_MANIPULATION, ACTION_ORDER"
    )
    found: dict[str, Trigger] = {}
    with _bytes_as_written(connection):
        for name, table, timing, event, order, definer, mode, charset, collation in rows:
            # A trigger for several events (MariaDB 12) has a row for each of them.
            if is_own(table) or table in without or name in found:
                continue
            create = _body("trigger", name, show_create(connection, "TRIGGER", name)[2])
            found[name] = Trigger(
                name=name,
                table=table,
                timing=str(timing),
                event=str(event),
                order=int(order),
                create=without_schema(create),
                definer=str(definer),
                sql_mode=str(mode),
                charset=str(charset),
                collation=str(collation),
            )
    return tuple(found.values())


_SPACE: Final = r"(?:\s|/\*.*?\*/|--\s[^\n]*\n|\#[^\n]*\n)"
_ANY_NAME: Final = rf"(?:{_NAME}|\"(?:[^\"]|\"\")*\"|[^\s`\".;/]+)"
_TRIGGER_HEAD: Final = re.compile(
    rf"(?P<start>CREATE{_SPACE}+(?:OR{_SPACE}+REPLACE{_SPACE}+)?(?:DEFINER={_NAME}(?:@{_NAME})?{_SPACE}+)?TRIGGER)"
    rf"{_SPACE}+(?:IF{_SPACE}+NOT{_SPACE}+EXISTS{_SPACE}+)?"
    rf"(?:{_ANY_NAME}{_SPACE}*\.{_SPACE}*)?(?P<name>{_ANY_NAME})"
    rf"(?P<when>{_SPACE}+(?:BEFORE|AFTER){_SPACE}+.*?{_SPACE}ON{_SPACE}+)"
    rf"(?:{_ANY_NAME}{_SPACE}*\.{_SPACE}*)?(?P<table>{_ANY_NAME})(?={_SPACE}+FOR{_SPACE})",
    re.IGNORECASE | re.DOTALL,
)


def without_schema(create: str) -> str:
    """Return the text of a trigger without the names of schemas before it and its table.

    The server keeps the written text (`m.tg … ON m.t`); so it could never be made elsewhere.
    """
    found = _TRIGGER_HEAD.match(create)
    if found is None:
        return create
    start, name, when, table = found.group("start", "name", "when", "table")
    return f"{start} {name}{when}{table}{create[found.end() :]}"


def read_routines(connection: Connection) -> tuple[Routine, ...]:
    """Return functions, procedures and packages; a package comes before its body."""
    kinds = ["PROCEDURE", "FUNCTION"]
    if connection.server.packages:
        kinds += ["PACKAGE", "PACKAGE BODY"]
    rows = connection.query(
        "SELECT ROUTINE_TYPE, ROUTINE_NAME, DEFINER, SQL_MODE, CHARACTER_SET_CLIENT,"
        " COLLATION_CONNECTION FROM information_schema.ROUTINES WHERE ROUTINE_SCHEMA = DATABASE()"
        " ORDER BY ROUTINE_TYPE, ROUTINE_NAME"
    )
    found = []
    with _bytes_as_written(connection):
        for kind, name, definer, mode, charset, collation in rows:
            if is_own(name):
                continue
            if kind not in kinds:
                raise DumpFailed(f"The {one_line(kind)} '{one_line(name)}' is of an unknown kind.")
            create = _body(kind.lower(), name, show_create(connection, kind, name)[2])
            found.append(
                Routine(
                    kind=kind,
                    name=name,
                    create=create,
                    definer=str(definer),
                    sql_mode=str(mode),
                    charset=str(charset),
                    collation=str(collation),
                )
            )
    return tuple(found)


def read_events(connection: Connection) -> tuple[ScheduledEvent, ...]:
    """Return the events of the scheduler by name."""
    rows = connection.query(
        "SELECT EVENT_NAME, DEFINER, SQL_MODE, TIME_ZONE, CHARACTER_SET_CLIENT,"
        " COLLATION_CONNECTION FROM information_schema.EVENTS WHERE EVENT_SCHEMA = DATABASE()"
        " ORDER BY EVENT_NAME"
    )
    found = []
    with _bytes_as_written(connection):
        for name, definer, mode, zone, charset, collation in rows:
            if is_own(name):
                continue
            create = _body("event", name, show_create(connection, "EVENT", name)[3])
            found.append(
                ScheduledEvent(
                    name=name,
                    create=create,
                    definer=str(definer),
                    sql_mode=str(mode),
                    time_zone=str(zone),
                    charset=str(charset),
                    collation=str(collation),
                )
            )
    return tuple(found)


def _body(kind: str, name: str, create: Any) -> str:  # noqa: ANN401 - a column of SHOW CREATE
    if not create:
        raise DumpFailed(
            f"The account may not read the body of the {kind} '{one_line(name)}'.",
            hint="Grant it SELECT on mysql.proc (MariaDB) or SHOW_ROUTINE (MySQL),"
            " or let the definer be this account.",
        )
    return str(create)
