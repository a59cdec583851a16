"""Any dump as a stream of its statements.

Owns where one statement ends and the next begins: strings in both escape modes, backticks,
comments, DELIMITER lines, gzip. Memory is bounded by the largest statement and a few chunks.
Knows nothing of a statement's meaning; see `core.database.sql.allowed`.

A statement that is a row statement of our own dumps or of mysqldump ends where its line ends, which
is found at memory speed; everything else goes through one regular expression that takes a whole
statement at once (about 150 MB/s). Its quantifiers are possessive, so it neither backtracks nor
keeps a state for each string.
"""

from __future__ import annotations

import codecs
import os
import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from core import compression
from core.compression import Compression, compression_of
from core.database.sql.literal_rows import HEAD, literals_end, statement_end
from core.database.sql.other_content import cut_error, refuse_other_content
from core.database.sql.tokens import Reading, repeat
from core.digest_aside import DigestAside
from core.durable import translate
from core.errors import DamagedBackup, PackedOtherwise, StatementRefused
from core.inflating import Inflated, largest_content
from core.owned_files import open_regular

CHUNK: Final = 4 << 20
OUR_MARK: Final = b"-- magerewind dump"
"""How the first line of our own dumps begins: there, a row statement is a line."""
GROWTH: Final = 4
"""A buffer that is too small for a statement grows by a fourth: linear time, and little
more memory than the statement itself."""
LARGEST_STATEMENT: Final = 1 << 30  # the most that any server takes
LARGE: Final = 64 << 20
LARGE_RATIO: Final = 32
"""A statement in a compressed dump of unknown make is held to so many bytes, or so many times the
size of the file: a small file takes no gibibyte of memory."""
_PHYSICAL: Final = b"XBSTCK01"
_BEGIN: Final = 2048  # bytes that tell what is no dump
"""The beginning of a stream of mariabackup or xtrabackup; `ddev snapshot` keeps such ones."""


class RawStatement(Struct, frozen=True):
    """The bytes of a statement without its delimiter, and where it begins.

    `line` counts from 1, `position` is the byte offset behind it in the (unpacked) dump.
    """

    text: bytes
    line: int
    position: int
    ended: bool = True  # by a delimiter, not by the end of the file
    literal: bool = False  # rows, known to be literals and nothing else
    start: int = 0  # where it begins, as `position`


