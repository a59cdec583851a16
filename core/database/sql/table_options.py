"""Options behind the columns of a table, or of a partition, that a dump may hold."""

from __future__ import annotations

from typing import Final

from core.database.sql.cursor import Cursor
from core.database.sql.vocabulary import ENGINES

_NUMBERS: Final = frozenset(
    {b"AUTO_INCREMENT", b"AVG_ROW_LENGTH", b"CHECKSUM", b"TABLE_CHECKSUM", b"DELAY_KEY_WRITE",
     b"KEY_BLOCK_SIZE", b"MAX_ROWS", b"MIN_ROWS", b"PACK_KEYS", b"STATS_AUTO_RECALC",
     b"STATS_PERSISTENT", b"STATS_SAMPLE_PAGES", b"TRANSACTIONAL", b"PAGE_CHECKSUM",
     b"PAGE_COMPRESSED", b"PAGE_COMPRESSION_LEVEL", b"ENCRYPTION_KEY_ID", b"SEQUENCE",
     b"AUTOEXTEND_SIZE"}
)  # fmt: skip
_WORDS: Final = {
    b"ROW_FORMAT": {b"DEFAULT", b"DYNAMIC", b"FIXED", b"COMPRESSED", b"REDUNDANT", b"COMPACT",
                    b"PAGE", b"TOKUDB_ZLIB", b"TOKUDB_SNAPPY", b"TOKUDB_LZMA", b"TOKUDB_QUICKLZ"},
    b"ENCRYPTED": {b"YES", b"NO", b"DEFAULT", b"ON", b"OFF"},
    b"IETF_QUOTES": {b"YES", b"NO"},
    b"TABLESPACE": {b"INNODB_FILE_PER_TABLE", b"INNODB_SYSTEM"},
}  # fmt: skip
_TEXTS: Final = frozenset({b"COMMENT", b"COMPRESSION", b"ENCRYPTION"})
_SWITCHES: Final = frozenset({b"DEFAULT", b"ON", b"OFF", b"YES", b"NO"})


class TableOptions:
    """Rules for options at a cursor."""

    def __init__(self, cursor: Cursor) -> None:
        self.cursor = cursor

    def listed(self) -> None:
        """Take all options that follow, with or without commas between them."""
        while self.one():
            self.cursor.accept(b",")

    def one(self) -> bool:
        """Take one option, if one follows."""
        cursor = self.cursor
        if cursor.done or not cursor.token.is_name:
            return False
        if cursor.accept_all(b"WITH", b"SYSTEM", b"VERSIONING"):
            return True
        start = cursor.at
        cursor.accept(b"DEFAULT")
        word = cursor.token.name.encode("utf-8", "surrogateescape").upper()
        if word == b"CHARACTER" and cursor.peek(1) == b"SET":
            cursor.at += 1
        if word in {b"CHARSET", b"CHARACTER", b"COLLATE"}:
            self._assigned()
            if cursor.is_text() or cursor.peek() in {b"BINARY", b"ASCII", b"DEFAULT"}:
                cursor.at += 1
            else:
                cursor.name()
            return True
        if cursor.at > start:
            cursor.refuse_word()
        return self._plain(word)

    def _assigned(self) -> None:
        self.cursor.at += 1
        self.cursor.accept(b"=")

    def _plain(self, word: bytes) -> bool:
        cursor = self.cursor
        if word in {b"ENGINE", b"TYPE"}:
            self._assigned()
            self._value(ENGINES, "where an engine of its own rows is expected")
        elif word in _WORDS:
            self._assigned()
            self._value(_WORDS[word])
        elif word in _NUMBERS:
            self._assigned()
            if cursor.is_number():
                cursor.number()
                cursor.accept(b"K", b"M", b"G")
            else:
                self._value(_SWITCHES, numbers=True)
        elif word in _TEXTS:
            self._assigned()
            cursor.text_literal()
        else:
            return False
        return True

    def _value(
        self, allowed: frozenset[bytes] | set[bytes], where: str = "", *, numbers: bool = False
    ) -> None:
        """Take one of these words, quoted or not."""
        cursor = self.cursor
        word = cursor.token.text.strip(b"'\"`").upper()
        if word not in allowed and not (numbers and word.isdigit()):
            cursor.refuse_word(where)
        cursor.at += 1
