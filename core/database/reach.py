"""What a statement reaches beyond its own schema: files, accounts, settings, other schemas.

Looks at words only, so it finds them in the bodies of routines and triggers as well as at the top.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from core.database.tokens import Token

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
_BEFORE_TABLE: Final = frozenset({b"FROM", b"JOIN", b"INTO", b"UPDATE", b"TABLE", b"STRAIGHT_JOIN"})


def forbidden_word(words: Sequence[Token]) -> str:
    """Return the first word that reaches beyond the schema: files, accounts, settings."""
    previous = b""
    for word in words:
        upper = word.upper
        if upper in _FORBIDDEN_WORDS or (previous, upper) in _FORBIDDEN_PAIRS:
            return upper.decode()
        previous = upper
    return ""


def other_schemas(words: Sequence[Token], start: int = 0) -> Iterator[str]:
    """Yield the schemas that tables are qualified with in what a view or routine does."""
    for index in range(start, len(words) - 2):
        if words[index].upper not in _BEFORE_TABLE:
            continue
        at = index + 1
        while at < len(words) - 2 and words[at].text == b"(":
            at += 1
        if (
            at < len(words) - 2
            and words[at].is_name
            and words[at + 1].text == b"."
            and words[at + 2].is_name
        ):
            yield words[at].name