class DumpFile:
    """The unpacked bytes of a dump, and the SHA-256 of the file as it lies on disk.

    `content_bytes` is what a compressed one inflates to, where a manifest or an earlier check says
    it; else the file may grow as `core.inflating` allows.
    """

    def __init__(
        self, path: str, *, digest: bool = False, content_bytes: int | None = None
    ) -> None:
        self.path = path
        try:
            self._fd = open_regular(path)
        except OSError as error:
            raise translate(error, f"reading {path}") from error
        self.size = os.fstat(self._fd).st_size
        self._digest = DigestAside() if digest else None
        self.largest_statement = LARGEST_STATEMENT
        found = compression_of(os.pread(self._fd, compression.NEEDED, 0))
        self.compressed = found is not Compression.NONE
        self._inflated: Inflated | None = None
        self.read = self._read
        """Return up to so many bytes of the dump, b"" at its end. Raises DamagedBackup."""
        if found in {Compression.GZIP, Compression.ZSTD}:
            limit = largest_content(self.size) if content_bytes is None else content_bytes
            if content_bytes is None:
                self.largest_statement = min(LARGEST_STATEMENT, max(LARGE, self.size * LARGE_RATIO))
            self._inflated = Inflated(self._read, found, name=path, limit=limit)
            self.read = self._inflated.read
        elif self.compressed:
            self.close()
            raise compression.refuse(path, found)

    def _read(self, size: int) -> bytes:
        try:
            content = os.read(self._fd, size)
        except OSError as error:
            raise translate(error, f"reading {self.path}") from error
        if self._digest is not None:
            self._digest.update(content)
        return content

    def read_at(self, offset: int, size: int) -> bytes:
        """Return bytes of a file that is not compressed, fewer at its end; not for its digest.

        Changes nothing of where it is being read, and may be called by any thread.
        """
        try:
            return os.pread(self._fd, size, offset)
        except OSError as error:
            raise translate(error, f"reading {self.path}") from error

    @property
    def position(self) -> int:
        """How far the file on disk has been read, in bytes: for progress."""
        return os.lseek(self._fd, 0, os.SEEK_CUR)

    @property
    def frames(self) -> list[tuple[int, int]]:
        """Where a compressed file can be begun, as far as it was read: in the text, and in it."""
        return [] if self._inflated is None else self._inflated.frames

    def sha256(self) -> str:
        """Return the digest of the file, which must have been read to its end."""
        return self._digest.hexdigest() if self._digest is not None else ""

    def close(self) -> None:
        """Close the file; may be called again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._digest is not None:
            self._digest.close()


_LONGEST_WORD: Final = 256
"""More than a word of a literal takes that is no string: the name of a character set, FALSE."""
_BLANK: Final = re.compile(rb"[\x00-\x20]*+")
_DELIMITER: Final = re.compile(rb"delimiter[ \t]++([^\s\x00-\x20]++)[^\n]*+\n", re.IGNORECASE)
_ROWS: Final = (b"INSERT INTO ", b"REPLACE INTO ", b"INSERT IGNORE INTO ")
_QUOTED: Final = {
    True: rb"'[^'\\]*+" + repeat(rb"\\.[^'\\]*+") + rb"'",
    False: rb"'[^']*+'",
}


def _body(reading: Reading, delimiter: bytes) -> re.Pattern[bytes]:
    """Return a pattern that takes a statement up to its delimiter, or as much as is whole.

    A doubled quote inside a string reads as two strings side by side, which ends at the same
    place. A sign that could begin a comment or the delimiter is only taken when
    the next byte is known, so that the match always ends where it may be taken up again.
    """
    escapes = reading.backslash_escapes
    double = _QUOTED[escapes and not reading.ansi_quotes].replace(b"'", b'"')
    words = [_QUOTED[escapes], double, rb"`[^`]*+`"]
    words += [rb"--(?=[\x00-\x20])[^\n]*+\n", rb"\#[^\n]*+\n", rb"/\*(?=[^M!]|M[^!]).*?\*/"]
    dash, slash = [rb"-(?=[^\-])", rb"-(?=-[^\x00-\x20])"], [rb"/(?=[^*])"]
    inside = repeat(rb"[^'\"`\#/*\-]++", *words, *dash, *slash, rb"\*(?=[^/])")
    conditional = rb"/\*M?!" + inside + rb"\*/"
    first = delimiter[:1]
    signs = [*([] if first == b"-" else dash), *([] if first == b"/" else slash)]
    if len(delimiter) > 1:  # its first byte alone
        other = rb"(?!" + re.escape(delimiter) + rb")"
        signs.append(re.escape(first) + rb"(?=.{%d})" % len(delimiter))
        signs[-1] = other + signs[-1]
    plain = rb"[^'\"`\#/\-" + re.escape(first) + rb"]++"
    return re.compile(repeat(plain, *words, conditional, *signs), re.DOTALL)


class Statements:
    """An iterator over the statements of a dump.

    `reading` may be changed between two statements, as a SET of sql_mode does. `first_line` is
    known from the start, `trailer` holds the comment lines since the last statement.
    """

    def __init__(self, file: DumpFile, *, chunk: int = CHUNK) -> None:
        self._file = file
        self._chunk = chunk
        self._buffer = b""
        self._at = 0
        self._line = 1
        self._before = 0  # bytes of the dump that stood before the buffer
        self._ended = False
        self._added = b""  # to the buffer, behind the end of the dump
        self._delimiter = b";"
        self._patterns: dict[tuple[Reading, bytes], re.Pattern[bytes]] = {}
        self.reading = Reading()
        self.trailer: list[bytes] = []
        self._fill()
        self._begin()
        self.first_lines = tuple(self._buffer[:2048].split(b"\n")[:12])
        self.ours = self._buffer.startswith(OUR_MARK)
        # mysqldump and mariadb-dump before 11 write a row statement as a line too, but a
        # statement of theirs may also go over lines, so only ours is trusted to.

    def _begin(self) -> None:
        """Go over the mark that some editors put before UTF-8; refuse what is no SQL at all."""
        start = self._buffer[:4]
        if start.startswith(codecs.BOM_UTF8):
            self._buffer = self._buffer[len(codecs.BOM_UTF8) :]
            self._before = len(codecs.BOM_UTF8)
        elif start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or (
            len(start) == 4 and (start[0] == start[2] == 0 or start[1] == start[3] == 0)
        ):
            raise PackedOtherwise(
                f"{self._file.path} is written in UTF-16, as PowerShell redirects text.",
                hint="Make the dump anew with --result-file, or recode it to UTF-8.",
            )
        elif self._buffer.startswith(_PHYSICAL):
            raise PackedOtherwise(
                f"{self._file.path} is a physical backup of mariabackup or ddev, no SQL.",
                hint="ddev export-db and mysqldump write SQL.",
            )
        elif self._file.compressed:
            compression.refuse_twice(self._file.path, self._buffer)
            if compression_of(self._buffer[: compression.NEEDED]) is Compression.TAR:
                raise compression.refuse(self._file.path, Compression.TAR)
        refuse_other_content(self._file.path, self._buffer[:_BEGIN])

    @property
    def position(self) -> int:
        """How many bytes of the unpacked dump lie behind."""
        return self._before + min(self._at, len(self._buffer) - len(self._added))

    def __iter__(self) -> Iterator[RawStatement]:
        while self._skip():
            yield self._next()

    def _fill(self, *, at_least: int = 0) -> bool:
        """Read on behind the buffered bytes; tell whether anything came."""
        if self._ended:
            return False
        if len(self._buffer) - self._at > self._file.largest_statement:
            largest = f"{self._file.largest_statement >> 20:,} MiB"
            raise StatementRefused(f"Line {self._line}: a statement of more than {largest}.")
        content = self._file.read(max(self._chunk, at_least))
        if not content:
            self._ended = True
            self._added = content = b"\n"  # ends a last comment, and tells a sign from a delimiter
        self._before += self._at
        self._buffer = self._buffer[self._at :] + content
        self._at = 0
        return True

    def _advance(self, end: int) -> None:
        self._line += self._buffer.count(b"\n", self._at, end)
        self._at = end

    def _line_end(self) -> int:
        """Return where the next newline is; -1 never comes back, for the end adds one."""
        searched = self._at
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer) - self._at
            if not self._fill(at_least=searched // GROWTH):
                return len(self._buffer)
        return end

    def _skip(self) -> bool:
        """Go over blanks, comments and DELIMITER lines; tell whether a statement follows."""
        while True:
            found = _BLANK.match(self._buffer, self._at)
            assert found is not None  # noqa: S101 - it matches the empty text
            self._advance(found.end())
            if len(self._buffer) - self._at < 16 and self._fill():
                continue
            if self._at >= len(self._buffer):
                return False
            if not self._skip_one():
                return True

    def _skip_one(self) -> bool:
        buffer, at = self._buffer, self._at
        first = buffer[at]
        if first == 0x23 or (first == 0x2D and buffer[at + 1 : at + 3].strip() in {b"-", b"-\x00"}):
            end = self._line_end()
            self.trailer = [*self.trailer[-7:], self._buffer[self._at : end].rstrip()]
            self._advance(end)
            return True
        if first == 0x2F and buffer.startswith(b"/*", at) and not _conditional(buffer, at):
            self._advance(self._comment_end())
            return True
        if first in b"dD" and buffer[at : at + 10].lower().rstrip() == b"delimiter":
            self._line_end()
            found = _DELIMITER.match(self._buffer, self._at)
            if found is None:
                raise StatementRefused(f"Line {self._line}: DELIMITER without a delimiter.")
            self._delimiter = found.group(1)
            self._advance(found.end())
            return True
        if buffer.startswith(self._delimiter, at):  # an empty statement
            self._advance(at + len(self._delimiter))
            return True
        return False

    def _comment_end(self) -> int:
        searched = 2
        while (end := self._buffer.find(b"*/", self._at + searched)) < 0:
            searched = max(2, len(self._buffer) - self._at - 1)
            if not self._fill(at_least=len(self._buffer) - self._at):
                raise DamagedBackup(f"Line {self._line}: a comment has no end; the dump is cut.")
        return end + 2

    def _next(self) -> RawStatement:
        self.trailer = []
        line, start = self._line, self.position
        if self.ours and self._delimiter == b";" and self._buffer.startswith(_ROWS, self._at):
            end = self._line_end()
            if self._buffer[end - 1 : end] == b";":
                text = self._buffer[self._at : end - 1]
                self._at = end + 1
                self._line += 1
                self._let_go(len(text))
                return RawStatement(text, line, self.position, start=start)
        end, literal = self._statement_end(line)
        text = self._buffer[self._at : end]
        ended = self._buffer.startswith(self._delimiter, end)
        self._advance(end + len(self._delimiter))
        self._let_go(len(text))
        return RawStatement(text.rstrip(), line, self.position, ended, literal, start)

    def _let_go(self, size: int) -> None:
        """Free the buffer of a large statement instead of holding it while that is at work."""
        if size > self._chunk:
            self._before += self._at
            self._buffer = self._buffer[self._at :]
            self._at = 0

    def _statement_end(self, line: int) -> tuple[int, bool]:
        """Return where the statement ends, and whether it is rows of literals alone."""
        done = 0  # the part of the statement that is known to be whole
        head = HEAD.match(self._buffer, self._at) if self._delimiter == b";" else None
        if head is not None:
            done, literal = self._literal_rows(head.end() - self._at)
            if literal:
                return self._at + done, True
        key = (self.reading, self._delimiter)
        pattern = self._patterns.get(key)
        if pattern is None:
            pattern = self._patterns[key] = _body(*key)
        while True:
            found = pattern.match(self._buffer, self._at + done)
            assert found is not None  # noqa: S101 - it matches the empty text
            end = found.end()
            if self._buffer.startswith(self._delimiter, end):
                return end, False
            done = end - self._at
            if not self._more():
                return self._last_end(line, end), False

    def _more(self) -> bool:
        """Read on for a statement that is not whole; tell whether anything came."""
        return self._fill(at_least=(len(self._buffer) - self._at) // GROWTH)

    def _literal_rows(self, done: int) -> tuple[int, bool]:
        """Go over rows that are literals, from within the first one.

        Return how long the statement is as far as that is so, and whether that is all of it.
        """
        while True:
            at = literals_end(self._buffer, self._at + done, self.reading)
            done = at - self._at
            end = statement_end(self._buffer, at)
            if end >= 0 and self._buffer.startswith(b";", end):
                return end - self._at, True
            # Only a token cut by the end of the buffer may be a literal that is longer.
            if not self._may_be_cut(at) or not self._more():
                return done, False

    def _may_be_cut(self, at: int) -> bool:
        """Whether the word at `at` may go on behind the bytes read."""
        first = self._buffer[at : at + 1]
        if first == b"'" or (first == b'"' and not self.reading.ansi_quotes):
            return not self._ended
        return len(self._buffer) - at < _LONGEST_WORD

    def _last_end(self, line: int, end: int) -> int:
        """Return where a statement without delimiter ends; its strings need ends of their own."""
        if self._buffer[end:].strip():
            raise cut_error(line, self._buffer[self._at :], "a statement")
        return end


def _conditional(buffer: bytes, at: int) -> bool:
    return buffer.startswith((b"/*!", b"/*M!"), at)
