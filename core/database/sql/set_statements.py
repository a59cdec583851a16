"""What the SET statements of a dump make of a session, without running them.

A dump is loaded by several connections of ours, so its own settings are followed here and handed
on as a value: the character set, the time zone, the sql_mode and little else. Variables that only
tune a client's session are ignored, everything that is not known is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from core.database.sql.tokens import Mark, Reading, Token, split_at_commas
from core.errors import StatementRefused

BASE_MODE: Final = "NO_AUTO_VALUE_ON_ZERO"
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
# In these a byte of a character may be a backslash or a quote.
_UNREADABLE: Final = frozenset(
    {
        "sjis",
        "cp932",
        "gbk",
        "gb2312",
        "big5",
        "gb18030",
        "euckr",
        "ucs2",
        "utf16",
        "utf16le",
        "utf32",
    }
)


@dataclass(frozen=True, slots=True)
class SessionState:
    """The settings that a statement is to run under."""

    charset: str = "utf8mb4"
    collation: str = ""  # of the connection; empty: the character set's own
    sql_mode: str = BASE_MODE
    time_zone: str = "+00:00"
    history: str = "0"  # rows of the past of a system-versioned table are written
    engine: str = ""

    @property
    def reading(self) -> Reading:
        """How statements are read under this sql_mode."""
        return Reading.of_mode(self.sql_mode)


class Session:
    """A session that follows the SET statements of a dump."""

    def __init__(self) -> None:
        self.state = SessionState()
        self.zone_given = False
        self._saved: dict[str, str] = {}  # @user variables
        self._first = self.state

    def apply(self, words: list[Token], line: int) -> None:
        """Follow one SET statement, given as its tokens. Raises StatementRefused."""
        for part in split_at_commas(words[1:]):
            self._apply_part(part, line)

    def _apply_part(self, part: list[Token], line: int) -> None:
        first = part[0].upper
        if first == b"NAMES":
            self._set_names(part, line)
        elif part[0].text == b"@" and len(part) > 1 and part[1].text != b"@":
            name, value = _assignment(part[1:], line)
            if not is_of_rocksdb(name):
                self._saved[name] = self._value(value, line, name)
        elif first in {b"CHARACTER", b"CHARSET"}:
            charset = self._plain(part[-1])
            self._set("character_set_client", charset, line)
        elif first in {b"TRANSACTION", b"SESSION"} and part[min(1, len(part) - 1)].upper in {
            b"TRANSACTION", b"ISOLATION", b"READ",
        }:  # fmt: skip
            return
        else:
            self._set_variable(part, line)

    def _set_names(self, part: list[Token], line: int) -> None:
        self._set("character_set_client", self._plain(part[1]), line)
        collation = self._plain(part[3]) if len(part) > 3 else ""
        self.state = replace(self.state, collation=collation)

    def _set_variable(self, part: list[Token], line: int) -> None:
        at = 2 if part[0].text == b"@" else 0
        scope = part[at].upper
        if scope in {b"GLOBAL", b"PERSIST", b"PERSIST_ONLY"}:
            if b"GTID_PURGED" in {word.upper for word in part}:
                return  # a dump of ours to load is no replica in the making
            raise StatementRefused(f"Line {line}: SET {scope.decode()} changes the server.")
        if scope in {b"SESSION", b"LOCAL"} and len(part) > at + 1:
            at += 1
            if part[at].text == b".":
                at += 1
            while part[at].text == b"@":
                at += 1
        name, value = _assignment(part[at:], line)
        if name in _IGNORED:
            return
        if name not in _TRACKED:
            raise StatementRefused(f"Line {line}: SET of the unknown variable '{name}'.")
        self._set(name, self._value(value, line, name), line)

    def _set(self, variable: str, value: str, line: int) -> None:
        field = _TRACKED[variable]
        if value.upper() in {"DEFAULT", "NULL"}:
            value = str(getattr(self._first, field))
        if field == "charset":
            value = value.lower()
            if value in _UNREADABLE:
                raise StatementRefused(
                    f"Line {line}: the dump is written in {value}, which is not read.",
                    hint="Make it anew with --default-character-set=utf8mb4.",
                )
            self.state = replace(self.state, collation="")
        if field == "time_zone":
            self.zone_given = True
        if field == "history":
            value = "1" if value.upper() in {"1", "ON", "TRUE"} else "0"
        self.state = replace(self.state, **{field: value})

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
            return str(getattr(self.state, _TRACKED[variable])) if variable in _TRACKED else ""
        if text.startswith(b"@"):
            return self._saved.get(text[1:].decode("utf-8", "replace"), "DEFAULT")
        if value[0].upper == b"IFNULL" and len(value) > 2:  # what is saved, or else
            saved, *other = split_at_commas(value[2:-1])
            found = self._value(saved, line, name)
            return found if found != "DEFAULT" or not other else self._value(other[0], line, name)
        if value[0].upper == b"CONCAT" and len(value) > 2:
            parts = split_at_commas(value[2:-1])
            return ",".join(filter(None, (self._value(p, line, name).strip(",") for p in parts)))
        if len(value) == 1 or (len(value) == 2 and value[0].text in {b"-", b"+"}):
            return self._plain(value[-1])
        raise StatementRefused(f"Line {line}: SET '{name}' to what is not a plain value.")

    @staticmethod
    def _plain(word: Token) -> str:
        if word.mark in {Mark.TEXT, Mark.NAME}:
            return word.text[1:-1].decode("utf-8", "surrogateescape")
        return word.text.decode("utf-8", "surrogateescape")


def is_of_rocksdb(variable: str) -> bool:
    """Whether Percona's mysqldump uses this variable of a client to tune an engine while it loads.

    It asks in some statements of its own whether the server has that engine; see `classify`.
    """
    return "rocksdb" in variable.lower() or variable.lower().endswith("able_bulk_load")


def _assignment(part: list[Token], line: int) -> tuple[str, list[Token]]:
    if len(part) >= 3 and part[1].text == b":":
        part = [part[0], *part[2:]]
    if len(part) < 3 or part[1].text != b"=":
        raise StatementRefused(f"Line {line}: a SET that is not understood.")
    return part[0].name.lower(), part[2:]
