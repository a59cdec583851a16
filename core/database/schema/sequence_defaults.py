"""Columns whose DEFAULT takes from a sequence.

A server keeps the names of sequences in a table's definition, with their schema, and does not
follow them when they are renamed: beside, columns take from the staged sequences, and get the real
ones after the swap.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from core.database.schema.swap_file import DefaultText
from core.database.server.dialect import quote_name
from core.database.sql.table_text import TablePart, TableText, read_reference
from core.database.sql.tokens import skip_to_balance, tokens


def take_from(text: TableText, sequences: Mapping[str, str]) -> tuple[TableText, list[DefaultText]]:
    """Return a table that takes from other sequences, by name, and the defaults it is to have."""
    if not sequences:
        return text, []
    parts, defaults = [], []
    for part in text.parts:
        changed, expression = point_to_sequences(part, sequences.get)
        parts.append(changed)
        if expression:
            defaults.append(DefaultText(table=text.name, column=part.name, expression=expression))
    return replace(text, parts=tuple(parts)), defaults


def point_to_sequences(
    part: TablePart, rename: Callable[[str], str | None]
) -> tuple[TablePart, str]:
    """Return a column whose DEFAULT takes from other sequences, and the default it is to have.

    `rename` returns None for a sequence that stays. The default is empty for a column that takes
    from none.
    """
    words = list(tokens(part.text))
    changed, wanted, at = [], [], 0
    for index, word in enumerate(words[:-1]):
        if word.upper not in {b"NEXTVAL", b"LASTVAL"} or words[index + 1].text != b"(":
            continue
        _, name, after = read_reference(words, index + 2)
        other = rename(name)
        if other is None:
            continue
        start, end = words[index + 2].start, words[after - 1].end
        changed += [part.text[at:start], _quoted(other)]
        wanted += [part.text[at:start], _quoted(name)]
        at = end
    if not changed:
        return part, ""
    tail = part.text[at:]
    real = b"".join([*wanted, tail])
    return replace(part, text=b"".join([*changed, tail])), _decoded(_default_of(real))


def _default_of(column: bytes) -> bytes:
    """Return the expression after DEFAULT."""
    words = list(tokens(column))
    start = next(i for i, word in enumerate(words) if word.upper == b"DEFAULT") + 1
    opening = next(i for i in range(start, len(words)) if words[i].text == b"(")
    end = skip_to_balance(words, opening)
    return column[words[start].start : words[end - 1].end]


def _quoted(name: str) -> bytes:
    return quote_name(name).encode("utf-8", "surrogateescape")


def _decoded(text: bytes) -> str:
    return text.decode("utf-8", "surrogateescape")
