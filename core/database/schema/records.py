"""The records of a job's journal that speak of tables.

Names and fields are a format on disk: a recovery may be of another version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from core.journal import TypedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesStaging(TypedRecord):
    """Staging tables of these names are about to be made, by the names that they are to get."""

    KIND: ClassVar[str] = "tables.staging"
    short: str
    schema: str | None = None
    tables: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesLoaded(TypedRecord):
    """A dump is loaded into its staging tables."""

    KIND: ClassVar[str] = "tables.loaded"
    short: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesSwapping(TypedRecord):
    """The RENAME is about to be sent by this connection; `definitions` holds the state before."""

    KIND: ClassVar[str] = "tables.swapping"
    short: str
    definitions: str
    connection: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesSwapped(TypedRecord):
    """The staged tables are live."""

    KIND: ClassVar[str] = "tables.swapped"
    short: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesReverted(TypedRecord):
    """The old tables are live, and no staged ones are left."""

    KIND: ClassVar[str] = "tables.reverted"
    short: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardStep(TypedRecord):
    """A step after the commit is about to be done."""

    KIND: ClassVar[str] = "tables.forward"
    step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForwardDone(TypedRecord):
    """All that follows the commit is done."""

    KIND: ClassVar[str] = "tables.forwarded"
    short: str
