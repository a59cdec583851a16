"""Builds the index of a dump that has none, by reading all of it once, statement by statement.

It has the positions of definitions, rows and objects, and the session settings at each; digests and
ranges of keys are known only to the program that wrote the rows.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import asdict

from core.database.index.entries import WHOLE, Place, Session
from core.database.index.write_index import IndexWriter
from core.database.load.dump_makers import maker_of, schema_of, zone_of
from core.database.server.dialect import one_line
from core.database.sql.allowed import classify
from core.database.sql.other_content import cut_error
from core.database.sql.set_statements import DumpSession
from core.database.sql.split import DumpFile, RawStatement, Statements
from core.database.sql.statement import OBJECTS, Statement, StatementKind
from core.errors import DamagedBackup, StatementRefused
from core.events import Report, no_report

_REPORT_EVERY: Final = 1 << 20
_NO_SESSION: Final = Session(flavour="", version=(), time_zone="", sql_mode="", charset="")
_STRINGS: Final = {
    True: re.compile(rb"'[^'\\]*+(?:\\.[^'\\]*+)*+'|\"[^\"\\]*+(?:\\.[^\"\\]*+)*+\"", re.DOTALL),
    False: re.compile(rb"'[^']*+'|\"[^\"]*+\""),
}
_BETWEEN: Final = re.compile(rb"\)\s*+,\s*+\(")


def make_index(
    path: str,
    fd: int,
    *,
    sha256: str | None = None,
    content_bytes: int | None = None,
    about: Mapping[str, Any] | None = None,
    report: Report = no_report,
) -> str:
    """Write the index of a dump to `fd`, an empty file, and return its SHA-256.

    `about` are values to keep in it. Progress is in bytes of the file. Raises as `check_dump`.
    """
    file = DumpFile(path, digest=True, content_bytes=content_bytes)
    try:
        statements = Statements(file)
        making = _Making(statements, fd, trusted=sha256 is not None)
        reported = 0
        for raw in statements:
            making.take(raw)
            if file.position - reported >= _REPORT_EVERY:
                reported = file.position
                report(reported, making.count, one_line(making.current))
        digest = file.sha256()
        if sha256 is not None and digest != sha256:
            raise DamagedBackup(f"{path} is not the file that was backed up: its SHA-256 differs.")
        more = {"sha256": digest, "content_bytes": statements.position, **(about or {})}
        return making.finish(file.frames, more)
    except (DamagedBackup, StatementRefused) as error:
        if error.message.startswith("Line "):
            message = f"{path}, line {error.message.removeprefix('Line ')}"
            raise type(error)(message, hint=error.hint) from error
        raise
    finally:
        file.close()


class _Making:
    """Notes the place of each statement."""

    def __init__(self, statements: Statements, fd: int, *, trusted: bool) -> None:
        self._statements = statements
        self._index = IndexWriter(fd)
        self._trusted = trusted
        self._maker = maker_of(statements.first_lines)
        self._schema = schema_of(statements.first_lines)
        self._session = DumpSession(zone_of(statements.first_lines))
        self._sessions = [(0, self._session.state)]
        self._dropped: tuple[str, int] | None = None  # a table, and where its DROP begins
        self._tables: set[str] = set()
        self._objects: dict[tuple[str, str], tuple[str, Place]] = {}
        self._piece: int | None = None  # where the pieces of a row begin
        self.count = 0
        self.current = ""

    def take(self, raw: RawStatement) -> None:
        """Note one statement, and read the next one as it asks for."""
        if not raw.ended:
            raise cut_error(raw.line, raw.text)
        state = self._session.state
        statement = classify(raw, reading=state.reading, schema=self._schema, trusted=self._trusted)
        self._note(statement, raw)
        self.count += 1
        self._statements.reading = self._session.state.reading

    def _note(self, statement: Statement, raw: RawStatement) -> None:
        name, place = statement.name, Place(offset=raw.start, length=raw.position - raw.start)
        match statement.kind:
            case StatementKind.ROWS:
                self._rows(statement, place)
            case StatementKind.PIECE:
                self._piece = raw.start if self._piece is None else self._piece
            case StatementKind.SET:
                self._set(statement, raw.position)
            case StatementKind.TABLE:
                self._table(name, place)
            case StatementKind.ALTER if name in self._tables:
                self._index.alter(name, place)
            case StatementKind.DROP:
                self._drop(statement, raw.start)
            case StatementKind.SEQUENCE | StatementKind.SETVAL:
                begun = self._objects.get(("SEQUENCE", name), ("", place))[1]
                self._objects["SEQUENCE", name] = ("", _until(begun, raw.position))
            case kind if kind in OBJECTS:
                self._object(statement, Place(offset=raw.start, length=len(raw.text)))
            case _:
                pass

    def _table(self, name: str, place: Place) -> None:
        if self._dropped is not None and self._dropped[0] == name:
            end = place.offset + place.length
            place = _until(Place(offset=self._dropped[1], length=0), end)
        self._index.table(name, place, fingerprint="")
        self._tables.add(name)
        self._dropped = None

    def _rows(self, statement: Statement, place: Place) -> None:
        name = self.current = statement.name
        if name not in self._tables:
            raise StatementRefused(
                f"Line {statement.line}: rows for the table '{one_line(name)}',"
                " which the dump does not make before."
            )
        if self._piece is not None:
            end = place.offset + place.length
            place, self._piece = _until(Place(offset=self._piece, length=0), end), None
        strings = _STRINGS[self._session.state.reading.backslash_escapes]
        rows = 1 + len(_BETWEEN.findall(strings.sub(b"", statement.text)))
        self._index.rows(name, place, rows, WHOLE)

    def _set(self, statement: Statement, end: int) -> None:
        self._session.apply(list(statement.words), statement.line)
        if self._session.state != self._sessions[-1][1]:
            self._sessions.append((end, self._session.state))

    def _drop(self, statement: Statement, start: int) -> None:
        self._dropped = (statement.names[0], start) if len(statement.names) == 1 else None
        for name in statement.names:
            if name in self._tables:  # the stand-in of a view
                self._tables.discard(name)
                self._index.forget(name)
            self._objects.pop(("VIEW", name), None)
            self._objects.pop(("SEQUENCE", name), None)

    def _object(self, statement: Statement, place: Place) -> None:
        if statement.kind is StatementKind.VIEW and statement.name in self._tables:
            self._tables.discard(statement.name)
            self._index.forget(statement.name)
        key = (statement.kind.value.upper(), statement.name)
        self._objects[key] = (statement.table, place)

    def finish(self, frames: list[tuple[int, int]], about: Mapping[str, Any]) -> str:
        """Write what remains and return the SHA-256 of the index."""
        for (kind, name), (table, place) in self._objects.items():
            self._index.thing(kind, name, place, table=table)
        sessions = [(offset, asdict(state)) for offset, state in self._sessions]
        more = {"maker": self._maker, "sessions": sessions, **about}
        return self._index.finish(_NO_SESSION, frames, more)


def _until(place: Place, end: int) -> Place:
    return Place(offset=place.offset, length=end - place.offset)
