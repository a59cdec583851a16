"""Maintenance mode: the flag by which Magento closes a store.

`var/.maintenance.flag` is a file whose existence is the mode; Magento never reads it. One that was
made here says for which job, so that it can be told when nothing else remembers that job.
`var/.maintenance.ip` lists the addresses that still get in; it belongs to the administrator and is
never touched here. The flag must be durable: a store that a crash reopened during a rollback would
accept orders.
"""

from __future__ import annotations

import os
import re
import stat
from typing import Final

from msgspec import Struct

from core.durable import create_exclusive, fsync, translate, unlink_if_there, write_all
from core.errors import StoreUnreadable
from core.magento.store import Store, open_var

FLAG: Final = ".maintenance.flag"
ADDRESSES: Final = ".maintenance.ip"
_ADDRESSES_LIMIT: Final = 65536
_FLAG_LIMIT: Final = 256
_MARK: Final = re.compile(
    rb"magerewind (\d{8}-\d{6}-[0-9a-f]{4}) (closed|moving|committed) ([a-z,]{0,40})\n"
)


class FlagContent(Struct, frozen=True, kw_only=True):
    """The job named in a flag: its progress, and the kinds it works on.

    `phase` is `closed` (nothing has been moved), `moving` or `committed`.
    """

    job_id: str
    phase: str
    kinds: tuple[str, ...] = ()

    def line(self) -> bytes:
        """Return it as the flag holds it."""
        return f"magerewind {self.job_id} {self.phase} {','.join(self.kinds)}\n".encode("ascii")


class MaintenanceState(Struct, frozen=True, kw_only=True):
    """Whether the mode is on, and the addresses that still get in (None: no such list).

    `mark`: of the job that turned it on, where a job of this application did.
    """

    on: bool
    addresses: str | None
    mark: FlagContent | None = None


def maintenance_state(store: Store) -> MaintenanceState:
    """Return the state that Magento would see. A store without a readable var counts as open."""
    try:
        var = open_var(store)
    except StoreUnreadable:
        return MaintenanceState(on=False, addresses=None)
    try:
        addresses = _read(ADDRESSES, var, _ADDRESSES_LIMIT)
        return MaintenanceState(
            on=_is_there(FLAG, var),
            addresses=None if addresses is None else os.fsdecode(addresses).strip(),
            mark=_mark(_read(FLAG, var, _FLAG_LIMIT)),
        )
    finally:
        os.close(var)


def _mark(content: bytes | None) -> FlagContent | None:
    found = _MARK.fullmatch(content or b"")
    if found is None:
        return None
    job_id, phase, kinds = (group.decode("ascii") for group in found.groups())
    return FlagContent(job_id=job_id, phase=phase, kinds=tuple(filter(None, kinds.split(","))))


def mark_flag(store: Store, mark: FlagContent) -> None:
    """Write the phase of a job into its flag, durably; a flag of any other is left alone."""
    var = open_var(store)
    try:
        fd = os.open(FLAG, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=var)
        try:
            before = _mark(os.pread(fd, _FLAG_LIMIT, 0))
            if before is not None and before.job_id == mark.job_id:
                os.pwrite(fd, mark.line(), 0)
                os.ftruncate(fd, len(mark.line()))
                fsync(fd)
        finally:
            os.close(fd)
    except FileNotFoundError:
        return  # the store was opened by hand
    except OSError as error:
        raise translate(error, "marking the maintenance flag") from error
    finally:
        os.close(var)


def _is_there(name: str, var: int) -> bool:
    """Tell whether PHP's file_exists sees it: a link that leads nowhere does not count."""
    try:
        os.stat(name, dir_fd=var)
    except OSError:
        return False
    return True


def _read(name: str, var: int, limit: int) -> bytes | None:
    """Return the beginning of a plain file in var, None where there is none; never blocks."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW
    try:
        fd = os.open(name, flags, dir_fd=var)
    except OSError:
        return None
    try:
        return os.read(fd, limit) if stat.S_ISREG(os.fstat(fd).st_mode) else None
    except OSError:
        return None
    finally:
        os.close(fd)


def close_store(store: Store, mark: FlagContent | None = None) -> bool:
    """Turn maintenance mode on, durably, and return whether it was on already.

    A flag that is made holds `mark`.
    """
    var = open_var(store, make=True)
    try:
        was_on = not _make_flag(var, b"" if mark is None else mark.line())
        # Also when it was there: who made it may not have waited for the disk.
        fsync(var)
    except OSError as error:
        raise translate(error, "turning maintenance mode on") from error
    finally:
        os.close(var)
    return was_on


def _make_flag(var: int, content: bytes) -> bool:
    """Make the flag; return False when Magento sees one already."""
    for _ in range(2):
        try:
            fd = create_exclusive(FLAG, mode=0o644, dir_fd=var)
        except FileExistsError:
            try:
                os.stat(FLAG, dir_fd=var)
            except FileNotFoundError:
                # A link that leads nowhere: PHP's file_exists says the store is open.
                unlink_if_there(FLAG, dir_fd=var)
                continue
            return False
        try:
            write_all(fd, content)
            fsync(fd)
        finally:
            os.close(fd)
        return True
    return False


def open_store(store: Store) -> None:
    """Turn maintenance mode off, durably; it may be off already."""
    if not os.path.lexists(store.var):
        return
    var = open_var(store)
    try:
        unlink_if_there(FLAG, dir_fd=var)
        fsync(var)
    except OSError as error:
        raise translate(error, "turning maintenance mode off") from error
    finally:
        os.close(var)
