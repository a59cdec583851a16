"""Who works on a store: `flock` on `var/.magerewind/lock`, and the holder's name in it.

The kernel frees the lock with the process, so there are no stale locks on one host; the name is
for people, and for telling a live holder from one that another host of a shared file system wrote.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import Final

from core.durable import owner_for, translate
from core.errors import JobRunning
from core.magento.store import Store

_TRIES: Final = 40
_PAUSE_S: Final = 0.025


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """The process that holds a store's lock. `started` is its start in clock ticks since boot."""

    job_id: str
    operation: str
    host: str
    boot_id: str
    pid: int
    started: int
    user: str
    since_s: float


def boot_id() -> str:
    """Return the id of this boot of this machine."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def process_start(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # The second field is the name in brackets, and may hold spaces and brackets itself.
            return int(file.read().rpartition(b")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return 0


def is_alive(holder: Holder, host: str) -> bool:
    """Tell whether the very process lives on; a reused pid has another start."""
    return (
        holder.host == host
        and holder.boot_id == boot_id()
        and process_start(holder.pid) == holder.started != 0
    )


class StoreLock:
    """The lock while it is held."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def release(self) -> None:
        """Let others work on the store."""
        os.ftruncate(self._fd, 0)
        os.close(self._fd)


def _open(store: Store) -> int:
    path = os.path.join(store.state_directory, "lock")
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        owner = owner_for(store.root)
        if owner is not None:
            os.fchown(fd, owner.uid, owner.gid)
    except OSError as error:
        raise translate(error, f"opening the lock {path}") from error
    return fd


def _parse(content: bytes) -> Holder | None:
    try:
        return Holder(**json.loads(content))
    except (ValueError, TypeError):
        return None


def _try(fd: int, path: str) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        raise translate(error, f"locking {path}") from error
    return True


def refusal(holder: Holder | None) -> JobRunning:
    """Return the error that names who holds the store."""
    if holder is None:
        return JobRunning("Another job is running on this store.")
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder.since_s))
    return JobRunning(
        f"Job {holder.job_id} ({holder.operation}) of {holder.user} is running on this store "
        f"since {since} (process {holder.pid} on {holder.host}).",
        hint="magerewind job:attach shows it, magerewind job:cancel stops it.",
    )


def acquire(store: Store, holder: Holder) -> StoreLock:
    """Take the store. Raises JobRunning with who holds it.

    A watcher that only looks (`read_holder`) takes the lock for an instant, so a lock without a
    live holder's name is tried again for a second.
    """
    fd = _open(store)
    path = os.path.join(store.state_directory, "lock")
    try:
        for _ in range(_TRIES):
            if _try(fd, path):
                os.ftruncate(fd, 0)
                os.pwrite(fd, json.dumps(asdict(holder)).encode(), 0)
                return StoreLock(fd)
            known = _parse(os.pread(fd, 4096, 0))
            if known is not None and (known.host != holder.host or is_alive(known, holder.host)):
                raise refusal(known)
            time.sleep(_PAUSE_S)
        raise refusal(_parse(os.pread(fd, 4096, 0)))
    except BaseException:
        os.close(fd)
        raise


def read_holder(store: Store) -> Holder | None:
    """Return who holds the store now, or None when nobody does."""
    path = os.path.join(store.state_directory, "lock")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise translate(error, f"opening the lock {path}") from error
    try:
        content = os.pread(fd, 4096, 0)
        if not content:  # let go in order, or never held
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _parse(os.pread(fd, 4096, 0))
        return None
    finally:
        os.close(fd)
