"""Reads a tar archive and refuses harmful members: the pass before anything is written.

It owns the limits of an archive's contents. Python's `tarfile` filters are no boundary (the
shape of CVE-2025-4517 got out of 3.10 to 3.13.0), so none of it is used. It writes nothing and
knows nothing of the live tree.

Archives in the order of our own walk are checked with nothing remembered but the way to the
current directory. Any other order raises `OutOfOrder`, and the caller starts again with an
`core.archive.tar.name_index.Index`, which keeps the names on disk.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Final, NoReturn

from core.archive.tar.gzip import InflateWatch, Stretch
from core.archive.tar.gzip_position import InflatedArchive
from core.archive.tar.header import (
    BLOCK,
    CONTIGUOUS,
    DIRECTORY,
    HARD_LINK,
    LARGEST_ID,
    LONG_LINK,
    LONG_NAME,
    OLD_REGULAR,
    PAX,
    PAX_GLOBAL,
    REGULAR,
    SYMLINK,
    XATTR_PREFIX,
    BadHeader,
    Fields,
    HeaderReader,
    parse_pax,
    sane_time,
)
from core.archive.tar.member import Member, manifest_hint
from core.archive.tar.sparse import OLD_SPARSE, SparseMap, SparseMembers
from core.archive.tree.xattrs import CAPABILITY, LARGEST_VALUE, LONGEST_NAME, is_kept
from core.errors import HostileArchive
from core.events import Report, no_report

_NAME_LIMIT: Final = 4 << 20  # a path 5,000 deep with names of 255 bytes has 1.3 MB
_COMPONENT_LIMIT: Final = 255
_LINK_LIMIT: Final = 4096
_PAX_LIMIT: Final = 4 << 20
_EXTENDED_LIMIT: Final = 2 * _PAX_LIMIT  # of all headers before one member
_SIZE_LIMIT: Final = 1 << 50
_BOMB_FLOOR: Final = 1 << 30
_BOMB_RATIO: Final = 200
_MEMBER_LIMIT: Final = 50_000_000
_AS_REGULAR: Final = frozenset({OLD_REGULAR, CONTIGUOUS})
_LINKS: Final = frozenset({SYMLINK, HARD_LINK})
_PRELUDES: Final = frozenset({LONG_NAME, LONG_LINK, PAX, PAX_GLOBAL})
_NUL_BLOCK: Final = bytes(BLOCK)
_ODD_STARTS: Final = frozenset({b".", b"/", b""})
_ODD_NAME: Final = re.compile(rb"(?:^|/)\.{0,2}(?:/|\Z)")
_SET_ID: Final = 0o6000
_UNPACK_HINT: Final = "Nothing of it was written. Unpack it elsewhere to look at what it holds."


_new: Final = tuple.__new__  # a NamedTuple's own constructor takes three times as long


class OutOfOrder(Exception):
    """The members are not in the order of our walk, or need names to be remembered."""


class ArchiveReader(InflatedArchive):
    """The members of one archive file, once, in their order.

    Between two members, `content` or `pieces` gives the current one's bytes; bytes not taken are
    skipped. Of an archive that is not `trusted` (its checksum is not the one in a manifest), links
    that lead out of the root and bombs are refused as well. Raises DamagedBackup, HostileArchive.
    """

    def __init__(
        self,
        path: str,
        *,
        trusted: bool = False,
        report: Report = no_report,
        watch: InflateWatch | None = None,
        start: tuple[Stretch, int] | None = None,
    ) -> None:
        stretch = None if start is None else start[0]
        super().__init__(path, report=report, watch=watch, start=stretch)
        if start is not None:  # where a member begins
            self.go_to(start[1])
        self._trusted = trusted
        self._limit = max(_BOMB_FLOOR, self.compressed_bytes * _BOMB_RATIO)
        self._current = b""
        self._content = b""  # of the current member, when it was taken whole
        self._left = 0  # bytes of the current member that were not taken yet
        self._padding = 0
        self.sparse = SparseMembers(self.take)
        self._map: SparseMap | None = None  # of the current member's content
        self._extended = 0  # bytes of extended headers since the last member
        self._headers = HeaderReader()
        self.members = 0
        self.content_bytes = 0

    def report(self) -> None:
        """Report the progress, also while other work goes on; may raise."""
        self._report(self._blocks.consumed, self.members, os.fsdecode(self._current))

    def hostile(self, name: bytes, reason: str, *, vouched: bool = False) -> NoReturn:
        """Refuse the archive for one of its members; `vouched`: a manifest would have it taken."""
        shown = os.fsdecode(name[:200]).encode("unicode_escape", "surrogateescape").decode("ascii")
        raise HostileArchive(
            f"{self.file_name} is refused: {reason} ({shown}).",
            hint=manifest_hint(self.file_name) if vouched else _UNPACK_HINT,
        )

    def __iter__(self) -> Iterator[Member]:
        """Yield the members up to the end of the archive, which must be there and be the last."""
        extended: dict[bytes, bytes] = {}
        parse = self._headers.parse
        while True:
            skipped = self._left + self._padding
            self._left = self._padding = 0
            if self._at + skipped <= len(self._buffer):
                self._at += skipped
            else:
                self._pass(skipped)
            end = self._at + BLOCK
            if end <= len(self._buffer):
                header = self._buffer[self._at : end]
                self._at = end
            else:
                header = self.take(BLOCK)
            if header == _NUL_BLOCK:
                break
            try:
                fields = parse(header)
                if fields[6] == OLD_SPARSE:
                    fields = self.sparse.old(header, fields)
            except BadHeader as error:
                self.damaged(f"{error} after {self.members} members")
            if fields[6] in _PRELUDES:
                self._prelude(fields, extended)
            elif extended:
                yield self._member(self._completed(fields, extended), extended)
                extended, self._extended = {}, 0
            else:
                yield self._member(fields, None)
        if extended:
            self.damaged("it ends in the middle of a member")
        self._expect_end()
        self._report(self._blocks.consumed, self.members, "")

    def _prelude(self, fields: Fields, extended: dict[bytes, bytes]) -> None:
        """Take in the parts before a member: long names, and PAX records, in their words."""
        self._extended += fields.size
        if self._extended > _EXTENDED_LIMIT:
            self.hostile(fields.name, "extended headers of absurd size")
        if fields.type == LONG_NAME:
            extended[b"path"] = self._text(fields, _NAME_LIMIT)
        elif fields.type == LONG_LINK:
            extended[b"linkpath"] = self._text(fields, _LINK_LIMIT)
        else:
            records = self._records(fields)
            if fields.type == PAX:  # global ones hold comments
                extended.update(records)

    def content(self) -> bytes:
        """Return all bytes of the current member, which must be small."""
        if self._map is not None:
            self._content = b"".join(self.pieces())
            return self._content
        size, self._left = self._left, 0
        self._content = self.take(size)
        return self._content

    def whole(self, size: int) -> bytes | None:
        """Return all bytes of the current member, taken already or not; None if some are gone."""
        if self._left == size or self._map is not None:
            return self.content()
        return self._content if len(self._content) == size else None

    def pieces(self) -> Iterator[bytes]:
        """Yield the bytes of the current member in pieces of up to 1 MiB."""
        found, self._map = self._map, None
        yield from self._stored(self._left) if found is None else found.expand(self._stored)

    def _stored(self, size: int) -> Iterator[bytes]:
        for piece in self.take_pieces(size):
            self._left -= len(piece)
            yield piece

    def is_next(self, content: bytes) -> bool:
        """Tell whether exactly these bytes follow: members, whole."""
        if self._left or self._padding:
            self._pass(self._left + self._padding)
            self._left = self._padding = 0
        at = self._at
        if len(self._buffer) - at < len(content):
            # Most are, and then nothing has to be put together.
            before = self._buffer[at:]
            if not content.startswith(before) or not self._has_more():
                return False
            if self._buffer.startswith(content[len(before) :]):
                self._at = -len(before)
                return True
            self._before -= len(before)
            self._buffer = before + self._buffer
            return False
        return self._buffer.startswith(content, at)

    def go_behind(self, size: int, members: int, last: bytes) -> None:
        """Pass over bytes that were found to follow; `last` is the last name in them.

        Their contents are not counted in `content_bytes`, so this is for archives that are trusted.
        """
        self._at += size
        self.members += members
        self._current = last
        self._content = b""

    def _text(self, fields: Fields, limit: int) -> bytes:
        """Return the body of a long name or link; Magento's ends without a NUL."""
        if not 0 < fields.size <= limit + 1:
            self.hostile(fields.name, "a name of absurd length")
        self._padding = -fields.size % BLOCK
        return self.take(fields.size).removesuffix(b"\0")

    def _records(self, fields: Fields) -> dict[bytes, bytes]:
        if not 0 <= fields.size <= _PAX_LIMIT:
            self.hostile(fields.name, "an extended header of absurd size")
        self._padding = -fields.size % BLOCK
        try:
            return parse_pax(self.take(fields.size))
        except BadHeader as error:
            self.damaged(str(error))

    def _completed(self, fields: Fields, extended: dict[bytes, bytes]) -> Fields:
        """Return the fields with the values of earlier records in place of the header's."""
        if len(extended) == 1 and b"path" in extended:
            return _new(Fields, (extended[b"path"], *fields[1:]))
        fields = fields._replace(
            name=extended.get(b"path", fields.name),
            link=extended.get(b"linkpath", fields.link),
            uname=extended.get(b"uname", fields.uname),
            gname=extended.get(b"gname", fields.gname),
        )
        try:
            fields = fields._replace(
                size=int(extended.get(b"size", fields.size)),
                uid=int(extended.get(b"uid", fields.uid)),
                gid=int(extended.get(b"gid", fields.gid)),
            )
            if b"mtime" in extended:
                seconds = int(extended[b"mtime"].partition(b".")[0])
                fields = fields._replace(mtime=sane_time(seconds))
        except ValueError:
            self.damaged("a broken number in a PAX record")
        if not (0 <= fields.uid <= LARGEST_ID and 0 <= fields.gid <= LARGEST_ID):
            self.hostile(fields.name, "an absurd owner")
        try:
            return self.sparse.pax(fields, extended)
        except BadHeader as error:
            self.damaged(str(error))

    def _member(self, fields: Fields, extended: dict[bytes, bytes] | None) -> Member:
        """Return one checked member and make its content the next thing to be read."""
        full_name, mode, uid, gid, size, mtime, kind, link, uname, gname = fields
        if kind in _AS_REGULAR:
            kind = DIRECTORY if full_name.endswith(b"/") else REGULAR
        if size < 0 or size > _SIZE_LIMIT:
            self.hostile(full_name, "a negative or absurd size")
        if kind == REGULAR:
            self._begin_content(size)
        else:
            if size and kind in _LINKS:
                self.hostile(full_name, "a link with content")
            size = 0
        self._refuse_too_much(full_name, size)
        xattrs = self._attributes(full_name, extended) if extended else None
        self._current = full_name
        self._content = b""
        member = _new(
            Member,
            (
                self._before + self._at, self._name(full_name), kind, mode & 0o7777, uid, gid,
                size, mtime, link, uname, gname, xattrs or None,
            ),
        )  # fmt: skip
        if kind != REGULAR or mode & _SET_ID or full_name[-1:] == b"/" or not full_name:
            self._check(member, fields)
            if kind == HARD_LINK:
                member = member._replace(link=self._name(link))
        return member

    def _begin_content(self, size: int) -> None:
        """Make the content of a file the next thing to be read."""
        found = self._map = self.sparse.begin(self._before + self._at)
        stored = size if found is None else found.stored
        self._left, self._padding = stored, -stored % BLOCK
        self.content_bytes += size

    def _refuse_too_much(self, name: bytes, size: int) -> None:
        """Count a member; refuse an archive of absurdly many, or of absurdly much content."""
        inflated = self._before + self._at + self.sparse.holes + size
        if not self._trusted and inflated > self._limit:
            self.hostile(
                name,
                "without its manifest, it would unpack to far more than it could be worth",
                vouched=True,
            )
        self.members += 1
        if self.members > _MEMBER_LIMIT:
            self.hostile(name, "an absurd number of members")

    def _attributes(self, name: bytes, extended: dict[bytes, bytes]) -> dict[bytes, bytes]:
        """Return the extended attributes that are kept; refuse one that no file can have."""
        start = len(XATTR_PREFIX)
        kept = {}
        for record, value in extended.items():
            key = record[start:]
            if not record.startswith(XATTR_PREFIX) or not is_kept(key):
                continue
            if len(key) > LONGEST_NAME or b"\0" in key or len(value) > LARGEST_VALUE:
                self.hostile(name, "an absurd extended attribute")
            if key == CAPABILITY and not self._trusted:
                self.hostile(
                    name,
                    "a file with capabilities, in an archive without its manifest",
                    vouched=True,
                )
            kept[key] = value
        return kept

    def _name(self, name: bytes) -> bytes:
        """Return a clean member name; refuse one that leaves the root."""
        clean = name[:-1] if name[-1:] == b"/" else name
        if b"/." in clean or b"//" in clean or clean[:1] in _ODD_STARTS:
            if clean[:1] == b"/":
                self.hostile(name, "an absolute path")
            if _ODD_NAME.search(clean):
                parts = [part for part in clean.split(b"/") if part not in {b"", b"."}]
                if b".." in parts:
                    self.hostile(name, "a path with ..")
                clean = b"/".join(parts)
        if len(clean) > _COMPONENT_LIMIT and (
            len(clean) > _NAME_LIMIT
            or max(len(part) for part in clean.split(b"/")) > _COMPONENT_LIMIT
        ):
            self.hostile(name, "a name of absurd length")
        if b"\0" in clean:
            self.hostile(name, "a name with NUL")
        return clean

    def _check(self, member: Member, fields: Fields) -> None:
        kind, mode = member.type, member.mode
        if kind == REGULAR:
            if mode & _SET_ID:
                self.hostile(member.name, "a file with a set-user-id or set-group-id bit")
            if not member.name or fields.name[-1:] == b"/":
                self.hostile(fields.name, "a file without a name")
        elif kind == DIRECTORY:
            if fields.size:
                self.hostile(member.name, "a directory with content")
            if mode & 0o4000:
                self.hostile(member.name, "a directory with a set-user-id bit")
        elif kind in _LINKS:
            self._check_link(member)
        else:
            name = chr(kind) if 32 < kind < 127 else str(kind)
            self.hostile(member.name, f"a device, fifo or member of unknown type {name!r}")

    def _check_link(self, member: Member) -> None:
        link = member.link
        if not member.name or not link or b"\0" in link or len(link) > _LINK_LIMIT:
            self.hostile(member.name, "a link without a name or target, or an overlong one")
        if member.type == HARD_LINK and (link[:1] == b"/" or b".." in link.split(b"/")):
            self.hostile(member.name, "a hard link to the outside")

    def _expect_end(self) -> None:
        """Let only NUL follow the end mark: GNU tar fills up to 10 KiB."""
        if self._at < len(self._buffer) and self._buffer[self._at :].strip(b"\0"):
            self.damaged("something follows the end of the archive")
        total = BLOCK + len(self._buffer) - self._at
        for block in self._stream:
            total += len(block)
            if total > 16 << 20 or block.strip(b"\0"):
                self.damaged("something follows the end of the archive")
        if total < 2 * BLOCK or total % BLOCK:
            self.damaged("it was cut short: the end of the archive is missing")
