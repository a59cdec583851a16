"""The classes of a dump's statements, and those that are never run.

Owns the list of allowed statements: definitions in its own schema, rows, and settings of its
session. All else is refused with its line. A dump that no manifest vouches for is read by a grammar
of allowed forms (`core.database.sql`), word by word to its end; of a trusted one only the head is
read.
"""

from __future__ import annotations

import re
from typing import Final

from core.database.server.dialect import Server, one_line
from core.database.sql.allowed_bodies import check_body
from core.database.sql.allowed_tables import Tables
from core.database.sql.allowed_values import check_rows
from core.database.sql.cross_schema_check import forbidden_word
from core.database.sql.cursor import Cursor, words_of
from core.database.sql.ignored_statements import is_ignored
from core.database.sql.literal_rows import HEAD, all_literal
from core.database.sql.schema_rename import mapped_schema
from core.database.sql.set_statements import is_of_rocksdb
from core.database.sql.split import RawStatement
from core.database.sql.statement import OBJECTS, PIECE, PIECE_BEGINS, Statement, StatementKind
from core.database.sql.tokens import Mark, Reading, Token, resolve_comments, tokens
from core.errors import StatementRefused

_PROGRAM_WORDS: Final = (b"load_file", b"outfile", b"dumpfile", b"select")
_WINDOW: Final = 1 << 20
_OUTSIDE_STRINGS: Final = {
    True: re.compile(rb"'[^'\\]*(?:\\.[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\"|`[^`]*`", re.DOTALL),
    False: re.compile(rb"'[^']*'|\"[^\"]*\"|`[^`]*`", re.DOTALL),
}
_DROPPED: Final = (b"TABLE", b"TABLES", b"VIEW", b"TRIGGER", b"PROCEDURE", b"FUNCTION", b"EVENT",
                   b"SEQUENCE", b"PACKAGE")  # fmt: skip
_TABLE_LIKE: Final = frozenset({b"TABLE", b"TABLES", b"VIEW", b"SEQUENCE"})


def classify(
    raw: RawStatement,
    *,
    reading: Reading,
    server: Server | None = None,
    schema: str | None = None,
    from_schema: str = "",
    trusted: bool = False,
) -> Statement:
    """Return the class of a statement. Raises StatementRefused, with its line, for one never run.

    `schema` is the one that names may be qualified with; without it no qualified name passes.
    `from_schema` is another name that means it.
    The object of a `trusted` statement is taken as it is: the schema has it, or had it when we
    dumped it, which a checksum proves and no header of a file. `text` of the result is the text
    that a server may be given: as it was read here, without any comment that only some servers
    execute.
    """
    found = HEAD.match(raw.text)
    if found is not None:
        literal = raw.literal or (not trusted and all_literal(raw.text, found.end(), reading))
        # Literals to the end leave no room for a comment; to look for one in all texts takes long.
        if literal or trusted or not _conditional(raw.text):
            names = (schema, from_schema)
            return _rows(raw, raw.text, found, reading, names, trusted, literal=literal)
    if raw.text.startswith(PIECE_BEGINS) and PIECE.fullmatch(raw.text):
        return Statement(kind=StatementKind.PIECE, line=raw.line, text=raw.text)
    text = resolve_comments(raw.text, server, reading)
    found = HEAD.match(text)
    if found is not None:
        return _rows(raw, text, found, reading, (schema, from_schema), trusted)
    if from_schema and schema is not None:
        text = mapped_schema(text, reading, from_schema, schema)
    return _Reader(raw, text, reading, schema, trusted).read()


def _conditional(text: bytes) -> bool:
    return b"/*!" in text or b"/*M!" in text


def _rows(
    raw: RawStatement,
    text: bytes,
    found: re.Match[bytes],
    reading: Reading,
    schemas: tuple[str | None, str],
    trusted: bool,
    *,
    literal: bool = False,
) -> Statement:
    if trusted:
        _refuse_programs(text, raw.line, reading)
    elif not literal:
        check_rows(text, found.end(), line=raw.line, reading=reading)
    group = "name" if found["second"] is None else "second"
    name = _name(found[group])
    if group == "second":
        schema, from_schema = schemas
        cursor = Cursor((), text=text, line=raw.line, schema=schema)
        qualifier = _name(found["name"])
        if not cursor.is_own(qualifier) and qualifier.lower() != from_schema.lower():
            cursor.foreign(qualifier)
    return Statement(
        kind=StatementKind.ROWS,
        line=raw.line,
        text=text,
        name=name,
        place=(found.start("name"), found.end(group)),
    )


def _refuse_programs(text: bytes, line: int, reading: Reading) -> None:
    """Look for the few words that make a value anything but a value, in rows of our own."""
    if not _may_be_a_program(text):
        return
    outside = _OUTSIDE_STRINGS[reading.backslash_escapes].sub(b"''", text).lower()
    for word in _PROGRAM_WORDS:
        if word in outside:
            raise StatementRefused(f"Line {line}: a row statement with {word.decode().upper()}.")


