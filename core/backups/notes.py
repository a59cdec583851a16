"""The note of a backup, written anew into its manifest."""

from __future__ import annotations

import dataclasses

from core.backups.catalog import find_any_backup
from core.backups.changing import change_manifest
from core.backups.place import open_backups
from core.errors import UsageError


def set_note(directory: str, name: str, note: str) -> None:
    """Write another note for the backup `name` in `directory` (var/backups); empty takes it away.

    Raises BackupNotFound, and UsageError for a backup without a manifest: nothing there would keep
    the note.
    """
    backup = find_any_backup(directory, name)
    if backup.manifest is None:
        raise UsageError(f"{name} has no manifest that could keep a note.")
    if backup.manifest.note != note:
        with open_backups(directory) as place:
            change_manifest(place, name, lambda now: dataclasses.replace(now, note=note))
