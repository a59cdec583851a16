"""Accounts by number and by name, also those that the machine has no name for."""

from __future__ import annotations

import os
import pwd
from typing import Final

from msgspec import Struct

from core.errors import UsageError

UNMAPPED: Final = 65534
"""The id that the kernel shows for an owner without a number here: user namespaces, NFS."""
_NO_ID: Final = (1 << 32) - 1  # (uid_t) -1 means "leave it" to the kernel
_HINT: Final = "--as takes the name or the number of an account."


class Ids(Struct, frozen=True, kw_only=True):
    """The rights of an account: numbers for the kernel, name and home for people and programs."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    name: str
    home: str


def name_of(uid: int) -> str:
    """Return an account's name, its number where it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def ids_of(uid: int, gid: int) -> Ids:
    """Return the rights of an account by its number.

    An account without an entry has the group `gid` alone: the one that its files have. Root's group
    is never given to an account that way.
    """
    try:
        return _ids(pwd.getpwuid(uid))
    except KeyError:
        group = gid or UNMAPPED
        return Ids(uid=uid, gid=group, groups=(group,), name=str(uid), home="/")


def ids_named(text: str, gid: int | None) -> Ids:
    """Return the rights of an account by name or number. Raises UsageError."""
    try:
        return _ids(pwd.getpwnam(text))
    except (KeyError, ValueError):  # ValueError: a NUL
        pass
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < _NO_ID):
        raise UsageError(f"There is no account {text}.", hint=_HINT)
    return ids_of(int(text), gid or UNMAPPED)


def _ids(entry: pwd.struct_passwd) -> Ids:
    groups = tuple(os.getgrouplist(entry.pw_name, entry.pw_gid))
    return Ids(
        uid=entry.pw_uid, gid=entry.pw_gid, groups=groups, name=entry.pw_name, home=entry.pw_dir
    )


def is_private_group(gid: int, uid: int) -> bool:
    """Return whether a group is the account's own: named like it, and without other members.

    Many systems give each account such a group, and let the group write to the account's new files.
    """
    import grp  # noqa: PLC0415 - rarely needed

    try:
        account, group = pwd.getpwuid(uid), grp.getgrgid(gid)
    except KeyError:
        return False
    if uid == 0 or account.pw_gid != gid or group.gr_name != account.pw_name:
        return False
    if set(group.gr_mem) - {account.pw_name}:
        return False
    return all(other.pw_uid == uid for other in pwd.getpwall() if other.pw_gid == gid)
