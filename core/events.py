"""The typed events of a job and their form as one line of JSON.

An event is a fact that the engine states; every text, screen and JSON output is a rendering of
them. This module owns their names, fields and encoding, and knows nothing of how they are shown.

A line is `{"v": 1, "seq": n, "time_s": unix time, "type": "StepStarted", …fields…}`. Readers
ignore fields and types that they do not know, so that fields can be added. Text that is not UTF-8
(file names are bytes) is held as `str` with surrogate escapes, and written as
`{"text": approximation, "b64": the bytes}` so that nothing is lost and any JSON reader can cope.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

FORMAT_VERSION: Final = 1


class Kind(StrEnum):
    """The kinds of a backup. The order is the order of work: Magento's."""

    CODE = "code"
    MEDIA = "media"
    DB = "db"


class Operation(StrEnum):
    """The operations of a job."""

    BACKUP = "backup"
    ROLLBACK = "rollback"
    UNDO = "undo"
    DISCARD = "discard"
    REPAIR = "repair"  # after a job whose memory is gone
    DRILL = "drill"  # try whether backups can be restored
    UNKNOWN = "unknown"  # of a job whose state cannot be believed, or understood


class Step(StrEnum):
    """A named stage of a job. A step may exist once for each kind."""

    CHECK = "check"  # preflight, once more, by the runner
    PLAN = "plan"  # verify the archive and compare it with the live tree; check the dump
    STAGE = "stage"  # extract the differing members
    RECHECK = "recheck"  # look again at entries that an open store may have changed since the plan
    CLOSE = "close"  # maintenance mode on
    WRITE = "write"  # write one backup
    SEND = "send"  # send one kind to a repository; without a kind: the manifest of the set
    FETCH = "fetch"  # bring something from a repository
    VERIFY = "verify"  # read one backup again
    LOAD = "load"  # load the dump beside the live tables
    SWAP = "swap"  # live to aside, staged to live
    COMMIT = "commit"  # the point of no return
    FORWARD = "forward"  # acts of the time after the commit: triggers, foreign keys, views
    FLUSH = "flush"  # caches
    REVERT = "revert"  # undo a half-done job
    REMOVE = "remove"  # free the space of an undo
    OPEN = "open"  # maintenance mode as it was
    PRUNE = "prune"  # delete the old backups that no rule keeps


def step_key(step: Step, kind: Kind | None = None) -> str:
    """Return `step` or `step:kind`, by which a step of a job is known."""
    return step.value if kind is None else f"{step.value}:{kind.value}"


class Outcome(StrEnum):
    """How a job or a step ended."""

    DONE = "done"
    WARNINGS = "warnings"  # complete, and something deserves a look
    FAILED = "failed"
    CANCELLED = "cancelled"
    REVERTED = "reverted"
    CLOSED = "closed"  # the store could not be brought to either state: it stays closed


class Event(Struct, frozen=True, kw_only=True):
    """A fact about a job."""


class JobBegan(Event, frozen=True, kw_only=True):
    """The runner holds the store's lock and starts to work. Always the first event."""

    job_id: str
    operation: Operation
    kinds: tuple[Kind, ...]
    timestamp: int  # the backup set's, or the job's own start; unix seconds
    root: str
    host: str
    user: str
    pid: int
    command: str  # the equal command line
    note: str = ""


class StepsPlanned(Event, frozen=True, kw_only=True):
    """The steps of this job, in order, as `step` or `step:kind`; again once sizes are known."""

    steps: tuple[str, ...]
    sizes: tuple[int, ...] = ()  # expected bytes of each step, -1 where nothing is known


class StepStarted(Event, frozen=True, kw_only=True):
    """A step has begun. Totals are estimates where they are known beforehand."""

    step: Step
    kind: Kind | None = None
    total_bytes: int | None = None
    total_items: int | None = None


class StepEnded(Event, frozen=True, kw_only=True):
    """A step is over."""

    step: Step
    kind: Kind | None = None
    outcome: Outcome
    elapsed_s: float


class Progressed(Event, frozen=True, kw_only=True):
    """How far a step has come. Throttled; the last one of a step is always written."""

    step: Step
    kind: Kind | None = None
    done_bytes: int
    total_bytes: int | None = None
    done_items: int
    total_items: int | None = None
    current: str = ""  # path or table


class MaintenanceEnabled(Event, frozen=True, kw_only=True):
    """The store is closed. `already`: it was closed before the job."""

    already: bool


class MaintenanceDisabled(Event, frozen=True, kw_only=True):
    """The store is as it was before. `skipped`: it had been closed before the job and stays so."""

    skipped: bool


class BackupStarted(Event, frozen=True, kw_only=True):
    """The backup of one kind begins."""

    kind: Kind


