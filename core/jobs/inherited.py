"""Passes facts of the account switch from starter to runner: the asking account, root's processes.

A runner inherits rights, filter and environment; these facts must be passed explicitly.
"""

from __future__ import annotations

import json
import os

from core.account.ids import ids_of
from core.account.switch_record import AccountSwitch, account_switch, set_account_switch
from core.errors import UsageError
from core.magento import processes


def words_for_runner() -> tuple[str, ...]:
    """Return the additions to the command line of a runner."""
    how = account_switch()
    if how is None:
        return ()
    told = {"by": how.by, "asked": how.asked, "seen": processes.seen_rows()}
    keeper = () if how.keeper_fd is None else ("--keeper-fd", str(how.keeper_fd))
    return ("--door", json.dumps(told), *keeper)


def descriptors_for_runner() -> tuple[int, ...]:
    """Return the descriptors that a runner gets by the same numbers."""
    how = account_switch()
    return () if how is None or how.keeper_fd is None else (how.keeper_fd,)


def take_over(told: str, keeper_fd: int | None) -> None:
    """In a runner: take over the state of its starter. Raises UsageError for unknown words."""
    try:
        row = json.loads(told)
        ids = ids_of(os.geteuid(), os.getegid())
        how = AccountSwitch(
            ids=ids, by=str(row["by"]), asked=bool(row["asked"]), keeper_fd=keeper_fd
        )
        processes.remember_seen(row["seen"])
    except (ValueError, KeyError, TypeError):
        raise UsageError("What job:run was told of its start makes no sense.") from None
    set_account_switch(how)
