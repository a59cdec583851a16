"""The records of a job's journal about tables.

Names and fields are a format on disk: a recovery may be of another version.
"""

from __future__ import annotations

from typing import ClassVar

from core.journal import TypedRecord


class TablesStaging(TypedRecord, frozen=True, kw_only=True):
    """Staging tables of these names are about to be made, by the names that they are to get."""

    KIND: ClassVar[str] = "tables.staging"
    short: str
    schema: str | None = None
    tables: dict[str, str]


class TablesLoaded(TypedRecord, frozen=True, kw_only=True):
    """A dump is loaded into its staging tables."""

    KIND: ClassVar[str] = "tables.loaded"
    short: str
    rows: int


class TablesSwapping(TypedRecord, frozen=True, kw_only=True):
    """The RENAME is about to be sent by this connection; `definitions` holds the state before."""

    KIND: ClassVar[str] = "tables.swapping"
    short: str
    definitions: str
    connection: int = 0


class TablesSwapped(TypedRecord, frozen=True, kw_only=True):
    """The staged tables are live."""

    KIND: ClassVar[str] = "tables.swapped"
    short: str


class TablesReverted(TypedRecord, frozen=True, kw_only=True):
    """The old tables are live, and no staged ones are left."""

    KIND: ClassVar[str] = "tables.reverted"
    short: str


class ForwardStep(TypedRecord, frozen=True, kw_only=True):
    """A step after the commit is about to be done."""

    KIND: ClassVar[str] = "tables.forward"
    step: str


class ForwardDone(TypedRecord, frozen=True, kw_only=True):
    """All that follows the commit is done."""

    KIND: ClassVar[str] = "tables.forwarded"
    short: str