class BackupCompleted(Event, frozen=True, kw_only=True):
    """The backup of one kind is complete, verified and in its place."""

    kind: Kind
    file_name: str
    path: str
    size_bytes: int
    items: int  # members, or rows
    sha256: str
    elapsed_s: float


class BackupSent(Event, frozen=True, kw_only=True):
    """The backup of one kind is in a repository; its set counts with `SetSent` only."""

    kind: Kind
    repository: str
    snapshot: str
    items: int  # files, or rows
    content_bytes: int
    added_bytes: int  # that the repository grew by
    elapsed_s: float


class SetSent(Event, frozen=True, kw_only=True):
    """A set is complete in a repository."""

    repository: str
    timestamp: int
    kinds: tuple[Kind, ...]
    content_bytes: int
    added_bytes: int


class RollbackStarted(Event, frozen=True, kw_only=True):
    """The rollback of one kind begins."""

    kind: Kind
    file_name: str
    path: str
    only: tuple[str, ...] = ()  # the chosen paths or tables, as given by the user; none: all


class RollbackPlanned(Event, frozen=True, kw_only=True):
    """The changes that the rollback of one kind will make. Counts are entries (files) or tables."""

    kind: Kind
    identical: int
    added: int
    changed: int
    removed: int
    mode_only: int
    bytes_to_write: int


class CommitReached(Event, frozen=True, kw_only=True):
    """The job is past its commit point: from here it is only rolled forward."""


class RollbackCompleted(Event, frozen=True, kw_only=True):
    """The rollback of one kind is in force. Comes after the one commit of all kinds."""

    kind: Kind


class PermissionReminder(Event, frozen=True, kw_only=True):
    """Magento's line about bin/magento, which here has its mode restored already."""

    already_executable: bool


class Noted(Event, frozen=True, kw_only=True):
    """Something worth knowing that needs no action. `code` is stable, `message` is not."""

    code: str
    message: str
    names: tuple[str, ...] = ()


class Warned(Event, frozen=True, kw_only=True):
    """Something that deserves a look; the job is then complete with warnings."""

    code: str
    message: str
    names: tuple[str, ...] = ()


class HookRan(Event, frozen=True, kw_only=True):
    """A program of the configuration has run around the job; its output is in the job's log."""

    moment: str  # before, on_success, on_failure or after
    command: str  # the program, without its arguments
    outcome: Outcome
    exit_code: int | None  # None: it was killed, or could not be started
    elapsed_s: float
    started: bool = True  # False: there is no such program, or it is not one to be run


class FollowUp(Event, frozen=True, kw_only=True):
    """Something for the administrator to do afterwards, where it applies."""

    code: str
    message: str


class CancelRequested(Event, frozen=True, kw_only=True):
    """The runner has seen a request to stop. `too_late`: it is past the commit point."""

    too_late: bool


class Failed(Event, frozen=True, kw_only=True):
    """The failure of the job. `error` is the class name in `core.errors`."""

    error: str
    message: str
    hint: str | None = None
    exit_code: int = 1


class RecoveryBegan(Event, frozen=True, kw_only=True):
    """A later process takes up the work of a runner that died. `way`: "revert" or "forward"."""

    way: str
    host: str
    user: str
    pid: int


class JobEnded(Event, frozen=True, kw_only=True):
    """Always the last event."""

    outcome: Outcome
    exit_code: int
    elapsed_s: float
    closed_s: float  # how long maintenance mode was on for this job
    undo_kept: bool = False


class Stamped(Struct, frozen=True, kw_only=True):
    """An event with its place and time in the stream."""

    seq: int
    time_s: float
    event: Event


EVENT_TYPES: Final[Mapping[str, type[Event]]] = {
    cls.__name__: cls for cls in Event.__subclasses__()
}

Emit = Callable[[Event], None]
"""Where the engine states its facts."""

Report = Callable[[int, int, str], None]
"""Progress of one step: `report(done_bytes, done_items, current)`, absolute numbers.

Work that takes time calls it at least every mebibyte or every few hundred members. It may raise
`errors.Cancelled`, so each caller must be ready to clean up and let that pass.
"""


def no_report(done_bytes: int, done_items: int, current: str) -> None:
    """Ignore progress."""


def encode_text(text: str) -> str | dict[str, str]:
    """Return text as JSON can carry it without loss: itself, or approximation and base64."""
    try:
        text.encode()
    except UnicodeEncodeError:
        # "surrogatepass" for text that no file name can hold but a caller might still pass.
        try:
            raw = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raw = text.encode("utf-8", "surrogatepass")
        return {
            "text": raw.decode("utf-8", "backslashreplace"),
            "b64": base64.b64encode(raw).decode("ascii"),
        }
    return text


def decode_text(value: object) -> str:
    """Return the text that `encode_text` was given."""
    if isinstance(value, Mapping):
        raw = base64.b64decode(str(value.get("b64", "")))
        return raw.decode("utf-8", "surrogateescape")
    return str(value)
