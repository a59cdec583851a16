"""The contents of a dump: its tables, views, triggers and routines, by its index.

It finds the statements of a name that a user typed, and the session settings around them: the text
of a part can be given to a plain client alone, with the settings of the dump at that position.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Any, Final, Self

from msgspec import Struct

from core.backups.catalog import Backup
from core.backups.dump_index import dump_index_of
from core.contents.extract_target import ExtractedMetadata, Refused, Target
from core.contents.origin import Origin, Text
from core.contents.protocol import Extracted, NotExtracted, no_such_part
from core.database.dump.script import history_session, session_end
from core.database.index.dump_text import DumpText
from core.database.index.entries import IndexedObject, IndexedTable, Place, RowsAt
from core.database.index.read_index import DumpIndex
from core.database.server.dialect import quote_text
from core.database.sql.set_statements import SERVER_ZONE
from core.errors import DamagedBackup
from core.events import Report, no_report
from core.magento.store import shown

_LOOK: Final = ExtractedMetadata(mode=0o600, mtime_ns=-1)
_UNSAFE: Final = re.compile(r"[%/\x00-\x1f\x7f]|\A\.")
_KINDS: Final = ("SEQUENCE", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "PACKAGE", "PACKAGE BODY",
                 "EVENT")  # fmt: skip
_VERSIONED: Final = b"WITH SYSTEM VERSIONING"
_LARGEST_DEFINITION: Final = 16 << 20
_NEXT_VALUE: Final = re.compile(r" AUTO_INCREMENT=[0-9]+")
_WORD: Final = re.compile(r"[A-Za-z0-9_+:/-]*")


class DumpPart(Struct, frozen=True, kw_only=True):
    """A part of a dump. `kind` is `table`, `view`, `trigger` and so on; `table` a trigger's.

    `rows` and `size_bytes` are those in the dump; rows are None for a part without rows.
    """

    name: str
    kind: str
    rows: int | None = None
    size_bytes: int = 0
    table: str = ""


class DumpContents:
    """The contents of one dump (`core.contents.protocol.Contents`), to be used with `with`.

    `keep` an index that has to be made; `report` gets bytes of the dump while one is made. With an
    `origin` no dump is here.
    """

    def __init__(
        self,
        backup: Backup,
        *,
        keep: bool = True,
        report: Report = no_report,
        origin: Origin | None = None,
    ) -> None:
        self.backup = backup
        self.name = backup.name.text
        self._keep = keep
        self._report = report
        self._origin = origin
        self._stack = ExitStack()
        self.index: DumpIndex
        self.text: Text

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            if self._origin is not None:
                self.index = stack.enter_context(self._origin.dump_index())
                self.text = stack.enter_context(self._origin.dump_text())
            else:
                self._open_file(stack)
            self._sessions: list[list[Any]] = self.index.about.get("sessions") or []
            self._stack = stack.pop_all()
        return self

    def _open_file(self, stack: ExitStack) -> None:
        made = dump_index_of(self.backup, report=self._report, keep=self._keep)
        self.index = stack.enter_context(made)
        manifest = self.backup.manifest
        size = self.index.about.get("content_bytes") or (manifest and manifest.content_bytes)
        self.text = stack.enter_context(
            DumpText(
                self.backup.path,
                self.index.frames,
                content_bytes=int(size or self.backup.size_bytes),
            )
        )

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self._stack.__exit__(kind, error, trace)

    def parts(self) -> Iterator[DumpPart]:
        """Yield all parts: tables by name, then the rest, kind by kind."""
        for name in sorted(self.index.tables):
            yield self._table_part(self.index.tables[name])
        for one in sorted(self.index.objects, key=_order):
            yield _object_part(one)

    def _table_part(self, table: IndexedTable) -> DumpPart:
        size = table.definition.length + table.bytes + sum(one.length for one in table.alters)
        return DumpPart(name=table.name, kind="table", rows=table.rows, size_bytes=size)

    def triggers_of(self, table: str) -> tuple[IndexedObject, ...]:
        """Return the triggers of a table, in the order in which they are made."""
        named = (one for one in self.index.objects if one.table == table)
        return tuple(one for one in named if one.kind == "TRIGGER")

    def table(self, part: str) -> IndexedTable | None:
        """Return the table of this name; None where a part is none."""
        return self.index.tables.get(part)

    def definition(self, table: IndexedTable) -> bytes:
        """Return the statements that make a table, later changes included."""
        return b"".join(self._definition(table))

    def column_names(self, table: IndexedTable) -> tuple[str, ...]:
        """Return the columns that a table is defined with, in order."""
        lines = self.columns_of(table)
        return tuple(line[1:].partition("` ")[0] for line in lines if line.startswith("`"))

    def columns_of(self, table: IndexedTable) -> list[str]:
        """Return the columns, keys and options of a table, a line of text each."""
        return self.lines_of(self.definition(table).decode("utf-8", "replace"))

    @staticmethod
    def lines_of(text: str) -> list[str]:
        """Return the columns, keys and options in a CREATE TABLE, a line of text each.

        The next value of AUTO_INCREMENT is left out: it changes with every row.
        """
        _, _, body = _NEXT_VALUE.sub("", text).partition("(\n")
        lines = [line.strip().removeprefix(") ").rstrip(",;") for line in body.splitlines()]
        return [line for line in lines if line and not line.startswith("--")]

    def ranges(self, table: IndexedTable) -> Iterator[RowsAt]:
        """Yield where the rows of a table are."""
        return self.index.rows_of(table.name)

    def require(self, parts: Sequence[str]) -> None:
        """Raise BackupNotFound unless all of these are in the dump."""
        for part in parts:
            self._text_of(part)

    def show(self, part: str) -> Iterator[bytes]:
        """Yield the statements of a part, with the session that they need."""
        return self._text_of(part)()

    def extract(self, parts: Sequence[str], target: Target) -> Iterator[Extracted | NotExtracted]:
        """Write parts into a directory, `<name>.sql` each."""
        texts = {part: self._text_of(part) for part in parts}
        return self._extracted(texts, target)

    def _extracted(
        self, texts: dict[str, Callable[[], Iterator[bytes]]], target: Target
    ) -> Iterator[Extracted | NotExtracted]:
        for part, text in texts.items():
            path, counted = file_name(part), _Counted(text())
            try:
                target.file(path.encode("utf-8", "surrogateescape"), counted, _LOOK)
            except Refused as refused:
                yield NotExtracted(path=path, reason=str(refused))
                continue
            yield Extracted(path=path, kind="table" if self.table(part) else "file",
                            size=counted.size)  # fmt: skip
        target.apply_metadata()

    def _text_of(self, part: str) -> Callable[[], Iterator[bytes]]:
        """Return a generator of the text of a part. Raises BackupNotFound."""
        table = self.table(part)
        if table is not None:
            return lambda: self._whole_table(table)
        found = self.thing(part)
        if found is None:
            raise no_such_part(shown(part), self.name)
        return lambda: self._whole_object(found)

    def thing(self, part: str) -> IndexedObject | None:
        """Return the view, trigger, routine or the like of this name: the first in our order."""
        named = [one for one in self.index.objects if one.name == part]
        return min(named, key=_order, default=None)

    def _whole_table(self, table: IndexedTable) -> Iterator[bytes]:
        yield self._head(table.definition.offset)
        definition = list(self._definition(table))
        yield from definition
        if not self._sessions and any(_VERSIONED in one.upper() for one in definition):
            yield history_session()
        yield from self._rows(table)
        for place in table.alters:
            yield self.text.text(place) + b"\n"
        for trigger in self.triggers_of(table.name):
            yield self._object_text(trigger)
        yield session_end()

    def _definition(self, table: IndexedTable) -> Iterator[bytes]:
        if table.definition.length > _LARGEST_DEFINITION:
            raise DamagedBackup(f"{self.name} is damaged: a definition of absurd length.")
        text = self.text.text(table.definition)
        if b"CREATE" not in text.upper():
            raise DamagedBackup(f"{self.name} is not the file that its index is of.")
        yield text if text.endswith(b"\n") else text + b"\n"

    def _rows(self, table: IndexedTable) -> Iterator[bytes]:
        offset = -1
        for one in self.ranges(table):
            if self._sessions and self._session_at(one.offset) != self._session_at(offset):
                yield self._settings(one.offset)
            offset = one.offset
            yield from self.text.pieces(Place(offset=one.offset, length=one.length))
            if self._sessions:
                yield b"\n"

    def _whole_object(self, one: IndexedObject) -> Iterator[bytes]:
        yield self._head(one.place.offset)
        yield self._object_text(one)
        yield session_end()

    def _object_text(self, one: IndexedObject) -> bytes:
        text = self.text.text(one.place)
        if not self._sessions:
            return text
        delimiter = b";;"
        while delimiter in text:
            delimiter += b"$"
        if one.kind == "SEQUENCE":
            return text + b"\n"
        return self._settings(one.place.offset) + b"DELIMITER %b\n%b\n%b\nDELIMITER ;\n" % (
            delimiter, text, delimiter,
        )  # fmt: skip

    def _head(self, offset: int) -> bytes:
        """Return the session statements needed before a part that begins at `offset`."""
        if self._sessions:
            return session_begin() + self._settings(offset)
        first = min(
            (place.offset for place in (
                *(one.definition for one in self.index.tables.values()),
                *(one.place for one in self.index.objects),
            )), default=0,
        )  # fmt: skip
        return self.text.text(Place(offset=0, length=min(first, _LARGEST_DEFINITION)))

    def _session_at(self, offset: int) -> int:
        return bisect_right([int(one[0]) for one in self._sessions], offset) - 1

    @property
    def foreign(self) -> bool:
        """Whether another program wrote the rows."""
        return bool(self.index.about.get("maker", "magerewind") != "magerewind")

    def session_at(self, offset: int) -> Mapping[str, Any]:
        """Return the settings of a statement at `offset`; none for those of our own dumps."""
        if not self._sessions:
            return {}
        found = self._sessions[max(0, self._session_at(offset))][1]
        return found if isinstance(found, dict) else {}

    def _settings(self, offset: int) -> bytes:
        """Return SET statements for the session that a foreign dump has at `offset`."""
        state = self.session_at(offset)
        charset, collation = (_word(state.get(key)) for key in ("charset", "collation"))
        zone = str(state.get("time_zone") or SERVER_ZONE)
        zone = zone if zone == SERVER_ZONE else quote_text(zone)
        names = f"SET NAMES {charset or 'utf8mb4'}{' COLLATE ' + collation if collation else ''};\n"
        mode = quote_text(str(state.get("sql_mode") or ""))
        return f"{names}SET sql_mode = {mode}, time_zone = {zone};\n".encode()


def session_begin() -> bytes:
    """Return the settings that let a part of a foreign dump be loaded by itself."""
    kept = ("character_set_client", "character_set_results", "collation_connection", "time_zone",
            "sql_mode", "foreign_key_checks", "unique_checks", "autocommit")  # fmt: skip
    saved = ", ".join(f"@magerewind_{name} = @@{name}" for name in kept)
    return (
        f"SET {saved};\nSET foreign_key_checks = 0, unique_checks = 0, autocommit = 0;\n".encode()
    )


def _word(value: object) -> str:
    """Return a name of a character set or collation, empty for any other text."""
    text = str(value or "")
    return text if _WORD.fullmatch(text) else ""


def _order(one: IndexedObject) -> tuple[int, str]:
    return (_KINDS.index(one.kind) if one.kind in _KINDS else len(_KINDS), one.name)


def _object_part(one: IndexedObject) -> DumpPart:
    return DumpPart(
        name=one.name, kind=one.kind.lower(), size_bytes=one.place.length, table=one.table
    )


def file_name(part: str) -> str:
    """Return the name of the file that a part is extracted to: never a path, never hidden."""
    return _UNSAFE.sub(lambda found: f"%{ord(found[0]):02X}", part) + ".sql"


class _Counted:
    """Pieces, and how many bytes they were."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self.size = 0

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._pieces:
            self.size += len(piece)
            yield piece
