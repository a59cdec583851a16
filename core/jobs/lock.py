"""Who works on a store: `flock` on `var/.magerewind/lock`, and the holder's name in it.

The kernel frees the lock with the process, so there are no stale locks on one host; the name is
for people, and for telling a live holder from one that another host of a shared file system wrote.

Beside the file the directory itself is locked: a lock file can be removed while its holder works,
and a process that made a new one would then hold a lock without effect.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from typing import Final

from msgspec import Struct
from msgspec.structs import asdict

from core.directories import Directory
from core.durable import translate
from core.errors import JobRunning, StorageError
from core.magento.child import process_start
from core.magento.store import Store
from core.operations.job_files import open_state

_TRIES: Final = 40
_PAUSE_S: Final = 0.025
_SHORT_WORK_TRIES: Final = 1200  # half a minute, for work that is no job and soon over
NO_JOB: Final = ""
"""In place of a job's id, for a short change that is no job (`core.jobs.exclusive`)."""
_NAME: Final = "lock"
_LIMIT: Final = 4096  # bytes of a holder's name
_HELD_BY_ANOTHER: Final = frozenset({errno.EWOULDBLOCK, errno.EACCES})
# File systems of a network may lock files that are open for writing only, so no directories.
_NO_LOCKS_HERE: Final = frozenset({errno.EBADF, errno.EINVAL, errno.ENOLCK, errno.EOPNOTSUPP})


class Holder(Struct, frozen=True, kw_only=True):
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


def is_alive(holder: Holder, host: str) -> bool:
    """Tell whether the very process lives on; a reused pid has another start."""
    return (
        holder.host == host
        and holder.boot_id == boot_id()
        and process_start(holder.pid) == holder.started != 0
    )


class StoreLock:
    """The held lock of a store."""

    def __init__(self, fd: int, directory: int) -> None:
        self._fd = fd
        self._directory = directory

    def release(self) -> None:
        """Let others work on the store."""
        os.ftruncate(self._fd, 0)
        os.close(self._fd)
        os.close(self._directory)


def _open(state: Directory) -> int:
    try:
        return state.open_file(_NAME, os.O_RDWR | os.O_CREAT, limit=_LIMIT)
    except FileNotFoundError as error:  # the directory is gone
        raise translate(error, f"opening the lock {state.path_of(_NAME)}") from error


def _parse(content: bytes) -> Holder | None:
    try:
        holder = Holder(**json.loads(content))
    except (ValueError, TypeError, RecursionError):
        return None
    texts = (holder.job_id, holder.operation, holder.host, holder.boot_id, holder.user)
    numbers = (holder.pid, holder.started, holder.since_s)
    whole = all(isinstance(text, str) for text in texts)
    return holder if whole and all(isinstance(number, int | float) for number in numbers) else None


def _try(fd: int, path: str) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _HELD_BY_ANOTHER:
            return False
        raise translate(error, f"locking {path}") from error
    return True


def _try_directory(fd: int, path: str) -> bool:
    """Lock a directory too, where its file system can; tell whether no other process has."""
    try:
        return _try(fd, path)
    except StorageError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _NO_LOCKS_HERE:
            return True
        raise


def _is_in_place(fd: int, state: Directory) -> bool:
    """Tell whether the path still leads to the locked file."""
    try:
        there = os.stat(_NAME, dir_fd=state.fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(fd))


def refusal(holder: Holder | None) -> JobRunning:
    """Return the error that names who holds the store."""
    if holder is None:
        return JobRunning("Another job is running on this store.")
    return job_running(
        holder.job_id,
        holder.operation,
        user=holder.user,
        since_s=holder.since_s,
        pid=holder.pid,
        host=holder.host,
    )


def job_running(
    job_id: str, operation: str, *, user: str, since_s: float, pid: int, host: str
) -> JobRunning:
    """Return the error for a store on which a job works; `since_s` is in unix seconds."""
    since = time.strftime("%Y-%m-%d %H:%M:%S %Z", time.localtime(since_s))
    if job_id == NO_JOB:
        return JobRunning(
            f"{operation} of {user} is at work on this store since {since} "
            f"(process {pid} on {host}).",
            hint="It ends by itself; then run this again.",
        )
    return JobRunning(
        f"Job {job_id} ({operation}) of {user} is running on this store "
        f"since {since} (process {pid} on {host}).",
        hint="magerewind job:attach shows it, magerewind job:cancel stops it.",
    )


def acquire(store: Store, holder: Holder, *, state: Directory | None = None) -> StoreLock:
    """Take the store. Raises JobRunning with who holds it, ForeignState.

    A watcher that only looks (`read_holder`) takes the lock for an instant, so a lock without a
    live holder's name is tried again for a second. `state` is `var/.magerewind`, if it is open.
    """
    if state is None:
        state = open_state(store, make=True)
        assert state is not None  # noqa: S101 - it was made
    directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=state.fd)
    try:
        return StoreLock(_acquire(state, directory, holder), directory)
    except BaseException:
        os.close(directory)
        raise


def _acquire(state: Directory, directory: int, holder: Holder) -> int:
    """Return the locked file, with the holder's name in it; the directory is locked too."""
    known: Holder | None = None
    tries, patient = _TRIES, False
    while tries > 0:
        fd, taken = _open(state), False
        try:
            if (
                _try(fd, state.path_of(_NAME))
                and _is_in_place(fd, state)
                and _try_directory(directory, state.path)
            ):
                os.ftruncate(fd, 0)
                os.pwrite(fd, json.dumps(asdict(holder)).encode(), 0)
                taken = True
                return fd
            known = _parse(os.pread(fd, _LIMIT, 0))
            if known is not None and (known.host != holder.host or is_alive(known, holder.host)):
                if known.job_id != NO_JOB:
                    raise refusal(known)
                tries, patient = (tries if patient else _SHORT_WORK_TRIES), True
        finally:
            if not taken:
                os.close(fd)
        tries -= 1
        time.sleep(_PAUSE_S)
    raise refusal(known)


def read_holder(store: Store) -> Holder | None:
    """Return the holder of the store, or None without one. Raises ForeignState."""
    state = open_state(store)
    if state is None:
        return None
    try:
        fd = state.open_file(_NAME, limit=_LIMIT)
    except FileNotFoundError:
        return None
    try:
        content = os.pread(fd, _LIMIT, 0)
        if not content:  # let go in order, or never held
            return None
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return _parse(os.pread(fd, _LIMIT, 0))
        return None
    finally:
        os.close(fd)


__all__ = ["Holder", "StoreLock", "acquire", "boot_id", "is_alive", "process_start", "read_holder"]
