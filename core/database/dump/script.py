"""The text of a dump: one plain .sql file, for the `mariadb` and `mysql` clients as for ourselves.

Format 1, in this order, UTF-8 unless said otherwise, every statement ending with `;` and a newline:

1. A header of comments: `-- magerewind dump, format 1`, then `-- Server:`, `-- Schema:`,
   `-- Created:`, `-- Snapshot:`, and, where rows are left out on purpose, `-- Without rows:`.
2. The session: old settings are kept in `@magerewind_…` variables and restored at the end.
   NAMES utf8mb4, UTC, sql_mode NO_AUTO_VALUE_ON_ZERO and ALLOW_INVALID_DATES, no checks of keys,
   autocommit off (so that a plain load commits every 32 MiB, not every statement).
3. Sequences: ``-- sequence `s` ``, DROP, CREATE, `DO SETVAL(…)`.
4. Tables: ``-- table `t` ``, DROP TABLE IF EXISTS, and the server's own CREATE TABLE with all
   indexes and foreign keys.
5. Rows: each statement is one line, ``INSERT INTO `t` (`a`,`b`) VALUES (…),(…);``, of about a
   mebibyte. Statements of several tables may alternate; those of one table are roughly in the order
   of its key. A line `COMMIT;` comes now and then. No statement is larger than half of the server's
   max_allowed_packet: the values of a row that would be are made before it, in lines that begin
   with `SET @magerewind_piece` (`core.database.dump.pieces`).
6. Tables whose definition changed while the dump ran (if that is allowed, see
   `core.database.dump.dump`) come after the rows of the others, structure and rows together.
7. Functions, procedures, packages; views, each after those that it is made of; triggers; events.
   Each has a line ``-- view `v` ``, a `SET` line with its own sql_mode, character set, collation
   (and time zone), a DROP, and its text, which is in the character set of that SET; between
   `DELIMITER ;;` and `DELIMITER ;` where a `;` within the text could end it. Magento's rollback
   knows no DELIMITER. Where the definer is not kept, a comment before it names it.
8. The session is put back, then comments: ``-- rows N `t` `` for every table, and as the last line
   `-- Dump completed: N tables, N rows`. A file without that line is not whole.

Names in comments have their line ends replaced; statements hold them as they are.
Knows the classes of definitions and nothing of connections.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from core.database.schema.definitions import (
    Routine,
    ScheduledEvent,
    Schema,
    Sequence_,
    Table,
    Trigger,
    View,
)
from core.database.server.dialect import Server, one_line, quote_name, quote_text
from core.database.sql.definers import definer_text, has_definer, with_current_user
from core.database.sql.tokens import tokens

FORMAT_LINE: Final = "-- magerewind dump, format 1"
END_PREFIX: Final = "-- Dump completed: "
COMMIT_LINE: Final = b"COMMIT;\n"

# A quoted text, a quoted name, or a character set before a collation of it.
_IMPLIED_SET: Final = re.compile(
    rb"""'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`|( CHARACTER SET (\w+)(?= COLLATE \2_))""", re.DOTALL
)

# Trailing bytes of these may be a quote or a backslash, which splits any reader of statements.
_UNSAFE_CHARSETS: Final = frozenset({"big5", "gbk", "gb18030", "sjis", "cp932"})
_KEPT: Final = {
    "time_zone": "'+00:00'",
    "sql_mode": "'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'",
    "foreign_key_checks": "0",
    "unique_checks": "0",
    "autocommit": "0",
}


class Definers(Struct, kw_only=True):
    """Who may be named as a definer by this account, and which objects lost theirs."""

    account: str
    any_definer: bool
    replaced: list[str] = field(default_factory=list)
    recoded: list[str] = field(default_factory=list)

    def keeps(self, definer: str) -> bool:
        """Whether an object can be made again with this definer."""
        return self.any_definer or definer == self.account


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def comment_name(name: str) -> str:
    """Return a quoted name that cannot end the comment around it."""
    return quote_name(one_line(name, limit=200))


