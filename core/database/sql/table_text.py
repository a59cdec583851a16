"""The text of a CREATE TABLE or ALTER TABLE taken apart, so that its names can be changed.

Owns columns, keys and foreign keys as pieces of text; never looks at their sense further than the
rewriting needs: whose name it is, which table it refers to, which key can wait for the rows. Names
are changed at the places of tokens, so the text of strings and comments stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.database.server.dialect import quote_name
from core.database.sql.allowed import classify
from core.database.sql.split import RawStatement
from core.database.sql.statement import Statement
from core.database.sql.tokens import (
    DEFAULT_READING,
    Token,
    skip_to_balance,
    split_at_commas,
    tokens,
)
from core.errors import StatementRefused

Rename = Callable[[str], str]
"""From the name of a table to its replacement."""


class PartKind(StrEnum):
    """The part between two commas of a table's definition."""

    COLUMN = "column"
    PRIMARY = "primary"
    UNIQUE = "unique"
    INDEX = "index"
    FULLTEXT = "fulltext"
    SPATIAL = "spatial"
    FOREIGN = "foreign"
    CHECK = "check"
    PERIOD = "period"
    OTHER = "other"


class ForeignKeyText(Struct, frozen=True, kw_only=True):
    """A foreign key: `clause` is `FOREIGN KEY (…) REFERENCES `, `rest` the words after the table.

    `schema` is empty for a table of the same schema; `name` for a key that has none.
    """

    table: str
    name: str
    clause: str
    schema: str
    referenced: str
    rest: str

    @property
    def first_column(self) -> str:
        """The first of its columns."""
        words = list(tokens(self.clause.encode("utf-8", "surrogateescape")))
        return words[next(i for i, word in enumerate(words) if word.text == b"(") + 1].name

    def render(self, *, name: str | None = None, rename: Rename | None = None) -> str:
        """Return `[CONSTRAINT name] FOREIGN KEY …`, the referenced table under its other name."""
        name = self.name if name is None else name
        target = self.referenced
        if rename is not None and not self.schema:
            target = rename(target)
        qualified = f"{quote_name(self.schema)}." if self.schema else ""
        start = f"CONSTRAINT {quote_name(name)} " if name else ""
        return f"{start}{self.clause}{qualified}{quote_name(target)}{self.rest}"


class TablePart(Struct, frozen=True, kw_only=True):
    """One column, key or constraint. `columns` are those of a key, in order."""

    kind: PartKind
    text: bytes
    name: str = ""
    columns: tuple[str, ...] = ()
    auto_increment: bool = False
    foreign: ForeignKeyText | None = None


class TableText(Struct, frozen=True, kw_only=True):
    """A table's definition in pieces; foreign keys are apart."""

    name: str
    parts: tuple[TablePart, ...]
    options: bytes
    engine: str
    foreign_keys: tuple[ForeignKeyText, ...]
    line: int

    def render(self, name: str, parts: Iterable[TablePart] | None = None) -> bytes:
        """Return a CREATE TABLE of this name with these parts, in one statement."""
        lines = [part.text for part in (self.parts if parts is None else parts)]
        body = b",\n  ".join(lines)
        return b"CREATE TABLE %s (\n  %s\n)%s" % (_quoted(name), body, self.options)


def columns_of(key: ForeignKeyText) -> tuple[str, ...]:
    """Return the names of the columns of a foreign key, in order."""
    words = list(tokens(key.clause.encode("utf-8", "surrogateescape")))
    texts = [word.text for word in words]
    inner = words[texts.index(b"(") + 1 : texts.index(b")")]
    return tuple(word.name for word in inner if word.text != b",")


def without_restrict(key: ForeignKeyText) -> ForeignKeyText:
    """Return the key without `ON … RESTRICT`, which is the default.

    MariaDB turns it into NO ACTION when the key is added by an ALTER TABLE in place.
    """
    rest = key.rest.encode("utf-8", "surrogateescape")
    words = list(tokens(rest))
    kept, at = [], 0
    for index in range(len(words) - 2):
        first, _, last = words[index : index + 3]
        if first.upper == b"ON" and last.upper == b"RESTRICT":
            kept.append(rest[at : first.start].rstrip())
            at = last.end
    return replace(key, rest=_decoded(b"".join([*kept, rest[at:]])))


_KEY_WORDS: Final = frozenset({b"KEY", b"INDEX"})


def _quoted(name: str) -> bytes:
    return quote_name(name).encode("utf-8", "surrogateescape")


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")


