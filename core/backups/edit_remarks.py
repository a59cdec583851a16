"""Change the remarks on a set of backups: its note, the mark that keeps it, its last drill."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from core.backups.catalog import Backup, BackupSet, find_any_backup, list_backups
from core.backups.changing import change_manifest, changing
from core.backups.duration import excerpt
from core.backups.manifest import Manifest, remarks_of
from core.backups.place import open_backups
from core.backups.remarks import Remarks
from core.backups.verification_records import remember_remarks
from core.directories import Directory
from core.errors import BackupNotFound, InvalidBackupName, StoreUnreadable

_DIGITS: Final = 12  # of a timestamp in a name
_NAMED: Final = 5


def find_set(directory: str, name: str) -> BackupSet:
    """Return the set of this number, or with a backup of this base name. Raises as above."""
    listing = list_backups(directory)
    if name.isascii() and name.isdigit():
        timestamp = int(name) if len(name) <= _DIGITS else -1
        found = [one for one in listing.sets if one.timestamp == timestamp]
        found = [one for one in found if one.key == str(timestamp)] or found
    else:
        text = find_any_backup(directory, name).name.text
        found = [one for one in listing.sets if text in (each.name.text for each in one.backups)]
    if len(found) > 1:
        names = ", ".join(one.backups[0].name.text for one in found[:_NAMED])
        raise InvalidBackupName(
            f"{len(found)} sets of backups are of the second {name}.",
            hint=f"Name a file of the one that is meant: {names}",
        )
    if not found:
        raise BackupNotFound(
            f"There is no set of backups {excerpt(name)}.",
            hint="magerewind info:backups:list shows what there is.",
        )
    return found[0]


def change_remarks(backup: Backup, change: Callable[[Remarks], Remarks]) -> Backup:
    """Write the remarks on one backup, and return the backup with them.

    `change` gets the remarks of that moment. They go into its manifest, or into the state of the
    store where it has none. Raises BackupNotFound, StorageError, StoreUnreadable where there is no
    place for it.
    """
    name = backup.name.text
    with _opened(backup) as directory:
        if backup.manifest is None:
            with changing(directory):
                now = find_any_backup(backup.directory, name)
                return _remembered(now, change(now.remarks), directory)

        def changed(now: Manifest) -> Manifest:
            said = change(remarks_of(now))
            return replace(now, note=said.note, keep=said.keep, tried=said.tried)

        manifest = change_manifest(directory, name, changed)
    if manifest is None:
        raise _gone(backup)
    return replace(backup, remarks=remarks_of(manifest), manifest=manifest)


def _opened(backup: Backup) -> Directory:
    try:
        return open_backups(backup.directory)
    except FileNotFoundError:
        raise _gone(backup) from None


def _gone(backup: Backup) -> BackupNotFound:
    return BackupNotFound(f"{backup.name.text} was deleted meanwhile.")


def _remembered(backup: Backup, remarks: Remarks, directory: Directory) -> Backup:
    if remarks == backup.remarks:
        return backup
    try:
        status = os.lstat(backup.name.text, dir_fd=directory.fd)
    except FileNotFoundError:
        raise _gone(backup) from None
    if not remember_remarks(backup.directory, backup.name.text, status, remarks):
        raise StoreUnreadable("This account may not remember anything in var/.magerewind.")
    return replace(backup, remarks=remarks)


def change_set(backups: BackupSet, change: Callable[[Remarks], Remarks]) -> BackupSet:
    """Write the remarks on each backup of a set. Raises as `change_remarks`."""
    changed = tuple(change_remarks(backup, change) for backup in backups.backups)
    return replace(backups, backups=changed)
