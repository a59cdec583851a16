"""Compares the staged tables of a loaded dump with the content that the dump declares.

The declared content is the digests of its index where there is one, else the counts of its rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec import Struct
from msgspec.structs import replace

from core.database.compare.questions import Question, other_rendering, questions_about
from core.database.dump.row_ranges import CUT_BYTES
from core.database.index.read_index import DumpIndex
from core.database.schema.definitions import Table
from core.database.schema.read_tables import read_tables
from core.database.server.connection import Connection, connect
from core.database.server.dialect import quote_name
from core.errors import DatabaseError
from core.events import Report, no_report
from core.magento.settings import DatabaseConnection


class LoadedTable(Struct, frozen=True, kw_only=True):
    """A table of a dump, under the name that it has while it is staged, with its rows."""

    name: str
    staged: str
    rows: int


class StagedCompared(Struct, frozen=True, kw_only=True):
    """How many tables were compared by digests and by rows, and which of them differ."""

    by_digests: int
    by_rows: int
    differ: tuple[str, ...]


def compare_staged(
    index: DumpIndex | None,
    settings: DatabaseConnection,
    loaded: Iterable[LoadedTable],
    *,
    report: Report = no_report,
) -> StagedCompared:
    """Return the staged tables whose content differs from the declared one.

    `report` counts rows. Raises ConnectionFailed, ConnectionLost, Cancelled (from `report`).
    """
    digests = rows = done = 0
    differ: list[str] = []
    with connect(settings) as connection:
        half = connection.max_packet // 2
        connection.set_session({"group_concat_max_len": min(CUT_BYTES, half)})
        if index is not None and other_rendering(index, connection) is not None:
            index = None
        wanted = {one.staged: one for one in loaded}
        tables = {one.name: one for one in read_tables(connection, only=set(wanted))}
        for staged, one in wanted.items():
            same = _by_digests(index, connection, tables.get(staged), one)
            digests += same is not None
            if same is None:
                rows += 1
                same = _count(connection, staged) == one.rows
            if not same:
                differ.append(one.name)
            done += one.rows
            report(0, done, one.name)
    return StagedCompared(by_digests=digests, by_rows=rows, differ=tuple(differ))


def _count(connection: Connection, table: str) -> int:
    return int(connection.scalar(f"SELECT COUNT(*) FROM {quote_name(table)}") or 0)


def _by_digests(
    index: DumpIndex | None, connection: Connection, table: Table | None, one: LoadedTable
) -> bool | None:
    """Return whether all digests of a table are those of the index; None where none tells."""
    if index is None or table is None or one.name not in index.tables:
        return None
    try:
        questions = questions_about(index, replace(table, name=one.name), connection.server)
        if questions is None:
            return None
        return all(_answers(connection, question, one) for question in questions)
    except ValueError:  # of a damaged index
        return None
    except DatabaseError as error:
        if error.errno is None:  # the connection is gone
            raise
        return None


def _answers(connection: Connection, question: Question, one: LoadedTable) -> bool:
    """Ask a question of the staged table in place of the live one."""
    live, staged = f" FROM {quote_name(one.name)}", f" FROM {quote_name(one.staged)}"
    before, _, after = question.sql.rpartition(live)
    ((count, digest),) = connection.query(f"{before}{staged}{after}", long=True)
    return (int(count), digest) == (question.rows, question.digest)


def loaded_tables(names: Mapping[str, str], rows: Mapping[str, int]) -> tuple[LoadedTable, ...]:
    """Return the tables of a load by their staged names and the rows that were written."""
    return tuple(
        LoadedTable(name=name, staged=staged, rows=rows[name])
        for name, staged in names.items()
        if name in rows
    )