def parse_table(statement: Statement) -> TableText:
    """Return the pieces of a CREATE TABLE. Raises StatementRefused for LIKE, SELECT and MERGE."""
    words, text = list(statement.words), statement.text
    start = next(
        (i for i, word in enumerate(words) if word.start >= statement.place[1]), len(words)
    )
    if start >= len(words) or words[start].text != b"(" or words[start + 1].upper == b"LIKE":
        raise StatementRefused(
            f"Line {statement.line}: a table made from another one or from a SELECT is not loaded."
        )
    end = skip_to_balance(words, start)
    tail = words[end:]
    _check_options(statement, tail)
    parts = [_part(statement, one, text) for one in split_at_commas(words[start + 1 : end - 1])]
    return TableText(
        name=statement.name,
        parts=tuple(part for part in parts if part.foreign is None),
        options=text[words[end - 1].end :],
        engine=_option(tail, b"ENGINE"),
        foreign_keys=tuple(part.foreign for part in parts if part.foreign is not None),
        line=statement.line,
    )


def _check_options(statement: Statement, tail: list[Token]) -> None:
    depth = 0
    for word in tail:
        depth += (word.text == b"(") - (word.text == b")")
        if depth == 0 and word.upper in {b"SELECT", b"AS", b"UNION"}:
            raise StatementRefused(
                f"Line {statement.line}: the table '{statement.name}' is made from other tables,"
                " which is not loaded."
            )


def _option(tail: list[Token], name: bytes) -> str:
    for index, word in enumerate(tail[:-1]):
        if word.upper == name:
            value = tail[index + 2] if tail[index + 1].text == b"=" else tail[index + 1]
            return value.name.strip("'")
    return ""


def _part(statement: Statement, words: list[Token], text: bytes) -> TablePart:
    raw = text[words[0].start : words[-1].end]
    kind, name, at = _kind(words)
    if kind is PartKind.FOREIGN:
        return TablePart(
            kind=kind, text=raw, name=name, foreign=_foreign(statement, words, at, name, text)
        )
    upper = {word.upper for word in words}
    return TablePart(
        kind=kind,
        text=_column_reference(statement, words, text) if kind is PartKind.COLUMN else raw,
        name=name or (words[0].name if kind is PartKind.COLUMN else ""),
        columns=_key_columns(words, at) if kind not in {PartKind.COLUMN, PartKind.CHECK} else (),
        auto_increment=kind is PartKind.COLUMN and b"AUTO_INCREMENT" in upper,
    )


def _kind(words: list[Token]) -> tuple[PartKind, str, int]:
    """Return the class of a part, the name of its constraint or key, and where to read on."""
    at, name = 0, ""
    if words[0].upper == b"CONSTRAINT":
        at = 1
        if words[1].upper not in {b"PRIMARY", b"UNIQUE", b"FOREIGN", b"CHECK"}:
            name, at = words[1].name, 2
    word = words[at].upper if at < len(words) else b""
    following = words[at + 1].upper if at + 1 < len(words) else b""
    match word:
        case b"PRIMARY" if following == b"KEY":
            return PartKind.PRIMARY, name, at + 2
        case b"UNIQUE" | b"FULLTEXT" | b"SPATIAL":
            at += 2 if following in _KEY_WORDS else 1
            kind = PartKind(word.decode().lower())
        case b"KEY" | b"INDEX":
            kind, at = PartKind.INDEX, at + 1
        case b"FOREIGN" if following == b"KEY":
            return PartKind.FOREIGN, name, at
        case b"CHECK":
            return PartKind.CHECK, name, at
        case b"PERIOD" if following == b"FOR":
            return PartKind.PERIOD, name, at
        case _:
            return PartKind.COLUMN, "", 0
    if at < len(words) and words[at].is_name and words[at].upper != b"USING":
        name = words[at].name
    return kind, name, at


def _key_columns(words: list[Token], at: int) -> tuple[str, ...]:
    while at < len(words) and words[at].text != b"(":
        at += 1
    end = skip_to_balance(words, at)
    return tuple(part[0].name for part in split_at_commas(words[at + 1 : end - 1]))


