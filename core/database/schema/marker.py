"""A marker table, which names the job of staged and aside tables without a job's directory.

`_mrs_<job>_0` is made before the first staged table and dropped after the last one; from the end of
a swap on it is `_mra_<job>_0` and stays with the aside tables. Row 0 names the job and its store,
rows of lower numbers its phase; those of higher numbers are the definitions file, written and
committed before the first rename, so that a swap can be reverted, or completed, from the schema
alone.
"""

from __future__ import annotations

import json
from typing import Final

from msgspec import Struct, structs

from core.database.schema.names import aside_name, short_id, staged_name
from core.database.schema.swap_file import Swap, swap_from_json
from core.database.schema.table_names import all_names
from core.database.server.connection import Connection
from core.database.server.dialect import quote_name
from core.errors import MALFORMED, DatabaseError, StorageError

PHASES: Final = ("loading", "moving", "swapping", "committed", "done")
"""Rows come in; parts of the job are moved; tables are renamed; no way back; nothing left to do."""
_PIECE: Final = 192 << 10  # bytes; as hex well below the smallest max_allowed_packet
_LIMIT: Final = 256 << 20


class JobMark(Struct, frozen=True, kw_only=True):
    """Which job of which store; `kinds` are its kinds, `phase` one of `PHASES`.

    `var` is where the store really has its var: releases that share it share their jobs.
    """

    job_id: str
    var: str = ""
    host: str = ""
    kinds: tuple[str, ...] = ()
    phase: str = "loading"

    @property
    def short(self) -> str:
        """The job's id in the form used in names."""
        return short_id(self.job_id)


def make_marker(connection: Connection, mark: JobMark) -> None:
    """Make the table anew, with row 0 only."""
    name = quote_name(staged_name(mark.short, 0))
    connection.execute(f"DROP TABLE IF EXISTS {name}")
    connection.execute(
        f"CREATE TABLE {name} (n INT NOT NULL PRIMARY KEY, body LONGBLOB NOT NULL) ENGINE=InnoDB"
    )
    connection.execute(f"INSERT INTO {name} VALUES (0, {_head(mark)})")


def keep_swap(connection: Connection, mark: JobMark, swap: Swap) -> None:
    """Put a swap's definitions into the table, and that it begins; committed when it returns.

    Only rows are added: an account may lack the rights to change or delete them.
    """
    table = staged_name(swap.short, 0)
    name = quote_name(table)
    known = _marked(connection, table)
    if known is None or connection.scalar(f"SELECT COUNT(*) FROM {name} WHERE n > 0"):
        make_marker(connection, known or mark)
    content = swap.to_json()
    connection.execute("START TRANSACTION")
    try:
        for number, start in enumerate(range(0, len(content), _PIECE), 1):
            piece = content[start : start + _PIECE].hex()
            connection.execute(f"INSERT INTO {name} VALUES ({number}, x'{piece}')")
        _add_phase(connection, table, "swapping")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def set_phase(connection: Connection, short: str, phase: str) -> None:
    """Write down how far a job has come; nothing where its table is not there."""
    table = staged_name(short, 0)
    if _marked(connection, table) is not None:
        _add_phase(connection, table, phase)


def _add_phase(connection: Connection, table: str, phase: str) -> None:
    number = -PHASES.index(phase)
    connection.execute(f"INSERT IGNORE INTO {quote_name(table)} VALUES ({number}, '')")


def keep_with_asides(connection: Connection, short: str, *, any_aside: bool) -> None:
    """Give the table the name under which it stays with the aside tables. May be run again.

    Where there are none, it goes.
    """
    present = all_names(connection)
    staged, aside = staged_name(short, 0), aside_name(short, 0)
    if not any_aside:
        connection.execute(f"DROP TABLE IF EXISTS {quote_name(staged)}")
    elif staged in present and aside not in present:
        set_phase(connection, short, "done")
        connection.execute(f"RENAME TABLE {quote_name(staged)} TO {quote_name(aside)}")


def drop_marker(connection: Connection, short: str) -> None:
    """Drop the table that stays with aside tables, once those are gone or live again."""
    connection.execute(f"DROP TABLE IF EXISTS {quote_name(aside_name(short, 0))}")


def read_mark(connection: Connection, short: str) -> JobMark | None:
    """Return the facts in a job's table; None where it is missing or empty."""
    for table in (staged_name(short, 0), aside_name(short, 0)):
        mark = _marked(connection, table)
        if mark is not None and mark.short == short:
            return mark
    return None


def read_swap(connection: Connection, short: str) -> Swap | None:
    """Return the swap that a job's table holds; None where it holds none.

    Raises StorageError where its contents are damaged.
    """
    for table in (staged_name(short, 0), aside_name(short, 0)):
        name = quote_name(table)
        try:
            size = connection.scalar(f"SELECT SUM(LENGTH(body)) FROM {name} WHERE n > 0")
            if not size or int(size) > _LIMIT:
                continue
            rows = connection.query_bytes(f"SELECT body FROM {name} WHERE n > 0 ORDER BY n")
        except DatabaseError as error:
            if error.errno in _NO_TABLE:
                continue
            raise
        swap = swap_from_json(
            b"".join(body or b"" for (body,) in rows),
            where=table,
            schema=connection.settings.schema,
        )
        if swap.short != short:
            raise StorageError(f"The table {table} speaks of another job.")
        return swap
    return None


_NO_TABLE: Final = frozenset({1146, 1054})  # no such table, no such column


def _head(mark: JobMark) -> str:
    return "x'" + json.dumps({"format": 1, **structs.asdict(mark)}).encode("ascii").hex() + "'"


def _marked(connection: Connection, table: str) -> JobMark | None:
    try:
        rows = connection.query_bytes(
            f"SELECT n, LEFT(body, 65536) FROM {quote_name(table)} WHERE n <= 0 ORDER BY n"
        )
        numbers = [-int(number or 0) for number, _ in rows]
        row = json.loads(rows[-1][1] or b"") if rows else None
        if row is None or numbers[-1] != 0:
            return None
        return JobMark(
            job_id=str(row["job_id"]),
            var=str(row["var"]),
            host=str(row["host"]),
            kinds=tuple(str(kind) for kind in row["kinds"]),
            phase=PHASES[numbers[0]],
        )
    except DatabaseError as error:
        if error.errno in _NO_TABLE:
            return None
        raise
    except MALFORMED:
        return None
