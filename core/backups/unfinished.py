"""The unfinished files in var/backups: found by name, deleted."""

from __future__ import annotations

import os
import stat

from core.backups.catalog import PartialBackup, is_partial
from core.backups.names import index_name
from core.backups.place import open_backups
from core.directories import Directory
from core.durable import partial_name, translate
from core.errors import BackupNotFound, InvalidBackupName


def _finished(name: str) -> str:
    """Return the name that an unfinished file was to get."""
    return name.removeprefix(".").removesuffix(".partial")


def _partial(name: str, directory: Directory) -> PartialBackup:
    try:
        status = os.lstat(name, dir_fd=directory.fd)
    except FileNotFoundError:
        raise _no_partial(name, directory.path) from None
    if not stat.S_ISREG(status.st_mode):
        raise BackupNotFound(f"{name} in {directory.path} is not a regular file.")
    return PartialBackup(file_name=name, size_bytes=status.st_size, modified_s=status.st_mtime)


def _no_partial(name: str, directory: str) -> BackupNotFound:
    return BackupNotFound(
        f"There is no unfinished file {name} in {directory}.",
        hint="magerewind info:backups:list shows what there is.",
    )


def _open_directory(directory: str, name: str) -> Directory:
    if not is_partial(name):
        raise InvalidBackupName(f"{name or 'An empty name'} is not the name of an unfinished file.")
    try:
        return open_backups(directory)
    except FileNotFoundError:
        raise _no_partial(name, directory) from None


def find_partial(directory: str, name: str) -> PartialBackup:
    """Return the unfinished file of this base name. Raises InvalidBackupName, BackupNotFound."""
    with _open_directory(directory, name) as held:
        try:
            return _partial(name, held)
        except OSError as error:
            raise translate(error, f"looking at {name} in {directory}") from error


def delete_partial(directory: str, name: str) -> int:
    """Delete an unfinished file; return the bytes that were freed. Raises as `delete_backup`.

    The caller has made sure that no job works on the store, and that none waits to be recovered:
    the file of either is its own.
    """
    with _open_directory(directory, name) as held:
        try:
            partial = _partial(name, held)
            os.unlink(name, dir_fd=held.fd)
            held.remove(partial_name(index_name(_finished(name))))
            held.flush()
        except OSError as error:
            raise translate(error, f"deleting {name} in {directory}") from error
        return partial.size_bytes
