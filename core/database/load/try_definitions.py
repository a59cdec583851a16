"""The definitions of a dump tried on the server while the store is still open.

A server is the only judge of its own grammar, so every table of a dump is made once, empty, under
another name, as the load will make it, and dropped again: as a temporary table where the server
can, which costs a fraction of a millisecond and leaves nothing behind; else, and where it has
triggers, as a real one whose name says that it is ours (`_mrs_trial…`), so that recovery finds it.
Triggers are made on their table, routines under other names, and the texts of views and events are
given to the server to read. Faults that only the rows, foreign keys or the finished schema can show
are left to the load.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Final

from msgspec import Struct

from core.database.load.dump_check import Definition, DumpCheck
from core.database.load.try_triggers import (
    NO_DEFINER_RIGHT,
    object_text,
    rewritten,
    try_trigger,
    without_definer,
)
from core.database.schema.check_constraints import defer_checks, shares_names
from core.database.schema.load_session import LoadingConnection
from core.database.schema.names import STAGED
from core.database.schema.sequence_defaults import take_from
from core.database.schema.swap_file import ObjectText
from core.database.server.dialect import one_line, quote_name
from core.database.sql.allowed import classify
from core.database.sql.collations import CollationMap
from core.database.sql.set_statements import SessionState
from core.database.sql.statement import Statement, StatementKind
from core.database.sql.table_text import parse_alter, parse_table
from core.database.sql.tokens import skipped_comments
from core.errors import ConnectionLost, DatabaseError, RightsMissing
from core.events import Warned
from core.magento.settings import DatabaseConnection

MOST_PROBLEMS: Final = 20
_SAID_ELSEWHERE: Final = frozenset({1273, 1286, 1298})  # an unknown collation, engine or zone
_NOT_DETERMINISTIC: Final = 1418  # said of one function; other rights are missing for all
# Errors that refuse a view's text while its tables are not there: syntax, an unknown
# function or character set, a feature that is not known, a wrong number of arguments.
_TEXT: Final = frozenset({1064, 1115, 1149, 1235, 1305, 1582, 1583})
_NO_FUNCTION: Final = 1305
_END_OF_ANOTHER_NAME: Final = 4083  # `END name` of sql_mode ORACLE, which the trial's is not
_TABLES: Final = frozenset({StatementKind.TABLE, StatementKind.SEQUENCE, StatementKind.ALTER})
_PACKAGES: Final = frozenset({StatementKind.PACKAGE, StatementKind.PACKAGE_BODY})


def try_definitions(
    check: DumpCheck,
    settings: DatabaseConnection,
    collations: CollationMap,
    kept: Collection[str] = (),
) -> tuple[tuple[str, ...], tuple[Warned, ...]]:
    """Return why definitions of a dump cannot be made here, by line, and the losses.

    The tables `kept` are live and defined as in the dump: this server has made them. Changes
    nothing that is there. Raises ConnectionFailed and ConnectionLost.
    """
    loading = LoadingConnection(settings, collations.names)
    with contextlib.closing(loading.connection):
        trial = _Trial(loading, check, collations, frozenset(kept))
        try:
            trial.run()
        finally:
            trial.clear()
    problems = trial.problems
    if len(problems) > MOST_PROBLEMS:
        problems = [
            *problems[:MOST_PROBLEMS],
            f"{len(problems) - MOST_PROBLEMS} more definitions of the dump cannot be made.",
        ]
    return tuple(problems), trial.warnings()


class _Read(Struct, frozen=True):
    """A definition of the dump, and as this server reads it."""

    definition: Definition
    statement: Statement

    @property
    def kind(self) -> StatementKind:
        return self.definition.kind

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def state(self) -> SessionState:
        return self.definition.state


class _Trial:
    """One run through the definitions of a dump."""

    def __init__(
        self,
        loading: LoadingConnection,
        check: DumpCheck,
        collations: CollationMap,
        kept: frozenset[str],
    ) -> None:
        self.loading, self.connection = loading, loading.connection
        self.server = loading.connection.server
        self.check, self.collations, self.kept = check, collations, kept
        self.short = f"trial{self.connection.thread_id}"
        self.problems: list[str] = []
        self.lost: list[str] = []
        self.number = 0
        self.sequences: dict[str, str] = {}  # these stay until the end, for the tables
        self.packages: dict[str, str] = {}  # and these for their bodies
        self.triggers: dict[str, list[_Read]] = {}

    def run(self) -> None:
        """Try everything, tables before the objects on them."""
        tables: defaultdict[str, list[_Read]] = defaultdict(list)
        objects = []
        triggers_first = sorted(
            self.check.definitions, key=lambda one: one.kind is not StatementKind.TRIGGER
        )
        for definition in triggers_first:
            self._note_lost(definition)
            if definition.kind in _TABLES and self._stays(definition.name):
                continue
            one = _Read(definition, self._read(definition))
            if one.kind is StatementKind.SEQUENCE:
                self._attempt(one, partial(self._sequence, one))
            elif one.kind in _TABLES:
                tables[one.name].append(one)
            elif one.kind is StatementKind.TRIGGER:
                self.triggers.setdefault(one.statement.table, []).append(one)
            else:
                objects.append(one)
        for statements in tables.values():
            self._attempt(statements[0], partial(self._table, statements))
        for one in objects:
            self._attempt(one, partial(self._object, one))

    def _stays(self, table: str) -> bool:
        """Tell whether a table need not be made; those with triggers are made for these."""
        return table in self.kept and table not in self.triggers

    def _read(self, one: Definition) -> Statement:
        return classify(
            one.raw,
            reading=one.state.reading,
            server=self.server,
            schema=self.check.schema or None,
            from_schema=self.check.from_schema,
            trusted=self.check.trusted,
        )

    def _next_name(self) -> str:
        self.number += 1
        return f"{STAGED}{self.short}_{self.number}"

    def _attempt(self, one: _Read, attempt: Callable[[], None]) -> None:
        """Note the server's answer; the finding of an earlier question is not repeated."""
        try:
            attempt()
        except ConnectionLost:
            raise
        except DatabaseError as error:
            right = isinstance(error, RightsMissing) and error.errno != _NOT_DETERMINISTIC
            if right or error.errno in _SAID_ELSEWHERE:
                return
            what = "" if one.kind in _TABLES else f"the {one.kind.value} "
            cure = f" {error.hint}" if error.hint else ""
            self.problems.append(
                f"Line {one.statement.line} of the dump, {what}'{one_line(one.name)}': "
                f"{error.message}{cure}"
            )

    def _sequence(self, one: _Read) -> None:
        if not self.server.sequences:  # which is known already
            return
        name = self._next_name()
        start, end = one.statement.place
        text = one.statement.text
        self.loading.for_rows(one.state)
        self.connection.execute(text[:start] + quote_name(name).encode() + text[end:])
        self.sequences[one.name] = name

    def _table(self, statements: list[_Read]) -> None:
        """Make a table and alter it as the dump does, temporary if that is enough."""
        name = self._next_name()
        texts = list(self._texts(statements, name))
        triggers = self.triggers.get(statements[0].name, ())
        if not triggers and self._temporary(name, texts):
            return
        try:
            for text, state in texts:
                self.loading.for_rows(state)
                self.connection.execute(text)
            for one in triggers:
                self._attempt(one, partial(self._trigger, one, name))
        finally:
            if self.connection.open:
                self.connection.execute(f"DROP TABLE IF EXISTS {quote_name(name)}")

    def _texts(self, statements: list[_Read], name: str) -> Iterator[tuple[bytes, SessionState]]:
        for one in statements:
            text: bytes | None
            if one.kind is StatementKind.TABLE:
                table, _ = take_from(parse_table(one.statement), self.sequences)
                if shares_names(self.server):
                    table, _ = defer_checks(table, name, self.short, 0)
                text = table.render(name)
            else:
                text = parse_alter(one.statement).render(name)
            if text is not None:
                yield self.collations.apply(text, one.state.reading), one.state

    def _temporary(self, name: str, texts: list[tuple[bytes, SessionState]]) -> bool:
        """Tell whether a table can be made as a temporary one; that it cannot means nothing."""
        try:
            for number, (text, state) in enumerate(texts):
                self.loading.for_rows(state)
                start = b"CREATE TEMPORARY" if number == 0 else b""
                self.connection.execute(start + text.removeprefix(b"CREATE" if start else b""))
        except ConnectionLost:
            raise
        except DatabaseError:
            return False
        finally:
            if self.connection.open:
                self.connection.execute(f"DROP TEMPORARY TABLE IF EXISTS {quote_name(name)}")
        return True

    def _trigger(self, one: _Read, table: str) -> None:
        try_trigger(self.loading, self._text(one), table)

    def _text(self, one: _Read) -> ObjectText:
        return object_text(one.statement, one.state, self.collations)

    def _object(self, one: _Read) -> None:
        if one.kind in {StatementKind.VIEW, StatementKind.EVENT}:
            self._give_to_read(self._text(one))
        elif one.kind not in _PACKAGES:
            self._routine(self._text(one))
        elif self.server.packages:
            self._package(self._text(one))
        else:
            raise DatabaseError(f"{self.server} has no packages.")

    def _routine(self, one: ObjectText) -> None:
        name = self._next_name()
        try:
            self._make(one, name)
        finally:
            self._drop(f"{one.kind} IF EXISTS {quote_name(name)}")

    def _package(self, one: ObjectText) -> None:
        """Make a package; its body goes by the same name, so it stays until the end."""
        if one.name not in self.packages:
            self.packages[one.name] = self._next_name()
        self._make(one, self.packages[one.name])

    def _make(self, one: ObjectText, name: str) -> None:
        self.loading.for_object(one)
        try:
            self.connection.execute(rewritten(one, name=name))
        except DatabaseError as error:
            if error.errno == _END_OF_ANOTHER_NAME:
                return
            if error.errno not in NO_DEFINER_RIGHT or not one.definer:
                raise
            self.connection.execute(rewritten(without_definer(one), name=name))

    def _give_to_read(self, one: ObjectText) -> None:
        """Let the server read a text, nothing more: its tables are not there yet."""
        self.loading.for_object(one)
        text = one.create.encode("utf-8", "surrogateescape")
        try:
            self.connection.execute(f"SET @magerewind_text = _{one.charset} 0x{text.hex()}")
            self.connection.execute("PREPARE magerewind FROM @magerewind_text")
            self.connection.execute("DEALLOCATE PREPARE magerewind")
        except DatabaseError as error:
            own = any(name.lower() in error.message.lower() for name in self.check.routines)
            if error.errno in _TEXT and not (error.errno == _NO_FUNCTION and own):
                raise

    def _note_lost(self, one: Definition) -> None:
        if one.kind in _TABLES:
            for text in skipped_comments(one.raw.text, self.server, one.state.reading):
                self.lost.append(f"{one_line(one.name)} ({one_line(text, limit=60)})")

    def warnings(self) -> tuple[Warned, ...]:
        """Return the warnings from before the store is closed."""
        if not self.lost:
            return ()
        message = f"{self.server} leaves out what stands in these tables for other servers."
        return (Warned(code="left-out", message=message, names=tuple(self.lost)),)

    def clear(self) -> None:
        """Drop the objects that had to stay until the end."""
        if self.connection.open:
            for name in self.packages.values():
                self._drop(f"PACKAGE IF EXISTS {quote_name(name)}")
            for name in self.sequences.values():
                self._drop(f"TABLE IF EXISTS {quote_name(name)}")

    def _drop(self, what: str) -> None:
        with contextlib.suppress(DatabaseError):
            self.connection.execute(f"DROP {what}")
