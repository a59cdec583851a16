"""The contents of an archive: its members, by its index.

It owns the search for a member by a name of the user, and the source of a member's bytes: its
stretch, or, in an archive that can only be read from its beginning, a reading up to it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final, Self

from core.archive.index.blocks import UNKNOWN, Block, Broken, IndexRow
from core.archive.index.reader import IndexReader, Located
from core.archive.index.stretches import StretchContents
from core.archive.tar.header import DIRECTORY, HARD_LINK, REGULAR, SYMLINK
from core.archive.tar.member import leads_out_of, manifest_hint
from core.archive.tree.accounts import AccountNumbers
from core.backups.archive_index import index_of
from core.backups.catalog import Backup
from core.backups.manifest import identity_of
from core.contents.extract_target import ExtractedMetadata, Refused, Target
from core.contents.protocol import Extracted, NotExtracted, no_such_part
from core.errors import DamagedBackup, UsageError
from core.events import Report, no_report
from core.magento.store import Store, shown

if TYPE_CHECKING:
    from core.archive.plan.summary import FilePlan
    from core.archive.tar.reader import ArchiveReader
    from core.archive.tree.selection import Selection
    from core.contents.origin import Origin

FORMATS: Final = {
    REGULAR: stat.S_IFREG,
    HARD_LINK: stat.S_IFREG,
    DIRECTORY: stat.S_IFDIR,
    SYMLINK: stat.S_IFLNK,
}
_WORDS: Final = {DIRECTORY: "directory", SYMLINK: "link"}
_NO_TIME: Final = -1


def path_of(part: str, store: Store) -> bytes:
    """Return the member path that a person means; empty for the top. Raises UsageError.

    A path below the store's root may be written as it is on the disk.
    """
    raw = os.fsencode(part)
    root = os.fsencode(store.root)
    if raw == root or raw.startswith(root + b"/"):
        raw = raw[len(root) :]
    elif raw.startswith(b"/"):
        raise UsageError(f"{shown(part)} is not below the root of the store.")
    names = [name for name in raw.split(b"/") if name not in {b"", b"."}]
    if b".." in names:
        raise UsageError(f"{shown(part)} has `..` in it: name the path from the store's root.")
    return b"/".join(names)


class ArchiveContents:
    """The contents of one archive (`core.contents.protocol.Contents`), to be used with `with`.

    `keep` an index that has to be made; `report` gets bytes of the archive while one is made. With
    an `origin` no archive is here.
    """

    def __init__(
        self,
        backup: Backup,
        store: Store,
        *,
        keep: bool = True,
        report: Report = no_report,
        origin: Origin | None = None,
    ) -> None:
        self.backup = backup
        self.name = backup.name.text
        self._store = store
        self._keep = keep
        self._report = report
        self._origin = origin
        self._stack = ExitStack()
        self.index: IndexReader

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            origin = self._origin
            made = (
                index_of(self.backup, report=self._report, keep=self._keep)
                if origin is None
                else origin.tree_index()
            )
            self.index = stack.enter_context(made)
            self._bytes: StretchContents | _ReadingContents | _OriginContents
            if origin is not None:
                self._bytes = _OriginContents(origin)
            elif self.index.subject.ordered:
                self._bytes = stack.enter_context(StretchContents(self.backup.path))
            else:
                self._bytes = stack.enter_context(_ReadingContents(self.backup))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stack.close()

    @property
    def is_elsewhere(self) -> bool:
        """Whether each content has to be fetched."""
        return self._origin is not None

    def find(self, part: str) -> Located:
        """Return the member that a part names. Raises BackupNotFound, UsageError."""
        found = self.find_path(path_of(part, self._store))
        if found is None:
            raise no_such_part(shown(part), self.name)
        return found

    def find_path(self, path: bytes) -> Located | None:
        """Return the member of a path."""
        try:
            return self.index.find(path)
        except Broken:
            raise self._changed() from None

    def _changed(self) -> DamagedBackup:
        return DamagedBackup(f"The index of {self.name} changed while it was read: try again.")

    def require(self, parts: Sequence[str]) -> None:
        """Raise BackupNotFound or UsageError unless all of these are in the archive."""
        for part in parts:
            self._required(part)

    def _required(self, part: str) -> bytes:
        """Return the path of a part that is there; empty for the top."""
        path = path_of(part, self._store)
        if path and self.find_path(path) is None:
            raise no_such_part(shown(part), self.name)
        return path

    def blocks(self, part: str) -> Iterator[Block]:
        """Yield the facts of a part and of all below it, many members at a time."""
        path = self._required(part)
        try:
            for entry in self.index.entries(path):
                block = self.index.block(entry)
                begin, end = (0, entry.members) if not path else block.range_of(path)
                if begin < end:
                    yield block if end - begin == entry.members else block.part(begin, end)
        except Broken:
            raise self._changed() from None

    def members(self, path: bytes) -> Iterator[Located]:
        """Yield the members of a path and below it, in order."""
        try:
            yield from self.index.members(path)
        except Broken:
            raise self._changed() from None

    def content(self, located: Located) -> Iterator[bytes]:
        """Yield the bytes of a file, or of the file that a hard link names."""
        if located.row.type == HARD_LINK:
            target = self.find_path(located.row.link)
            if target is None or target.row.type != REGULAR:
                raise DamagedBackup(f"{self.name} is damaged: a hard link to nothing.")
            located = target
        return self._bytes.pieces(located)

    def show(self, part: str) -> Iterator[bytes]:
        """Yield the bytes of one file."""
        if not path_of(part, self._store):
            raise self._no_file("the whole archive", "")
        located = self.find(part)
        if located.row.type == DIRECTORY:
            raise self._no_file("a directory", f" {shown(located.row.path)}")
        if located.row.type == SYMLINK:
            raise UsageError(
                f"{shown(located.row.path)} is a link to {shown(located.row.link)}: "
                "it has no content of its own."
            )
        return self.content(located)

    def _no_file(self, what: str, path: str) -> UsageError:
        return UsageError(
            f"{path.strip() or self.name} is {what}: only a file can be shown.",
            hint=f"magerewind info:backups:files {self.name}{path} lists it.",
        )

    def extract(self, parts: Sequence[str], target: Target) -> Iterator[Extracted | NotExtracted]:
        """Write parts and all below them into a directory."""
        paths = _topmost(self._required(part) for part in parts)
        return self._extracted(paths, target)

    def plan(self, selection: Selection, place: str, report: Report) -> FilePlan:
        """Compare all with the live tree, as a rollback does; write the plan to `place`."""
        if self._origin is not None:
            return self._origin.plan(selection, place, report)
        from core.archive.plan.plan_files import plan_files  # noqa: PLC0415 - seldom needed

        manifest = self.backup.manifest
        return plan_files(
            self.backup.path,
            selection,
            place,
            report=report,
            sha256=None if manifest is None else manifest.sha256,
            members=None if manifest is None else manifest.members,
            sound=manifest is not None and manifest.looked_at == identity_of(manifest),
        )

    def _gather(self, paths: list[bytes]) -> None:
        """Bring the files of these parts here at once, where they are elsewhere."""
        if self._origin is None:
            return
        rows = (located.row for path in paths for located in self.members(path))
        named = {REGULAR: lambda row: row.path, HARD_LINK: lambda row: row.link}
        self._origin.gather(sorted({named[row.type](row) for row in rows if row.type in named}))

    def _extracted(self, paths: list[bytes], target: Target) -> Iterator[Extracted | NotExtracted]:
        self._gather(paths)
        looks = _Looks()
        later: list[Located] = []
        for path in paths:
            for located in self.members(path):
                kind = located.row.type
                if kind == HARD_LINK or (kind == REGULAR and not self.index.subject.ordered):
                    later.append(located)
                else:
                    yield self._one(located, target, looks)
        # Members that can only be read from the beginning, in the order of the archive.
        later.sort(key=lambda one: (one.row.type == HARD_LINK, one.place))
        for located in later:
            yield self._one(located, target, looks)
        target.apply_metadata()

    def _one(self, located: Located, target: Target, looks: _Looks) -> Extracted | NotExtracted:
        row = located.row
        path = os.fsdecode(row.path)
        try:
            if row.type == DIRECTORY:
                target.directory(row.path, looks.of(row))
            elif row.type == SYMLINK:
                if self.backup.manifest is None and leads_out_of(row.path, row.link):
                    hint = manifest_hint(self.name).removesuffix(".")
                    raise Refused(f"it leads out, and the archive is without its manifest. {hint}")
                target.link(row.path, row.link)
            else:
                target.file(row.path, self.content(located), looks.of(row))
        except Refused as refused:
            return NotExtracted(path=path, reason=str(refused))
        return Extracted(path=path, kind=_WORDS.get(row.type, "file"), size=row.size)


def _topmost(paths: Iterable[bytes]) -> list[bytes]:
    """Return the paths without those that are below others of them, in our order."""
    kept: list[bytes] = []
    for path in sorted(set(paths), key=lambda path: path.replace(b"/", b"\0")):
        if not kept or (kept[-1] and not path.startswith(kept[-1] + b"/")):
            kept.append(path)
    return kept


class _Looks:
    """The metadata of extracted entries: as root also their owners, where the accounts exist."""

    def __init__(self) -> None:
        self._is_root = os.geteuid() == 0
        self._numbers = AccountNumbers(uid=0, gid=0)

    def of(self, row: IndexRow) -> ExtractedMetadata:
        """Return the metadata for an entry."""
        uid = gid = None
        if self._is_root and row.mode != UNKNOWN:
            uid = self._numbers.uid(row.owner[0], row.owner[2])
            gid = self._numbers.gid(row.owner[1], row.owner[3])
        known = row.mode != UNKNOWN
        return ExtractedMetadata(
            mode=row.mode & 0o1777 if known else 0o700,
            mtime_ns=row.mtime_ns if known else _NO_TIME,
            uid=-1 if uid is None else uid,
            gid=-1 if gid is None else gid,
        )


class _OriginContents:
    """The contents of a tree that is elsewhere."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin

    def pieces(self, located: Located) -> Iterator[bytes]:
        """Yield the content of a regular member."""
        return self._origin.file(located.row.path, located.row.size)


class _ReadingContents:
    """The contents of an archive that has no places to begin at: read from its beginning.

    Members are found in one reading as long as they are asked for in their order.
    """

    def __init__(self, backup: Backup) -> None:
        self._backup = backup
        self._reader: ArchiveReader | None = None
        self._passed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._reader is not None:
            self._reader.__exit__()
            self._reader = None

    def pieces(self, located: Located) -> Iterator[bytes]:
        """Yield the content of a regular member."""
        from core.archive.tar.reader import ArchiveReader  # noqa: PLC0415 - seldom needed

        if self._reader is None or located.place <= self._passed:
            self.__exit__()
            trusted = self._backup.manifest is not None
            self._reader = ArchiveReader(self._backup.path, trusted=trusted)
            self._members = iter(self._reader)
        for member in self._members:
            self._passed = member.content_at
            if member.content_at == located.place and member.name == located.row.path:
                yield from self._reader.pieces()
                return
        self._reader.damaged("a member is missing that its index has")
