"""Compares an archive with the live tree, entry by entry.

It owns the definition of a difference (type, mode, content, link target, and as root the owner
where that account exists here), the entries that stay although the archive lacks them, and the
grouping of differences into units that move as one. It reads, and fills a plan; its caller owns the
order of entries.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from core.account.open_via_helper import open_to_read, readlink
from core.archive.plan.cached_contents import CacheWriter
from core.archive.plan.chosen_entries import DirectoriesAbove, shown
from core.archive.plan.plan_file import PlanFile
from core.archive.plan.rows import Action, PlanRow
from core.archive.plan.split_units import split
from core.archive.plan.wanted_owners import WantedOwners
from core.archive.tar.header import DIRECTORY, HARD_LINK, REGULAR, SYMLINK
from core.archive.tar.member import Member, leads_out
from core.archive.tar.name_index import UNKNOWN_MODE
from core.archive.tar.reader import ArchiveReader
from core.archive.tar.verify import refuse_leading_out
from core.archive.tree.mounts import Regions
from core.archive.tree.open_directories import OPEN_FILE, is_gone
from core.archive.tree.selection import Found, Selection, unreadable
from core.archive.tree.stat_records import storable, storable_inode
from core.archive.tree.xattrs import CAPABILITY
from core.errors import StorageError
from core.events import Kind

_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long
_SMALL: Final = 1 << 20
NAMES_KEPT: Final = 1000
_OWNER: Final = "owner or group"
_FILE_MODE: Final = 0o1777
_FORMAT: Final = 0o170000
_FILES: Final = frozenset({REGULAR, HARD_LINK})
_DIRECTORY_MODE: Final = 0o3777
_TYPES: Final = {
    REGULAR: stat.S_IFREG,
    HARD_LINK: stat.S_IFREG,
    DIRECTORY: stat.S_IFDIR,
    SYMLINK: stat.S_IFLNK,
}
# Sides of a row that are not there: `content_at` to `link_then`, and `type_now` to `ino_staged`.
_NO_ARCHIVE: Final[tuple[Any, ...]] = (None, None, None, 0, 0, None, None, None)
_NO_LIVE: Final[tuple[Any, ...]] = (None, None, 0, 0, None, None, None, None)
_MAGENTO_LEAVES_OUT: Final = (
    b"pub/media", b"pub/static", b"var", b"update", b"node_modules", b".grunt", b".idea", b".svn",
    b".git",
)  # fmt: skip


Same = Callable[[Member, Found], bool]
"""Whether the content of a regular member is that of the live file."""


def content_is(reader: ArchiveReader, member: Member, found: Found) -> bool:
    """Compare the current member's content with a live file of the same size."""
    if member.size != found.status.st_size:
        return False
    if not member.size:
        return True
    if found.content is not None:
        return found.content == reader.content()
    try:
        fd = open_to_read(found.name, OPEN_FILE, found.dir_fd)
    except OSError as error:
        if is_gone(error):
            return False
        raise unreadable(found.path, error) from error
    try:
        if member.size <= _SMALL:
            return os.read(fd, member.size) == reader.content()
        return all(os.read(fd, len(piece)) == piece for piece in reader.pieces())
    except OSError as error:
        raise unreadable(found.path, error) from error
    finally:
        os.close(fd)


