"""Accounts and groups: their names for numbers when writing, numbers for names when extracting.

An account without a name, as in a container, exists when the tree belongs to it. Nothing here
touches a file.
"""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Callable


class AccountNames:
    """Names of numbers, asked once each."""

    def __init__(self) -> None:
        self._users: dict[int, bytes] = {}
        self._groups: dict[int, bytes] = {}

    def user(self, uid: int) -> bytes:
        """Return the account's name, empty when it has none."""
        return _name(self._users, uid, lambda: pwd.getpwuid(uid).pw_name)

    def group(self, gid: int) -> bytes:
        """Return the group's name, empty when it has none."""
        return _name(self._groups, gid, lambda: grp.getgrgid(gid).gr_name)


def _name(known: dict[int, bytes], number: int, ask: Callable[[], str]) -> bytes:
    name = known.get(number)
    if name is None:
        try:
            name = os.fsencode(ask())
        except (KeyError, OSError):
            name = b""
        known[number] = name
    return name


class AccountNumbers:
    """The numbers that a member's owner has on this machine, asked once each.

    `uid` and `gid` are those of the tree: they exist here, known by name or not.
    """

    def __init__(self, *, uid: int, gid: int) -> None:
        self._of_tree = {False: uid, True: gid}
        self._known: dict[tuple[int, bytes, bool], int | None] = {}

    def uid(self, number: int, name: bytes) -> int | None:
        """Return the account that `name` (or, without a name, `number`) means here, or None."""
        return self._find(number, name, group=False)

    def gid(self, number: int, name: bytes) -> int | None:
        """Return the group that `name` (or, without a name, `number`) means here, or None."""
        return self._find(number, name, group=True)

    def _find(self, number: int, name: bytes, *, group: bool) -> int | None:
        key = (number, name, group)
        if key not in self._known:
            nameless = not name and number == self._of_tree[group]
            self._known[key] = number if nameless else _look_up(number, name, group=group)
        return self._known[key]


def _look_up(number: int, name: bytes, *, group: bool) -> int | None:
    text = os.fsdecode(name)
    try:
        if group:
            return grp.getgrnam(text).gr_gid if name else grp.getgrgid(number).gr_gid
        return pwd.getpwnam(text).pw_uid if name else pwd.getpwuid(number).pw_uid
    except (KeyError, OSError, ValueError, OverflowError):
        return None


def own_groups() -> frozenset[int]:
    """Return the groups that this account may give to its own files."""
    return frozenset({os.getegid(), *os.getgroups()})
