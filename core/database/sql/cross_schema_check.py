"""Finds cross-schema references of a statement, and uses of files, accounts and settings.

Looks at words only, so it finds them in the bodies of routines and triggers as well as at the top.
Dynamic SQL cannot be analysed, only detected.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from core.database.sql.statement import Statement
from core.database.sql.tokens import Token, skip_to_balance

_FORBIDDEN_WORDS: Final = frozenset(
    {b"LOAD_FILE", b"OUTFILE", b"DUMPFILE", b"GRANT", b"REVOKE", b"SONAME", b"SHUTDOWN"}
)
_FORBIDDEN_PAIRS: Final = frozenset(
    (first, second)
    for first, seconds in {
        b"LOAD": (b"DATA", b"XML"),
        b"CREATE": (b"USER", b"DATABASE", b"SCHEMA", b"SERVER", b"ROLE"),
        b"DROP": (b"USER", b"DATABASE", b"SCHEMA", b"SERVER", b"ROLE"),
        b"ALTER": (b"USER", b"DATABASE", b"SCHEMA", b"SERVER", b"INSTANCE"),
        b"SET": (b"GLOBAL", b"PERSIST", b"PERSIST_ONLY", b"PASSWORD"),
        b"INSTALL": (b"PLUGIN", b"COMPONENT"),
        b"RENAME": (b"USER",),
    }.items()
    for second in seconds
)
_BEFORE_TABLE: Final = frozenset(
    {b"FROM", b"JOIN", b"INTO", b"UPDATE", b"TABLE", b"TABLES", b"STRAIGHT_JOIN", b"INSERT",
     b"REPLACE", b"DELETE", b"TRUNCATE", b"HANDLER", b"VIEW"}
)  # fmt: skip
_BETWEEN: Final = frozenset(
    {b"IGNORE", b"LOW_PRIORITY", b"HIGH_PRIORITY", b"DELAYED", b"QUICK", b"INTO", b"FROM", b"IF",
     b"NOT", b"EXISTS", b"TABLE", b"LATERAL", b"ONLY"}
)  # fmt: skip
_TABLES_FOLLOW: Final = frozenset({b",", b"JOIN", b"STRAIGHT_JOIN"})
_LIST_ENDS: Final = frozenset(
    {b";", b"WHERE", b"SET", b"GROUP", b"ORDER", b"HAVING", b"LIMIT", b"UNION", b"EXCEPT", b"DO",
     b"INTERSECT", b"VALUES", b"VALUE", b"SELECT", b"WINDOW", b"FOR", b"USING", b"PROCEDURE"}
)  # fmt: skip
# In these FROM precedes a value, not a table.
_WITH_FROM: Final = frozenset({b"EXTRACT", b"TRIM", b"SUBSTRING", b"SUBSTR", b"MID"})
_ROWS_OF_TRIGGERS: Final = frozenset({"new", "old"})


def forbidden_word(words: Sequence[Token]) -> str:
    """Return the first word that reaches beyond the schema: files, accounts, settings."""
    previous = b""
    for word in words:
        upper = word.upper
        if upper in _FORBIDDEN_WORDS or (previous, upper) in _FORBIDDEN_PAIRS:
            return upper.decode()
        previous = upper
    return ""


def made_at_run_time(words: Sequence[Token], start: int = 0) -> str:
    """Return the word by which a body runs text that it puts together itself, empty for none."""
    for index in range(start, len(words) - 1):
        upper, following = words[index].upper, words[index + 1].upper
        if upper == b"EXECUTE" and following == b"IMMEDIATE":
            return "EXECUTE IMMEDIATE"
        prepares = index + 2 < len(words) and words[index + 2].upper == b"FROM"
        if upper == b"PREPARE" and prepares:
            return "PREPARE"
    return ""


def other_schemas(words: Sequence[Token], start: int = 0) -> Iterator[str]:
    """Yield the schemas that tables and routines are qualified with in a body."""
    calls: list[bytes] = []  # the word before each open bracket
    for index in range(start, len(words) - 2):
        word = words[index]
        if word.text == b"(":
            calls.append(words[index - 1].upper)
        elif word.text == b")" and calls:
            calls.pop()
        elif word.upper in _BEFORE_TABLE:
            if not _before_value(words, index, calls):
                yield from _outside_triggers(_tables(words, index + 1))
        elif _is_qualified(words, index) and words[index - 1].text != b".":
            after = words[index + 3] if index + 3 < len(words) else None
            called = words[index - 1].upper == b"CALL"
            column = after is not None and after.text == b"."  # schema.table.column
            function = after is not None and after.text == b"("
            if called or column or function:
                yield from _outside_triggers([word.name])


def _outside_triggers(names: Iterator[str] | list[str]) -> Iterator[str]:
    return (name for name in names if name.lower() not in _ROWS_OF_TRIGGERS)


def _is_qualified(words: Sequence[Token], at: int) -> bool:
    return (
        at + 2 < len(words)
        and words[at].is_name
        and words[at + 1].text == b"."
        and words[at + 2].is_name
        and not words[at].text.isdigit()
    )


def _before_value(words: Sequence[Token], index: int, calls: list[bytes]) -> bool:
    """Whether a word that usually precedes tables precedes something else here."""
    upper, before = words[index].upper, words[index - 1].upper
    if upper == b"FROM":
        return bool(calls) and calls[-1] in _WITH_FROM
    if upper == b"INTO":  # SELECT … INTO and FETCH … INTO fill variables
        return before not in {b"INSERT", b"REPLACE"} | _BETWEEN
    if upper == b"UPDATE":  # ON DUPLICATE KEY UPDATE column = …
        return before == b"KEY"
    return upper in {b"INSERT", b"REPLACE"} and words[index + 1].text == b"("  # functions


def _tables(words: Sequence[Token], at: int) -> Iterator[str]:
    """Yield the schemas in a list of tables with its joins, from its first table on."""
    expected, depth = True, 0
    while at < len(words):
        word = words[at]
        if word.text == b"(":
            if expected and words[min(at + 1, len(words) - 1)].upper != b"SELECT":
                depth, at = depth + 1, at + 1
            else:  # a condition, columns, a query of its own
                at, expected = skip_to_balance(list(words), at), False
            continue
        if word.text == b")":
            depth -= 1
            if depth < 0:
                return
        elif expected:
            expected = word.upper in _BETWEEN
            if not expected and _is_qualified(words, at):
                yield word.name
                at += 2
        elif word.upper in _TABLES_FOLLOW:
            expected = True
        elif word.upper in _LIST_ENDS:
            return
        at += 1


def concern_of(statement: Statement, schema: str | None) -> dict[str, str]:
    """Return the reach of a trusted object's body beyond its schema, by the object's name."""
    name = f"{statement.kind.value} {statement.name}"
    word = forbidden_word(statement.words) or made_at_run_time(statement.words)
    if word:
        return {name: word}
    own = (schema or "").lower()
    others = {one for one in other_schemas(statement.words) if one.lower() != own}
    return {name: ", ".join(sorted(others))} if others else {}
