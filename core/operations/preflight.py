"""The known facts of a store before a start, and the obstacles of a backup.

Every check and every question comes before the store is closed, so all of them are here or in
`rollback_plan`. Nothing is changed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct, field

from core.archive.create.count import Measured, measure
from core.archive.tree.selection import code_selection, media_selection
from core.durable import way_hint
from core.errors import Cancelled, ConfigurationError, MagerewindError, NotInstalled
from core.events import Kind, Report, no_report
from core.magento.maintenance import MaintenanceState, maintenance_state
from core.magento.processes import RunningProcess, running_processes
from core.magento.settings import DatabaseConnection
from core.magento.store import Store, linked_parts, magento_version, refuse_stranger
from core.magento.trusted_paths import followed
from core.operations import health
from core.operations.estimates import Estimate, estimated
from core.operations.findings import (
    Finding,
    Level,
    from_error,
    link_findings,
    note,
    owner_hint,
    stop,
    warn,
)
from core.operations.health import StoreHealth
from core.operations.job_files import planted_state
from core.operations.lost_jobs import find_lost, lost_findings
from core.operations.media_coverage import media_findings, outside_findings
from core.operations.pruning import clock_findings
from core.operations.read_only import MOUNT_HINT, code_findings, is_read_only, refusal_of
from core.operations.requests import BackupRequest
from core.operations.space import space_findings
from core.operations.unused_exclusions import unused_exclusions

# A backup of code alone needs neither a database nor the configuration: their readers take
# longer to load than all else.
if TYPE_CHECKING:
    from core.magento.env_php import DeploymentConfiguration

NOT_INSTALLED: Final = "No information is available: the Magento application is not installed."
_SHOWN: Final = 1000


class BackupPreflight(Struct, frozen=True, kw_only=True):
    """The findings, the size of the new files, and the free space. Sizes in bytes."""

    findings: tuple[Finding, ...]
    estimates: Mapping[Kind, Estimate]
    free_bytes: int
    connection: DatabaseConnection | None = None

    @property
    def needed_bytes(self) -> int:
        """How much the backups are expected to take."""
        return sum(estimate.file_bytes for estimate in self.estimates.values())


class StoreFacts(Struct, frozen=True, kw_only=True):
    """The known facts of a store; an unknown one is None, with a finding."""

    store: Store
    version: str | None
    edition: str | None
    mode: str | None
    installed: bool | None
    maintenance: MaintenanceState
    connections: tuple[DatabaseConnection, ...]
    database: str | None  # server, tables and bytes are in the fields below
    tables: int | None
    database_bytes: int | None
    free_bytes: int
    total_bytes: int
    processes: tuple[RunningProcess, ...]
    health: StoreHealth
    links: tuple[tuple[str, str | None], ...] = ()  # parts that are elsewhere, and where; None: not
    stops_backup: tuple[Finding, ...] = field(default=())
    stops_rollback: tuple[Finding, ...] = field(default=())
    warnings: tuple[Finding, ...] = field(default=())


def read_deployment(
    store: Store, environ: Mapping[str, str]
) -> tuple[DeploymentConfiguration | None, ConfigurationError | None]:
    """Return the deployment configuration, or why it cannot be read."""
    from core.magento.env_php import read_configuration  # noqa: PLC0415 - as said above

    try:
        return read_configuration(store, environ=environ), None
    except ConfigurationError as error:
        return None, health.with_way_back(store, error)


def space_of(path: str) -> tuple[int, int]:
    """Return free and total bytes of the disk that holds `path`, or its nearest parent."""
    while not os.path.isdir(path) and path != "/":
        path = os.path.dirname(path)
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize


class _DatabaseFacts(Struct, kw_only=True):
    """The database as `examine` finds it; `word` and `why` say how the store is."""

    word: str
    why: str
    connections: tuple[DatabaseConnection, ...] = ()
    server: str | None = None
    tables: int | None = None
    bytes: int | None = None
    stops: list[Finding] = field(default_factory=list)
    warnings: tuple[Finding, ...] = ()


def _look_at_database(
    store: Store, configuration: DeploymentConfiguration, seen: _DatabaseFacts
) -> None:
    """Connect as the configuration says, and add the findings."""
    from core.database.server.connection import connect  # noqa: PLC0415 - as said above
    from core.database.server.size import estimate  # noqa: PLC0415
    from core.operations.database_checks import store_warnings  # noqa: PLC0415

    if not configuration.installed:
        seen.word = health.NOT_INSTALLED
        seen.stops.append(_not_installed(store))
    try:
        seen.connections = configuration.connections()
        settings = configuration.default_connection()
        seen.warnings = _other_connections(configuration, settings)
        sized = estimate(settings)
        seen.tables, seen.bytes = len(sized.tables), sized.bytes
        with connect(settings) as connection:
            seen.server = str(connection.server)
            seen.warnings = (*seen.warnings, *store_warnings(connection))
        seen.word = seen.word or ("" if seen.tables else health.DATABASE_EMPTY)
    except MagerewindError as error:
        is_broken = isinstance(error, ConfigurationError)
        seen.word = seen.word or (health.CONFIG_BROKEN if is_broken else health.DATABASE_DOWN)
        seen.why = error.message
        seen.stops.append(from_error("database", error))


def examine(store: Store, *, environ: Mapping[str, str]) -> StoreFacts:
    """Return the known facts of the store. Never raises for a broken part of it."""
    configuration, problem = read_deployment(store, environ)
    word, why = ("", "") if problem is None else (health.config_word(store), problem.message)
    seen = _DatabaseFacts(word=word, why=why)
    if problem is not None:
        seen.stops.append(from_error("configuration", problem))
    if configuration is not None:
        _look_at_database(store, configuration, seen)
    found = health.health_of(store, seen.word, seen.why)
    version, edition = magento_version(store)
    free_bytes, total_bytes = space_of(store.backups)
    writable = [*_link_stops(store), *_writable_findings(store)]
    lost = lost_findings(find_lost(store, environ=environ, schema=seen.server is not None))
    stops = (*seen.stops, *(one for one in lost if one.level is Level.STOP), *writable)
    return StoreFacts(
        store=store,
        version=version,
        edition=edition,
        mode=configuration.mode if configuration is not None else None,
        installed=configuration.installed if configuration is not None else None,
        maintenance=maintenance_state(store),
        links=tuple(linked_parts(store)),
        connections=seen.connections,
        database=seen.server,
        tables=seen.tables,
        database_bytes=seen.bytes,
        free_bytes=free_bytes,
        total_bytes=total_bytes,
        processes=running_processes(store),
        health=found,
        stops_backup=stops,
        stops_rollback=stops,
        warnings=(
            *seen.warnings,
            *_code_findings(found),
            *media_findings(store, configuration),
            *code_findings(store),
            *(one for one in lost if one.level is Level.WARN),
        ),
    )


def _not_installed(store: Store) -> Finding:
    way = health.code_way_back(store)
    return stop("not-installed", NOT_INSTALLED, hint=f"Roll the code back: {way}" if way else None)


def _code_findings(found: StoreHealth) -> tuple[Finding, ...]:
    """Return the message about missing code or an empty database, with the rollback as cure."""
    words = [word for word in found.broken if word.endswith((" missing", " empty"))]
    if not words:
        return ()
    hint = f"Roll it back: {found.way_back}" if found.way_back else None
    message = f"The store cannot serve customers: {', '.join(words)}."
    return (warn("store-broken", message, hint=hint),)


def _link_stops(store: Store) -> list[Finding]:
    """Return the parts that lead to a target that is not followed."""
    found: list[Finding] = []
    for path in (store.media, store.static, store.var):
        try:
            followed(store.root, path)
        except MagerewindError as error:
            found.append(from_error("not-followed", error))
    return found


def _writable_findings(store: Store) -> list[Finding]:
    """Return the obstacles of this account to writing backups and the state of jobs."""
    found: list[Finding] = []
    try:
        refuse_stranger(store)
    except MagerewindError as error:
        found.append(from_error("not-owner", error))
    planted = planted_state(store)
    if planted is not None:
        found.append(from_error("foreign-state", planted))
    for path in (store.backups, store.var if planted else store.state_directory, store.var):
        existing = path
        while not os.path.lexists(existing) and existing != "/":
            existing = os.path.dirname(existing)
        if not os.path.isdir(existing):
            found.append(
                stop("not-a-directory", f"Not a directory: {existing}", hint=way_hint(existing))
            )
        elif not os.access(existing, os.W_OK | os.X_OK):
            found.append(_not_writable(store, path, existing))
    unique = {finding.message: finding for finding in found}
    return list(unique.values())


def _not_writable(store: Store, path: str, existing: str) -> Finding:
    if is_read_only(existing):
        return stop("not-writable", refusal_of(existing), hint=MOUNT_HINT)
    message = f"This account may not write to {existing}"
    if path == store.backups:
        message = f"Backups directory is not writeable: {existing}"
    return stop("not-writable", message, hint=owner_hint(store))


def preflight_backup(
    store: Store,
    request: BackupRequest,
    *,
    environ: Mapping[str, str],
    report: Report = no_report,
) -> BackupPreflight:
    """Return the obstacles of this backup, its warnings, and estimates.

    Raises NotInstalled, as Magento says it, for media and database of a store without an
    installation, and UsageError for a group of tables that does not exist.
    """
    findings = _writable_findings(store)
    findings += clock_findings(store)
    media = (store.media,) if Kind.MEDIA in request.kinds else ()
    findings += link_findings(store, (*media, store.var))
    if request.strip:
        from core.database.dump.strip import resolve  # noqa: PLC0415 - as said above

        resolve(request.strip, ())
    if request.exclude and request.kinds != (Kind.DB,):
        findings += unused_exclusions(store, request.exclude)
    estimates: dict[Kind, Estimate] = {}
    connection: DatabaseConnection | None = None
    configuration: DeploymentConfiguration | None = None
    problem: ConfigurationError | None = None
    if Kind.MEDIA in request.kinds or Kind.DB in request.kinds:
        configuration, problem = read_deployment(store, environ)
    if configuration is not None and not configuration.installed:
        raise NotInstalled(NOT_INSTALLED, hint=_not_installed(store).hint)
    for kind in request.kinds:
        if kind is Kind.DB:
            if configuration is None:
                findings.append(from_error("configuration", problem or _unknown(), kind=kind))
                continue
            connection = _check_database(configuration, store, estimates, findings, request)
        else:
            _check_files(store, request, kind, configuration, estimates, findings, report)
    free_bytes, _total = space_of(store.backups)
    if request.local:
        findings += space_findings(store, request, estimates, free_bytes)
    if request.keep_open:
        findings.append(
            note("kept-open", "The store stays open: its kinds may not be of one instant.")
        )
    return BackupPreflight(
        findings=tuple(findings),
        estimates=estimates,
        free_bytes=free_bytes,
        connection=connection,
    )


def _unknown() -> ConfigurationError:
    return ConfigurationError("The deployment configuration cannot be read.")


def _check_files(
    store: Store,
    request: BackupRequest,
    kind: Kind,
    configuration: DeploymentConfiguration | None,
    estimates: dict[Kind, Estimate],
    findings: list[Finding],
    report: Report,
) -> None:
    make = code_selection if kind is Kind.CODE else media_selection
    try:
        selection = make(store, exclude=request.exclude)
        measured: Measured = measure(selection, report=report)
    except MagerewindError as error:
        findings.append(from_error(f"{kind}-unreadable", error, kind=kind))
        return
    if measured.unreadable:
        count = len(measured.unreadable)
        findings.append(
            stop(
                f"{kind}-unreadable",
                f"{count} {'path' if count == 1 else 'paths'} cannot be read by this account:",
                hint=f"{owner_hint(store)} Or leave them out: --exclude",
                names=measured.unreadable[:_SHOWN],
                kind=kind,
            )
        )
    if kind is Kind.MEDIA:
        findings += media_findings(store, configuration, selection)
    findings += outside_findings(store, kind, measured)
    estimates[kind] = estimated(store, kind, measured.members, measured.bytes)


def _check_database(
    configuration: DeploymentConfiguration,
    store: Store,
    estimates: dict[Kind, Estimate],
    findings: list[Finding],
    request: BackupRequest,
) -> DatabaseConnection | None:
    from core.database.dump.strip import resolve  # noqa: PLC0415 - as said above
    from core.database.server.size import estimate  # noqa: PLC0415
    from core.operations.database_checks import database_findings  # noqa: PLC0415

    try:
        connection = configuration.default_connection()
        sized = estimate(connection)
        findings += database_findings(connection, request.strip)
    except Cancelled:
        raise
    except MagerewindError as error:
        findings.append(from_error("database", error, kind=Kind.DB))
        return None
    findings += _other_connections(configuration, connection)
    names = [table.name for table in sized.tables]
    estimates[Kind.DB] = estimated(
        store,
        Kind.DB,
        sized.rows,
        sized.bytes,
        request.strip,
        request.compress,
        text_bytes=sized.text_bytes(resolve(request.strip, names, prefix=connection.table_prefix)),
    )
    return connection


def _other_connections(
    configuration: DeploymentConfiguration, default: DatabaseConnection
) -> tuple[Finding, ...]:
    elsewhere = [
        other.name
        for other in configuration.connections()
        if _database_of(other) != _database_of(default)
    ]
    if not elsewhere:
        return ()
    message = "Only the default connection is backed up; these use databases of their own:"
    return (warn("other-connections", message, names=sorted(elsewhere)),)


def _database_of(connection: DatabaseConnection) -> tuple[str | int, ...]:
    """Return the key that two connections to the same schema of the same server share."""
    if connection.socket is not None:
        return connection.schema, connection.socket
    return connection.schema, connection.host, connection.port
