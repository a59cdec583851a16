"""Opens an SQLite file of ours, and nothing else that lies where it is.

SQLite opens by path, and follows files that it finds beside a database: a planted `-wal` would be
taken over, and a planted `-journal` would rewrite the file. So the file is opened by its
directory's descriptor first; a forbidden neighbour is looked for; and the file that SQLite then
opened has to be that one. A reader opens it as immutable, which passes over any file beside it,
unless there is a journal of ours: a crash left that, and it has to be rolled back first.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Final
from urllib.parse import quote

from core.directories import StateFile
from core.errors import StorageError

_LOG: Final = ("-wal", "-shm")
_FORMAT_AT: Final = 18  # of the header: the versions to write and to read, 1 for a rollback journal
_FORMAT: Final = b"\x01\x01"


def connect(file: StateFile, *, only_read: bool) -> tuple[int, sqlite3.Connection]:
    """Return a descriptor of the file, and a connection to it that has read nothing yet.

    The connection is to be closed before the descriptor. Raises StorageError, ForeignState, and
    sqlite3.Error.
    """
    try:
        fd = file.open()
    except FileNotFoundError:
        raise StorageError(f"The plan {file} is missing.") from None
    try:
        crashed = _look_beside(file, fd)
        connection = _connected(file, immutable=only_read and not crashed)
    except BaseException:
        os.close(fd)
        raise
    try:
        _is_that(file, fd)
    except BaseException:
        connection.close()
        os.close(fd)
        raise
    return fd, connection


def _look_beside(file: StateFile, fd: int) -> bool:
    """Refuse a neighbour that SQLite would believe; tell whether a crash left a journal of ours."""
    for suffix in _LOG:
        if file.beside(suffix).exists():
            raise StorageError(f"{file.beside(suffix)} is none of ours, so the plan is not read.")
    versions = os.pread(fd, len(_FORMAT), _FORMAT_AT)
    if versions not in (_FORMAT, b""):
        raise StorageError(f"The plan {file} is damaged.")
    try:
        os.close(file.beside("-journal").open())
    except FileNotFoundError:
        return False
    return True


def _connected(file: StateFile, *, immutable: bool) -> sqlite3.Connection:
    words = "mode=ro&immutable=1" if immutable else "mode=rw"
    path = quote(os.fsencode(os.path.abspath(file.path)))
    return sqlite3.connect(f"file:{path}?{words}", uri=True, isolation_level=None)


def _is_that(file: StateFile, fd: int) -> None:
    """Raise StorageError unless the file that is open twice now is the one that is held."""
    held = os.fstat(fd)
    try:
        numbers = [int(name) for name in os.listdir("/proc/self/fd")]
    except OSError:  # no /proc: the path has to do
        if os.path.samestat(held, os.stat(file.path)):
            return
        numbers = []
    for number in numbers:
        try:
            if number != fd and os.path.samestat(held, os.fstat(number)):
                return
        except OSError:
            continue  # it was that of the list itself
    raise StorageError(f"The plan {file} was moved while it was opened.")