def header(
    schema: Schema, server: Server, *, created: str, snapshot: str, stripped: Sequence[str]
) -> bytes:
    """Return the comments at the start and the settings of the session."""
    lines = [
        FORMAT_LINE,
        f"-- Server: {server} ({one_line(server.text)})",
        f"-- Schema: {comment_name(schema.name)}, {schema.charset}, {schema.collation}",
        f"-- Created: {one_line(created)}",
        f"-- Snapshot: {snapshot}",
    ]
    lines += [f"-- Without rows: {comment_name(name)}" for name in stripped]
    kept = ["character_set_client", "character_set_results", "collation_connection", *_KEPT]
    lines += [
        "",
        "SET " + ", ".join(f"@magerewind_{name} = @@{name}" for name in kept) + ";",
        "SET NAMES utf8mb4;",
        "SET " + ", ".join(f"{name} = {value}" for name, value in _KEPT.items()) + ";",
    ]
    if server.mariadb:
        # Rows are as they were, under any checks of today; so are the formats of rows.
        lines.append("/*M!100200 SET check_constraint_checks = 0 */;")
        lines.append("/*M!100200 SET innodb_strict_mode = 0 */;")
    return _encode("\n".join(lines) + "\n\n")


def history_session() -> bytes:
    """Return the setting that lets the periods of system-versioned rows be written."""
    return b"/*M!101100 SET system_versioning_insert_history = 1 */;\n"


def sequence_text(sequence: Sequence_) -> bytes:
    """Return a sequence and its position."""
    name = quote_name(sequence.name)
    return _encode(
        f"-- sequence {comment_name(sequence.name)}\n"
        f"DROP SEQUENCE IF EXISTS {name};\n{sequence.create};\n"
        f"DO SETVAL({name}, {sequence.next_value}, 0, {sequence.cycle_count});\n\n"
    )


def table_text(table: Table, schema: str) -> bytes:
    """Return the structure of a table of `schema`."""
    head = f"-- table {comment_name(table.name)}\nDROP TABLE IF EXISTS {quote_name(table.name)};\n"
    return _encode(head) + _own_sequences(_encode(table.create), schema) + b";\n\n"


def definition_fingerprint(table: Table, schema: str) -> str:
    """Return the SHA-256 of a table's definition as a dump has it.

    AUTO_INCREMENT is left out, and so is the character set that a collation has anyway: MySQL adds
    it to a definition that was loaded from its own text.
    """
    text = _without_implied_sets(_own_sequences(_encode(table.fingerprint), schema))
    return hashlib.sha256(text).hexdigest()


def definition_fingerprints(table: Table, schema: str) -> tuple[str, str]:
    """Return the fingerprint, and that of older dumps: with the character set of a collation."""
    text = _own_sequences(_encode(table.fingerprint), schema)
    return definition_fingerprint(table, schema), hashlib.sha256(text).hexdigest()


def _without_implied_sets(create: bytes) -> bytes:
    return _IMPLIED_SET.sub(lambda found: b"" if found[1] else found[0], create)


def _own_sequences(create: bytes, schema: str) -> bytes:
    """Return a table whose defaults take from sequences without the name of their schema.

    MariaDB puts it there; loaded elsewhere, the table would take from the sequence it came from.
    """
    if b"val(" not in create:
        return create
    words = list(tokens(create))
    pieces, at = [], 0
    for word, opening, qualifier, dot, name in zip(*(words[n:] for n in range(5)), strict=False):
        called = word.upper in {b"NEXTVAL", b"LASTVAL"} and opening.text == b"("
        if called and qualifier.name == schema and dot.text == b".":
            pieces.append(create[at : qualifier.start])
            at = name.start
    return b"".join([*pieces, create[at:]])


def objects_texts(schema: Schema, definers: Definers) -> Iterator[tuple[str, str, str, bytes]]:
    """Yield everything that comes after the rows: kind, name, the table of a trigger, text."""
    for routine in schema.routines:
        text = _object(routine.kind, routine.name, routine, definers, drop=True)
        yield routine.kind, routine.name, "", text
    for view in schema.views:
        yield "VIEW", view.name, "", _view(view, definers)
    for trigger in schema.triggers:
        text = _object("TRIGGER", trigger.name, trigger, definers, drop=False)
        yield "TRIGGER", trigger.name, trigger.table, text
    for event in schema.events:
        yield "EVENT", event.name, "", _object("EVENT", event.name, event, definers, drop=True)


