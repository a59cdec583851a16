"""Changes the remarks on a backup, one process at a time.

hold   a file in the state of the store is locked for a moment, since no other account can open it
read   the manifest as it is by then: a look of minutes may have begun with an older one
write  the changed one; a backup that was deleted meanwhile gets none
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from core.backups.manifest import Manifest, find_manifest, write_manifest
from core.backups.verification_records import open_state
from core.directories import Directory
from core.errors import ForeignState, StorageError, StoreUnreadable

_NAME: Final = "changes.lock"
_TRIES: Final = 200
_PAUSE_S: Final = 0.025
_HELD: Final = frozenset({errno.EWOULDBLOCK, errno.EACCES})


@contextmanager
def changing(directory: Directory) -> Iterator[None]:
    """Keep others from changing manifests and from deleting sets of var/backups meanwhile.

    Where this account has no state beside it, or its file system is full or locks nothing, others
    are not kept away. Raises StoreUnreadable where another process holds the lock for seconds.
    """
    fd = _opened(directory)
    if fd is None:
        yield
        return
    try:
        _lock(fd, directory)
        yield
    finally:
        os.close(fd)


def _opened(directory: Directory) -> int | None:
    state = open_state(directory.path, make=True)
    if state is None:
        return None
    with state:
        try:
            return state.open_file(_NAME, os.O_RDWR | os.O_CREAT)
        except (FileNotFoundError, StorageError, ForeignState):
            return None


def _lock(fd: int, directory: Directory) -> None:
    for _ in range(_TRIES):
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _HELD:
                return
            time.sleep(_PAUSE_S)
        else:
            return
    raise StoreUnreadable(
        f"Another process is changing backups in {directory.path}.", hint="Run this again later."
    )


def change_manifest(
    directory: Directory, name: str, change: Callable[[Manifest], Manifest]
) -> Manifest | None:
    """Write the manifest of a backup anew, as `change` makes it of the present one.

    Returns the manifest then; None where there is no backup, or no manifest, any more. Raises as
    `changing`, and StorageError.
    """
    with changing(directory):
        found = find_manifest(directory, name).manifest
        if found is None or not directory.has(name):
            return None
        changed = change(found)
        if changed != found:
            write_manifest(directory, changed)
        return changed


__all__ = ["change_manifest", "changing"]
