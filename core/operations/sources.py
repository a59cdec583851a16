"""The sources of a rollback: the chosen backups, the deployment configuration, the connection.

Everything is found and checked here before anything is planned. A live env.php that is missing or
broken stops only the database, and then the one in the code archive takes its place.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from core.archive.tar.verify import read_members
from core.archive.tree import patterns
from core.archive.tree.patterns import Chosen
from core.backups.catalog import Backup, Health, find_backup
from core.errors import ConfigurationError, MagerewindError, NotInstalled
from core.events import Kind
from core.magento.env_php import (
    DeploymentConfiguration,
    differing_keys,
    parse_configuration,
)
from core.magento.settings import DatabaseConnection
from core.magento.store import Store
from core.operations.backup_origin import differences, origin_findings
from core.operations.findings import Finding, from_error, note, stop, warn
from core.operations.preflight import NOT_INSTALLED, read_deployment
from core.operations.requests import RollbackRequest

if TYPE_CHECKING:
    from core.operations.remote_sources import Remote

ENV_PHP: Final = "app/etc/env.php"
CONFIG_PHP: Final = "app/etc/config.php"


class Sources(Struct, frozen=True, kw_only=True):
    """The backups of a rollback and the present facts of the store."""

    backups: Mapping[Kind, Backup]
    configuration: DeploymentConfiguration | None
    connection: DatabaseConnection | None
    env_keys: tuple[str, ...]
    findings: tuple[Finding, ...]
    elsewhere: Mapping[str, tuple[str, ...]]  # by file name: the signs of another store
    remote: Remote | None = None  # the set in a repository that the backups are parts of
    fetched: frozenset[str] | None = None  # tables with rows, in a dump that is a part of its own
    known: frozenset[str] | None = None  # tables that were the same just now

    @property
    def environment_fingerprint(self) -> str:
        """The live env.php at the start, as far as it could be read."""
        return self.configuration.fingerprint if self.configuration is not None else ""


def _from_archive(problem: MagerewindError | None) -> Finding:
    return note(
        "configuration-from-archive",
        f"{problem.message if problem else NOT_INSTALLED} "
        "The database connection is read from the code backup instead.",
    )


def gather(store: Store, request: RollbackRequest, *, environ: Mapping[str, str]) -> Sources:
    """Find everything that a rollback starts from.

    Raises InvalidBackupName and BackupNotFound for the names, RepositoryError, and NotInstalled, as
    Magento says it, for media and database of a store without an installation; all else becomes a
    finding.
    """
    remote = None
    if request.repository is not None:
        from core.operations.remote_sources import open_remote  # noqa: PLC0415 - few need it

        remote = open_remote(store, request, environ=environ)
    backups = {
        kind: find_backup(store.backups, name, kind)
        if remote is None
        else remote.backup(kind, name)
        for kind in request.kinds
        if (name := request.file_of(kind)) is not None
    }
    findings: list[Finding] = list(_health_findings(backups))
    live, problem = read_deployment(store, environ)
    archived = None
    if puts_back(request, store, ENV_PHP):
        archived = _archived(backups.get(Kind.CODE), remote, environ, findings)
    chosen = live
    if archived is not None and (live is None or not live.installed):
        chosen = archived
        findings.append(_from_archive(problem))
    if chosen is not None and not chosen.installed and set(backups) != {Kind.CODE}:
        raise NotInstalled(NOT_INSTALLED)
    connection: DatabaseConnection | None = None
    if Kind.DB in backups:
        connection = _connection(chosen, problem, findings)
    elsewhere = differences(store, socket.gethostname(), _schema(live, connection), backups)
    findings += origin_findings(elsewhere)
    keeps_env = keeps_environment(request, elsewhere)
    return Sources(
        backups=backups,
        configuration=live,
        connection=connection,
        env_keys=() if keeps_env else _env_keys(live, archived, findings),
        findings=tuple(findings),
        elsewhere=elsewhere,
        remote=remote,
    )


def _schema(
    live: DeploymentConfiguration | None, connection: DatabaseConnection | None
) -> str | None:
    """Return the name of the store's schema, as far as it is known."""
    if connection is not None:
        return connection.schema
    try:
        return None if live is None else live.default_connection().schema
    except ConfigurationError:
        return None