class Comparison:
    """Takes live entries and members in the order of the walk and fills a plan."""

    def __init__(
        self,
        plan: PlanFile,
        selection: Selection,
        reader: ArchiveReader | None,
        *,
        trusted: bool,
        regions: Regions | None = None,
        cache: CacheWriter | None = None,
    ) -> None:
        self._cache = cache if cache is not None and cache.takes else None
        self.sha256 = ""
        self.regrouped = False
        self.is_replacing = False
        """Whether the last entry is inside a directory that is made anew: none may be passed over,
        however much the same it is."""
        self.members = 0
        self.identical = 0
        self.skipped = 0
        self.unrestorable: list[str] = []
        self.becoming: dict[str, int] = {}  # entries by the account that they cannot be given to
        self.kept: list[bytes] = []
        self.parents: list[tuple[bytes, int, int | None, int | None]] = []
        self.regions = Regions(selection.root) if regions is None else regions
        self._plan = plan
        self._selection = selection
        self._reader = reader
        self._trusted = trusted
        self._owners = WantedOwners(selection.root, trusted=trusted)
        self._euid = os.geteuid()
        self._replaced = b"\0"  # the prefix of paths inside a directory that is made anew
        self._unit: int | None = None
        self._unit_region = 0
        self._below = b""  # the prefix of paths inside the current unit
        self._blocked: list[bytes] = []  # inside a unit, must stay
        self._way = DirectoriesAbove(selection) if selection.only or selection.chosen else None

    def relative(self, path: bytes) -> bytes:
        """Return a member path relative to the selection's root."""
        return path[len(self._selection.prefix) :]

    def _region_of(self, path: bytes) -> int:
        return self.regions.of(self.relative(path))

    def keep(self, path: bytes) -> None:
        """Note a live path that stays under every plan around it."""
        if self._inside(path):
            self._blocked.append(path)

    def _inside(self, path: bytes) -> bool:
        return self._unit is not None and path.startswith(self._below)

    def both(self, found: Found, member: Member, same: Same) -> None:
        """Compare a member with the live entry of its name."""
        mode, kind = found.status.st_mode, member.type
        if self._way is not None and self._way.is_above(found.path):
            self._notice(found)
            return
        self.is_replacing = found.path.startswith(self._replaced)
        if self.is_replacing:
            if self._notice(found):
                self.keep(found.path)
            else:
                self._changed(found, member)
            return
        if kind in _FILES and mode & _FORMAT == stat.S_IFREG and same(member, found):
            self._metadata(found, member, _FILE_MODE)
            return
        self._notice(found)
        if kind == DIRECTORY and stat.S_ISDIR(mode):
            self._metadata(found, member, _DIRECTORY_MODE)
        elif kind == SYMLINK and stat.S_ISLNK(mode) and self._target(found) == member.link:
            self.identical += 1
        else:
            if kind == SYMLINK:
                self._vouch(member)
            self._changed(found, member)

    def only_archive(self, member: Member) -> None:
        """Plan a member that the live tree has not."""
        if member.type == SYMLINK:
            self._vouch(member)
        if self._way is not None and self._way.is_above(member.name):
            self._way.lacks(member)
            if not self._selection.chosen:  # the part itself is needed with any content
                self._make_way(self._way, member.name + b"/")
            return
        if self._way is not None and not self._make_way(self._way, member.name):
            return
        has_children = member.type == DIRECTORY
        self._place(Action.ADD, member.name, member, None, has_children=has_children)
        self._keep(member)

    def _make_way(self, way: DirectoriesAbove, path: bytes) -> bool:
        """Plan the missing directories above a path; return whether they can be made."""
        for member in way.needed(path):
            if way.is_outside(member.name):
                row = self._row(Action.ADD, member.name, member, None)
                mode = 0o755 if row.mode_then is None else row.mode_then
                self.parents.append((member.name, mode, row.uid_then, row.gid_then))
            else:
                self._place(Action.ADD, member.name, member, None, has_children=True)
                self._keep(member)
        return not way.is_blocked(path)

    def only_live(self, found: Found) -> None:
        """Plan the removal of a live entry that the archive has not, unless it is to stay."""
        begins_region = self._notice(found)
        if self._way is not None and self._way.is_above(found.path):
            return
        path, mode = found.path, found.status.st_mode
        if begins_region or self.relative(path) in self.regions.mounts:
            self.kept.append(path)
            self.keep(path)
            return
        if self._selection.additive and not self._inside(path):
            return
        if not self._inside(path) and not _ordinary(mode):
            return  # a socket or fifo: never in an archive, so its absence says nothing
        if not self._trusted and (self._magento_leaves_out(path) or stat.S_ISLNK(mode)):
            self.kept.append(path)
            self.keep(path)
            return
        self._place(Action.REMOVE, path, None, found, has_children=stat.S_ISDIR(mode))

    def _magento_leaves_out(self, path: bytes) -> bool:
        """Tell whether Magento's own backup would lack this path: it compares beginnings only."""
        return self._selection.kind is Kind.CODE and path.startswith(_MAGENTO_LEAVES_OUT)

    def _notice(self, found: Found) -> bool:
        if not stat.S_ISDIR(found.status.st_mode):
            return False
        regions = self.regions
        if found.status.st_dev == regions.device and not regions.mounts and not regions.roots[1:]:
            return False
        return self.regions.notice(self.relative(found.path), found.status.st_dev)

    def _place(
        self,
        action: Action,
        path: bytes,
        member: Member | None,
        found: Found | None,
        *,
        has_children: bool,
    ) -> None:
        if self._unit is not None and path.startswith(self._below):
            self._plan.add(self._row(action, path, member, found, self._unit, self._unit_region))
            return
        region = self.regions.of(self.relative(path))
        number = self._plan.add(self._row(action, path, member, found, None, region))
        if has_children:
            self._unit, self._unit_region, self._below = number, region, path + b"/"

    def _changed(self, found: Found, member: Member) -> None:
        relative = self.relative(found.path)
        if relative in self.regions.mounts:
            self._cannot_restore(found.path, "it is a mount point")
            return
        was_directory = stat.S_ISDIR(found.status.st_mode)
        if was_directory and member.type == DIRECTORY and not self._inside(found.path):
            self._replaced, self.is_replacing = found.path + b"/", True
        has_children = was_directory or member.type == DIRECTORY
        self._place(Action.CHANGE, found.path, member, found, has_children=has_children)
        self._keep(member)

    def _keep(self, member: Member) -> None:
        """Keep the data of a member that the stage needs besides its row."""
        if member.xattrs:
            self._plan.keep_attributes(member.content_at, member.xattrs)
            if self._euid != 0 and CAPABILITY in member.xattrs:
                self._cannot_restore(member.name, "capabilities")
        if self._cache is None or self._reader is None or member.type not in _FILES:
            return
        content = self._reader.whole(member.size) if member.size <= _SMALL else None
        if content is None:
            self._cache.give_up()
        else:
            self._cache.add(member.content_at, content)
        if not self._cache.takes:
            self._cache = None

    def _vouch(self, member: Member) -> None:
        """Refuse a new link out of the root unless a manifest vouches for the archive."""
        if not self._trusted and self._reader is not None and leads_out(member):
            refuse_leading_out(self._reader, member)

    def _target(self, found: Found) -> bytes | None:
        try:
            return readlink(found.name, found.dir_fd)
        except OSError:
            return None

    def _metadata(self, found: Found, member: Member, mask: int) -> None:
        """Plan a change of mode or owner in place, or count an identical entry."""
        status = found.status
        if not (status.st_mode ^ member.mode) & mask and self._owners.belongs(status, member):
            self.identical += 1
            return
        mode = status.st_mode & 0o7777
        wanted = member.mode & mask if self._says_mode(member) else mode
        if (mode & mask) == (wanted & mask) and self._owners.belongs(status, member):
            self.identical += 1
            return
        if not self._owners.is_changed_in_place(status, member):
            self._changed(found, member)
            return
        if self._euid not in {0, status.st_uid} and not self._owners.lends(status):
            self._cannot_restore(found.path, "mode of another account's file")
            return
        region = self.regions.of(self.relative(found.path))
        row = self._row(Action.MODE, found.path, member, found, None, region)
        row = row._replace(mode_then=wanted, size_then=row.size_now)
        if self._euid != 0 and not self._owners.may_set_group(status, row.gid_then):
            row = row._replace(gid_then=None)  # it could not give the present group back
        self._plan.add(row)

    def _says_mode(self, member: Member) -> bool:
        """Tell whether a mode is known: Magento's archives may lack those of directories."""
        mode = member.mode
        return mode != UNKNOWN_MODE and bool(mode or self._trusted or member.type != DIRECTORY)

    def _row(
        self,
        action: Action,
        path: bytes,
        member: Member | None,
        found: Found | None,
        unit: int | None = None,
        region: int = 0,
    ) -> PlanRow:
        """Return the known facts of an entry, as a row that has no id yet."""
        then, now = _NO_ARCHIVE, _NO_LIVE
        if member is not None:
            content_at, _, kind, mode, _, _, size, mtime, link, *_ = member
            if self._euid != 0:
                self._note_owner(member)
            then = (
                content_at if content_at >= 0 else None, _TYPES[kind],
                mode & 0o3777 if self._says_mode(member) else None,
                size, mtime, *self._owners.of(member), link or None,
            )  # fmt: skip
        if found is not None:
            status = found.status
            kind, is_file = status.st_mode & _FORMAT, stat.S_ISREG(status.st_mode)
            now = (
                kind, status.st_mode & 0o7777, status.st_size if is_file else 0,
                storable(status.st_mtime_ns), status.st_uid, status.st_gid,
                storable_inode(status.st_ino), None,
            )  # fmt: skip
        return _new(PlanRow, (None, path, action, unit, region, *then, *now))

    def _note_owner(self, member: Member) -> None:
        """Name an entry that cannot be given back."""
        account, differs = self._owners.lacking(member)
        if account is not None:
            self.becoming[account] = self.becoming.get(account, 0) + 1
        if differs:
            self._cannot_restore(member.name, _OWNER)

    def _cannot_restore(self, path: bytes, what: str) -> None:
        if len(self.unrestorable) <= NAMES_KEPT:
            self.unrestorable.append(f"{os.fsdecode(path)}: {what}")

    def finish(self, *, again: bool = False) -> None:
        """Take entries that must stay out of units, and keep the totals in the plan.

        `again`: it was a part that was compared anew, which adds to the facts of the rest.
        """
        self.regrouped = bool(self._blocked)
        for path in self._blocked:
            split(self._plan, path, self._region_of, self._cannot_restore)
        plan = self._plan
        if self.regrouped and plan.count_astray():
            raise StorageError(f"The plan {plan.path} has entries that belong to no unit.")
        kept = [os.fsdecode(path) for path in self.kept[:NAMES_KEPT]]
        unrestorable, becoming = self.unrestorable, self.becoming
        in_the_way = [] if self._way is None else shown(self._way.in_the_way)
        if again:
            known = plan.facts
            in_the_way = [*known.in_the_way, *in_the_way]
            kept, unrestorable = [*known.kept, *kept], [*known.unrestorable, *unrestorable]
            becoming = Counter(known.becoming) + Counter(becoming)
        else:
            plan.remember(identical=self.identical, skipped=self.skipped)
        plan.remember(unrestorable=_first(unrestorable), kept=_first(kept), becoming=dict(becoming))
        plan.remember(in_the_way=_first(in_the_way))


def _first(names: list[str]) -> list[str]:
    return list(dict.fromkeys(names))[: NAMES_KEPT + 1]


def _ordinary(mode: int) -> bool:
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode) or stat.S_ISLNK(mode)
