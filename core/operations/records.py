"""The records of a job's journal, each in its type.

It owns the names and the fields of all records but those of the database
(`core.database.schema.records`), and knows nothing of how the journal is written. Names and fields
are a format on disk: a recovery may be of another version.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from core.events import Kind, Operation, Outcome
from core.journal import Journal, Record, TypedRecord


class Begin(TypedRecord, frozen=True, kw_only=True):
    """The first record of each job: operation, account, host and time (unix seconds)."""

    KIND: ClassVar[str] = "begin"
    operation: Operation
    kinds: tuple[Kind, ...]
    host: str
    boot_id: str = ""
    pid: int
    user: str
    began_s: float
    root: str = ""


class RecoveryStarted(TypedRecord, frozen=True, kw_only=True):
    """A recovery has taken the job up."""

    KIND: ClassVar[str] = "taken-up"
    host: str
    pid: int
    at_s: float


class End(TypedRecord, frozen=True, kw_only=True):
    """The job is over, with any outcome."""

    KIND: ClassVar[str] = "end"
    outcome: Outcome


class Close(TypedRecord, frozen=True, kw_only=True):
    """The store is about to be closed; `already`: it was closed before."""

    KIND: ClassVar[str] = "close"
    already: bool
    at_s: float


class Opened(TypedRecord, frozen=True, kw_only=True):
    """Maintenance mode is as it was before the job."""

    KIND: ClassVar[str] = "opened"
    at_s: float


class BackupBegun(TypedRecord, frozen=True, kw_only=True):
    """A backup is about to write these files in var/backups, by kind."""

    KIND: ClassVar[str] = "backup"
    timestamp: int
    names: dict[str, str]


class Verified(TypedRecord, frozen=True, kw_only=True):
    """A backup is whole and about to get its name; its manifest is here as JSON."""

    KIND: ClassVar[str] = "verified"
    manifest: str


class BackupNamed(TypedRecord, frozen=True, kw_only=True):
    """A backup has its name and its manifest."""

    KIND: ClassVar[str] = "named"
    name: str


class PartSent(TypedRecord, frozen=True, kw_only=True):
    """The snapshot of a kind is in a repository; without a manifest it does not count."""

    KIND: ClassVar[str] = "part-sent"
    repository: str
    kind: Kind
    snapshot: str


class SetCommitted(TypedRecord, frozen=True, kw_only=True):
    """The manifest of a set is in a repository: the set is complete there."""

    KIND: ClassVar[str] = "set-committed"
    repository: str
    snapshot: str


class HookBegun(TypedRecord, frozen=True, kw_only=True):
    """A program of the configuration runs; `started` is the kernel's time of its process."""

    KIND: ClassVar[str] = "hook"
    moment: str
    number: int
    pid: int
    started: int


class HookEnded(TypedRecord, frozen=True, kw_only=True):
    """A program of the configuration has ended, well or not."""

    KIND: ClassVar[str] = "hook-end"
    moment: str
    number: int


class WorkFinished(TypedRecord, frozen=True, kw_only=True):
    """The operation is over and the store is open; only programs of the configuration are left."""

    KIND: ClassVar[str] = "worked"
    outcome: Outcome
    exit_code: int
    message: str
    undo_kept: bool


class FromElsewhere(TypedRecord, frozen=True, kw_only=True):
    """The database comes from another store, whose base URLs it holds."""

    KIND: ClassVar[str] = "elsewhere"


class ConsumersRan(TypedRecord, frozen=True, kw_only=True):
    """Processes of the store ran when the job began."""

    KIND: ClassVar[str] = "consumers"


class StageBegun(TypedRecord, frozen=True, kw_only=True):
    """The stage of a kind is about to be made."""

    KIND: ClassVar[str] = "stage"
    kind: Kind


class SwapBegun(TypedRecord, frozen=True, kw_only=True):
    """From here on entries or tables of a kind may have been moved."""

    KIND: ClassVar[str] = "swap-begin"
    kind: Kind


class TablesSwapBegun(SwapBegun, frozen=True, kw_only=True):
    """The same of the database, with the tables that were written to while the store was closed."""

    written: tuple[str, ...] = ()


class SwapEnded(TypedRecord, frozen=True, kw_only=True):
    """All of a kind has been moved."""

    KIND: ClassVar[str] = "swap-end"
    kind: Kind


class Committed(TypedRecord, frozen=True, kw_only=True):
    """The commit point: from here on the job goes forward only."""

    KIND: ClassVar[str] = "commit"
    at_s: float


class Settled(TypedRecord, frozen=True, kw_only=True):
    """All is done that could only be done after the commit."""

    KIND: ClassVar[str] = "settled"


class UndoBegun(TypedRecord, frozen=True, kw_only=True):
    """The job undoes another one."""

    KIND: ClassVar[str] = "undo"
    job_id: str


class DiscardBegun(TypedRecord, frozen=True, kw_only=True):
    """The job is about to discard the undo of another one."""

    KIND: ClassVar[str] = "discard"
    job_id: str
    kinds: tuple[Kind, ...]


class DrillPlace(TypedRecord, frozen=True, kw_only=True):
    """A drill is about to make this directory, outside the store."""

    KIND: ClassVar[str] = "drill-place"
    path: str


def begin_of(records: Iterable[Record]) -> Begin | None:
    """Return the record that a journal starts with, if it got that far. Raises ValueError."""
    first = next(iter(records), None)
    return None if first is None or first.kind != Begin.KIND else Begin.read(first)


def kinds_of(journal: Journal) -> tuple[Kind, ...]:
    """Return the kinds that a job works on, as it began."""
    begin = begin_of(journal.records)
    return () if begin is None else begin.kinds


def swap_begun(journal: Journal, kind: Kind) -> bool:
    """Tell whether anything of this kind can have been moved."""
    return any(record.kind is kind for record in journal.each(SwapBegun))