def _may_be_a_program(text: bytes) -> bool:
    """Whether one of the words is anywhere; by windows, so that no large copy is made."""
    for start in range(0, len(text), _WINDOW):
        lowered = text[start : start + _WINDOW + 16].lower()
        # Each search takes as long as the SHA-256 of the text, so three words share one.
        if b"select" in lowered or (
            b"file" in lowered and any(word in lowered for word in _PROGRAM_WORDS)
        ):
            return True
    return False


def _name(text: bytes) -> str:
    quote = text[:1]
    if quote in {b"`", b'"'}:
        text = text[1:-1].replace(quote * 2, quote)
    return text.decode("utf-8", "surrogateescape")


class _Reader:
    """Reads one statement that is not rows, word by word."""

    def __init__(
        self, raw: RawStatement, text: bytes, reading: Reading, schema: str | None, trusted: bool
    ) -> None:
        self.trusted = trusted
        self.line, self.text, self.schema = raw.line, text, schema
        words = list(tokens(text, reading)) if trusted else words_of(text, raw.line, reading)
        self.words = words
        self.cursor = Cursor(words, text=text, line=raw.line, schema=schema)

    def read(self) -> Statement:
        cursor = self.cursor
        if cursor.done or is_ignored(cursor) or self._of_rocksdb():
            return self._made(StatementKind.NOTHING)
        first = cursor.peek()
        if self.trusted and first != b"CREATE":
            word = forbidden_word(self.words)
            if word:
                cursor.refuse(f"because of {word}")
        if first == b"SET":
            return self._made(StatementKind.SET)
        cursor.at = 1
        match first:
            case b"CREATE":
                return self._create()
            case b"ALTER":
                return self._alter()
            case b"DROP":
                return self._drop()
            case b"SELECT" | b"DO":
                return self._setval()
            case _:
                raise cursor.refusal("it is none of the statements that dumps are made of")

    def _object(self) -> tuple[str, tuple[int, int]]:
        """Read a name, perhaps qualified with our schema; return it and its place."""
        cursor = self.cursor
        start = cursor.token.start
        name = cursor.own(reserved=self.trusted)
        return name, (start, self.words[cursor.at - 1].end)

    def _made(self, kind: StatementKind, **more: object) -> Statement:
        return Statement(
            kind=kind,
            line=self.line,
            text=self.text,
            words=tuple(self.words),
            schema=self.schema or "",
            trusted=self.trusted,
            **more,  # type: ignore[arg-type]
        )

    def _create(self) -> Statement:
        cursor = self.cursor
        definer = self._create_options()
        kind = self._create_kind()
        self._exists_clause()
        name, place = self._object()
        table, table_place = "", (0, 0)
        if kind is StatementKind.TRIGGER:
            at = cursor.at
            table, table_place = self._trigger_table()
            cursor.at = at
        if not self.trusted:
            self._check(kind, name)
        return self._made(
            kind, name=name, place=place, definer=definer, table=table, table_place=table_place,
            called=tuple(sorted(cursor.called)),
        )  # fmt: skip

    def _check(self, kind: StatementKind, name: str) -> None:
        """Read a statement's facts of the object that it makes."""
        cursor = self.cursor
        if kind in OBJECTS:
            check_body(kind, cursor, name=one_line(name))
        elif kind is StatementKind.TABLE:
            Tables(cursor).definition()
        elif kind is StatementKind.SEQUENCE:
            Tables(cursor).sequence()
        else:
            Tables(cursor).index()
        cursor.end()

    def _create_options(self) -> str:
        """Read the words between CREATE and the kind; return the definer, if one is given."""
        cursor, definer = self.cursor, ""
        while True:
            if cursor.accept(b"DEFINER"):
                definer = self._definer()
            elif cursor.accept(b"ALGORITHM"):
                cursor.expect(b"=")
                if not cursor.accept(b"UNDEFINED", b"MERGE", b"TEMPTABLE"):
                    cursor.refuse_word()
            elif not (
                cursor.accept_all(b"OR", b"REPLACE")
                or cursor.accept_all(b"SQL", b"SECURITY", b"DEFINER")
                or cursor.accept_all(b"SQL", b"SECURITY", b"INVOKER")
                or cursor.accept(b"UNIQUE", b"FULLTEXT", b"SPATIAL", b"AGGREGATE")
            ):
                return definer

    def _definer(self) -> str:
        """Read `= user@host`, a role or CURRENT_USER."""
        cursor = self.cursor
        cursor.expect(b"=")
        start = cursor.at
        self._account_part()
        if cursor.accept(b"@"):
            self._account_part()
        elif cursor.accept(b"("):
            cursor.expect(b")")
        return "".join(_plain_name(word) for word in self.words[start : cursor.at])

    def _account_part(self) -> None:
        word = self.cursor.token
        if word.mark is Mark.SIGN:
            self.cursor.refuse_word("where an account is expected")
        self.cursor.at += 1

    def _create_kind(self) -> StatementKind:
        cursor = self.cursor
        word = cursor.peek()
        if word == b"INDEX":
            cursor.at += 1
            cursor.accept_all(b"IF", b"NOT", b"EXISTS")
            cursor.name()
            if cursor.accept(b"USING") and not cursor.accept(b"BTREE", b"HASH", b"RTREE"):
                cursor.refuse_word()
            cursor.expect(b"ON")
            return StatementKind.ALTER
        if cursor.accept_all(b"PACKAGE", b"BODY"):
            return StatementKind.PACKAGE_BODY
        if not cursor.accept(b"TABLE", b"VIEW", b"TRIGGER", b"PROCEDURE", b"FUNCTION", b"EVENT",
                             b"SEQUENCE", b"PACKAGE"):  # fmt: skip
            cursor.refuse_word()
        return StatementKind(word.decode().lower())

    def _exists_clause(self) -> None:
        cursor = self.cursor
        if not cursor.accept_all(b"IF", b"NOT", b"EXISTS"):
            cursor.accept_all(b"IF", b"EXISTS")

    def _trigger_table(self) -> tuple[str, tuple[int, int]]:
        while not self.cursor.done and not self.cursor.accept(b"ON"):
            self.cursor.at += 1
        return self._object()

    def _alter(self) -> Statement:
        cursor = self.cursor
        cursor.accept(b"IGNORE", b"ONLINE")
        if cursor.accept(b"EVENT"):  # ALTER EVENT e ENABLE, at the end of a dump
            return self._event_state()
        cursor.expect(b"TABLE")
        self._exists_clause()
        name, place = self._object()
        if cursor.at == len(self.words) - 2 and cursor.peek(1) == b"KEYS":
            cursor.accept(b"DISABLE", b"ENABLE")
            cursor.expect(b"KEYS")
            return self._made(StatementKind.NOTHING, name=name, place=place)
        if not self.trusted:
            Tables(cursor).changes()
            cursor.end()
        elif cursor.peek() in {b"RENAME", b"EXCHANGE", b"DISCARD", b"IMPORT"}:
            cursor.refuse_word()
        return self._made(StatementKind.ALTER, name=name, place=place)

    def _event_state(self) -> Statement:
        cursor = self.cursor
        name, place = self._object()
        if cursor.accept_all(b"ON", b"COMPLETION"):
            cursor.accept(b"NOT")
            cursor.expect(b"PRESERVE")
        elif not (
            cursor.accept_all(b"DISABLE", b"ON", b"SLAVE")
            or cursor.accept_all(b"DISABLE", b"ON", b"REPLICA")
            or cursor.accept(b"ENABLE", b"DISABLE")
        ):
            cursor.refuse_word()
        cursor.end()
        return self._made(StatementKind.EVENT_STATE, name=name, place=place)

    def _drop(self) -> Statement:
        cursor = self.cursor
        cursor.accept(b"TEMPORARY")
        kind = cursor.peek()
        if not cursor.accept(*_DROPPED):
            cursor.refuse_word()
        cursor.accept(b"BODY")
        self._exists_clause()
        names = [self._object()[0]]
        while cursor.accept(b","):
            names.append(self._object()[0])
        cursor.accept(b"RESTRICT", b"CASCADE")
        cursor.end()
        if kind not in _TABLE_LIKE:
            return self._made(StatementKind.NOTHING)
        return self._made(StatementKind.DROP, names=tuple(names))

    def _of_rocksdb(self) -> bool:
        """Whether this is the question of Percona's mysqldump about an engine: it is not run.

        As no other PREPARE gets through, the statement of an EXECUTE is known.
        """
        first, rest = self.words[0].upper, self.words[1:]
        if first not in {b"EXECUTE", b"DEALLOCATE", b"PREPARE", b"SELECT"}:
            return False
        upper = {word.upper for word in rest}
        if first in {b"EXECUTE", b"DEALLOCATE"}:
            plain = all(word.mark is Mark.WORD for word in rest)
            return plain and len(rest) <= 2 and b"IMMEDIATE" not in upper
        if first != b"PREPARE" and not (first == b"SELECT" and b"INTO" in upper):
            return False
        pairs = zip(self.words, rest, strict=False)
        variables = [word.name for before, word in pairs if before.text == b"@"]
        return len(variables) == 1 and is_of_rocksdb(variables[0])

    def _setval(self) -> Statement:
        """Read `SETVAL(sequence, number, …)`, which sets the position of a sequence."""
        cursor = self.cursor
        cursor.expect(b"SETVAL", b"(")
        name, place = self._object()
        while cursor.accept(b","):
            if not cursor.accept(b"TRUE", b"FALSE"):
                cursor.number()
        cursor.expect(b")")
        cursor.end()
        return self._made(StatementKind.SETVAL, name=name, place=place)


def _plain_name(word: Token) -> str:
    if word.text[:1] in {b"'", b'"', b"`"}:
        return word.text[1:-1].decode("utf-8", "surrogateescape")
    return word.text.decode("utf-8", "surrogateescape")