def _foreign(
    statement: Statement, words: list[Token], at: int, name: str, text: bytes
) -> ForeignKeyText:
    target = next(
        (i + 1 for i in range(at, len(words)) if words[i].upper == b"REFERENCES"), len(words)
    )
    if target >= len(words):
        raise StatementRefused(f"Line {statement.line}: a foreign key without REFERENCES.")
    schema, referenced, after = read_reference(words, target)
    if schema and schema == statement.schema:
        schema = ""
    clause = text[words[at].start : words[target].start]
    return ForeignKeyText(
        table=statement.name,
        name=name,
        clause=_decoded(clause).rstrip() + " ",
        schema=schema,
        referenced=referenced,
        rest=_decoded(text[words[after - 1].end : words[-1].end]),
    )


def read_reference(words: list[Token], at: int) -> tuple[str, str, int]:
    """Return the schema (or empty) and the name at `at`, and where to read on."""
    if at + 2 < len(words) and words[at + 1].text == b".":
        return words[at].name, words[at + 2].name, at + 3
    return "", words[at].name, at + 1


def _column_reference(statement: Statement, words: list[Token], text: bytes) -> bytes:
    """Refuse a REFERENCES of a column's own: no name could be given to its key."""
    if any(word.upper == b"REFERENCES" for word in words):
        raise StatementRefused(
            f"Line {statement.line}: a column with REFERENCES of its own is not loaded.",
            hint="Load it into an empty schema with the mariadb client and dump it from there.",
        )
    return text[words[0].start : words[-1].end]


class AlterText(Struct, frozen=True, kw_only=True):
    """An ALTER TABLE (or CREATE INDEX) in pieces; `before` and `after` surround the name."""

    name: str
    before: bytes
    after: bytes
    foreign_keys: tuple[ForeignKeyText, ...]
    line: int

    def render(self, name: str) -> bytes | None:
        """Return the statement for a table of this name; None if only foreign keys were in it."""
        return self.before + _quoted(name) + self.after if self.after.strip() else None


def parse_alter(statement: Statement) -> AlterText:
    """Return the pieces of an ALTER TABLE, its foreign keys apart."""
    words, text = list(statement.words), statement.text
    before, after = text[: statement.place[0]], text[statement.place[1] :]
    foreign: list[ForeignKeyText] = []
    if words[0].upper == b"ALTER":
        start = next((i for i, w in enumerate(words) if w.start >= statement.place[1]), len(words))
        kept: list[bytes] = []
        for part in split_at_commas(words[start:]):
            rest = part[1:] if part[0].upper == b"ADD" else []
            kind, name, at = _kind(rest) if rest else (PartKind.OTHER, "", 0)
            if kind is PartKind.FOREIGN:
                foreign.append(_foreign(statement, rest, at, name, text))
            elif part[0].upper == b"RENAME" and len(part) > 1 and part[1].upper in {b"TO", b"AS"}:
                raise StatementRefused(f"Line {statement.line}: a table that is given a new name.")
            else:
                kept.append(text[part[0].start : part[-1].end])
        after = b" " + b", ".join(kept) if kept else b""
    return AlterText(
        name=statement.name,
        before=before,
        after=after,
        foreign_keys=tuple(foreign),
        line=statement.line,
    )


def parse_show_create(create: str) -> TableText:
    """Return the pieces of an answer of SHOW CREATE TABLE."""
    raw = RawStatement(create.encode("utf-8", "surrogateescape"), 1, 0)
    return parse_table(classify(raw, reading=DEFAULT_READING, trusted=True))


def split_for_loading(table: TableText) -> tuple[tuple[TablePart, ...], tuple[TablePart, ...]]:
    """Return the parts that a table is made with, and the keys that can wait for the rows.

    Keys come in the order in which the server shows them, so those that wait must be the last
    ones: all up to the one that AUTO_INCREMENT needs stay. Other engines than InnoDB build keys
    as fast with the rows; system-versioned tables and periods do not like to be altered.
    """
    options = table.options.upper()
    if (
        table.engine.upper() not in {"INNODB", ""}
        or b"SYSTEM VERSIONING" in options
        or any(part.kind is PartKind.PERIOD for part in table.parts)
    ):
        return table.parts, ()
    automatic = {part.name for part in table.parts if part.auto_increment}
    needed = max(
        (
            index
            for index, part in enumerate(table.parts)
            if part.kind is not PartKind.COLUMN
            and (set(part.columns[:1]) & automatic or b"USING HASH" in part.text.upper())
        ),
        default=-1,
    )
    waiting = {PartKind.UNIQUE, PartKind.INDEX, PartKind.FULLTEXT}
    later = tuple(
        part for index, part in enumerate(table.parts) if part.kind in waiting and index > needed
    )
    return tuple(part for part in table.parts if part not in later), later
