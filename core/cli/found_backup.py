"""The backup that a command is to look into: in var/backups, or in a repository.

A name that is not here is searched in the remembered content of the repositories; `--from` names
one, which is asked where that set is not remembered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from msgspec import Struct

from core.backups.catalog import Backup, find_any_backup
from core.backups.names import parse_name
from core.errors import BackupNotFound, UsageError
from core.events import Kind, Report
from core.magento.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from core.config.load import Effective
    from core.contents.origin import Origin

SEEN_WITHIN_S = 10 * 365 * 86_400.0
"""Snapshots never change: a set that was ever seen is asked for as it was."""


class FoundBackup(Struct, frozen=True, kw_only=True):
    """A backup, and the source of its contents if it is in a repository."""

    backup: Backup
    origin: Origin | None = None


@contextmanager
def found_backup(
    store: Store,
    name: str,
    repository: str | None,
    *,
    settings: Callable[[], Effective],
    environ: Mapping[str, str],
    report: Report,
) -> Iterator[FoundBackup]:
    """Give the backup of a name, of the repository where one is named.

    `settings` reads the configuration. Raises BackupNotFound, InvalidBackupName, UsageError,
    RepositoryError, SetNotFound.
    """
    if repository is None:
        try:
            backup = find_any_backup(store.backups, name)
        except BackupNotFound:
            repository = seen_in(store, name)
            if repository is None:
                raise
        else:
            yield FoundBackup(backup=backup)
            return
    kind, timestamp = _part(name)
    from core.cli.repositories import named_repository  # noqa: PLC0415 - few look elsewhere
    from core.operations.remote import store_name  # noqa: PLC0415 - as above
    from core.operations.remote_inside import RemoteInside  # noqa: PLC0415 - as above
    from core.operations.remote_sources import find_remote  # noqa: PLC0415 - as above

    effective = settings()
    remote = find_remote(
        store,
        named_repository(effective, repository, environ),
        store_name(store, effective.label),
        timestamp,
        kinds=(kind,),
        environ=environ,
        within_s=SEEN_WITHIN_S,
    )
    with RemoteInside(remote, kind, report) as origin:
        yield FoundBackup(backup=remote.backup(kind, name), origin=origin)


def _part(name: str) -> tuple[Kind, str]:
    """Return the kind and the set of a name of a backup."""
    parsed = parse_name(name)
    number = name.partition("_")[0]
    if parsed is None or parsed.kind is None or not number.isdecimal():
        raise UsageError(
            f"{name} is no name of a part of a set.",
            hint="In a repository: TIME_filesystem.tgz, TIME_filesystem_media.tgz or TIME_db.sql, "
            "as info:backups:list shows them.",
        )
    return parsed.kind, number


def name_repository(missing: BackupNotFound, store: Store) -> None:
    """Put into the hint of an error the repository in which the backup was last seen."""
    repository = seen_in(store, missing.name)
    if repository is not None:
        timestamp = missing.name.partition("_")[0]
        missing.hint = (
            f"It is in {repository}: magerewind setup:rollback --set {timestamp} --from "
            f"{repository}, or first magerewind repo:fetch {timestamp} {repository}."
        )


def seen_in(store: Store, name: str) -> str | None:
    """Return the repository in which a backup was last seen, None for none."""
    from core.operations.remote import seen_everywhere  # noqa: PLC0415 - few look elsewhere

    with suppress(UsageError):
        kind, timestamp = _part(name)
        for seen in seen_everywhere(store):
            for one in seen.holdings.sets:
                if str(one.timestamp) == timestamp and one.is_whole and kind in one.parts:
                    return seen.repository
    return None
