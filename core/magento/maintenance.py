"""Maintenance mode: the flag by which Magento closes a store.

`var/.maintenance.flag` is an empty file whose existence is the mode. `var/.maintenance.ip` lists
the addresses that still get in; it belongs to the administrator and is never touched here. That the
flag is durable matters: a store that a crash opened half way through a rollback would sell.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

from core.durable import create_exclusive, fsync, translate, unlink_if_there
from core.magento.store import Store, open_var
from core.owned import read_plain_file

FLAG: Final = ".maintenance.flag"
ADDRESSES: Final = ".maintenance.ip"
_ADDRESSES_LIMIT: Final = 65536


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceState:
    """Whether the mode is on, and the addresses that still get in (None: no such list)."""

    on: bool
    addresses: str | None


def maintenance_state(store: Store) -> MaintenanceState:
    """Return the state that Magento would see. A store without a readable var counts as open."""
    return MaintenanceState(
        on=os.path.exists(os.path.join(store.var, FLAG)), addresses=_addresses(store)
    )


def _addresses(store: Store) -> str | None:
    try:
        content = read_plain_file(os.path.join(store.var, ADDRESSES), _ADDRESSES_LIMIT)
    except OSError:
        return None
    return os.fsdecode(content).strip()


def close_store(store: Store) -> bool:
    """Turn maintenance mode on, durably, and return whether it was on already."""
    var = open_var(store, make=True)
    try:
        was_on = not _make_flag(var)
        # Also when it was there: who made it may not have waited for the disk.
        fsync(var)
    except OSError as error:
        raise translate(error, "turning maintenance mode on") from error
    finally:
        os.close(var)
    return was_on


def _make_flag(var: int) -> bool:
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
            fsync(fd)
        finally:
            os.close(fd)
        return True
    return False


def open_store(store: Store) -> None:
    """Turn maintenance mode off, durably; that it is off already is as good."""
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
