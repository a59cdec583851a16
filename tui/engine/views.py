"""The values that screens show: the application's side of the port.

Everything here is filled by `tui.engine.store_engine` from the engine's own values and rendered by
the screens. Texts are raw (they may hold anything a file name can hold) and numbers are raw; both
are made fit for a terminal where they are drawn. Nothing here knows Textual or the engine's
modules.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from core.backups.catalog import PartialBackup
from core.backups.names import set_key
from core.backups.remarks import Trial
from core.events import Kind
from core.magento.store import Store
from core.operations.findings import Finding, stopping
from core.operations.job_files import OlderUndo
from core.operations.table_plans import TablePlan

if TYPE_CHECKING:
    from core.repository.settings import Repository


UNKNOWN: Final = "Magento, or unknown"
"""The maker of a backup without a manifest."""


class StorePaths(Struct, frozen=True, kw_only=True):
    """Where the traces of jobs are on a store."""

    root: str
    var: str
    state: str
    jobs: str

    @property
    def lock(self) -> str:
        """The file that a job holds while it works."""
        return os.path.join(self.state, "lock")


def places_of(store: Store) -> StorePaths:
    """Return where the traces of jobs are on a store."""
    return StorePaths(
        root=store.root, var=store.var, state=store.state_directory, jobs=store.jobs_directory
    )


class StoreView(Struct, frozen=True, kw_only=True):
    """The facts in the files of the store at a glance."""

    owner: str
    version: str | None = None
    edition: str | None = None
    mode: str | None = None
    addresses: str | None = None
    problem: str | None = None  # why the deployment configuration could not be read
    read_only: str | None = None  # why this account may only look
    uncovered: tuple[str, ...] = ()  # data that a backup or a rollback would not cover
    overdue: tuple[Kind, ...] = ()  # kinds whose scheduled backup is too long ago
    last_success: tuple[tuple[Kind, float | None], ...] = ()  # unix seconds; None: never
    next_run_s: float | None = None  # of the schedule, where there is one

    @property
    def concerns(self) -> tuple[str, ...]:
        """A finding that deserves a look."""
        return (*([self.problem] if self.problem else []), *self.uncovered)


class DatabaseView(Struct, frozen=True, kw_only=True):
    """The database of the store and its size; `problem` when it cannot be asked."""

    where: str
    tables: int | None = None
    size_bytes: int | None = None
    problem: str | None = None


class SpaceView(Struct, frozen=True, kw_only=True):
    """The file system that holds `var`."""

    path: str
    free_bytes: int
    total_bytes: int


class SetOrigin(Struct, frozen=True, kw_only=True):
    """The repository of a set that is not here, and the name of the store in it."""

    repository: Repository
    store: str


BAD: Final = ("damaged", "refused")
"""The words of a health with which a backup is not used."""


class BackupView(Struct, frozen=True, kw_only=True):
    """One backup file. `health` is one of "verified", "sound", "unverified", or one of BAD."""

    name: str
    kind: Kind | None  # None: an archive of the admin pages that holds several kinds
    timestamp: int
    size_bytes: int
    health: str
    note: str = ""
    maker: str = ""
    details: tuple[tuple[str, str], ...] = ()  # label and text, from the manifest
    warnings: tuple[str, ...] = ()
    stripped: bool = False  # without the rows of some tables
    without_rows: int = 0  # how many of these tables have rows of value
    keep: bool = False  # marked: retention leaves it alone
    tried: Trial | None = None  # the last restore drill
    elapsed_s: float | None = None
    content_bytes: int | None = None
    items: int | None = None  # entries of an archive, rows of a dump
    magento: str = ""
    host: str = ""  # where it was taken
    kept_open: bool = False
    excluded: tuple[str, ...] = ()  # patterns that it left out
    where: tuple[str, ...] = ()  # `here` and repositories; empty: here alone
    origin: SetOrigin | None = None  # of one that is not here


class SetView(Struct, frozen=True, kw_only=True):
    """Backups that were taken together, in the order of work."""

    timestamp: int
    backups: tuple[BackupView, ...]

    @property
    def key(self) -> str:
        """The name of the set: its timestamp, for one of ours."""
        name = self.backups[0].name if self.backups else ""
        return set_key(name, self.timestamp)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds the set holds."""
        return tuple(kind for kind in Kind if self.of(kind) is not None)

    @property
    def size_bytes(self) -> int:
        """All files together."""
        return sum(backup.size_bytes for backup in self.backups)

    @property
    def note(self) -> str:
        """The first note of its backups."""
        return next((backup.note for backup in self.backups if backup.note), "")

    @property
    def keep(self) -> bool:
        """Whether it is marked, so that pruning leaves it: one of its backups is enough."""
        return any(backup.keep for backup in self.backups)

    @property
    def maker(self) -> str:
        """The program that made it."""
        return next((backup.maker for backup in self.backups if backup.maker), "")

    @property
    def health(self) -> str:
        """The worst of its backups."""
        order = (*BAD, "unverified", "sound", "verified")
        found = {backup.health for backup in self.backups}
        return next((health for health in order if health in found), "unverified")

    @property
    def without_rows(self) -> int:
        """How many tables with rows of value its dump has no rows of."""
        return max((backup.without_rows for backup in self.backups), default=0)

    @property
    def is_here(self) -> bool:
        """Whether its files are in var/backups."""
        return all(backup.origin is None for backup in self.backups)

    @property
    def where(self) -> tuple[str, ...]:
        """The places that hold all of it; empty if only this machine does, or none."""
        first, *others = (backup.where for backup in self.backups)
        return tuple(name for name in first if all(name in other for other in others))

    @property
    def is_scattered(self) -> bool:
        """Whether no place holds all of it."""
        return not self.where and any(backup.origin is not None for backup in self.backups)

    def of(self, kind: Kind) -> BackupView | None:
        """Return the backup of a kind."""
        return next((backup for backup in self.backups if backup.kind is kind), None)


