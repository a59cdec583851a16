"""A second lock of a running job: `flock` on the store's var directory itself.

The first one lies in `var/.magerewind`. When that is removed while a job runs, this one still keeps
other jobs away and tells watchers that the runner lives. It says nothing of which job that is.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from typing import Final

from core.errors import JobRunning, StoreUnreadable
from core.magento.store import Store, open_var

_TRIES: Final = 40
_PAUSE_S: Final = 0.025
_HELD: Final = frozenset({errno.EWOULDBLOCK, errno.EACCES})


def lock_var(store: Store) -> int | None:
    """Return a descriptor that holds the lock until it is closed.

    None where the file system cannot lock a directory. Raises JobRunning, StoreUnreadable. Watchers
    take the lock for an instant, so it is tried for a second.
    """
    var = open_var(store)
    for _ in range(_TRIES):
        try:
            fcntl.flock(var, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _HELD:
                os.close(var)
                return None
            time.sleep(_PAUSE_S)
        else:
            return var
    os.close(var)
    raise JobRunning(
        "A job whose memory was removed is still running on this store.",
        hint="It ends by itself; then run this again.",
    )


def var_is_held(store: Store) -> bool:
    """Tell whether a runner holds the lock now."""
    try:
        var = open_var(store)
    except StoreUnreadable:
        return False
    try:
        fcntl.flock(var, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno in _HELD
    finally:
        os.close(var)
    return False
