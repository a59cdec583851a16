"""Statements that a dump may hold and that are never run: locks, transactions, its own schema."""

from __future__ import annotations

from typing import Final

from core.database.sql.cursor import Cursor

_OPTIONS: Final = frozenset(
    {b"DEFAULT", b"CHARACTER", b"CHARSET", b"COLLATE", b"ENCRYPTION", b"COMMENT"}
)


def is_ignored(cursor: Cursor) -> bool:
    """Whether this is one of them, and whole. Raises StatementRefused for one that is malformed.

    `CREATE DATABASE`, `USE` and `ALTER DATABASE` of the schema that the dump goes into are among
    them: so begins a dump that mysqldump made with --databases. Refuses the same of any other.
    """
    if not _known(cursor):
        return False
    cursor.end()
    return True


def _known(cursor: Cursor) -> bool:
    match cursor.peek():
        case b"LOCK" | b"UNLOCK":
            _lock(cursor)
        case b"COMMIT" | b"BEGIN" | b"ROLLBACK":
            cursor.at += 1
            cursor.accept(b"WORK")
        case b"START":
            _start(cursor)
        case b"ANALYZE":
            _analyze(cursor)
        case b"DELIMITER":
            cursor.at = len(cursor.words)
        case b"USE":
            cursor.at += 1
            _schema(cursor)
        case b"CREATE" | b"ALTER" if cursor.peek(1) in {b"DATABASE", b"SCHEMA"}:
            _database(cursor)
        case _:
            return False
    return True


def _schema(cursor: Cursor) -> None:
    if not cursor.token.is_name:
        cursor.refuse_word()
    name = cursor.token.name
    if not cursor.is_own(name):
        cursor.foreign(name)
    cursor.at += 1


def _database(cursor: Cursor) -> None:
    cursor.at += 2
    cursor.accept_all(b"IF", b"NOT", b"EXISTS")
    if cursor.peek() not in _OPTIONS:  # ALTER DATABASE need not name it
        _schema(cursor)
    while not cursor.done:
        cursor.accept(b"DEFAULT")
        if not (cursor.accept_all(b"CHARACTER", b"SET") or cursor.accept(
            b"CHARSET", b"COLLATE", b"ENCRYPTION", b"COMMENT"
        )):  # fmt: skip
            cursor.refuse_word()
        cursor.accept(b"=")
        if cursor.is_text() or cursor.token.is_name:
            cursor.at += 1


def _lock(cursor: Cursor) -> None:
    unlocks = cursor.peek() == b"UNLOCK"
    cursor.at += 1
    if not cursor.accept(b"TABLES", b"TABLE"):
        cursor.refuse_word()
    if unlocks:
        return
    while True:
        cursor.own()
        if cursor.accept(b"AS"):
            cursor.name()
        if cursor.accept(b"READ"):
            cursor.accept(b"LOCAL")
        else:
            cursor.accept(b"LOW_PRIORITY")
            cursor.expect(b"WRITE")
        if not cursor.accept(b","):
            return


def _start(cursor: Cursor) -> None:
    cursor.expect(b"START", b"TRANSACTION")
    while not cursor.done:
        if not (
            cursor.accept_all(b"WITH", b"CONSISTENT", b"SNAPSHOT")
            or cursor.accept_all(b"READ", b"ONLY")
            or cursor.accept_all(b"READ", b"WRITE")
        ):
            cursor.refuse_word()
        if not cursor.accept(b","):
            return


def _analyze(cursor: Cursor) -> None:
    cursor.at += 1
    cursor.accept(b"NO_WRITE_TO_BINLOG", b"LOCAL")
    cursor.expect(b"TABLE")
    cursor.own()
    while cursor.accept(b","):
        cursor.own()
    if cursor.accept_all(b"UPDATE", b"HISTOGRAM", b"ON"):
        cursor.name()
        while cursor.accept(b","):
            cursor.name()
        if cursor.accept(b"WITH"):
            cursor.number()
            cursor.expect(b"BUCKETS")
