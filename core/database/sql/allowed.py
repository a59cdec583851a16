"""What each statement of a dump is, and which are never run.

Owns the list of what a dump may hold: definitions in its own schema, rows, and settings of its
session. All else is refused with its line: other schemas, accounts, files of the server, settings
of the server, and whatever is not known. Row statements are only looked at in their head; what
stands behind it is searched for the four words that could make a value anything but a value.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from core.database.server.dialect import Server, one_line
from core.database.sql.reach import forbidden_word, made_at_run_time, other_schemas
from core.database.sql.set_statements import is_of_rocksdb
from core.database.sql.split import RawStatement
from core.database.sql.statement import OBJECTS, Statement, StatementKind
from core.database.sql.tokens import Mark, Reading, Token, resolve_comments, skip_to_balance, tokens
from core.errors import StatementRefused

_ONE_NAME: Final = rb"(?:`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\"|[\w$\x80-\xff]+)"
_ROWS: Final = re.compile(
    rb"(?:INSERT|REPLACE)(?:\s+(?:IGNORE|DELAYED|LOW_PRIORITY|HIGH_PRIORITY))*(?:\s+INTO)?\s*"
    rb"(?P<name>" + _ONE_NAME + rb")(?:\s*\.\s*(?P<second>" + _ONE_NAME + rb"))?"
    rb"\s*(?:\((?:\s*" + _ONE_NAME + rb"\s*,?)*\s*\))?\s*VALUES?\s*\(",
    re.IGNORECASE,
)
_BY_HAND: Final = (
    "Only in a backup of magerewind with its manifest are bodies taken as they are."
    " Take it out of this dump, and make it by hand afterwards."
)
_PROGRAM_WORDS: Final = (b"load_file", b"outfile", b"dumpfile", b"select")
_WINDOW: Final = 1 << 20
_OUTSIDE_STRINGS: Final = {
    True: re.compile(rb"'[^'\\]*(?:\\.[^'\\]*)*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\"|`[^`]*`", re.DOTALL),
    False: re.compile(rb"'[^']*'|\"[^\"]*\"|`[^`]*`", re.DOTALL),
}
_NOTHING: Final = frozenset(
    {b"LOCK", b"UNLOCK", b"COMMIT", b"BEGIN", b"START", b"ROLLBACK", b"ANALYZE", b"DELIMITER"}
)


def classify(
    raw: RawStatement,
    *,
    reading: Reading,
    server: Server | None = None,
    schema: str | None = None,
    trusted: bool = False,
) -> Statement:
    """Return what a statement is. Raises StatementRefused for what is never run, with its line.

    `schema` is the one that names may be qualified with; without it no qualified name passes.
    The body of a `trusted` view or routine is taken as it is: one that the schema has, or had when
    we dumped it, which a checksum proves and no header of a file.
    """
    found = _ROWS.match(raw.text)
    if found is not None:
        return _rows(raw, raw.text, found, reading, schema)
    text = resolve_comments(raw.text, server, reading)
    found = _ROWS.match(text)
    if found is not None:
        return _rows(raw, text, found, reading, schema)
    return _Reader(raw, text, reading, schema, trusted).read()


def _rows(
    raw: RawStatement, text: bytes, found: re.Match[bytes], reading: Reading, schema: str | None
) -> Statement:
    if _may_be_a_program(text):
        outside = _OUTSIDE_STRINGS[reading.backslash_escapes].sub(b"''", text).lower()
        for word in _PROGRAM_WORDS:
            if word in outside:
                raise StatementRefused(
                    f"Line {raw.line}: a row statement with {word.decode().upper()}."
                )
    group = "name" if found["second"] is None else "second"
    name = _name(found[group])
    if group == "second":
        _own(raw.line, _name(found["name"]), schema)
    return Statement(
        kind=StatementKind.ROWS,
        line=raw.line,
        text=text,
        name=name,
        place=(found.start("name"), found.end(group)),
    )


def _may_be_a_program(text: bytes) -> bool:
    """Whether one of the words is anywhere; by windows, so that no large copy is made."""
    for start in range(0, len(text), _WINDOW):
        lowered = text[start : start + _WINDOW + 16].lower()
        if any(word in lowered for word in _PROGRAM_WORDS):
            return True
    return False


def _name(text: bytes) -> str:
    quote = text[:1]
    if quote in {b"`", b'"'}:
        text = text[1:-1].replace(quote * 2, quote)
    return text.decode("utf-8", "surrogateescape")


def _own(line: int, qualifier: str, schema: str | None) -> None:
    if schema is None or qualifier.lower() != schema.lower():
        raise StatementRefused(
            f"Line {line}: a statement about another schema, '{one_line(qualifier)}'.",
            hint="Make the dump without --databases, so that its names stand alone.",
        )


class _Reader:
    """Reads one statement that is not rows, word by word."""

    def __init__(
        self,
        raw: RawStatement,
        text: bytes,
        reading: Reading,
        schema: str | None,
        trusted: bool,
    ) -> None:
        self.trusted = trusted
        self.line = raw.line
        self.text = text
        self.schema = schema
        self.words = list(tokens(text, reading))
        self.at = 0

    def read(self) -> Statement:
        if not self.words or self._of_the_schema() or self._of_rocksdb():
            return self._made(StatementKind.NOTHING)
        if not (self.trusted and self.words[0].upper == b"CREATE"):
            self._forbid()
        first = self.words[0].upper
        if first == b"SET":
            return self._made(StatementKind.SET)
        if first in _NOTHING:
            return self._made(StatementKind.NOTHING)
        self.at = 1
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
                raise self._refusal()

    def _of_the_schema(self) -> bool:
        """Whether this makes, enters or sets the letters of the schema that the dump goes into.

        So begins a dump that mysqldump made with --databases; the schema is there, and its tables
        say their character sets themselves. Refuses the same of any other schema.
        """
        words = [word.upper for word in self.words[:2]]
        if words[0] == b"USE":
            self.at = 1
        elif words[0] in {b"CREATE", b"ALTER"} and words[1:] in ([b"DATABASE"], [b"SCHEMA"]):
            self.at = 2
            self._exists_clause()
        else:
            return False
        if self.at >= len(self.words) or not self.words[self.at].is_name:
            self._refuse()
        _own(self.line, self.words[self.at].name, self.schema)
        return True

    def _refuse(self, why: str = "") -> NoReturn:
        raise self._refusal(why)

    def _refusal(self, why: str = "") -> StatementRefused:
        start = one_line(b" ".join(word.text for word in self.words[:4]).decode("utf-8", "replace"))
        return StatementRefused(f"Line {self.line}: '{start[:60]} …' is not run{why}.")

    def _forbid(self) -> None:
        word = forbidden_word(self.words)
        if word:
            self._refuse(f", because of {word}")
        for index, one in enumerate(self.words):
            if one.upper == b"GLOBAL" and self._is_global(index):
                self._refuse(", because of GLOBAL")

    def _is_global(self, index: int) -> bool:
        """`@@global.x` as a target; the GTID line of mysqldump is left to the session."""
        return (
            self.words[0].upper == b"SET"
            and index >= 1
            and self.words[index - 1].text == b"@"
            and b"GTID_PURGED" not in {word.upper for word in self.words}
            and index + 3 < len(self.words)
            and self.words[index + 3].text == b"="
        )

    def _peek(self) -> bytes:
        return self.words[self.at].upper if self.at < len(self.words) else b""

    def _accept(self, *choices: bytes) -> bool:
        if self._peek() in choices:
            self.at += 1
            return True
        return False

    def _object(self) -> tuple[str, tuple[int, int]]:
        """Read a name, perhaps qualified with our schema; return it and where it stands."""
        if self.at >= len(self.words) or not self.words[self.at].is_name:
            self._refuse()
        first = last = self.words[self.at]
        self.at += 1
        if self._peek() == b"." and self.at + 1 < len(self.words):
            last = self.words[self.at + 1]
            self.at += 2
            _own(self.line, first.name, self.schema)
        return last.name, (first.start, last.end)

    def _made(self, kind: StatementKind, **more: object) -> Statement:
        return Statement(
            kind=kind,
            line=self.line,
            text=self.text,
            words=tuple(self.words),
            schema=self.schema or "",
            **more,  # type: ignore[arg-type]
        )

    def _create(self) -> Statement:
        definer = self._create_options()
        kind = self._create_kind()
        self._exists_clause()
        name, place = self._object()
        table, table_place = "", (0, 0)
        if kind is StatementKind.TRIGGER:
            table, table_place = self._trigger_table()
        if kind in OBJECTS and not self.trusted:
            self._check_body(kind, name)
        return self._made(
            kind, name=name, place=place, definer=definer, table=table, table_place=table_place
        )

    def _create_options(self) -> str:
        """Read what may stand between CREATE and the kind; return the definer, if one is given."""
        definer = ""
        while True:
            word = self._peek()
            if word == b"OR" or word in {b"ALGORITHM", b"SQL"}:
                self.at += 2
                if self._peek() == b"=":
                    self.at += 1
                if word != b"OR":
                    self.at += self._peek() in {b"UNDEFINED", b"MERGE", b"TEMPTABLE", b"DEFINER",
                                                b"INVOKER"}  # fmt: skip
            elif word == b"=":
                self.at += 1
                self.at += 1
            elif word == b"DEFINER":
                definer = self._definer()
            elif word in {b"UNIQUE", b"FULLTEXT", b"SPATIAL", b"AGGREGATE"}:
                self.at += 1
            else:
                return definer

    def _definer(self) -> str:
        self.at += 2  # DEFINER =
        start = self.at
        self.at += 1
        if self._peek() in {b"@", b"("}:  # name@host, CURRENT_USER()
            self.at += 2
        parts = self.words[start : self.at]
        return "".join(_plain_name(word) for word in parts)

    def _create_kind(self) -> StatementKind:
        word = self._peek()
        self.at += 1
        match word:
            case b"TABLE":
                return StatementKind.TABLE
            case b"INDEX":
                return self._index_kind()
            case b"PACKAGE":
                return (
                    StatementKind.PACKAGE_BODY if self._accept(b"BODY") else StatementKind.PACKAGE
                )
            case b"VIEW" | b"TRIGGER" | b"PROCEDURE" | b"FUNCTION" | b"EVENT" | b"SEQUENCE":
                return StatementKind(word.decode().lower())
            case _:
                raise self._refusal()

    def _index_kind(self) -> StatementKind:
        while self.at < len(self.words) and self._peek() != b"ON":
            self.at += 1
        self.at += 1
        return StatementKind.ALTER

    def _exists_clause(self) -> None:
        if self._accept(b"IF"):
            self._accept(b"NOT")
            self._accept(b"EXISTS")

    def _trigger_table(self) -> tuple[str, tuple[int, int]]:
        while self.at < len(self.words) and self._peek() != b"ON":
            self.at += 1
        self.at += 1
        return self._object()

    def _check_body(self, kind: StatementKind, name: str) -> None:
        what = f"Line {self.line}: the {kind.value} '{one_line(name)}'"
        for other in other_schemas(self.words, self.at):
            if self.schema is None or other.lower() != self.schema.lower():
                raise StatementRefused(
                    f"{what} reaches into another schema, '{one_line(other)}'.", hint=_BY_HAND
                )
        word = made_at_run_time(self.words, self.at)
        if word:
            raise StatementRefused(
                f"{what} runs text that it puts together itself ({word}).", hint=_BY_HAND
            )

    def _alter(self) -> Statement:
        self._accept(b"IGNORE", b"ONLINE")
        if self._peek() == b"EVENT":  # ALTER EVENT e ENABLE, at the end of a dump
            self.at += 1
            name, place = self._object()
            if self._peek() not in {b"ENABLE", b"DISABLE", b"ON"}:
                self._refuse()
            return self._made(StatementKind.EVENT_STATE, name=name, place=place)
        if not self._accept(b"TABLE"):
            self._refuse()
        self._exists_clause()
        name, place = self._object()
        rest = {word.upper for word in self.words[self.at : self.at + 2]}
        if b"KEYS" in rest and rest & {b"DISABLE", b"ENABLE"}:
            return self._made(StatementKind.NOTHING, name=name, place=place)
        if self._peek() in {b"RENAME", b"EXCHANGE", b"DISCARD", b"IMPORT"}:
            self._refuse()
        return self._made(StatementKind.ALTER, name=name, place=place)

    def _drop(self) -> Statement:
        self._accept(b"TEMPORARY")
        kind = self._peek()
        if kind not in {b"TABLE", b"TABLES", b"VIEW", b"TRIGGER", b"PROCEDURE", b"FUNCTION",
                        b"EVENT", b"SEQUENCE", b"PACKAGE"}:  # fmt: skip
            self._refuse()
        self.at += 1
        self._accept(b"BODY")
        self._exists_clause()
        names = [self._object()[0]]
        while self._accept(b","):
            names.append(self._object()[0])
        if kind not in {b"TABLE", b"TABLES", b"VIEW", b"SEQUENCE"}:
            return self._made(StatementKind.NOTHING)
        return self._made(StatementKind.DROP, names=tuple(names))

    def _of_rocksdb(self) -> bool:
        """Whether this is what Percona's mysqldump asks and sets for an engine: it is not run.

        As no other PREPARE gets through, what an EXECUTE would run is known.
        """
        first, rest = self.words[0].upper, self.words[1:]
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
        if not self._accept(b"SETVAL") or self._peek() != b"(":
            self._refuse()
        end = skip_to_balance(self.words, self.at)
        self.at += 1
        name, place = self._object()
        if len(self.words) != end or any(w.upper in {b"SELECT", b"FROM"} for w in self.words[1:]):
            self._refuse()
        return self._made(StatementKind.SETVAL, name=name, place=place)


def _plain_name(word: Token) -> str:
    if word.text[:1] in {b"'", b'"', b"`"}:
        return word.text[1:-1].decode("utf-8", "surrogateescape")
    return word.text.decode("utf-8", "surrogateescape")
