"""Root becomes another account for good: this process, and all that it starts from now on.

Nothing of root's is kept: no open file, no working directory, no capability, no way back. Owns the
order of the calls, and the proof of their effect.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Collection
from typing import Final

from core.account.ids import Ids
from core.errors import AccountRefused

_prctl = ctypes.CDLL(None, use_errno=True).prctl
_prctl.argtypes = (ctypes.c_int, *(ctypes.c_ulong,) * 4)

_PR_SET_DUMPABLE: Final = 4
_PR_GET_DUMPABLE: Final = 3
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_EMPTY_CAPABILITIES: Final = ("CapPrm", "CapEff", "CapAmb")


def become(ids: Ids, *, keep: Collection[int] = ()) -> None:
    """Turn this process of root's into one of that account. Raises AccountRefused.

    Descriptors other than the standard ones and those of `keep` are closed: one of a directory that
    only root may enter would still open it. The working directory is `/` afterwards.
    """
    _refuse_threads()
    _close_all_but(keep)
    os.chdir("/")
    os.umask(0o077)
    try:
        os.setgroups(ids.groups)
        os.setresgid(ids.gid, ids.gid, ids.gid)
        os.setresuid(ids.uid, ids.uid, ids.uid)
    except (OSError, OverflowError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise AccountRefused(
            f"Root may not become {ids.name} here: {reason}.", hint=f"Start it as {ids.name}."
        ) from None
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # The kernel does this by itself unless fs.suid_dumpable says otherwise: no other process may
    # look into this process, or trace it, who could not before.
    _prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    _prove(ids)


def _refuse_threads() -> None:
    """Raise where a second thread would stay root: filters and prctl are of the calling one."""
    if len(os.listdir("/proc/self/task")) != 1:
        raise AccountRefused("Root cannot become another account while several threads run.")


def _close_all_but(keep: Collection[int]) -> None:
    kept = {0, 1, 2, *keep}
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:  # the one that listed them
                continue
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(fd, True)  # a stream that the shell had closed
    os.close(fd)


def _prove(ids: Ids) -> None:
    """Raise AccountRefused unless this process is the account, and nothing more than it."""
    status = _status()
    wrong = []
    if os.getresuid() != (ids.uid,) * 3 or os.getresgid() != (ids.gid,) * 3:
        wrong.append("its ids")
    if set(os.getgroups()) != set(ids.groups):
        wrong.append("its groups")
    wrong += [name for name in _EMPTY_CAPABILITIES if int(status.get(name, "1"), 16)]
    if status.get("NoNewPrivs") != "1":
        wrong.append("NoNewPrivs")
    if _prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 1:
        wrong.append("dumpable")
    if not wrong and _can_return():
        wrong.append("the way back")
    if wrong:
        raise AccountRefused(
            f"This machine does not let root become {ids.name} wholly ({', '.join(wrong)}).",
            hint=f"Start it as {ids.name}.",
        )


def _can_return() -> bool:
    try:
        os.setresuid(-1, 0, -1)
    except OSError:
        return False
    return True


def _status() -> dict[str, str]:
    with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
        return {name: value.strip() for name, _, value in (line.partition(":") for line in file)}
