"""Replaces the name of the schema that a dump was made of by that of its target schema.

Done only for the name in `--from-schema`. The grammar reads the result, so every other schema stays
refused.
"""

from __future__ import annotations

from typing import Final

from core.database.server.dialect import quote_name
from core.database.sql.tokens import Mark, Reading, Token, tokens

# After these a name with a point behind it is that of a schema, with any other bearers.
_BEFORE_OBJECTS: Final = frozenset(
    {b"FROM", b"JOIN", b"INTO", b"UPDATE", b"TABLE", b"TABLES", b"REFERENCES", b"CALL", b"VIEW",
     b"TRIGGER", b"EVENT", b"PROCEDURE", b"FUNCTION", b"SEQUENCE", b"EXISTS", b"LIKE", b"BODY"}
)  # fmt: skip
_BEFORE_SCHEMAS: Final = frozenset({b"USE", b"DATABASE", b"SCHEMA", b"EXISTS"})


def mapped_schema(text: bytes, reading: Reading, old: str, new: str) -> bytes:
    """Return a statement in which the schema `old` is `new`: before a point, in USE and DATABASE.

    Where the name is unqualified too, as that of a table or an alias, two names are a table and its
    column unless the word before them says otherwise.
    """
    if old.lower().encode("utf-8", "surrogateescape") not in text.lower():
        return text
    words = list(tokens(text, reading))
    start = [word.upper for word in words[:2]]
    of_schema = start[:1] == [b"USE"] or (start[1:] and start[1] in {b"DATABASE", b"SCHEMA"})
    alone = _stands_alone(words, old)
    quoted = quote_name(new).encode("utf-8", "surrogateescape")
    pieces, at = [], 0
    for index, word in enumerate(words):
        if not _is(word, old):
            continue
        before = words[index - 1].upper if index else b""
        after = [one.text for one in words[index + 1 : index + 4 : 2]]
        if of_schema:
            wanted = before in _BEFORE_SCHEMAS
        elif before == b"." or after[:1] != [b"."]:
            wanted = False
        else:
            wanted = not alone or before in _BEFORE_OBJECTS or after == [b".", b"."]
        if wanted:
            pieces += [text[at : word.start], quoted]
            at = word.end
    return b"".join([*pieces, text[at:]])


def _is(word: Token, name: str) -> bool:
    return word.is_name and word.name.lower() == name.lower()


def _stands_alone(words: list[Token], name: str) -> bool:
    """Whether a table, an alias or a column bears the name of the schema."""
    ends = [*words[1:], None]
    for index, (word, after) in enumerate(zip(words, ends, strict=True)):
        before = words[index - 1].text if index else b""
        if (
            _is(word, name)
            and before not in {b"@", b"."}
            and (after is None or (after.mark is not Mark.SIGN or after.text not in {b".", b"@"}))
        ):
            return True
    return False