def _health_findings(backups: Mapping[Kind, Backup]) -> list[Finding]:
    found: list[Finding] = []
    for backup in backups.values():
        name = backup.name.text
        if backup.health is Health.DAMAGED:
            found.append(stop("damaged", f"{name} is damaged: {backup.problem}"))
        elif backup.health is Health.REFUSED:
            found.append(stop("refused", f"{name} is refused: {backup.problem}"))
        elif backup.manifest is None:
            found.append(
                note("unverified", f"{name} has no manifest; it is checked by its structure.")
            )
    return found


def _archived(
    backup: Backup | None,
    remote: Remote | None,
    environ: Mapping[str, str],
    findings: list[Finding],
) -> DeploymentConfiguration | None:
    """Return the deployment configuration in the code archive, if it holds one."""
    if backup is None:
        return None
    try:
        paths = (ENV_PHP, CONFIG_PHP)
        if remote is not None:
            files = remote.small_files(paths)
        else:
            files = read_members(backup.path, tuple(map(str.encode, paths)))
        env_php = files.get(ENV_PHP.encode())
        if env_php is None:
            return None
        return parse_configuration(
            env_php,
            files.get(CONFIG_PHP.encode()),
            path=f"{backup.name.text}:{ENV_PHP}",
            environ=environ,
        )
    except ConfigurationError as error:
        findings.append(warn("archived-configuration", error.message))
    except MagerewindError:
        pass  # the archive is verified whole by the plan, which names its fault
    return None


def _connection(
    configuration: DeploymentConfiguration | None,
    problem: ConfigurationError | None,
    findings: list[Finding],
) -> DatabaseConnection | None:
    if configuration is None:
        error = problem or ConfigurationError("The deployment configuration cannot be read.")
        findings.append(from_error("configuration", error))
        return None
    try:
        return configuration.default_connection()
    except MagerewindError as error:
        findings.append(from_error("configuration", error))
        return None


def _env_keys(
    live: DeploymentConfiguration | None,
    archived: DeploymentConfiguration | None,
    findings: list[Finding],
) -> tuple[str, ...]:
    """Name the keys of env.php that a code rollback changes; never values."""
    if live is None or archived is None:
        return ()
    keys = differing_keys(live, archived)
    if keys:
        findings.append(
            warn(
                "env-differs",
                "app/etc/env.php of the backup differs from the present one in:",
                hint="--keep-env keeps the present file.",
                names=keys,
            )
        )
    return keys


def resolve_only(words: Sequence[str], root: str) -> tuple[str, ...]:
    """Return the patterns of `--only`: a whole path below the root is accepted as well.

    Raises UsageError.
    """
    inside = [word.removeprefix(root + "/") for word in words]
    return patterns.resolve(inside, option="--only", what="group")


def puts_back(request: RollbackRequest, store: Store, path: str) -> bool:
    """Return whether a path is among the chosen ones."""
    if not request.only:
        return True
    return Chosen(resolve_only(request.only, store.root)).holds(os.fsencode(path))


def keeps_environment(request: RollbackRequest, elsewhere: Mapping[str, tuple[str, ...]]) -> bool:
    """Tell whether the present env.php stays: where asked for, and against another store's."""
    return request.keep_env or bool(elsewhere and not request.replace_env)


def excluded(request: RollbackRequest, sources: Sources, backup: Backup) -> tuple[str, ...]:
    """Return the paths that this rollback leaves alone, besides Magento's ignored ones.

    Exclusions of the backup are in them: missing from the archive, but not from the store.
    """
    kept = (ENV_PHP,) if keeps_environment(request, sources.elsewhere) else ()
    left_out = backup.manifest.excluded if backup.manifest is not None else ()
    return tuple(dict.fromkeys((*request.exclude, *left_out, *kept)))
