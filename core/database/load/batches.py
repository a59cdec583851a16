"""The work of the writers of a load: row statements for one transaction, or what follows them."""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from msgspec import Struct, field

from core.database.load.dump_check import TableContent
from core.database.sql.set_statements import SessionState
from core.database.sql.split import DumpFile, RawStatement

BATCH: Final = 8 << 20
"""Bytes of rows in a transaction. Larger ones cost memory here and undo space there."""
LARGE_FROM: Final = 2 * BATCH
"""Bytes of rows from which a table is one that a connection is given to."""
LARGE_STATEMENT: Final = 1 << 18
"""Bytes of a statement, in the mean, from which its place takes little beside it."""


class StatementPlace(NamedTuple):
    """Where in the dump a row statement is that is read when it is written, and its SHA-256."""

    offset: int
    length: int
    digest: bytes


class RowStatement(NamedTuple):
    """A row statement, its origin, and the statements of its values.

    `text` is as in the dump, empty for one that is read `at` its place; the name of the table,
    between the offsets `named`, is replaced by the staged one.
    """

    staged: str
    name: str
    text: bytes
    named: tuple[int, int]
    state: SessionState
    line: int
    before: tuple[bytes, ...] = ()
    at: StatementPlace | None = None

    @property
    def size(self) -> int:
        """The bytes of its statements."""
        text = len(self.text) if self.at is None else self.at.length
        return text + sum(map(len, self.before))


class Batch(Struct):
    """Row statements for one transaction; `outside` for a statement that is to be in none."""

    rows: list[RowStatement] = field(default_factory=list)
    size: int = 0
    outside: bool = False

    def add(self, row: RowStatement) -> None:
        """Take one more statement."""
        self.rows.append(row)
        self.size += row.size


class Finishing(Struct, frozen=True):
    """Statements for a table whose rows are in; `name` is its real one, for messages."""

    name: str
    statements: tuple[tuple[bytes, SessionState, int], ...]


def place_of(
    raw: RawStatement, row: RowStatement, content: TableContent, file: DumpFile
) -> StatementPlace | None:
    """Return the place of a row statement that a writer reads by itself; None for any other.

    These are the long statements of large tables, sent to the server exactly as in the file.
    """
    mean = content.row_bytes // max(1, content.row_statements)
    if file.compressed or row.before or row.text is not raw.text:
        return None
    if content.row_bytes < LARGE_FROM or not (mean >= LARGE_STATEMENT and row.size <= 2 * BATCH):
        return None
    return StatementPlace(raw.start, len(raw.text), hashlib.sha256(raw.text).digest())
