"""The size of a schema by the statistics of the server, without counting."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from msgspec import Struct

from core.database.server.connection import connect
from core.magento.settings import DatabaseConnection

# Dumps of sample stores of 2 and 110 MB took 0.8 of the rows' bytes; binary rows take more.
_TEXT_OF_ROWS: Final = 0.9
_TEXT_OF_TABLE: Final = 800  # its definition and the lines around its rows
_FEW_PAGES: Final = 64 << 10  # allocated for a few rows as for hundreds
_SMALL_ROW: Final = 80  # bytes of text, on the average


class TableEstimate(Struct, frozen=True, kw_only=True):
    """The server's estimate of a table; `allocated` is what its rows take, without indexes."""

    name: str
    engine: str
    rows: int
    row_bytes: int
    allocated: int
    compressed: bool

    @property
    def text_bytes(self) -> int:
        """How much its rows take in a dump, as far as that can be known without reading them.

        InnoDB gives whole pages to an empty table, and MEMORY megabytes.
        """
        size = self.allocated * (2 if self.compressed else 1)
        if self.engine == "MEMORY":
            size = self.rows * self.row_bytes
        elif size <= _FEW_PAGES:
            size = min(size, self.rows * _SMALL_ROW)
        return int(size * _TEXT_OF_ROWS)


class SchemaEstimate(Struct, frozen=True, kw_only=True):
    """The server's estimate of a schema; `bytes` is the size of the rows, without indexes."""

    tables: tuple[TableEstimate, ...]

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        """How much is allocated for the rows."""
        return sum(table.allocated for table in self.tables)

    def text_bytes(self, without: Collection[str] = ()) -> int:
        """Return the size of a dump that has the rows of all tables but these, in bytes."""
        rows = sum(table.text_bytes for table in self.tables if table.name not in without)
        return rows + _TEXT_OF_TABLE * len(self.tables)


def estimate(settings: DatabaseConnection) -> SchemaEstimate:
    """Return how large a schema is, by the server's statistics."""
    with connect(settings) as connection:
        rows = connection.query(
            "SELECT TABLE_NAME, IFNULL(ENGINE, ''), IFNULL(TABLE_ROWS, 0),"
            " IFNULL(AVG_ROW_LENGTH, 0), IFNULL(DATA_LENGTH, 0), IFNULL(ROW_FORMAT, '')"
            " FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
            " AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')"
            " AND TABLE_NAME NOT LIKE '\\_mrs\\_%' AND TABLE_NAME NOT LIKE '\\_mra\\_%'"
        )
    return SchemaEstimate(
        tables=tuple(
            TableEstimate(
                name=str(name),
                engine=str(engine).upper(),
                rows=int(count),
                row_bytes=int(row_bytes),
                allocated=int(size),
                compressed=str(how).upper() == "COMPRESSED",
            )
            for name, engine, count, row_bytes, size, how in rows
        )
    )
