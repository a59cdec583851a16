"""The offline check of a dump: a whole read that tells its contents and whether it may be loaded.

Needs no server. Refuses statements that are never run (`core.database.sql.allowed`), tells whether
the dump is complete and a whole store, and counts the needs of the load. Questions that only a
server can answer are asked by `core.database.load.server_check`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from core.database.load.dump_check import Definition, DumpCheck, TableContent
from core.database.load.dump_makers import is_complete, maker_of, schema_of, zone_of
from core.database.load.other_tables import without_others
from core.database.load.skipped_rows import SkippedRows
from core.database.schema.other_stores import STORE_TABLES
from core.database.server.dialect import one_line
from core.database.sql.allowed import classify
from core.database.sql.cross_schema_check import concern_of
from core.database.sql.cursor import BY_HAND
from core.database.sql.other_content import cut_error
from core.database.sql.set_statements import SERVER_ZONE, DumpSession
from core.database.sql.split import DumpFile, RawStatement, Statements
from core.database.sql.statement import OBJECTS, PIECE, ROUTINES, Statement, StatementKind
from core.database.sql.table_text import parse_alter, parse_table
from core.database.sql.tokens import Reading
from core.errors import DamagedBackup, StatementRefused
from core.events import Report, Warned, no_report

LONGEST_NAME: Final = 64
_REPORT_EVERY: Final = 1 << 20


def check_dump(
    path: str,
    *,
    report: Report = no_report,
    sha256: str | None = None,
    content_bytes: int | None = None,
    table_prefix: str = "",
    schema: str | None = None,
    from_schema: str = "",
    passed_over: Iterable[str] = (),
) -> DumpCheck:
    """Read a dump whole and return its contents.

    Progress is in bytes of the file. Raises StatementRefused with the line of a statement that is
    never run, DamagedBackup where the dump ends inside a statement or is not the file of
    `sha256`. That is the checksum of a manifest, and the proof that a dump is ours: the bodies of
    its objects were in the schema, so they are taken as they are, and their reach beyond it is
    a warning. Names may be qualified with `schema` only; where none is given, with the one that
    the dump says it is of; `from_schema` is another name that means it. `content_bytes` is the size
    of the text of a compressed dump, as the manifest says it. The rows of tables in `passed_over`
    are counted and not looked at, in a dump of ours.
    """
    file = DumpFile(path, digest=True, content_bytes=content_bytes)
    try:
        statements = Statements(file)
        inventory = _Inventory(
            schema if schema is not None else schema_of(statements.first_lines),
            trusted=sha256 is not None,
            from_schema=from_schema,
            time_zone=zone_of(statements.first_lines),
            passed_over=passed_over,
        )
        reported = 0
        for raw in statements:
            statements.reading = inventory.take(raw)
            if file.position - reported >= _REPORT_EVERY:
                reported = file.position
                report(reported, inventory.count, inventory.current)
        digest = file.sha256()
        if sha256 is not None and digest != sha256:
            raise DamagedBackup(f"{path} is not the file that was backed up: its SHA-256 differs.")
        check = inventory.result(path, statements, digest, table_prefix)
        return without_others(check, table_prefix)
    except (DamagedBackup, StatementRefused) as error:
        if error.message.startswith("Line "):  # of which file is not known further down
            message = f"{path}, line {error.message.removeprefix('Line ')}"
            raise type(error)(message, hint=error.hint) from error
        raise
    finally:
        file.close()


class _Inventory:
    """Gathers the contents of a dump, statement by statement."""

    def __init__(
        self,
        schema: str | None,
        *,
        trusted: bool,
        from_schema: str,
        time_zone: str,
        passed_over: Iterable[str],
    ) -> None:
        self.passed_over = SkippedRows(passed_over, trusted=trusted)
        self.schema = schema
        self.trusted = trusted
        self.from_schema = from_schema
        self.concerns: dict[str, str] = {}
        self.unfired: dict[str, None] = {}
        self.called: dict[str, Statement] = {}  # functions, and a first object that calls each
        self.session = DumpSession(time_zone)
        self.time_zone = time_zone
        self.time_zones: dict[str, None] = {}
        self.with_timestamps: set[str] = set()
        self.zoneless: dict[str, None] = {}
        self.count = 0
        self.current = ""
        self.largest = 0
        self.largest_value = 0
        self.values: dict[bytes, int] = {}
        self.tables: dict[str, tuple[int, str]] = {}
        self.rows: Counter[str] = Counter()
        self.bytes: Counter[str] = Counter()
        self.altered_after_rows: set[str] = set()
        self.objects: dict[StatementKind, dict[str, None]] = {kind: {} for kind in OBJECTS}
        self.sequences: dict[str, None] = {}
        self.definitions: dict[tuple[str, str], list[Definition]] = {}
        self.trigger_tables: dict[str, str] = {}
        self.collations: set[str] = set()
        self.definers: set[str] = set()
        self.problems: list[str] = []
        self.foreign_keys = 0
        self.last = b""

    def take(self, raw: RawStatement) -> Reading:
        """Add one statement; return how the next one is to be read."""
        if not raw.ended:
            raise cut_error(raw.line, raw.text)
        self.count += 1
        self.largest = max(self.largest, len(raw.text))
        state = self.session.state
        passed = self.passed_over.table_of(raw.text)
        if passed is not None:
            self._rows(passed, raw.line, len(raw.text))
            return state.reading
        statement = classify(
            raw,
            reading=state.reading,
            schema=self.schema,
            from_schema=self.from_schema,
            trusted=self.trusted,
        )
        if statement.kind is StatementKind.ROWS:
            self._rows(statement.name, statement.line, len(statement.text))
            return state.reading
        if statement.kind is StatementKind.PIECE:
            self._piece(statement)
            return state.reading
        self.last = raw.text[:200]
        if statement.kind is StatementKind.SET:
            self.session.apply(list(statement.words), statement.line)
            return self.session.state.reading
        self._definition(statement)
        self._keep(statement, raw)
        return state.reading

    def _keep(self, statement: Statement, raw: RawStatement) -> None:
        """Keep the text of the final definitions, for a server to try."""
        kind = statement.kind
        made = Definition(kind=kind, name=statement.name, raw=raw, state=self.session.state)
        if kind is StatementKind.EVENT:
            self._note_zone(statement.name, has_times=True)
        if self.session.state.collation:  # it is remembered with an object
            self.collations.add(self.session.state.collation.lower())
        if kind in {StatementKind.TABLE, StatementKind.SEQUENCE}:
            self.definitions["", statement.name] = [made]
        elif kind is StatementKind.ALTER:
            self.definitions["", statement.name].append(made)
        elif kind in OBJECTS:
            self.definitions.pop((kind.value, statement.name), None)  # the last one counts
            self.definitions[kind.value, statement.name] = [made]

    def _rows(self, name: str, line: int, size: int) -> None:
        self.current = name
        if name not in self.tables:
            raise StatementRefused(
                f"Line {line}: rows for the table '{one_line(name)}',"
                " which the dump does not make before."
            )
        if name in self.altered_after_rows:
            raise StatementRefused(
                f"Line {line}: rows for '{one_line(name)}' after it was altered."
            )
        if name in self.trigger_tables.values():
            self.unfired[name] = None
        self.rows[name] += 1
        self.bytes[name] += size
        self._note_zone(name, has_times=name in self.with_timestamps)

    def _note_zone(self, name: str, *, has_times: bool) -> None:
        """Note in which zone a server reads the times of a table or an event."""
        zone = self.session.state.time_zone
        self.time_zones[zone] = None
        if has_times and zone == SERVER_ZONE:
            self.zoneless[name] = None

    def _piece(self, statement: Statement) -> None:
        """Follow how long a value becomes that is too large for a statement."""
        found = PIECE.fullmatch(statement.text)
        if found is None:  # pragma: no cover - it is one by its kind
            return
        first, more = found["first"], found["more"]
        known = 0 if first is not None else self.values.get(found["name"], 0)
        self.values[found["name"]] = known + len(first or more or b"") // 2
        self.largest_value = max(self.largest_value, self.values[found["name"]])

    def _definition(self, statement: Statement) -> None:
        name = statement.name
        if len(name) > LONGEST_NAME or name != name.rstrip(" "):
            raise StatementRefused(
                f"Line {statement.line}: no server takes the name '{one_line(name)}'."
            )
        self._words(statement)
        match statement.kind:
            case StatementKind.TABLE:
                self._table(statement)
            case StatementKind.SEQUENCE:
                self.sequences[name] = None
            case StatementKind.ALTER:
                self._known(statement, self.tables)
                self.foreign_keys += len(parse_alter(statement).foreign_keys)
                if self.rows[name]:
                    self.altered_after_rows.add(name)
            case StatementKind.SETVAL:
                self._known(statement, self.sequences)
            case StatementKind.DROP:
                for dropped in statement.names:
                    self._forget(dropped)
            case kind if kind in OBJECTS:
                self._object(statement)
            case _:
                pass

    def _table(self, statement: Statement) -> None:
        table = parse_table(statement)
        if statement.name in self.tables:
            raise StatementRefused(
                f"Line {statement.line}: the table '{one_line(statement.name)}' is made twice."
            )
        engine = table.engine or self.session.state.engine
        self.tables[statement.name] = (self.count, engine)
        self.foreign_keys += len(table.foreign_keys)
        if any(word.upper == b"TIMESTAMP" for word in statement.words):
            self.with_timestamps.add(statement.name)

    def _object(self, statement: Statement) -> None:
        if statement.definer:
            self.definers.add(statement.definer)
        if statement.kind is StatementKind.VIEW:
            self.tables.pop(statement.name, None)  # a stand-in that was not dropped
            self.definitions.pop(("", statement.name), None)
        if statement.kind is StatementKind.TRIGGER:
            self.trigger_tables[statement.name] = statement.table
        self.objects[statement.kind][statement.name] = None
        for function in statement.called:
            self.called.setdefault(function, statement)
        if self.trusted:
            self.concerns.update(concern_of(statement, self.schema))

    def _known(self, statement: Statement, known: object) -> None:
        if statement.name not in known:  # type: ignore[operator]
            raise StatementRefused(
                f"Line {statement.line}: '{one_line(statement.name)}' is changed,"
                " but the dump does not make it before."
            )

    def _forget(self, name: str) -> None:
        self.tables.pop(name, None)
        self.rows.pop(name, None)
        self.bytes.pop(name, None)
        self.sequences.pop(name, None)
        self.definitions.pop(("", name), None)
        self.definitions.pop((StatementKind.VIEW.value, name), None)
        self.altered_after_rows.discard(name)
        self.objects[StatementKind.VIEW].pop(name, None)

    def _words(self, statement: Statement) -> None:
        """Note the collations and character sets that the server must know."""
        words = () if statement.kind is StatementKind.NOTHING else statement.words
        for index, word in enumerate(words[:-1]):
            upper = word.upper
            if upper == b"COLLATE" or (upper == b"SET" and words[index - 1].upper == b"CHARACTER"):
                value = words[index + 2] if words[index + 1].text == b"=" else words[index + 1]
                if upper == b"COLLATE" and value.upper != b"DEFAULT":
                    self.collations.add(value.name.strip("'\"").lower())

    def _problems(self, maker: str, *, complete: bool) -> list[str]:
        problems = list(self.problems)
        if not complete and maker:
            problems.append(f"The dump ends without the mark that {maker} puts there: it is cut.")
        if not self.tables and not any(self.objects.values()):
            problems.append("The dump holds nothing.")
        return problems

    def _warnings(self, maker: str, *, complete: bool) -> list[Warned]:
        warnings: list[Warned] = []
        if not complete and not maker:
            message = "The dump has no mark at its end, so a cut one could not be told."
            warnings.append(Warned(code="no-completion-mark", message=message))
        if self.concerns:
            warnings.append(
                Warned(
                    code="beyond-schema",
                    message="These objects reach beyond their schema when they run.",
                    names=tuple(f"{name} ({what})" for name, what in self.concerns.items()),
                )
            )
        if self.unfired:
            warnings.append(
                Warned(
                    code="triggers-not-run",
                    message="These tables have triggers before their rows; they are not run.",
                    names=tuple(self.unfired),
                )
            )
        return warnings

    def _contents(self) -> tuple[TableContent, ...]:
        return tuple(
            TableContent(
                name=name,
                made=made,
                engine=engine,
                row_statements=self.rows[name],
                row_bytes=self.bytes[name],
            )
            for name, (made, engine) in self.tables.items()
        )

    def result(
        self, path: str, statements: Statements, digest: str, table_prefix: str
    ) -> DumpCheck:
        """Return the contents of the dump. Raises StatementRefused for an unknown function."""
        self._refuse_unknown_functions()
        maker = maker_of(statements.first_lines)
        complete = is_complete(maker, statements.trailer, self.last)
        tables = self.tables
        whole = {table_prefix + name for name in STORE_TABLES} <= tables.keys()
        routines = [name for kind in ROUTINES for name in self.objects[kind]]
        return DumpCheck(
            path=path,
            made_by=maker,
            schema=self.schema or "",
            tables=tuple(tables),
            contents=self._contents(),
            sequences=tuple(self.sequences),
            views=tuple(self.objects[StatementKind.VIEW]),
            triggers=tuple(self.objects[StatementKind.TRIGGER]),
            routines=tuple(dict.fromkeys(routines)),
            events=tuple(self.objects[StatementKind.EVENT]),
            statements=self.count,
            content_bytes=statements.position,
            complete=complete,
            whole_store=whole,
            max_statement_bytes=self.largest,
            max_value_bytes=self.largest_value,
            collations=tuple(sorted(self.collations)),
            engines=tuple(sorted({e.upper() for _, e in tables.values() if e})),
            definers=tuple(sorted(self.definers)),
            foreign_keys=self.foreign_keys,
            problems=tuple(self._problems(maker, complete=complete)),
            warnings=tuple(self._warnings(maker, complete=complete)),
            sha256=digest,
            trusted=self.trusted,
            from_schema=self.from_schema,
            time_zone=self.time_zone,
            time_zones=tuple(self.time_zones),
            zoneless=tuple(self.zoneless),
            trigger_tables=dict(self.trigger_tables),
            definitions=tuple(one for made in self.definitions.values() for one in made),
        )

    def _refuse_unknown_functions(self) -> None:
        """Refuse a function that is neither a server's nor the dump's: a library may have it."""
        known = {name.lower() for name in self.objects[StatementKind.FUNCTION]}
        for function, statement in self.called.items():
            if function not in known:
                raise StatementRefused(
                    f"Line {statement.line}: the {statement.kind.value}"
                    f" '{one_line(statement.name)}' calls the function '{one_line(function)}',"
                    " which the dump does not make.",
                    hint=BY_HAND,
                )
