"""Holds a store without a job, for a short change of its backups by a front end.

It excludes jobs by the two locks that a job takes, and leaves nothing behind: if its process dies
the store is free, and there is nothing to recover.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.account.ids import name_of
from core.jobs.client import Client
from core.jobs.listing import interrupted_error
from core.jobs.lock import NO_JOB, Holder, acquire, boot_id, process_start
from core.jobs.var_lock import lock_var
from core.magento.store import refuse_stranger


@contextmanager
def holding(
    client: Client,
    what: str,
    *,
    clock: Callable[[], float] = time.time,
    beside_interrupted: bool = False,
) -> Iterator[None]:
    """Hold the store of `client`; `what` describes the activity to others that find it held.

    `beside_interrupted`: also where a job waits to be recovered. Raises JobRunning, JobInterrupted,
    ForeignState.
    """
    store = client.store
    refuse_stranger(store)
    holder = Holder(
        job_id=NO_JOB,
        operation=what,
        host=client.host,
        boot_id=boot_id(),
        pid=os.getpid(),
        started=process_start(os.getpid()),
        user=name_of(os.geteuid()),
        since_s=clock(),
    )
    lock = acquire(store, holder)
    second: int | None = None
    try:
        second = lock_var(store)
        interrupted = client.interrupted()
        if interrupted is not None and not beside_interrupted:
            raise interrupted_error(interrupted, host=client.host)
        yield
    finally:
        if second is not None:
            os.close(second)
        lock.release()
