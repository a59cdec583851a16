"""One open SQLite file of ours: its transaction, and its errors as errors of this program.

It decides when the file is flushed to disk. `core.archive.plan.plan_file` owns tables and queries.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from core import durable
from core.archive.plan.plan_location import PlanLocation
from core.archive.plan.sqlite_file import connect
from core.closeable import Closeable
from core.durable import translate
from core.errors import DiskFull, StorageError

_CHUNK = 500


@contextmanager
def _translated(path: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        text = str(error)
        if "full" in text:
            raise DiskFull(f"No space left while writing the plan {path}.") from error
        raise StorageError(f"Failed with the plan {path}: {text}") from error


def make_file(home: PlanLocation) -> None:
    """Make an empty file in place of an old one. Raises StorageError."""
    try:
        for file in (home.file, home.file.beside("-journal")):
            file.remove()
        os.close(home.file.create())
    except OSError as error:
        raise translate(error, f"making the plan {home.path}") from error


class PlanDatabase(Closeable):
    """A file of which nothing is on disk before `commit`, in one transaction after the other."""

    def __init__(self, home: PlanLocation, *, only_read: bool) -> None:
        self.home = home
        self.path = home.path
        self._only_read = only_read
        with _translated(self.path):
            self._fd, self._connection = connect(home.file, only_read=only_read)

    def begin(self, *, schema: str | None, version: int) -> None:
        """Begin the first transaction; of a new file, with its tables.

        Raises StorageError for a file of another version.
        """
        with _translated(self.path):
            # A new file counts from its first `commit` on, which flushes it once.
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if schema is None else 'OFF'}")
            if schema is not None:
                self._connection.execute("PRAGMA journal_mode = MEMORY")
                self._connection.executescript(schema)
            self._connection.execute("PRAGMA cache_size = -4000")
            found = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if found != version:
                raise StorageError(
                    f"The plan {self.path} is not one that this version understands."
                )
            if not self._only_read:
                self._connection.execute("BEGIN IMMEDIATE")

    def commit(self) -> None:
        """Bring everything to disk, and begin the next transaction."""
        with _translated(self.path):
            self._connection.execute("COMMIT")
            self._connection.execute("BEGIN IMMEDIATE")
        try:
            durable.fsync(self._fd)
            self.home.directory.flush()
        except OSError as error:
            raise translate(error, f"writing the plan {self.path}") from error

    def close(self) -> None:
        """Close the file; unsaved changes are rolled back."""
        self._connection.close()
        if self._fd >= 0:  # after the connection: closing any descriptor of a file ends its locks
            fd, self._fd = self._fd, -1
            os.close(fd)

    @property
    def status(self) -> os.stat_result:
        """The file as it is now."""
        return os.fstat(self._fd)

    def _value(self, query: str, *values: object) -> Any:  # noqa: ANN401 - a column
        with _translated(self.path):
            row = self._connection.execute(query, values).fetchone()
        return None if row is None else row[0]

    def _execute(self, statement: str, *values: object) -> int:
        with _translated(self.path):
            return self._connection.execute(statement, values).rowcount

    def _insert(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        with _translated(self.path):
            self._connection.executemany(statement, rows)

    def _all(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with _translated(self.path):
            return self._connection.execute(query, values).fetchall()

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Return the rows of a query on the plan as it is on disk."""
        return self._all(query, *values)

    def each(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Yield the rows of a question; memory stays flat."""
        for chunk in self._chunks(query, *values):
            yield from chunk

    def _chunks(self, query: str, *values: object) -> Iterator[list[tuple[Any, ...]]]:
        """Yield rows some at a time. Rows may be changed meanwhile."""
        with _translated(self.path):
            cursor = self._connection.execute(query, values)
            while chunk := cursor.fetchmany(_CHUNK):
                yield chunk
