"""The effect of a dump's SET statements on a session, without running them.

A dump is loaded by several connections of ours, so its own settings are followed here and handed
on as a value: the character set, the time zone, the sql_mode and little else. Variables that only
tune a client's session are ignored, everything that is not known is refused.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.database.server.dialect import one_line
from core.database.sql.cursor import Cursor
from core.database.sql.tokens import Mark, Reading, Token, split_at_commas
from core.errors import StatementRefused

BASE_MODE: Final = "NO_AUTO_VALUE_ON_ZERO"
UTC: Final = "+00:00"
SERVER_ZONE: Final = "@@GLOBAL.time_zone"
"""Denotes the time zone of a new session: a dump that sets none is read in that."""
_TRACKED: Final = {
    "sql_mode": "sql_mode",
    "time_zone": "time_zone",
    "character_set_client": "charset",
    "collation_connection": "collation",
    "system_versioning_insert_history": "history",
    "default_storage_engine": "engine",
    "storage_engine": "engine",
}
_IGNORED: Final = frozenset(
    {
        "autocommit",
        "unique_checks",
        "foreign_key_checks",
        "sql_notes",
        "note_verbosity",
        "sql_log_bin",
        "character_set_results",
        "character_set_connection",
        "collation_server",
        "collation_database",
        "sql_quote_show_create",
        "net_read_timeout",
        "net_write_timeout",
        "wait_timeout",
        "lock_wait_timeout",
        "innodb_lock_wait_timeout",
        "max_statement_time",
        "max_execution_time",
        "innodb_strict_mode",
        "check_constraint_checks",
        "sql_require_primary_key",
        "sql_generate_invisible_primary_key",
        "sql_warnings",
        "sql_big_result",
        "big_tables",
        "sql_big_selects",
        "sql_safe_updates",
        "explicit_defaults_for_timestamp",
        "system_versioning_alter_history",
        "session_track_gtids",
        "default_tmp_storage_engine",
        "transaction_isolation",
        "tx_isolation",
        "show_old_temporals",
        "binlog_format",
        "restrict_fk_on_non_standard_key",
        "optimizer_switch",
        "alter_algorithm",
        "bulk_insert_buffer_size",
        "myisam_sort_buffer_size",
        "sort_buffer_size",
        "insert_id",
        "interactive_timeout",
        "tx_read_only",
        "transaction_read_only",
        "old_mode",
        "gtid_next",
        "max_allowed_packet",
    }
)
# Character sets in which every byte below 0x80 is the ASCII character. In others (gbk, sjis, big5,
# utf16) a part of a letter may be a backslash or a quote, and a statement ends elsewhere.
_READABLE: Final = frozenset(
    {"utf8mb4", "utf8mb3", "utf8", "binary", "ascii", "latin1", "latin2", "latin5", "latin7",
     "cp1250", "cp1251", "cp1256", "cp1257", "cp850", "cp852", "cp866", "koi8r", "koi8u", "greek",
     "hebrew", "armscii8", "geostd8", "macce", "macroman", "keybcs2", "tis620"}
)  # fmt: skip
_MODES: Final = frozenset(
    {"REAL_AS_FLOAT", "PIPES_AS_CONCAT", "ANSI_QUOTES", "IGNORE_SPACE", "IGNORE_BAD_TABLE_OPTIONS",
     "NOT_USED", "ONLY_FULL_GROUP_BY", "NO_UNSIGNED_SUBTRACTION", "NO_DIR_IN_CREATE", "POSTGRESQL",
     "ORACLE", "MSSQL", "DB2", "MAXDB", "NO_KEY_OPTIONS", "NO_TABLE_OPTIONS", "NO_FIELD_OPTIONS",
     "MYSQL323", "MYSQL40", "ANSI", "NO_AUTO_VALUE_ON_ZERO", "NO_BACKSLASH_ESCAPES",
     "STRICT_TRANS_TABLES", "STRICT_ALL_TABLES", "NO_ZERO_IN_DATE", "NO_ZERO_DATE",
     "INVALID_DATES", "ALLOW_INVALID_DATES", "ERROR_FOR_DIVISION_BY_ZERO", "TRADITIONAL",
     "NO_AUTO_CREATE_USER", "HIGH_NOT_PRECEDENCE", "NO_ENGINE_SUBSTITUTION",
     "PAD_CHAR_TO_FULL_LENGTH", "EMPTY_STRING_IS_NULL", "SIMULTANEOUS_ASSIGNMENT",
     "TIME_ROUND_FRACTIONAL", "TIME_TRUNCATE_FRACTIONAL"}
)  # fmt: skip
_SERVER_SCOPES: Final = frozenset({b"GLOBAL", b"PERSIST", b"PERSIST_ONLY"})


class SessionState(Struct, frozen=True):
    """The settings that a statement is to run under."""

    charset: str = "utf8mb4"
    collation: str = ""  # of the connection; empty: the character set's own
    sql_mode: str = BASE_MODE
    time_zone: str = UTC
    history: str = "0"  # rows of the past of a system-versioned table are written
    engine: str = ""

    @property
    def reading(self) -> Reading:
        """How statements are read under this sql_mode."""
        return Reading.of_mode(self.sql_mode, self.charset)


class DumpSession:
    """A session that follows the SET statements of a dump.

    `time_zone` is the one that a dump means which sets none.
    """

    def __init__(self, time_zone: str = UTC) -> None:
        self.state = SessionState(time_zone=time_zone)
        self._saved: dict[str, str] = {}  # @user variables
        self._first = self.state

    def apply(self, words: list[Token], line: int) -> None:
        """Follow one SET statement, given as its tokens. Raises StatementRefused."""
        cursor = Cursor(words, text=b"", line=line, schema=None)
        cursor.expect(b"SET")
        while True:
            self._apply_part(cursor)
            if not cursor.accept(b","):
                break
        cursor.end()

    def _apply_part(self, cursor: Cursor) -> None:
        if cursor.accept(b"NAMES"):
            self._set_names(cursor)
        elif cursor.peek() == b"@" and cursor.peek(1) != b"@":
            cursor.at += 1
            name, value = self._assignment(cursor)
            if not is_of_rocksdb(name):
                self._saved[name] = self._value(value, cursor.line, name)
        elif cursor.accept_all(b"CHARACTER", b"SET") or cursor.accept(b"CHARSET"):
            self._set("character_set_client", _letters(cursor), cursor.line)
        elif cursor.accept(b"TRANSACTION") or cursor.accept_all(b"SESSION", b"TRANSACTION"):
            cursor.at += len(_rest(cursor))
        else:
            self._set_variable(cursor)

    def _set_names(self, cursor: Cursor) -> None:
        self._set("character_set_client", _letters(cursor), cursor.line)
        collation = _letters(cursor) if cursor.accept(b"COLLATE") else ""
        self.state = replace(self.state, collation=collation)

    def _set_variable(self, cursor: Cursor) -> None:
        marked = cursor.accept_all(b"@", b"@")
        scope = cursor.peek()
        if scope in _SERVER_SCOPES:
            rest = _rest(cursor)
            if b"GTID_PURGED" not in {word.upper for word in rest}:
                cursor.refuse(f"SET {scope.decode()} changes the server")
            cursor.at += len(rest)  # a dump of ours to load is no replica in the making
            return
        if scope in {b"SESSION", b"LOCAL"} and cursor.peek(1) not in {b"=", b":"}:
            cursor.at += 1
            if marked:
                cursor.expect(b".")
            cursor.accept_all(b"@", b"@")
        name, value = self._assignment(cursor)
        if name in _IGNORED:
            return
        if name not in _TRACKED:
            cursor.refuse(f"SET of the unknown variable '{one_line(name)}'")
        self._set(name, self._value(value, cursor.line, name), cursor.line)

    @staticmethod
    def _assignment(cursor: Cursor) -> tuple[str, list[Token]]:
        """Read `name = value` or `name := value`; return both, the value as its words."""
        if not (cursor.token.is_name or cursor.is_text()):
            cursor.refuse_word("where a variable is expected")
        name = _plain(cursor.token).lower()
        cursor.at += 1
        cursor.accept(b":")
        cursor.expect(b"=")
        value = _rest(cursor)
        cursor.at += len(value)
        return name, value

    def _set(self, variable: str, value: str, line: int) -> None:
        field = _TRACKED[variable]
        if value.upper() in {"DEFAULT", "NULL"}:
            value = str(getattr(self._first, field))
        if field == "sql_mode":
            self._check_mode(value, line)
        if field == "charset":
            value = value.lower()
            if value not in _READABLE:
                raise StatementRefused(
                    f"Line {line}: the dump is written in {one_line(value)}, which is not read.",
                    hint="Make it anew with --default-character-set=utf8mb4.",
                )
            self.state = replace(self.state, collation="")
        if field == "history":
            value = "1" if value.upper() in {"1", "ON", "TRUE"} else "0"
        self.state = replace(self.state, **{field: value})

    @staticmethod
    def _check_mode(value: str, line: int) -> None:
        """Refuse a mode that is not known: how strings are read hangs on it."""
        for mode in value.upper().split(","):
            if mode and mode not in _MODES:
                raise StatementRefused(f"Line {line}: the unknown sql_mode '{one_line(mode)}'.")

    def _value(self, value: list[Token], line: int, name: str) -> str:
        text = b"".join(word.text for word in value).lower()
        if not value:
            raise StatementRefused(f"Line {line}: SET '{name}' to nothing.")
        if text.startswith(b"@@"):
            variable = (
                text[2:]
                .removeprefix(b"session.")
                .removeprefix(b"local.")
                .decode("utf-8", "replace")
            )
            if variable == "global.time_zone":
                return SERVER_ZONE
            return str(getattr(self.state, _TRACKED[variable])) if variable in _TRACKED else ""
        if text.startswith(b"@"):
            return self._saved.get(text[1:].decode("utf-8", "replace"), "DEFAULT")
        if value[0].upper == b"IFNULL" and len(value) > 3:  # the saved value, or else
            saved, *other = split_at_commas(value[2:-1]) or [[]]
            found = self._value(saved, line, name)
            return found if found != "DEFAULT" or not other else self._value(other[0], line, name)
        if value[0].upper == b"CONCAT" and len(value) > 2:
            parts = split_at_commas(value[2:-1])
            return ",".join(filter(None, (self._value(p, line, name).strip(",") for p in parts)))
        if len(value) == 1 or (len(value) == 2 and value[0].text in {b"-", b"+"}):
            return _plain(value[-1])
        raise StatementRefused(f"Line {line}: SET '{name}' to what is not a plain value.")


def is_of_rocksdb(variable: str) -> bool:
    """Whether Percona's mysqldump uses this variable of a client to tune an engine while it loads.

    It asks in some statements of its own whether the server has that engine; see `classify`.
    """
    return "rocksdb" in variable.lower() or variable.lower().endswith("able_bulk_load")


def _rest(cursor: Cursor) -> list[Token]:
    """Return the words up to the next comma outside brackets."""
    depth, found = 0, []
    for word in cursor.words[cursor.at :]:
        if word.text == b"," and depth == 0:
            break
        depth += (word.text == b"(") - (word.text == b")")
        found.append(word)
    return found


def _letters(cursor: Cursor) -> str:
    """Take the name of a character set or collation."""
    word = cursor.token
    if not (word.is_name or word.mark is Mark.TEXT):
        cursor.refuse_word("where a character set is expected")
    cursor.at += 1
    return _plain(word)


def _plain(word: Token) -> str:
    if word.mark in {Mark.TEXT, Mark.NAME}:
        return word.text[1:-1].decode("utf-8", "surrogateescape")
    return word.text.decode("utf-8", "surrogateescape")
