"""The names of an archive that is not in the order of our walk, kept on disk while it is read.

Foreign archives come in any order, with hard links and with directories that are only implied.
Their names go to a private temporary SQLite database (no file of ours, gone with the connection),
so that memory stays flat, and come back in the order of our walk. It owns the checks that need all
names: duplicates of another type, members below an entry that is no directory, hard links to a
name that is no earlier file.
"""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Iterator
from typing import Final, Self

from core.archive.tar.header import DIRECTORY, HARD_LINK, REGULAR
from core.archive.tar.member import Member
from core.archive.tar.reader import ArchiveReader
from core.archive.tree.selection import walk_key
from core.errors import StorageError

UNKNOWN_MODE: Final = -1
_DIRECTORIES_REMEMBERED: Final = 20_000

_SCHEMA: Final = """
PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -12000;
CREATE TABLE member (
  key BLOB PRIMARY KEY, content_at INTEGER, type INTEGER, mode INTEGER, uid INTEGER, gid INTEGER,
  size INTEGER, mtime INTEGER, link BLOB, uname BLOB, gname BLOB, xattrs BLOB, same INTEGER
) WITHOUT ROWID;
"""


_INSERT: Final = f"INSERT OR REPLACE INTO member VALUES ({','.join('?' * 13)})"


class Index:
    """Members by name; the last of several with one name counts, as with every tar."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.executescript(_SCHEMA)
        self._directories: set[bytes] = {b""}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._connection.close()

    def add(self, member: Member, reader: ArchiveReader, *, same: bool | None = None) -> None:
        """Take a member in. `same`: its content is that of the live file. Raises HostileArchive."""
        if not member.name:
            return
        try:
            self._need_parents(member, reader)
            if member.type == HARD_LINK and self._type(member.link) != REGULAR:
                reader.hostile(member.name, "a hard link to what is no earlier file")
            known = self._row(member.name)
            if known is not None and known != member.type:
                reader.hostile(member.name, "one name for two things")
            self._connection.execute(
                _INSERT,
                (walk_key(member.name), *_columns(member), None if same is None else int(same)),
            )
        except sqlite3.Error as error:
            raise StorageError(f"Failed while remembering the names of an archive: {error}") from (
                error
            )
        if member.type == DIRECTORY:
            self._remember(member.name)

    def _remember(self, directory: bytes) -> None:
        if len(self._directories) > _DIRECTORIES_REMEMBERED:
            self._directories = {b""}
        self._directories.add(directory)

    def _row(self, name: bytes) -> int | None:
        query = "SELECT type FROM member WHERE key = ?"
        row = self._connection.execute(query, (walk_key(name),)).fetchone()
        return None if row is None else int(row[0])

    def _type(self, link: bytes) -> int | None:
        return self._row(link)

    def _need_parents(self, member: Member, reader: ArchiveReader) -> None:
        """See that everything above a member is a directory; one without a member is implied."""
        missing = []
        parent = member.name.rpartition(b"/")[0]
        while parent not in self._directories:
            known = self._row(parent)
            if known is None:
                missing.append(parent)
            elif known != DIRECTORY:
                reader.hostile(member.name, "a member below what is no directory")
            else:
                break
            parent = parent.rpartition(b"/")[0]
        for directory in missing:
            implied = Member(-1, directory, DIRECTORY, UNKNOWN_MODE, -1, -1, 0, -1, b"", b"", b"",
                             None)  # fmt: skip
            self._connection.execute(_INSERT, (walk_key(directory), *_columns(implied), None))
            self._remember(directory)
        if parent not in self._directories:
            self._remember(parent)

    def same(self, name: bytes) -> bool:
        """Tell whether the content of a member was said to be that of the live file."""
        query = "SELECT same FROM member WHERE key = ?"
        row = self._connection.execute(query, (walk_key(name),)).fetchone()
        return row is not None and bool(row[0])

    def links(self) -> Iterator[tuple[bytes, bytes]]:
        """Yield the names and targets of hard links, in the order of our walk."""
        rows = self._connection.execute(
            "SELECT key, link FROM member WHERE type = ? ORDER BY key", (HARD_LINK,)
        )
        for key, link in rows:
            yield key.replace(b"\0", b"/"), link

    def members(self) -> Iterator[Member]:
        """Yield all members in the order of our walk."""
        rows = self._connection.execute("SELECT * FROM member ORDER BY key")
        for key, content_at, kind, mode, uid, gid, size, mtime, link, uname, gname, kept, _ in rows:
            xattrs = None if kept is None else marshal.loads(kept)  # noqa: S302 - from below
            yield Member(
                content_at, key.replace(b"\0", b"/"), kind, mode, uid, gid, size, mtime, link,
                uname, gname, xattrs,
            )  # fmt: skip


def _columns(member: Member) -> tuple[int | bytes | None, ...]:
    return (
        member.content_at, member.type, member.mode, member.uid, member.gid, member.size,
        member.mtime, member.link, member.uname, member.gname,
        marshal.dumps(member.xattrs) if member.xattrs else None,
    )  # fmt: skip
