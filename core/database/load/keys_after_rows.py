"""The work after the rows of a load: keys that waited, ALTERs of the dump, foreign keys, a proof.

The foreign keys of staged tables refer to staged tables and bear names of their own, because names
of foreign keys are unique in a schema and the live tables still have the real ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct, field

from core.database.load.batches import Finishing
from core.database.load.dump_check import TableContent
from core.database.load.row_writers import RowWriters, run_all
from core.database.schema.swap_file import DeferredKey
from core.database.server.dialect import quote_name
from core.database.sql.set_statements import SessionState
from core.database.sql.table_text import PartKind, TablePart, TableText

_BYTES_OF_ENTRY: Final = 48
"""An entry of an index takes about 1 µs, the primary key's too, as 48 bytes of a row do (22 ns
each): narrow rows of two keys take ten times as long as long texts of the same size."""


class TableUnderLoad(Struct, kw_only=True):
    """A table while it is loaded. `rows`: their number by the manifest, 0 where none says it."""

    content: TableContent
    staged: str
    text: TableText
    later: tuple[TablePart, ...]
    state: SessionState
    alters: list[tuple[bytes, SessionState, int]] = field(default_factory=list)
    seen: int = 0  # row statements read from the dump
    rows: int = 0

    @property
    def cost(self) -> int:
        """The time that a load of it takes, in bytes of long rows that take as long."""
        return self.content.row_bytes + self.rows * _BYTES_OF_ENTRY * (1 + len(self.later))


def keys_of(table: TableUnderLoad, mapped: Iterable[bytes]) -> Finishing:
    """Return the statements that add the keys which waited for the rows.

    All in one, except that InnoDB makes one FULLTEXT key at a time.
    """
    name = quote_name(table.staged).encode()
    texts = list(mapped)
    together = [text for part, text in zip(table.later, texts, strict=True) if not _fulltext(part)]
    alone = [text for part, text in zip(table.later, texts, strict=True) if _fulltext(part)]
    lists = ([together] if together else []) + [[one] for one in alone]
    return Finishing(
        table.text.name,
        tuple(
            (
                b"ALTER TABLE " + name + b" " + b", ".join(b"ADD " + one for one in group),
                table.state,
                table.text.line,
            )
            for group in lists
        ),
    )


def _fulltext(part: TablePart) -> bool:
    return part.kind is PartKind.FULLTEXT


def finish_tables(
    tables: Sequence[TableUnderLoad],
    keys: Sequence[DeferredKey],
    staged: Mapping[str, str],
    writers: RowWriters,
) -> None:
    """Run the ALTERs that came after the rows, then add all foreign keys."""
    run_all(
        writers,
        [Finishing(table.text.name, tuple(table.alters)) for table in tables if table.alters],
    )
    by_table: defaultdict[str, list[DeferredKey]] = defaultdict(list)
    for key in keys:
        by_table[key.key.table].append(key)
    lines = {table.text.name: table.text.line for table in tables}
    run_all(
        writers,
        [
            Finishing(
                name,
                ((add_keys(staged[name], own, staged), SessionState(), lines[name]),),
            )
            for name, own in by_table.items()
            if name in lines
        ],
    )


def add_keys(table: str, keys: Iterable[DeferredKey], staged: Mapping[str, str]) -> bytes:
    """Return the ALTER TABLE that adds foreign keys under their waiting names."""
    added = (
        "ADD " + one.key.render(name=one.waiting, rename=lambda name: staged.get(name, name))
        for one in keys
    )
    text = f"ALTER TABLE {quote_name(table)} " + ", ".join(added)
    return text.encode("utf-8", "surrogateescape")


def rename_automatic_keys(
    found: Iterable[tuple[str, str]], keys: Iterable[DeferredKey]
) -> list[str]:
    """Return statements that name indexes as the foreign keys which they were made for.

    A server makes an index for a foreign key that has none, and gives it the key's name: here, the
    waiting one; of a key without a name it gets that of its column. `found` are pairs of staged
    table and index of such a name.
    """
    real = {one.waiting: one.key.first_column if one.unnamed else one.key.name for one in keys}
    return [
        f"ALTER TABLE {quote_name(table)}"
        f" RENAME INDEX {quote_name(index)} TO {quote_name(real[index])}"
        for table, index in found
        if index in real
    ]
