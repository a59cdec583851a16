"""The parts of a schema: value classes of tables, sequences, views, triggers, routines, events.

All texts are those of the server's SHOW CREATE, as text with surrogate escapes where a trigger or
routine was made in another character set than UTF-8. Knows no connection, no rows and no files.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

OWN_PREFIXES: Final = ("_mrs_", "_mra_")
"""Tables of rollbacks, staged and aside, are no part of a schema."""

TRANSACTIONAL: Final = frozenset({"INNODB", "ROCKSDB", "TOKUDB"})
"""Engines whose rows are seen by a consistent snapshot, and written in a transaction."""

_INTEGERS: Final = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint"})
_AUTO_INCREMENT: Final = re.compile(r" AUTO_INCREMENT=\d+")


class Versioning(StrEnum):
    """How a table keeps the history of its rows."""

    NONE = "none"
    IMPLICIT = "implicit"  # hidden columns row_start and row_end
    EXPLICIT = "explicit"  # declared columns, timestamps
    TRANSACTION = "transaction"  # declared columns, transaction numbers: cannot be written back


class Column(Struct, frozen=True, kw_only=True):
    """A column; `type` is the bare type in lower case, `full_type` the declaration of it."""

    name: str
    type: str
    full_type: str
    charset: str | None
    nullable: bool
    generated: bool
    generation: str = ""

    @property
    def integer(self) -> bool:
        """Whether the values are whole numbers that ranges can be made of."""
        return self.type in _INTEGERS


class Table(Struct, frozen=True, kw_only=True):
    """A base table. Sizes and rows are the server's estimates; `key` is its primary key.

    `key` names a unique key without NULL where there is no primary key, and is empty without any;
    `key_index` is the name of that index. `created` is the server's text in UTC.
    """

    name: str
    engine: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    key_index: str
    rows: int
    data_bytes: int
    created: str
    collation: str
    versioning: Versioning
    create: str

    @property
    def transactional(self) -> bool:
        """Whether a consistent snapshot holds the rows of this table."""
        return self.engine.upper() in TRANSACTIONAL

    @property
    def stored(self) -> tuple[Column, ...]:
        """The columns that an INSERT names."""
        return tuple(column for column in self.columns if not column.generated)

    @property
    def fingerprint(self) -> str:
        """A value that changes with every change of the definition."""
        return definition_of(self.create)


class Sequence_(Struct, frozen=True, kw_only=True):  # noqa: N801 - `Sequence` is the collection
    """A sequence and its position."""

    name: str
    create: str
    next_value: int
    cycle_count: int


class StoredObject(Struct, frozen=True, kw_only=True):
    """The object that a text makes: `kind` is the word after CREATE; a view has no sql_mode."""

    kind: str
    name: str
    create: str
    definer: str
    charset: str
    collation: str
    sql_mode: str = ""


class View(StoredObject, frozen=True, kw_only=True):
    """A view; `valid` is false where it refers to a missing object."""

    kind: str = "VIEW"
    valid: bool
    columns: tuple[str, ...]


class Trigger(StoredObject, frozen=True, kw_only=True):
    """A trigger; `order` counts among those of the same table, timing and event."""

    kind: str = "TRIGGER"
    table: str
    timing: str
    event: str
    order: int


class Routine(StoredObject, frozen=True, kw_only=True):
    """A FUNCTION, PROCEDURE, PACKAGE or PACKAGE BODY."""


class ScheduledEvent(StoredObject, frozen=True, kw_only=True):
    """An event of the server's scheduler."""

    kind: str = "EVENT"
    time_zone: str


class ForeignKey(Struct, frozen=True, kw_only=True):
    """A foreign key: its name, its table and the table that it refers to."""

    name: str
    table: str
    referenced_schema: str
    referenced_table: str


class Schema(Struct, frozen=True, kw_only=True):
    """Everything in a schema, each kind in the order in which it can be made."""

    name: str
    charset: str
    collation: str
    tables: tuple[Table, ...]
    sequences: tuple[Sequence_, ...]
    views: tuple[View, ...]
    triggers: tuple[Trigger, ...]
    routines: tuple[Routine, ...]
    events: tuple[ScheduledEvent, ...]
    foreign_keys: tuple[ForeignKey, ...]


def definition_of(create: str) -> str:
    """Return a SHOW CREATE TABLE without the value that every row changes (AUTO_INCREMENT)."""
    head, found, options = create.rpartition("\n)")
    return head + found + _AUTO_INCREMENT.sub("", options, count=1)


def is_own(name: str) -> bool:
    """Whether this is a table of a rollback."""
    return name.startswith(OWN_PREFIXES)
