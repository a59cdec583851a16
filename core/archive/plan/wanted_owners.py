"""The owners of the members of an archive after they are restored.

It owns the rule: as root the account of the archive when it exists here, else the owner of the
entry replaced. The store's owner can only make its own entries, and with a keeper (`core.account`)
also those of the store's other accounts.
"""

from __future__ import annotations

import os

from core.account.client import keeper
from core.archive.tar.member import Member
from core.archive.tar.name_index import UNKNOWN_MODE
from core.archive.tree.accounts import AccountNames, AccountNumbers, own_groups
from core.archive.tree.selection import Status


class WantedOwners:
    """Whom the members of an archive are to belong to, as far as this account can see to it."""

    def __init__(self, root: bytes, *, trusted: bool) -> None:
        top = os.stat(root)
        self._trusted = trusted
        self._numbers = AccountNumbers(uid=top.st_uid, gid=top.st_gid)
        self._names = AccountNames()
        self._euid = os.geteuid()
        self._groups = own_groups()
        self._keeper = keeper()
        self._known: dict[tuple[int, int, bytes, bytes], tuple[int | None, int | None]] = {}

    def of(self, member: Member) -> tuple[int | None, int | None]:
        """Return account and group of a member, None where that is left as it is."""
        if self._says_nothing(member):
            return None, None
        key = (member.uid, member.gid, member.uname, member.gname)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._restorable(*self._meant(member))
        return known

    def _says_nothing(self, member: Member) -> bool:
        if member.mode == UNKNOWN_MODE:
            return True
        # Magento writes root, and a missing owner, as NULs.
        return not self._trusted and not member.uname and not member.uid

    def _meant(self, member: Member) -> tuple[int | None, int | None]:
        """Return the owner that the archive means, whether or not it can be given to them."""
        numbers = self._numbers
        return numbers.uid(member.uid, member.uname), numbers.gid(member.gid, member.gname)

    def _restorable(self, uid: int | None, gid: int | None) -> tuple[int | None, int | None]:
        """Return account and group as far as an entry can be given to them."""
        if self._euid == 0:
            return uid, gid
        here = self._keeper
        if here is None or (uid != self._euid and not here.may(uid=uid or 0)):
            uid = None
        if gid not in self._groups and (here is None or not here.may(gid=gid or 0)):
            gid = None
        return uid, gid

    def lacking(self, member: Member) -> tuple[str | None, bool]:
        """Return whose account a member cannot be given to, and whether owner or group differ."""
        if member.mode == UNKNOWN_MODE:
            return None, False
        uid, gid = self._meant(member)
        given = self._restorable(uid, gid)
        foreign = uid not in {None, self._euid, given[0]}
        differs = foreign or (gid is not None and gid != given[1])
        if not foreign or uid is None:
            return None, differs
        return os.fsdecode(self._names.user(uid)) or str(uid), differs

    def belongs(self, status: os.stat_result | Status, member: Member) -> bool:
        """Tell whether a live entry has its wanted owner, or cannot be given it."""
        if self._euid != 0 and self._keeper is None:
            return True
        uid, gid = self.of(member)
        return (uid is None or uid == status.st_uid) and (gid is None or gid == status.st_gid)

    def is_changed_in_place(self, status: os.stat_result | Status, member: Member) -> bool:
        """Tell whether owner and group of a live entry need no new entry in its place.

        A given entry cannot be taken back, so with a keeper only a group is set in place.
        """
        if self._keeper is None or self.belongs(status, member):
            return True
        uid, gid = self.of(member)
        return uid in {None, status.st_uid} and self.may_set_group(status, gid)

    def may_set_group(self, status: os.stat_result | Status, gid: int | None) -> bool:
        """Tell whether a live entry can have that group and afterwards its present one again."""
        own = self._keeper is not None and status.st_uid == self._euid
        return own and {status.st_gid, gid} <= self._groups

    def lends(self, status: os.stat_result | Status) -> bool:
        """Tell whether we may work as the account that a live entry belongs to."""
        here = self._keeper
        return here is not None and here.may(uid=status.st_uid) and here.may(gid=status.st_gid)
