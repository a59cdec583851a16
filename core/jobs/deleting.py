"""Deletes backups on request, under the lock of the store: no job reads or writes them meanwhile.

hold    the store, as pruning does; the directory of an interrupted job is left as it is
refuse  names that an undo or that job needs, all of them before the first is deleted
delete  each backup with its manifest and index, each unfinished file
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from core.backups.catalog import delete_backup, is_partial
from core.backups.unfinished import delete_partial
from core.jobs.client import Client
from core.jobs.exclusive import holding
from core.operations.pinned_backups import refuse_needed, refuse_pinned

Deleted = Callable[[str, int], None]
"""Called with a name and the bytes that its deletion freed."""


def refuse_deletion(client: Client, names: Sequence[str]) -> None:
    """Raise, before the question, the errors that would refuse the deletion after it."""
    for name in names:
        refuse_pinned(client.store, name)
        refuse_needed(client.store, name)


def delete_named(
    client: Client,
    names: Sequence[str],
    deleted: Deleted,
    *,
    clock: Callable[[], float] = time.time,
) -> None:
    """Delete backups and unfinished files by their base names.

    Raises BackupNeeded, BackupNotFound, JobRunning, JobInterrupted for an unfinished file that a
    recovery may want, StorageError.
    """
    unfinished = any(map(is_partial, names))
    with holding(client, "info:backups:delete", clock=clock, beside_interrupted=not unfinished):
        refuse_deletion(client, names)
        for name in names:
            delete = delete_partial if is_partial(name) else delete_backup
            deleted(name, delete(client.store.backups, name))