class BackupsView(Struct, frozen=True, kw_only=True):
    """All of `var/backups`, and the sets that are only elsewhere; newest set first."""

    directory: str
    sets: tuple[SetView, ...] = ()
    partial: tuple[PartialBackup, ...] = ()
    unknown: tuple[str, ...] = ()  # files that are no backups

    @property
    def size_bytes(self) -> int:
        """All backups here together."""
        backups = (backup for one in self.sets for backup in one.backups)
        return sum(backup.size_bytes for backup in backups if backup.origin is None)

    @property
    def has_places(self) -> bool:
        """Whether the place of a set is worth showing."""
        return any(backup.where for one in self.sets for backup in one.backups)

    def good(self, kind: Kind) -> tuple[BackupView, ...]:
        """Return the backups of a kind that are here and not known to be damaged."""
        found = (one.of(kind) for one in self.sets)
        here = (backup for backup in found if backup is not None and backup.origin is None)
        return tuple(backup for backup in here if backup.health not in BAD)


class LostView(Struct, frozen=True, kw_only=True):
    """A job whose memory is gone, and its traces; `urgent` when these are more than an undo."""

    job_id: str
    lines: tuple[str, ...]
    urgent: bool
    size_bytes: int


class ChangedPart(Struct, frozen=True, kw_only=True):
    """The estimated changes of one kind's files since a backup; `where` holds most of them.

    `whole` is False where not all entries were looked at: there is more then.
    """

    kind: Kind
    changed: int
    new: int
    gone: int
    where: tuple[str, ...] = ()
    whole: bool = True


class NewerView(Struct, frozen=True, kw_only=True):
    """Orders and customers that came after a moment; None where they cannot be counted."""

    orders: int | None = None
    customers: int | None = None
    uncounted: tuple[str, ...] = ()  # why not, as "orders cannot be counted: ..."

    @property
    def words(self) -> str:
        """`3 orders, 2 customers`; empty where nothing came, or nothing is known."""
        counts = ((self.orders, "order"), (self.customers, "customer"))
        return ", ".join(
            f"{number:,} {what}{'' if number == 1 else 's'}" for number, what in counts if number
        )


class EstimateView(Struct, frozen=True, kw_only=True):
    """The estimated size and time of the backup of one kind; None where unknown."""

    items: int | None = None
    size_bytes: int | None = None
    backup_bytes: int | None = None
    elapsed_s: float | None = None


class BackupCheckView(Struct, frozen=True, kw_only=True):
    """The findings before a backup."""

    findings: tuple[Finding, ...] = ()
    estimates: Mapping[Kind, EstimateView] = field(default_factory=dict)
    free_bytes: int | None = None
    needed_bytes: int | None = None

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The reasons not to start."""
        return stopping(self.findings)


class FilesPlanView(Struct, frozen=True, kw_only=True):
    """The changes by a rollback of code or media."""

    identical: int
    added: int
    changed: int
    removed: int
    mode_only: int
    bytes_to_write: int
    directories: tuple[tuple[str, int, int], ...] = ()  # name, entries, bytes; biggest first
    examples: tuple[str, ...] = ()  # some of the entries, as "action path"


class DatabasePlanView(Struct, frozen=True, kw_only=True):
    """The changes by a rollback of the database."""

    replaced: int
    added: int
    aside: int  # tables that the dump does not have
    rows_now: int | None = None  # about: the server's estimate
    rows_then: int | None = None
    server_needed: int | None = None  # bytes on the database server
    server_free: int | None = None  # None: its disk cannot be seen from here
    aside_names: tuple[str, ...] = ()
    added_names: tuple[str, ...] = ()
    changed_names: tuple[str, ...] = ()  # defined otherwise in the dump
    same: int = 0  # tables that are as in the dump, and stay
    differing_names: tuple[str, ...] = ()  # tables with other rows now
    size_bytes: int | None = None


class PlanView(Struct, frozen=True, kw_only=True):
    """The changes of a rollback or an undo, and the fingerprint that confirms exactly these."""

    fingerprint: str
    findings: tuple[Finding, ...] = ()
    files: Mapping[Kind, FilesPlanView] = field(default_factory=dict)
    database: DatabasePlanView | None = None
    tables: tuple[TablePlan, ...] = ()
    database_aside: bool = False  # an undo: the tables that were set aside come back as they are
    lost: tuple[tuple[str, int], ...] = ()  # "orders", 137: newer than the backup
    order_numbers: tuple[str, ...] = ()  # of these orders, as far as they are known
    uncounted: tuple[str, ...] = ()  # "orders cannot be counted: sales_order is missing"
    env_keys: tuple[str, ...] = ()
    needed_bytes: int | None = None
    free_bytes: int | None = None
    closed_s: float | None = None  # how long the store is closed, about
    changes_nothing: bool = False  # nothing at all differs: there is nothing to start
    older: tuple[OlderUndo, ...] = ()  # the undos that go with this rollback

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The reasons not to start."""
        return stopping(self.findings)
