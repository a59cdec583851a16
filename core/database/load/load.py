"""Loads a dump beside the live tables: under other names, in the same schema, in parallel.

One thread reads the dump and makes the tables; several connections write the rows in transactions
of some mebibytes, in any order, each those of a large table of its own while there are enough. Keys
that can wait are made when the last row of their table is in, foreign keys come at the very end,
under names of their own. Nothing live is touched: after any failure, the staged tables are dropped
and the schema is as before.

Not unique_checks = 0: with it (and foreign_key_checks = 0) MariaDB locks an empty table for one
connection and loads it in bulk, which was 30 % slower here than two connections without.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping
from typing import Final

from core.database.load.batches import BATCH, Batch, RowStatement, place_of
from core.database.load.deferred_keys import DeferredKeys
from core.database.load.dump_check import DumpCheck, unnamed_kinds
from core.database.load.keys_after_rows import TableUnderLoad, finish_tables, keys_of
from core.database.load.row_writers import RowWriters, load_failure
from core.database.load.skipped_rows import SkippedRows
from core.database.load.staging import add_to, compare_counts, drop_staging, staged_names
from core.database.load.try_triggers import object_text, prove_kept_triggers, prove_triggers
from core.database.schema.check_constraints import defer_checks, shares_names
from core.database.schema.definitions import TRANSACTIONAL
from core.database.schema.load_session import LoadingConnection
from core.database.schema.marker import JobMark, make_marker
from core.database.schema.names import copy_name, short_id
from core.database.schema.records import TablesLoaded, TablesStaging
from core.database.schema.sequence_defaults import take_from
from core.database.schema.swap_file import (
    DefaultText,
    DeferredCheck,
    Definitions,
    ObjectText,
    StagedTables,
    SwappedTable,
)
from core.database.schema.table_names import drop_tables, end_statements, names_of
from core.database.server.dialect import one_line, quote_name
from core.database.sql.allowed import classify
from core.database.sql.collations import CollationMap, collation_map
from core.database.sql.set_statements import DumpSession
from core.database.sql.split import DumpFile, RawStatement, Statements
from core.database.sql.statement import OBJECTS, ROUTINES, Statement, StatementKind
from core.database.sql.table_text import TablePart, parse_alter, parse_table, split_for_loading
from core.errors import DatabaseError, LoadFailed, MagerewindError
from core.events import Report, Warned, no_report
from core.journal import Journal
from core.magento.settings import DatabaseConnection

DEFER_FROM: Final = 1 << 20
"""Bytes of rows from which building keys afterwards is worth an ALTER TABLE."""


def load_beside(
    path: str,
    check: DumpCheck,
    settings: DatabaseConnection,
    *,
    job_id: str,
    journal: Journal,
    report: Report = no_report,
    workers: int | None = None,
    expected_rows: Mapping[str, int] | None = None,
    map_collations: bool = False,
    partial: bool = False,
    mark: JobMark | None = None,
    kept: Collection[str] = (),
    before: StagedTables | None = None,
) -> StagedTables:
    """Load a checked dump into staging tables and return those ready to be swapped in.

    The names are in the journal before the first table is made. `expected_rows`: counts of the
    manifest; `mark` tells in the schema whose the tables are; `kept` tables are not loaded; the
    result holds `before`, an earlier load of the job. Raises LoadFailed, StatementRefused,
    ConnectionLost, Cancelled (from `report`); the staged tables are dropped before.
    """
    short = short_id(job_id)
    names = [name for name in (*check.tables, *check.sequences) if name not in kept]
    staged, new = staged_names(names, short, before)
    journal.write(TablesStaging(short=short, schema=settings.schema, tables=staged))
    try:
        loading = _Loading(
            path, check, settings, staged=staged, new=new, short=short,
            map_collations=map_collations, before=before, expected_rows=expected_rows or {},
        )  # fmt: skip
        with contextlib.closing(loading):
            loaded = loading.run(
                mark=mark or JobMark(job_id=job_id), report=report, workers=workers,
                whole=not partial,
            )  # fmt: skip
    except BaseException:
        with contextlib.suppress(MagerewindError):
            drop_staging(settings, short)
        raise
    journal.write(TablesLoaded(short=short, rows=sum(loaded.rows.values())))
    return loaded


class _Loading:
    """One run through a dump."""

    def __init__(
        self,
        path: str,
        check: DumpCheck,
        settings: DatabaseConnection,
        *,
        staged: Mapping[str, str],
        new: frozenset[str],
        short: str,
        map_collations: bool,
        before: StagedTables | None,
        expected_rows: Mapping[str, int],
    ) -> None:
        self.path, self.check, self.settings = path, check, settings
        self.expected_rows, self.position = expected_rows, 0  # bytes of the file that are read
        self.staged, self.short, self.new, self.before = staged, short, new, before
        self.main = LoadingConnection(settings)
        self.server = self.main.connection.server
        self.collations: CollationMap = (
            collation_map(self.main.connection, check.collations)
            if map_collations
            else CollationMap(known=frozenset(), names={})
        )
        self.main.collations = self.collations.names
        self.contents = {one.name: one for one in check.contents if one.name in new}
        stay = (one.name for one in check.contents if one.name not in new)
        self.skipped = SkippedRows(stay, trusted=check.trusted)
        self.tables: dict[str, TableUnderLoad] = {}
        wanted = Definitions() if before is None else before.wanted
        self.waiting = DeferredKeys(short, self.server, wanted.foreign_keys)
        self.checks_before = len(wanted.checks)
        self.objects: dict[tuple[str, str], ObjectText] = {}
        self.states: list[ObjectText] = []
        self.defaults: list[DefaultText] = []
        self.checks: list[DeferredCheck] = []
        self.session = DumpSession(check.time_zone)
        self.batch = Batch()
        self.pieces: list[bytes] = []  # of the row that comes next
        self.warnings: list[Warned] = []
        self.current = ""  # the table whose rows came last

    def close(self) -> None:
        self.main.connection.close()

    def run(
        self,
        *,
        mark: JobMark,
        report: Report,
        workers: int | None,
        whole: bool,
    ) -> StagedTables:
        end_statements(self.main.connection, self.short)
        if self.before is None:
            drop_tables(self.main.connection, names_of(self.main.connection, self.short))
            make_marker(self.main.connection, mark)
        self.main.connection.execute("SET foreign_key_checks = 0")

        rows: dict[str, int] = {}
        if self.new:
            file = DumpFile(self.path, digest=True, content_bytes=self.check.content_bytes)
            writers = RowWriters(
                self.settings, self.collations.names, workers, file,
                lambda: self._report(writers, report),
            )  # fmt: skip
            with contextlib.closing(file), writers:
                self._read(writers, report)
                writers.wait()
                report(self.position, writers.rows_written, "")
                keys = self.waiting.among(self.staged)
                finish_tables(list(self.tables.values()), keys, self.staged, writers)
            self.waiting.rename_automatic(self.main.connection)
            rows = {name: writers.rows.get(table.staged, 0) for name, table in self.tables.items()}
            compare_counts(rows, self.expected_rows)
            self.warnings += writers.warnings
            lines = {name: table.text.line for name, table in self.tables.items()}
            self.waiting.prove_others(self.main.connection, self.staged, lines)
        else:
            self._take_objects()
        self._prove()
        return self._result(mark.job_id, rows, whole=whole)

    def _result(self, job_id: str, rows: Mapping[str, int], *, whole: bool) -> StagedTables:
        made = Definitions(
            foreign_keys=tuple(self.waiting.keys),
            objects=(*self.objects.values(), *self.states),
            defaults=tuple(self.defaults),
            checks=tuple(self.checks),
        )
        tables = tuple(
            SwappedTable(name=name, staged=other, aside=None)
            for name, other in self.staged.items()
            if name in self.new
        )
        if self.before is not None:
            return add_to(self.before, tables, made, rows, self.warnings)
        return StagedTables(
            job_id=job_id,
            short=self.short,
            tables=tables,
            wanted=made,
            whole=whole,
            keeps=unnamed_kinds(self.check),
            stays=self.check.stays,
            rows=rows,
            warnings=tuple(self.warnings),
        )

    def _take_objects(self) -> None:
        """Take the objects from the check, where no row is to be read."""
        for one in self.check.definitions:
            if one.kind in OBJECTS:
                self.session.state = one.state
                statement = self._classified(one.raw)
                self._take_object(statement)

    def _classified(self, raw: RawStatement) -> Statement:
        return classify(
            raw,
            reading=self.session.state.reading,
            server=self.server,
            schema=self.check.schema or None,
            from_schema=self.check.from_schema,
            trusted=self.check.trusted,
        )

    def _report(self, writers: RowWriters, report: Report) -> None:
        """Tell how far the rows are that were written, not how far the dump was read."""
        done = max(0, self.position - writers.pending_bytes)
        report(done, writers.rows_written, one_line(self.current))

    def _read(self, writers: RowWriters, report: Report) -> None:
        file, statements = writers.file, Statements(writers.file)
        number = 0
        for raw in statements:  # not enumerate, which keeps the last one
            number += 1  # noqa: SIM113
            if self.skipped.table_of(raw.text) is None:
                self._take(raw, number, writers)
            else:
                self.pieces.clear()
            del raw  # a large row is not held twice while it is written
            statements.reading = self.session.state.reading
            if max(self.batch.size, file.position - self.position) >= BATCH:
                self._send(writers)
                self.position = file.position
                self._report(writers, report)
        self._send(writers)
        self.position = file.position
        if file.sha256() != self.check.sha256:
            raise LoadFailed(f"{self.path} is not the file that was checked.")

    def _send(self, writers: RowWriters) -> None:
        large = self.batch.size > 2 * BATCH
        batch, self.batch = self.batch, Batch()
        writers.put(batch)
        del batch
        if large:
            writers.wait()

    def _take(self, raw: RawStatement, number: int, writers: RowWriters) -> None:
        statement = self._classified(raw)
        match statement.kind:
            case StatementKind.ROWS:
                self._rows(statement, raw, writers)
            case StatementKind.PIECE:
                self.pieces.append(statement.text)
            case StatementKind.SET:
                self.session.apply(list(statement.words), statement.line)
            case StatementKind.TABLE:
                self._table(statement, number)
            case StatementKind.ALTER:
                self._alter(statement)
            case StatementKind.SEQUENCE | StatementKind.SETVAL:
                if statement.name in self.new:
                    self._execute(statement, self._renamed(statement, self.staged[statement.name]))
            case kind if kind in OBJECTS:
                self._take_object(statement)
            case StatementKind.EVENT_STATE if not self.check.tables_only:
                self.states.append(self._object(statement))
            case _:
                pass

    def _take_object(self, statement: Statement) -> None:
        left_out = self.check.left_out
        if self.check.tables_only and statement.kind is not StatementKind.TRIGGER:
            return
        if statement.table in left_out or (
            statement.kind not in ROUTINES and statement.name in left_out
        ):
            return
        one = self._object(statement)
        # The last one counts: a view has a stand-in until all tables are there.
        self.objects.pop((one.kind, one.name), None)
        self.objects[one.kind, one.name] = one

    def _rows(self, statement: Statement, raw: RawStatement, writers: RowWriters) -> None:
        table = self.tables.get(statement.name)
        before, self.pieces = tuple(self.pieces), []
        if table is None:  # rows of a table that is dropped and made again, or not loaded
            return
        table.seen += 1
        self.current = statement.name
        last = table.seen == table.content.row_statements
        if last and table.later:
            mapped = [self._mapped(part.text) for part in table.later]
            writers.after(table.staged, table.seen, keys_of(table, mapped))
        row = RowStatement(
            table.staged, statement.name, statement.text, statement.place,
            self.session.state, statement.line, before,
        )  # fmt: skip
        # Where the consistency of GTIDs is enforced (as MySQL 9 does), a transaction cannot have
        # rows of a table inside transactions and of one outside.
        if (table.content.engine or "InnoDB").upper() not in TRANSACTIONAL:
            writers.put(Batch([row], outside=True))
        elif (at := place_of(raw, row, table.content, writers.file)) is not None:
            writers.note(row._replace(text=b"", at=at), table.content.row_bytes, table.cost)
        else:
            self.batch.add(row)

    def _renamed(self, statement: Statement, name: str) -> bytes:
        start, end = statement.place
        quoted = quote_name(name).encode()
        if self.session.state.reading.ansi_quotes:
            quoted = b"`" + name.encode() + b"`"
        return statement.text[:start] + quoted + statement.text[end:]

    def _mapped(self, text: bytes) -> bytes:
        return self.collations.apply(text, self.session.state.reading)

    def _table(self, statement: Statement, number: int) -> None:
        content = self.contents.get(statement.name)
        if content is None or content.made != number:
            return
        text = parse_table(statement)
        text, defaults = take_from(text, {name: self.staged[name] for name in self.check.sequences})
        self.defaults += defaults
        if shares_names(self.server):
            staged = self.staged[statement.name]
            number = self.checks_before + len(self.checks)
            text, waiting = defer_checks(text, staged, self.short, number)
            self.checks += waiting
        parts: tuple[TablePart, ...] = text.parts
        later: tuple[TablePart, ...] = ()
        if content.engine.upper() == "MEMORY":
            self.main.make_room(content.row_bytes)
        elif content.row_bytes >= DEFER_FROM:
            parts, later = split_for_loading(text)
        table = TableUnderLoad(
            content=content, staged=self.staged[statement.name], text=text, later=later,
            state=self.session.state, rows=self.expected_rows.get(statement.name, 0),
        )  # fmt: skip
        self.tables[statement.name] = table
        self.waiting.add(text.foreign_keys)
        self._execute(statement, self._mapped(text.render(table.staged, parts)))

    def _alter(self, statement: Statement) -> None:
        table = self.tables.get(statement.name)
        if table is None:
            return
        alter = parse_alter(statement)
        self.waiting.add(alter.foreign_keys)
        text = alter.render(table.staged)
        if text is None:
            return
        if table.seen == 0:
            self._execute(statement, self._mapped(text))
        else:
            table.alters.append((self._mapped(text), self.session.state, statement.line))

    def _object(self, statement: Statement) -> ObjectText:
        return object_text(statement, self.session.state, self.collations)

    def _execute(self, statement: Statement, text: bytes) -> None:
        self.main.for_rows(self.session.state)
        try:
            self.main.connection.execute(text)
        except DatabaseError as error:
            raise load_failure(statement.name, statement.line, error) from error

    def _prove(self) -> None:
        if self.before is not None:  # its objects are those that count
            before = self.before.wanted.objects
            self.objects = {(one.kind, one.name): one for one in before}
            self.states = []
        triggers = tuple(one for one in self.objects.values() if one.kind == "TRIGGER")
        new = {name: other for name, other in self.staged.items() if name in self.new}
        changed, warnings = prove_triggers(self.main, triggers, new)
        kept = [one.name for one in self.check.contents if one.name not in self.staged]
        if triggers:
            copy = copy_name(self.short, 2)
            more, said = prove_kept_triggers(self.main, triggers, kept, copy)
            changed, warnings = changed | more, (*warnings, *said)
        self.objects.update((("TRIGGER", name), one) for name, one in changed.items())
        self.warnings += warnings
