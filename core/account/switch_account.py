"""The account switch: root becomes the account that owns the store.

It comes before any access to a store, so no content of a store can influence root. Owns the order
of the calls, the search for the owner, and the line that reports the switch. It happens in this
process, never by an exec: after an exec the account could read and trace the process.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, MutableMapping
from typing import Final

from msgspec.structs import replace

from core.account import environment, installation
from core.account.drop_privileges import become
from core.account.ids import UNMAPPED, Ids, ids_of, name_of
from core.account.seccomp import refuse_typing
from core.account.switch_record import AccountSwitch, account_switch, set_account_switch
from core.account.walk import Walk, WalkedPlace, distrust, distrust_of_root
from core.errors import AccountRefused

# Places that must be root's alone where root works as root. A missing one is no reason.
_ALL_ROOT: Final = (
    "", "app/etc", "app/etc/env.php", "bin", "bin/magento", "pub/media", "var", "var/backups",
)  # fmt: skip
_NAME_LIMIT: Final = 64


def asking_account(environ: Mapping[str, str]) -> str:
    """Return the account behind root: `sudo NAME`, or `root`."""
    caller = environ.get("SUDO_USER", "")
    named = caller.isprintable() and len(caller) <= _NAME_LIMIT and caller not in ("", "root")
    return f"sudo {caller}" if named else "root"


def refuse_borrowed_rights() -> None:
    """Raise AccountRefused where the program has rights that its caller has not."""
    if os.getresuid() != (os.geteuid(),) * 3 or os.getegid() != os.getgid():
        raise AccountRefused(
            "This program is not made to be run with the rights of its file.",
            hint="Take the set-user-id bit away, and use sudo.",
        )


def owner_of(walk: Walk, place: WalkedPlace) -> Ids | None:
    """Return the owner of the store at `place`; None if root owns all of it.

    If root owns the directory itself, the owner of `app/etc` decides. Raises AccountRefused if
    another account could have redirected the walk, or may write to a directory that only root
    should write to.
    """
    status = place.status
    if status.st_uid == 0:
        status = _configuration_of(place) or status
    uid = status.st_uid
    if uid == UNMAPPED:
        raise AccountRefused(f"The store's owner ({uid}) is no account of this machine.")
    for step in walk.passed[: place.passed]:
        found = distrust(step, uid)
        if found is not None and not _is_same(step.status, place.status):
            raise _cannot_be_told(found, uid)
    if uid == 0:
        _refuse_mixed(place.path)
        return None
    return ids_of(uid, status.st_gid)


def _configuration_of(place: WalkedPlace) -> os.stat_result | None:
    """Return the status of `app/etc`, None where it is missing.

    Raises AccountRefused where a third account could have led to it: it would choose whose rights
    are lent to the code beside it.
    """
    try:
        with Walk(f"{place.path.rstrip('/')}/app/etc") as walk:
            status, steps = walk.end.status, walk.passed
    except (FileNotFoundError, NotADirectoryError):
        return None
    stranger = next((step for step in steps if step.status.st_uid not in (0, status.st_uid)), None)
    if stranger is not None:
        raise _cannot_be_told(distrust(stranger, status.st_uid) or stranger.path, 0)
    return status


def _cannot_be_told(why: str, uid: int) -> AccountRefused:
    return AccountRefused(
        f"Whose store this is cannot be told: {why}.",
        hint=f"Name the account: --as {name_of(uid) if uid else 'ACCOUNT'}",
    )


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return (one.st_dev, one.st_ino) == (other.st_dev, other.st_ino)


def _refuse_mixed(root: str) -> None:
    """Raise AccountRefused unless all that root would rely on is root's alone."""
    for name in _ALL_ROOT:
        found = distrust_of_root(os.path.join(root, name), below=root)
        if found is not None:
            raise AccountRefused(
                f"Root does not work on a store that is root's only in part: {found}.",
                hint="Name the account: --as ACCOUNT",
            )


def start_keeper(place: WalkedPlace, owner: Ids) -> int:
    """Start the process that gives files back to other accounts.

    Returns a descriptor of a socket to it. Raises AccountRefused.
    """
    from core.account import keeper  # noqa: PLC0415 - only root has one

    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        root = os.open(".", flags, dir_fd=place.fd)
        try:
            return keeper.start_keeper(root, owner.uid)
        finally:
            os.close(root)
    except OSError as error:
        raise AccountRefused(
            f"What is left of root for the store's other accounts cannot be started:"
            f" {error.strerror}.",
            hint=f"Without it: --as {owner.name}",
        ) from None


def switch(
    how: AccountSwitch,
    *,
    environ: MutableMapping[str, str],
    root: tuple[str, os.stat_result] | None = None,
    keep: Collection[int] = (),
) -> AccountSwitch:
    """Become the account for good; return how it was done. Raises AccountRefused.

    `root`: path and status of the store's root, which must still be the target of the path.
    `keep`: descriptors that stay open besides the standard ones.
    """
    keeper = () if how.keeper_fd is None else (how.keeper_fd,)
    become(how.ids, keep={*keep, *keeper})
    how = replace(how, filtered=refuse_typing())
    environment.set_for_account(environ, how.ids)
    installation.refuse_unreadable(how.ids.name)
    if root is not None:
        _refuse_exchanged(how.ids.name, *root)
    set_account_switch(how)
    return how


def _refuse_exchanged(name: str, path: str, status: os.stat_result) -> None:
    try:
        now = os.stat(path)
    except OSError as error:
        raise AccountRefused(
            f"{name} cannot reach {path}: {error.strerror}.",
            hint="Every directory on the way must let its owner pass (x).",
        ) from None
    if not _is_same(now, status):
        raise AccountRefused(f"{path} was exchanged just now.", hint="Run it again.")


__all__ = [
    "AccountSwitch", "account_switch", "asking_account", "owner_of", "refuse_borrowed_rights",
    "set_account_switch", "start_keeper", "switch",
]  # fmt: skip
