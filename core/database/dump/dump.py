"""Writes a whole schema as one plain .sql file: complete, of one instant, in parallel.

Owns the order of the work and its retries: a try that a change of a definition disturbs is made
again from the start. A table that keeps being changed, and that Magento can fill again by itself
(an index, a replica, a change log), is then read at an instant of its own and named in the
warnings; for any other table the dump fails and names it.

The text is described in `core.database.dump.script`, the rows in `core.database.dump.row_ranges`,
the instant in `core.database.dump.snapshot`. Accounts and grants are no part of a dump.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from core.compression import Compression
from core.database.dump.ddl_watch import (
    CHANGED_ERRORS,
    DefinitionsChanged,
    describe,
    is_rebuildable,
    waiting_changes,
    young_tables,
)
from core.database.dump.output import DumpOutput
from core.database.dump.read_rows import Attempt, read_alone
from core.database.dump.row_ranges import CUT_BYTES
from core.database.dump.row_text import Rendering, rendering_of
from core.database.dump.script import (
    Definers,
    footer,
    header,
    history_session,
)
from core.database.dump.snapshot import Snapshot, SnapshotMethod, take_snapshot
from core.database.dump.strip import resolve
from core.database.dump.warnings import ROWS_ELSEWHERE, check_rights, remarks
from core.database.schema.broken_tables import broken_tables
from core.database.schema.definitions import Schema, Table, Versioning
from core.database.schema.other_stores import IgnoredTables, other_stores
from core.database.schema.read_tables import read_schema, read_sequences, read_tables
from core.database.server.binary_log import trigger_warnings
from core.database.server.connection import Connection, connect
from core.database.server.dialect import one_line
from core.database.server.rights import read_rights
from core.errors import DatabaseError, DumpFailed
from core.events import Report, Warned, no_report
from core.kept_memory import keep_memory
from core.magento.settings import DatabaseConnection

TRIES: Final = 4
MOST_CONNECTIONS: Final = 4
_CALM_S: Final = 15.0
_LOCK_WAIT_OVER: Final = 1205


class DumpOptions(Struct, frozen=True, kw_only=True):
    """How to dump.

    `connections`: None for as many as there are processors, at most four. `strip`: tables, patterns
    and groups (`core.database.dump.strip`) whose rows are left out. `methods`: the allowed snapshot
    methods (`core.database.dump.snapshot`). `history`: old rows of system-versioned
    tables too. `compress`, `level`: how the file is compressed (`core.database.dump.frames`).
    """

    connections: int | None = None
    strip: tuple[str, ...] = ()
    methods: tuple[SnapshotMethod, ...] = tuple(SnapshotMethod)
    history: bool = True
    compress: Compression = Compression.NONE
    level: int | None = None


class DumpSummary(Struct, frozen=True, kw_only=True):
    """The contents of a dump. `rows` has every table, also those without rows.

    `bytes` is the size of the text, before it is compressed; `sha256` is of the file. `snapshot` is
    the method that was taken, `passed` says why each method before it failed. `index_sha256` is the
    checksum of the index, empty where none was asked for.
    """

    rows: Mapping[str, int]
    bytes: int
    sha256: str
    snapshot: str
    passed: tuple[str, ...]
    objects: Mapping[str, int]
    max_statement_bytes: int
    server: str
    collations: tuple[str, ...]
    stripped: tuple[str, ...]
    warnings: tuple[Warned, ...]
    index_sha256: str = ""


def dump_schema(
    settings: DatabaseConnection,
    fd: int,
    *,
    options: DumpOptions | None = None,
    report: Report = no_report,
    created: str,
    index_fd: int | None = None,
) -> DumpSummary:
    """Write the schema to `fd` from its present position and return the contents.

    `created` is the time to put into the header, `index_fd` an empty file for the index
    (`core.database.index`). Does not flush the files to disk. Raises RightsMissing before anything
    is written if the account may not see all of the schema; DumpFailed where no complete dump of
    one instant can be had; ConnectionLost; StorageError. A second try needs a regular file, which
    is cut back to where it began.
    """
    keep_memory()
    chosen = options or DumpOptions()
    output = DumpOutput(fd, index_fd, chosen.compress, chosen.level)
    with contextlib.closing(output), connect(settings) as control:
        return _Dump(control, output, chosen, report, created).run()


class _Dump:
    """One dump, over all its tries."""

    def __init__(
        self,
        control: Connection,
        output: DumpOutput,
        options: DumpOptions,
        report: Report,
        created: str,
    ) -> None:
        self._control = control
        self._options = options
        self._report = report
        self._created = created
        self._output = output
        self._writer = output.writer
        self._apart: set[str] = set()
        self._rights = read_rights(control)
        self._warnings: list[Warned] = []
        broken = broken_tables(control)
        prefix = control.settings.table_prefix
        self._others = other_stores(control)
        self._unopened = [
            name
            for name in resolve(options.strip, broken, prefix=prefix)
            if name not in self._others
        ]
        unread = [name for name in broken if name in self._others]
        self._without = IgnoredTables(stores=self._others, tables={*self._unopened, *unread})

    def run(self) -> DumpSummary:
        for number in range(1, TRIES + 1):
            self._warnings = check_rights(self._rights, self._control.schema)
            try:
                return self._try()
            except DefinitionsChanged as disturbed:
                self._step_back(disturbed, number)
            except DatabaseError as error:
                if error.errno not in CHANGED_ERRORS | {_LOCK_WAIT_OVER}:
                    raise
                self._step_back(DefinitionsChanged((), waiting=True), number)
        raise DumpFailed("No try was made.")  # pragma: no cover - the last try raises

    def _step_back(self, disturbed: DefinitionsChanged, number: int) -> None:
        """Prepare another try, or give up."""
        prefix = self._control.settings.table_prefix
        names = tuple(one_line(name) for name in sorted(disturbed.tables))
        self._apart |= {name for name in disturbed.tables if is_rebuildable(name, prefix=prefix)}
        if number == TRIES or not self._output.rewindable:
            waiting = describe(waiting_changes(self._control))
            raise DumpFailed(
                "The definitions of tables kept changing during the dump: "
                f"{', '.join(names) or waiting or 'see the processes of the server'}.",
                hint="Stop what changes them (indexers, cron, setup:upgrade) and try again.",
            )
        self._output.rewind()
        deadline = time.monotonic() + _CALM_S
        while waiting_changes(self._control) and time.monotonic() < deadline:
            self._report(0, 0, "")
            time.sleep(0.25)

    def _try(self) -> DumpSummary:
        schema = self._settled_schema()
        self._apart &= {table.name for table in schema.tables}
        stripped = resolve(
            self._options.strip,
            [table.name for table in schema.tables],
            prefix=self._control.settings.table_prefix,
        )
        full = [
            (table, self._rendering(table))
            for table in schema.tables
            if table.name not in self._apart
            and table.name not in stripped
            and table.engine.upper() not in ROWS_ELSEWHERE
        ]
        snapshot = take_snapshot(
            self._open,
            [table for table, _ in full],
            wanted=self._options.connections or _processors(),
            methods=self._options.methods,
        )
        try:
            self._same_tables(schema)
            self._write_structure(schema, snapshot, stripped)
            rows = dict.fromkeys((table.name for table in schema.tables), 0)
            rows |= self._attempt(snapshot, full)
        finally:
            snapshot.close()
        rows |= self._read_apart(stripped)
        definers = Definers(account=self._rights.account, any_definer=self._rights.any_definer)
        self._same_objects(schema)
        self._output.objects(schema, definers)
        self._writer.write(footer(rows))
        self._warnings += self._others.warning()
        fired = [f"trigger {one.name}" for one in schema.triggers]
        fired += [f"function {one.name}" for one in schema.routines if one.kind == "FUNCTION"]
        self._warnings += trigger_warnings(self._control, fired)
        self._warnings += remarks(
            schema,
            definers,
            apart=self._apart,
            left_out=self._unopened,
            unlocked=snapshot.unlocked,
            without_history=[
                table.name
                for table in schema.tables
                if table.versioning is not Versioning.NONE and not self._with_history(table)
            ],
        )
        return self._summary(schema, snapshot, rows, stripped)

    def _settled_schema(self) -> Schema:
        """Return the schema, read when no table was made within the same second."""
        young: tuple[str, ...] = ()
        for _ in range(3):
            moment = str(self._control.scalar("SELECT UTC_TIMESTAMP()"))
            schema = read_schema(self._control, self._without)
            young = young_tables(moment, schema.tables)
            if not young:
                return schema
            self._report(0, 0, "")
            fraction = float(self._control.scalar("SELECT MICROSECOND(UTC_TIMESTAMP(6)) / 1e6"))
            time.sleep(1.01 - fraction)
        raise DefinitionsChanged(young, waiting=False)

    def _open(self) -> Connection:
        half = self._control.max_packet // 2  # more than that is never written in one statement
        return connect(
            self._control.settings, variables={"group_concat_max_len": min(CUT_BYTES, half)}
        )

    def _rendering(self, table: Table) -> Rendering:
        return rendering_of(table, history=self._with_history(table))

    def _with_history(self, table: Table) -> bool:
        return (
            self._options.history
            and self._control.server.inserts_history
            and table.versioning in {Versioning.IMPLICIT, Versioning.EXPLICIT}
        )

    def _same_tables(self, schema: Schema) -> None:
        """Raise DefinitionsChanged if tables changed between description and snapshot."""
        now = {
            str(row[0])
            for row in self._control.query(
                "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
                " AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"
                " AND LEFT(TABLE_NAME, 5) NOT IN ('_mrs_', '_mra_')"
            )
        }
        different = {name for name in now if name not in self._without} ^ {
            table.name for table in schema.tables
        }
        if different - self._apart:
            raise DefinitionsChanged(different, waiting=False)

    def _same_objects(self, schema: Schema) -> None:
        """Raise DefinitionsChanged if a view, trigger, routine or event changed during the dump."""
        now = read_schema(self._control, self._without, objects_only=True)
        changed = {
            one.name
            for before, after in (
                (schema.views, now.views),
                (schema.triggers, now.triggers),
                (schema.routines, now.routines),
                (schema.events, now.events),
            )
            for one in {*before} ^ {*after}
        }
        if changed:
            raise DefinitionsChanged(changed, waiting=False)

    def _write_structure(self, schema: Schema, snapshot: Snapshot, stripped: Sequence[str]) -> None:
        write = self._writer.write
        server = self._control.server
        write(
            header(
                schema,
                server,
                created=self._created,
                snapshot=snapshot.method.value,
                stripped=stripped,
            )
        )
        self._writer.cut()  # the header holds the time: the rest may be equal to an earlier dump
        # Read now, not with the rest: no number that a row of the snapshot has used may come again.
        for sequence in read_sequences(self._control, self._without):
            self._output.sequence(sequence)
        for table in schema.tables:
            if table.name not in self._apart:
                self._output.table(table, schema.name)
        if any(self._with_history(table) for table in schema.tables):
            write(history_session())

    def _attempt(
        self, snapshot: Snapshot, tables: Sequence[tuple[Table, Rendering]]
    ) -> dict[str, int]:
        """Read the rows: tables likely to change first, then locked ones, then by size."""
        prefix = self._control.settings.table_prefix
        ordered = sorted(
            tables,
            key=lambda pair: (
                pair[0].transactional,
                not is_rebuildable(pair[0].name, prefix=prefix),
                -pair[0].data_bytes,
            ),
        )
        return Attempt(snapshot, self._control, self._output, ordered).run(self._report)

    def _read_apart(self, stripped: Sequence[str]) -> dict[str, int]:
        """Read the tables that keep changing, each at its own instant."""
        rows: dict[str, int] = {}
        if not self._apart:
            return rows
        with self._open() as connection:
            for name in sorted(self._apart):
                count = self._read_one_apart(connection, name, with_rows=name not in stripped)
                if count is not None:
                    rows[name] = count
        return rows

    def _read_one_apart(self, connection: Connection, name: str, *, with_rows: bool) -> int | None:
        def describe_it() -> tuple[Table, Rendering] | None:
            found = read_tables(connection, only=[name])
            return (found[0], self._rendering(found[0])) if found else None

        def begin(table: Table) -> None:
            self._output.table(table, self._control.schema)

        self._report(self._writer.bytes, self._writer.rows, name)
        try:
            return read_alone(connection, describe_it, name, begin, self._output, rows=with_rows)
        except DatabaseError as error:
            if error.errno == 1146:
                return None
            raise

    def _summary(
        self, schema: Schema, snapshot: Snapshot, rows: Mapping[str, int], stripped: Sequence[str]
    ) -> DumpSummary:
        index_sha256 = self._output.finish(self._control.server)
        collations = {table.collation for table in schema.tables if table.collation}
        for table in schema.tables:
            collations |= set(re.findall(r" COLLATE[ =](\w+)", table.create))
        return DumpSummary(
            rows=dict(rows),
            bytes=self._writer.bytes,
            sha256=self._writer.sha256,
            snapshot=snapshot.method.value,
            passed=snapshot.passed,
            objects={
                "tables": len(rows),
                "sequences": len(schema.sequences),
                "views": len(schema.views),
                "triggers": len(schema.triggers),
                "routines": len(schema.routines),
                "events": len(schema.events),
            },
            max_statement_bytes=self._writer.largest,
            server=str(self._control.server),
            collations=tuple(sorted(collations)),
            stripped=tuple(stripped),
            warnings=tuple(self._warnings),
            index_sha256=index_sha256,
        )


def _processors() -> int:
    return max(1, min(MOST_CONNECTIONS, len(os.sched_getaffinity(0))))
