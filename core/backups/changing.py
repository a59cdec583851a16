"""What is said of a backup is changed by one process at a time.

hold   the directory itself is locked for a moment; who may open it may lock it, so with a limit
read   the manifest as it is by then: a look of minutes may have begun with an older one
write  the changed one; a backup that was deleted meanwhile gets none
"""

from __future__ import annotations

import errno
import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

from core.backups.manifest import Manifest, find_manifest, write_manifest
from core.directories import Directory
from core.errors import StoreUnreadable

_TRIES: Final = 200
_PAUSE_S: Final = 0.025
_HELD: Final = frozenset({errno.EWOULDBLOCK, errno.EACCES})


@contextmanager
def changing(directory: Directory) -> Iterator[None]:
    """Keep others from changing manifests and from deleting sets of this directory meanwhile.

    `directory` was opened for this alone. Raises StoreUnreadable where another process keeps it
    locked. A file system that locks no directories is taken as it is.
    """
    for tries in range(_TRIES + 1):
        try:
            fcntl.flock(directory.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _HELD:
                break
            if tries == _TRIES:
                raise StoreUnreadable(
                    f"Another process keeps {directory.path} locked.", hint="Run this again later."
                ) from None
            time.sleep(_PAUSE_S)
        else:
            break
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(directory.fd, fcntl.LOCK_UN)


def change_manifest(
    directory: Directory, name: str, change: Callable[[Manifest], Manifest]
) -> Manifest | None:
    """Write the manifest of a backup anew, as `change` makes it of the present one.

    Returns what is there then; None where there is no backup, or no manifest, any more. Raises as
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
