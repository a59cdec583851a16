"""The output of a dump: its file, and the index beside it where one is wanted.

Each part is written and its place noted. Knows nothing of the order of parts.
"""

from __future__ import annotations

from core.compression import Compression
from core.database.dump.pieces import Pieces
from core.database.dump.row_ranges import Sink
from core.database.dump.row_text import Rendering
from core.database.dump.script import (
    Definers,
    definition_fingerprint,
    objects_texts,
    sequence_text,
    table_text,
)
from core.database.dump.writer import DumpWriter
from core.database.index.entries import Session, Span
from core.database.index.write_index import IndexWriter
from core.database.schema.definitions import Schema, Sequence_, Table
from core.database.server.connection import SQL_MODE
from core.database.server.dialect import Server


class DumpOutput:
    """The file of a dump and its index, which is None where `index_fd` is."""

    def __init__(
        self,
        fd: int,
        index_fd: int | None = None,
        compress: Compression = Compression.NONE,
        level: int | None = None,
    ) -> None:
        self.writer = DumpWriter(fd, compress, level)
        self.index = None if index_fd is None else IndexWriter(index_fd)
        self.write = self.writer.write

    @property
    def rewindable(self) -> bool:
        """Whether another try may begin anew."""
        return self.writer.rewindable

    def rewind(self) -> None:
        """Forget all that was written, for another try."""
        self.writer.rewind()
        if self.index is not None:
            self.index.rewind()

    def sequence(self, sequence: Sequence_) -> None:
        """Write a sequence."""
        place = self.write(sequence_text(sequence))
        if self.index is not None:
            self.index.thing("SEQUENCE", sequence.name, place)

    def table(self, table: Table, schema: str) -> None:
        """Write the structure of a table of `schema`."""
        place = self.write(table_text(table, schema))
        if self.index is not None:
            fingerprint = definition_fingerprint(table, schema)
            self.index.table(table.name, place, fingerprint=fingerprint)

    def objects(self, schema: Schema, definers: Definers) -> None:
        """Write everything that comes after the rows."""
        for kind, name, table, text in objects_texts(schema, definers):
            place = self.write(text)
            if self.index is not None:
                self.index.thing(kind, name, place, table=table)

    def sink(self, table: Table, rendering: Rendering) -> Sink:
        """Return the writer for the rows of a table."""
        write = self.writer.statement if table.transactional else self.writer.lone_statement
        index = self.index
        if index is not None:
            columns = rendering.columns
            index.rendered(table.name, rendering.fingerprint, columns, table.key)

        def take(beginning: bytes, values: bytes, rows: int, pieces: Pieces, span: Span) -> None:
            place = write(beginning, values, rows, pieces)
            if index is not None:
                index.rows(table.name, place, rows, span)

        return take

    def finish(self, server: Server) -> str:
        """Write the end of both and return the SHA-256 of the index, empty where there is none."""
        self.writer.finish()
        if self.index is None:
            return ""
        return self.index.finish(
            session_of(server), self.writer.frames, skeleton=self.writer.skeleton
        )

    def close(self) -> None:
        """Let go of text that waits to be compressed; may be called again, also after `finish`."""
        self.writer.abandon()


def session_of(server: Server) -> Session:
    """Return the factors of the text of rows in a session of ours."""
    return Session(
        flavour=server.flavour.value,
        version=server.version,
        time_zone="+00:00",
        sql_mode=SQL_MODE,
        charset="utf8mb4",
    )
