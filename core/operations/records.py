"""The records of a job's journal, each in its type.

It owns the names and the fields of all records but those of the database
(`core.database.schema.records`), and knows nothing of how the journal is written. Names and fields
are a format on disk: a recovery may be of another version.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from core.events import Kind, Operation, Outcome
from core.journal import Journal, Record, TypedRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Begin(TypedRecord):
    """The first record of each job: which operation, by whom, where and when (unix seconds)."""

    KIND: ClassVar[str] = "begin"
    operation: Operation
    kinds: tuple[Kind, ...]
    host: str
    boot_id: str = ""
    pid: int
    user: str
    began_s: float
    root: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryStarted(TypedRecord):
    """A recovery has taken the job up."""

    KIND: ClassVar[str] = "taken-up"
    host: str
    pid: int
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class End(TypedRecord):
    """The job is over, with any outcome."""

    KIND: ClassVar[str] = "end"
    outcome: Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Close(TypedRecord):
    """The store is about to be closed; `already`: it was closed by somebody else."""

    KIND: ClassVar[str] = "close"
    already: bool
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened(TypedRecord):
    """Maintenance mode is as it was before the job."""

    KIND: ClassVar[str] = "opened"
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupBegun(TypedRecord):
    """A backup is about to write these files in var/backups, by kind."""

    KIND: ClassVar[str] = "backup"
    timestamp: int
    names: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified(TypedRecord):
    """A backup is whole and about to get its name; its manifest is here as JSON."""

    KIND: ClassVar[str] = "verified"
    manifest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackupNamed(TypedRecord):
    """A backup has its name and its manifest."""

    KIND: ClassVar[str] = "named"
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PartSent(TypedRecord):
    """The snapshot of a kind is in a repository; without a manifest it does not count."""

    KIND: ClassVar[str] = "part-sent"
    repository: str
    kind: Kind
    snapshot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SetCommitted(TypedRecord):
    """The manifest of a set is in a repository: the set is complete there."""

    KIND: ClassVar[str] = "set-committed"
    repository: str
    snapshot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HookBegun(TypedRecord):
    """A program of the configuration runs; `started` is the kernel's time of its process."""

    KIND: ClassVar[str] = "hook"
    moment: str
    number: int
    pid: int
    started: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HookEnded(TypedRecord):
    """A program of the configuration has ended, well or not."""

    KIND: ClassVar[str] = "hook-end"
    moment: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkFinished(TypedRecord):
    """The operation is over and the store is open; only programs of the configuration are left."""

    KIND: ClassVar[str] = "worked"
    outcome: Outcome
    exit_code: int
    message: str
    undo_kept: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FromElsewhere(TypedRecord):
    """The database comes from another store, whose base URLs it holds."""

    KIND: ClassVar[str] = "elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumersRan(TypedRecord):
    """Processes of the store ran when the job began."""

    KIND: ClassVar[str] = "consumers"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBegun(TypedRecord):
    """The stage of a kind is about to be made."""

    KIND: ClassVar[str] = "stage"
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapBegun(TypedRecord):
    """From here on entries or tables of a kind may have been moved."""

    KIND: ClassVar[str] = "swap-begin"
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesSwapBegun(SwapBegun):
    """The same of the database, with the tables that were written to while the store was closed."""

    written: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SwapEnded(TypedRecord):
    """All of a kind has been moved."""

    KIND: ClassVar[str] = "swap-end"
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed(TypedRecord):
    """The commit point: from here on the job goes forward only."""

    KIND: ClassVar[str] = "commit"
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled(TypedRecord):
    """All is done that could only be done after the commit."""

    KIND: ClassVar[str] = "settled"


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoBegun(TypedRecord):
    """The job undoes another one."""

    KIND: ClassVar[str] = "undo"
    job_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardBegun(TypedRecord):
    """The job is about to give up the undo of another one."""

    KIND: ClassVar[str] = "discard"
    job_id: str
    kinds: tuple[Kind, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillPlace(TypedRecord):
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
