"""The real engine behind the port: one store, its client, its backups, as the screens' values.

The only module of the application that knows the engine's own types. Nothing here waits on purpose,
but everything may take long: the port calls it from threads.
"""

from __future__ import annotations

import os
import pwd
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from msgspec.structs import replace

from core.backups.catalog import Backup, find_any_backup, list_backups
from core.backups.edit_remarks import change_remarks
from core.backups.verification import verify_backup
from core.cli.backup_request import backup_request
from core.cli.parser import CommandLine
from core.cli.repositories import named_repository
from core.cli.rollback_request import rollback_request, undo_request
from core.config.fields import StoreFields
from core.config.job_settings import settings_of_job
from core.config.load import Effective
from core.database.server.size import estimate
from core.errors import BackupNotFound, DamagedBackup, MagerewindError, UsageError
from core.events import Kind, Report
from core.jobs import lock
from core.jobs.client import Client
from core.jobs.deleting import delete_named
from core.jobs.directory import JobDirectory
from core.jobs.listing import JobSummary
from core.jobs.stream import EventStream
from core.magento.env_php import DeploymentConfiguration, read_configuration
from core.magento.maintenance import maintenance_state, open_store
from core.magento.settings import DatabaseConnection
from core.magento.store import Store, magento_version
from core.operations.changed_since import changed_files
from core.operations.equal_command import command_line
from core.operations.health import StoreHealth
from core.operations.lost_jobs import lost_lines
from core.operations.lost_rows import count_lost_rows
from core.operations.media_coverage import media_findings
from core.operations.pinned_backups import needs_of
from core.operations.preflight import space_of
from core.operations.read_only import code_findings, refuse_unwritable
from core.operations.remote import seen_everywhere, store_name
from core.operations.requests import BackupRequest, Request, RollbackRequest, UndoRequest
from core.schedule.due import Due, due_of
from tui.engine import plan_views
from tui.engine.backup_views import set_view
from tui.engine.copies import with_copies
from tui.engine.inside import BackupInsides
from tui.engine.job_stream import JobStream
from tui.engine.log_end import read_log
from tui.engine.shown_plan import ShownPlan
from tui.engine.views import (
    BackupCheckView,
    BackupsView,
    BackupView,
    ChangedPart,
    DatabaseView,
    LostView,
    NewerView,
    PlanView,
    SetView,
    SpaceView,
    StorePaths,
    StoreView,
    places_of,
)