def _view(view: View, definers: Definers) -> bytes:
    if view.valid:
        return _object("VIEW", view.name, view, definers, drop=True)
    # Making it would fail and end a plain load; so it is kept for a person to look at.
    text = view.create.replace("\r", "\n").replace("\n", "\n-- ")
    return _encode(
        f"-- view {comment_name(view.name)} refers to what does not exist; it was:\n-- {text}\n\n"
    )


def _object(
    kind: str,
    name: str,
    made: Routine | View | Trigger | ScheduledEvent,
    definers: Definers,
    *,
    drop: bool,
) -> bytes:
    create, charset, collation = _charset(kind, name, made, definers)
    lines = [f"-- {kind.lower()} {comment_name(name)}"]
    if has_definer(create) and not definers.keeps(made.definer):
        lines.append(f"-- its definer was {one_line(definer_text(made.definer))}")
        create = with_current_user(create)
        definers.replaced.append(f"{kind.lower()} {name} ({made.definer})")
    settings = f"SET character_set_client = {charset}, collation_connection = {collation}"
    mode = "" if isinstance(made, View) else made.sql_mode
    if not isinstance(made, View):
        settings += f", sql_mode = {quote_text(mode)}"
    if isinstance(made, ScheduledEvent):
        settings += f", time_zone = {quote_text(made.time_zone)}"
    lines.append(settings + ";")
    if drop:
        lines.append(f"DROP {kind} IF EXISTS {quote_name(name)};")
    if _is_one_statement(create, view=isinstance(made, View)):
        lines += [create, ";"]  # on a line of its own, as the text may end in a comment
    else:
        delimiter = _delimiter(create)
        lines += [f"DELIMITER {delimiter}", create, delimiter, "DELIMITER ;"]
    lines.append("SET NAMES utf8mb4;")
    if mode:
        lines.append(f"SET sql_mode = {_KEPT['sql_mode']};")
    if isinstance(made, ScheduledEvent):
        lines.append(f"SET time_zone = {_KEPT['time_zone']};")
    return _encode("\n".join(lines) + "\n\n")


def _charset(
    kind: str, name: str, made: Routine | View | Trigger | ScheduledEvent, definers: Definers
) -> tuple[str, str, str]:
    """Return the text of an object and the character set and collation that it is made under.

    Views come as UTF-8; routines and triggers in the bytes of their own character set.
    """
    plain = made.create.isascii()
    utf8 = made.charset in {"utf8mb4", "utf8mb3", "utf8"}
    if plain or utf8 or (not isinstance(made, View) and made.charset not in _UNSAFE_CHARSETS):
        return made.create, made.charset, made.collation
    definers.recoded.append(f"{kind.lower()} {name} ({made.charset})")
    text = made.create
    if not isinstance(made, View):
        codec = {"sjis": "shift_jis", "cp932": "cp932"}.get(made.charset, made.charset)
        text = _encode(text).decode(codec, "replace")
    return text, "utf8mb4", "utf8mb4_general_ci"


def _is_one_statement(text: str, *, view: bool) -> bool:
    """Tell whether a reader of statements that knows no DELIMITER finds the end of this text.

    In a view, whose quotes are always the server's own, a `;` in a string ends nothing; but it
    would for Magento at the end of a line.
    """
    if ";" not in text:
        return True
    if not view or any(line.rstrip().endswith(";") for line in text.split("\n")):
        return False
    return not any(token.text == b";" for token in tokens(_encode(text)))


def _delimiter(text: str) -> str:
    delimiter = ";;"
    while delimiter in text:
        delimiter += "$"
    return delimiter


def footer(rows: Mapping[str, int]) -> bytes:
    """Return the end: the session put back, the counts, the mark of completion."""
    lines = [
        "",
        *_counts(rows.items()),
        f"{END_PREFIX}{len(rows)} tables, {sum(rows.values())} rows",
    ]
    return session_end() + _encode("\n".join(lines) + "\n")


def session_end() -> bytes:
    """Return the statements that commit the rows and restore the session kept by the header."""
    kept = ["character_set_client", "character_set_results", "collation_connection", *_KEPT]
    back = ", ".join(f"{name} = @magerewind_{name}" for name in kept)
    return _encode(f"COMMIT;\nSET {back};\n")


def _counts(rows: Iterable[tuple[str, int]]) -> Iterable[str]:
    for name, count in sorted(rows):
        yield f"-- rows {count} {comment_name(name)}"
