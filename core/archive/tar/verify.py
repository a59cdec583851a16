"""Verifies, without a live tree, that an archive is complete and safe."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator
from typing import Final

from msgspec import Struct

from core.archive.tar.header import DIRECTORY, HARD_LINK, REGULAR, SYMLINK
from core.archive.tar.member import Member, leads_out
from core.archive.tar.reader import ArchiveReader, OutOfOrder
from core.errors import DamagedBackup
from core.events import Report, Warned, no_report

_READ_LIMIT: Final = 64 << 20


class VerifiedArchive(Struct, frozen=True, kw_only=True):
    """A whole and harmless archive. `content_bytes` is the sum of the sizes of files."""

    members: int
    content_bytes: int
    sha256: str
    warnings: tuple[Warned, ...] = ()


class InOrder:
    """The members as long as they are in the order of our walk. Raises OutOfOrder.

    The order alone shows that no name comes twice and that everything above a member is a
    directory: only the open directories on the way to the current one are remembered. Hard links
    need all names; one that `passes_link` is no reason to remember any. A reader positioned inside
    the archive `begins_inside`: at a member that is that path, or precedes it.
    """

    def __init__(
        self,
        reader: ArchiveReader,
        *,
        passes_link: Callable[[bytes], bool] = lambda _name: False,
        begins_inside: bytes | None = None,
    ) -> None:
        self._reader = reader
        self._passes_link = passes_link
        self._begins_inside = begins_inside
        self._open: list[bytes] = [b""]
        self._last = b""

    def __iter__(self) -> Iterator[Member]:
        for member in self._reader:
            name, kind = member.name, member.type
            if kind == HARD_LINK and not self._passes_link(name):
                raise OutOfOrder
            self._check(name)
            if kind == DIRECTORY:
                self._open.append(name)
            yield member

    def _check(self, name: bytes) -> None:
        key = name.replace(b"/", b"\0")  # as `walk_key` has it
        if self._begins_inside is not None:
            if key > self._begins_inside.replace(b"/", b"\0"):
                raise OutOfOrder  # it may have passed the wanted members
            self._begins_inside = None
            self._open = [b"", *(name[:at] for at, byte in enumerate(name) if byte == 0x2F)]
        if key <= self._last:
            raise OutOfOrder
        self._last = key
        parent = name[: max(0, name.rfind(b"/"))]
        directories = self._open
        while directories[-1] != parent:
            directories.pop()
            if not directories:
                raise OutOfOrder

    def passes(
        self, content: bytes, first: bytes, last: bytes, *, count: int, directory: bool
    ) -> bool:
        """Go on behind the next `count` members, if they are exactly these bytes; tell whether.

        `first` and `last` are their names at both ends, `directory` tells the type of the last one.
        They are in our order, because our writer would have written them of a live tree.
        """
        if not self._reader.is_next(content):
            return False
        self._check(first)
        if count > 1:
            self._last = last.replace(b"/", b"\0")
            self._open = [last[:at] for at, byte in enumerate(last) if byte == 0x2F]
            self._open.insert(0, b"")
        if directory:
            self._open.append(last)
        self._reader.go_behind(len(content), count, last)
        return True


def check_totals(reader: ArchiveReader, *, sha256: str | None, members: int | None) -> None:
    """Compare a wholly read archive with its manifest. Raises DamagedBackup."""
    if sha256 is not None and reader.sha256 != sha256.lower():
        reader.damaged("its checksum is not the one in its manifest")
    if members is not None and reader.members != members:
        reader.damaged(f"it has {reader.members} members, its manifest says {members}")


def refuse_leading_out(reader: ArchiveReader, member: Member) -> None:
    """Refuse a link out of the root, as long as no manifest vouches for it."""
    reason = "a link that leads out of the store, in an archive without its manifest"
    reader.hostile(member.name, reason, vouched=True)


def verify_archive(
    path: str,
    *,
    report: Report = no_report,
    sha256: str | None = None,
    members: int | None = None,
    allow_foreign: bool = True,
) -> VerifiedArchive:
    """Read a whole archive, check every header and checksum, and refuse harmful members.

    With `sha256` (of the manifest) the file must have that digest, and is trusted with links out
    of the store. Without, and with `allow_foreign` off, it is refused. `report` gets compressed
    bytes, of which the file's size is the total. Raises DamagedBackup and HostileArchive; writes
    nothing.
    """
    if sha256 is None and not allow_foreign:
        raise DamagedBackup(f"{os.path.basename(path)} has no manifest to be checked against.")
    trusted = sha256 is not None
    try:
        with ArchiveReader(path, trusted=trusted, report=report) as reader:
            for member in InOrder(reader):
                if not trusted and member.type == SYMLINK and leads_out(member):
                    refuse_leading_out(reader, member)
            check_totals(reader, sha256=sha256, members=members)
            return _verified(reader)
    except OutOfOrder:
        from core.archive.tar.name_index import Index  # noqa: PLC0415 - ours are in order, and need none
    with ArchiveReader(path, trusted=trusted, report=report) as reader, Index() as index:
        for member in reader:
            if not trusted and member.type == SYMLINK and leads_out(member):
                refuse_leading_out(reader, member)
            index.add(member, reader)
        check_totals(reader, sha256=sha256, members=members)
        return _verified(reader)


def read_again(path: str, *, sha256: str, report: Report = no_report) -> None:
    """Read an archive again that `verify_archive` has found sound when it had this digest.

    All of it is inflated, and its own checksum and the digest are compared; but the members of the
    same bytes are the same, so they are not looked at again. `report` and errors are those of
    `verify_archive`.
    """
    with ArchiveReader(path, trusted=True, report=report) as reader:
        reader.read_through()
        check_totals(reader, sha256=sha256, members=None)


def _verified(reader: ArchiveReader) -> VerifiedArchive:
    return VerifiedArchive(
        members=reader.members, content_bytes=reader.content_bytes, sha256=reader.sha256
    )


def read_members(path: str, names: Collection[bytes]) -> dict[bytes, bytes]:
    """Return the contents of these files of an archive, as far as it has them.

    Stops when all are found, so it proves nothing of the rest: for a look at a configuration before
    the archive is verified whole. Raises as `verify_archive` does for the bytes it reads.
    """
    found: dict[bytes, bytes] = {}
    with ArchiveReader(path, trusted=True) as reader:
        for member in reader:
            if member.name not in names or member.type != REGULAR:
                continue
            if member.size > _READ_LIMIT:
                reader.damaged("a file of absurd size")
            found[member.name] = reader.content()
            if len(found) == len(names):
                break
    return found