class StoreEngine:
    """One store."""

    def __init__(
        self,
        store: Store,
        *,
        read_only: bool,
        settings: Callable[[str], Effective] | None = None,
    ) -> None:
        self._store = store
        self._client = Client(store, environ=dict(os.environ))
        self.planned = ShownPlan()
        self.inside = BackupInsides(store, keep=not read_only, settings=settings)
        self.root = store.root
        self.host = socket.gethostname()
        self.name = os.path.basename(store.root) or self.host
        self.read_only = read_only
        self.switchable = False
        self._settings = settings

    @property
    def defaults(self) -> BackupRequest:
        """The backup that the configuration asks for."""
        every = tuple(Kind)
        if self._settings is None:
            return BackupRequest(kinds=every)
        effective = self._settings(self.root)
        return backup_request(CommandLine(), effective, os.environ, kinds=every)

    @property
    def places(self) -> StorePaths:
        """Where to see that a job begins or ends."""
        return places_of(self._store)

    # Facts

    def _due(self) -> Due | None:
        try:
            return due_of(self._store, environ=os.environ, now_s=time.time())
        except MagerewindError:
            return None

    def store(self) -> StoreView:
        """Return the facts in the files of the store."""
        version, edition = magento_version(self._store)
        mode = problem = None
        configuration: DeploymentConfiguration | None = None
        try:
            configuration = read_configuration(self._store, environ=os.environ)
            mode = configuration.mode
            if not configuration.installed:
                problem = "Magento is not installed here: only code can be backed up."
        except MagerewindError as error:
            problem = error.message
        due = self._due()
        return StoreView(
            overdue=() if due is None else due.overdue(time.time()),
            last_success=() if due is None else tuple(due.last_s.items()),
            next_run_s=None if due is None else due.next_s,
            owner=_account(self._store.owner_uid),
            version=version,
            edition=edition,
            mode=mode,
            addresses=maintenance_state(self._store).addresses,
            problem=problem,
            read_only=self._why_read_only(),
            uncovered=tuple(
                one.message
                for one in (
                    *media_findings(self._store, configuration),
                    *code_findings(self._store),
                )
            ),
        )

    def _why_read_only(self) -> str | None:
        """Return why nothing can be started; code that cannot be changed can be backed up."""
        try:
            refuse_unwritable(self._store)
        except MagerewindError as error:
            return error.message.rstrip(".")
        return None

    def database(self) -> DatabaseView:
        """Return where the database is and how large."""
        connection = read_configuration(self._store, environ=os.environ).default_connection()
        where = _where(connection)
        try:
            found = estimate(connection)
        except MagerewindError as error:
            return DatabaseView(where=where, problem=error.message)
        return DatabaseView(where=where, tables=len(found.tables), size_bytes=found.bytes)

    def space(self) -> SpaceView:
        """Return the room where backups go."""
        free_bytes, total_bytes = space_of(self._store.backups)
        return SpaceView(path=self._store.backups, free_bytes=free_bytes, total_bytes=total_bytes)

    def changed(self, backup: BackupView, stop: Callable[[], bool]) -> ChangedPart:
        """Return estimated changes of the files of code or media since a backup."""
        kind = backup.kind
        if kind is None or kind is Kind.DB:
            raise UsageError("Only files are looked at.")
        found = changed_files(
            self._store,
            kind,
            backup.timestamp,
            entries_then=backup.items,
            exclude=backup.excluded,
            stop=stop,
        )
        return ChangedPart(
            kind=kind,
            changed=found.changed,
            new=found.new,
            gone=found.gone,
            where=found.where,
            whole=found.whole,
        )

    def newer(self, timestamp: int) -> NewerView:
        """Return the orders and customers that came after a moment."""
        connection = read_configuration(self._store, environ=os.environ).default_connection()
        found = count_lost_rows(connection, timestamp)
        return NewerView(orders=found.orders, customers=found.customers, uncounted=found.uncounted)

    def closed(self) -> bool:
        """Return whether maintenance mode is on."""
        return maintenance_state(self._store).on

    def forgotten(self) -> int:
        """Return how many jobs ran that are listed no more."""
        return self._client.forgotten()

    def health(self) -> StoreHealth:
        """Return the broken parts of the store."""
        return self._client.health()

    def open_store(self) -> None:
        """Turn maintenance mode off."""
        open_store(self._store)

    # Backups

    def backups(self) -> BackupsView:
        """Return the contents of var/backups."""
        listing = list_backups(self._store.backups)
        return BackupsView(
            directory=listing.directory,
            sets=self._with_copies(tuple(set_view(one) for one in listing.sets)),
            partial=listing.partial,
            unknown=listing.unknown,
        )

    def _with_copies(self, sets: tuple[SetView, ...]) -> tuple[SetView, ...]:
        seen = () if self._settings is None else seen_everywhere(self._store)
        if self._settings is None or not seen:
            return sets
        try:
            effective = self._settings(self.root)
        except MagerewindError:
            return sets  # errors of the configuration are reported at its use
        return with_copies(
            sets,
            seen,
            lambda name: named_repository(effective, name, os.environ),
            store_name(self._store, effective.label),
        )

    def verify(self, backup: BackupView, report: Report) -> tuple[str, ...]:
        """Read a backup from end to end; return its warnings. Raises DamagedBackup."""
        result = verify_backup(self._find(backup), report=report, remember=not self.read_only)
        if not result.sound:
            raise DamagedBackup(f"{backup.name}: {result.problem}")
        return tuple(warned.message for warned in result.warnings)

    def write_note(self, one: SetView, note: str) -> None:
        """Write another note for a set, into the remarks on each of its backups."""
        self._refuse_while_running()
        for backup in one.backups:
            change_remarks(self._find(backup), lambda remarks: replace(remarks, note=note))

    def mark(self, one: SetView, *, keep: bool) -> None:
        """Mark each backup of a set, so that pruning leaves it, or take the marks off."""
        self._refuse_while_running()
        for backup in one.backups:
            change_remarks(self._find(backup), lambda remarks: replace(remarks, keep=keep))

    def _find(self, wanted: BackupView) -> Backup:
        try:
            return find_any_backup(self._store.backups, wanted.name)
        except BackupNotFound:
            raise DamagedBackup(f"{wanted.name} is not in var/backups any more.") from None

    def needed(self, names: Sequence[str]) -> Mapping[str, str]:
        """Return those of these files that are needed, with what needs each."""
        return needs_of(self._store, names)

    def delete(self, names: Sequence[str]) -> None:
        """Delete these backups and unfinished files, or none of them."""
        self._refuse_while_running()
        delete_named(self._client, names, lambda _name, _freed_bytes: None)

    def _refuse_while_running(self) -> None:
        holder = self._client.holder()
        if holder is not None:
            raise lock.refusal(holder)

    # Jobs

    def jobs(self) -> tuple[JobSummary, ...]:
        """Return the jobs, newest first."""
        return self._client.jobs()

    def start(self, request: Request) -> str:
        """Start a job and return its id when it holds the store's lock."""
        around = None
        if self._settings is not None:
            around = settings_of_job(self._settings(self.root), request.operation, self.root)
        plan = self.planned.confirmed(request)
        return self._client.start(request, plan=plan, settings=around).job_id

    def cancel(self, job_id: str) -> None:
        """Ask a job to stop."""
        self._client.cancel(job_id)

    def lost(self) -> tuple[LostView, ...]:
        """Return the jobs whose memory is gone, newest first."""
        return tuple(
            LostView(
                job_id=job.job_id,
                lines=lost_lines(job),
                urgent=not job.only_leftovers,
                size_bytes=job.bytes,
            )
            for job in self._client.lost().jobs
        )

    def recover(self) -> str:
        """Start the recovery of the interrupted job and return its id."""
        return self._client.recover().job_id

    def stream(self, job_id: str) -> JobStream:
        """Return the events of a job from its beginning."""
        try:
            events = self._client.stream(job_id)
        except MagerewindError:  # as of a job whose state is not ours
            events = EventStream(None)
        return JobStream(
            events,
            lambda: self._client.is_over(job_id),
            lambda: self._client.cancel_asked(job_id),
        )

    def log_tail(self, job_id: str) -> tuple[tuple[float, str], ...]:
        """Return the last lines of a job's log with their times, in unix seconds."""
        return read_log(self.stream(job_id))

    def command(self, request: Request) -> str:
        """Return the equal command line."""
        return command_line(request)

    def log_path(self, job_id: str) -> str:
        """Return the directory with the job's complete record."""
        return JobDirectory(self._store, job_id).path

    # Before a start

    def check_backup(self, request: BackupRequest) -> BackupCheckView:
        """Return the facts known before a backup."""
        return plan_views.backup_check_view(self._client.preflight_backup(request))

    def plan(self, request: RollbackRequest | UndoRequest, report: Report) -> PlanView:
        """Return the changes of a rollback or an undo."""
        if isinstance(request, UndoRequest):
            undo = self._client.plan_undo(request)
            self.planned.keep(undo, report)
            return plan_views.undo_view(undo)
        plan = self._client.plan_rollback(request, report=report)
        self.planned.keep(plan, report)
        return plan_views.plan_view(plan)

    @property
    def _usual(self) -> StoreFields:
        """The configuration of the store; the defaults where it is broken, as a start reports."""
        if self._settings is not None:
            with suppress(MagerewindError):
                return self._settings(self.root).settings
        return StoreFields()

    def rollback_to(self, files: Mapping[Kind, str]) -> RollbackRequest:
        """Return the rollback to these backups, as the configuration asks for it."""
        return rollback_request(CommandLine(), self._usual, files)

    def undo_of(self, job_id: str) -> UndoRequest:
        """Return the undo of a job, as the configuration asks for it."""
        return undo_request(CommandLine(), self._usual, job_id)

    def close(self) -> None:
        """Forget the plan, whose list of files lies in a temporary directory."""
        self.planned.drop()


def _account(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _where(connection: DatabaseConnection) -> str:
    place = connection.socket or f"{connection.host}:{connection.port}"
    return f"{connection.schema} as {connection.username} at {place}"
