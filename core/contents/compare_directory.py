"""Compares one directory of a backup with the store by metadata.

The index and the live tree are read side by side, once, in walk order: sizes, modes and times
decide most entries. Content is read only if the time alone differs. After the read limit such files
count as changed, and the result is approximate. A plan is exact.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.account.open_via_helper import open_to_read, readlink
from core.archive.index.blocks import UNKNOWN
from core.archive.index.reader import Located
from core.archive.tar.header import DIRECTORY, HARD_LINK, SYMLINK
from core.archive.tree.open_directories import OPEN_FILE
from core.archive.tree.patterns import quoted
from core.archive.tree.selection import Found, Selection, code_selection, media_selection, walk
from core.archive.tree.selection import walk_key as key_of
from core.contents.members import FORMATS, ArchiveContents
from core.errors import Cancelled, UsageError
from core.events import Kind
from core.magento.store import Store

LARGEST_READ: Final = 4 << 20
"""Bytes of a file whose content is compared."""
ALL_READ: Final = 64 << 20
"""Bytes that are read for one directory."""
_OFTEN: Final = 256  # entries between two looks whether the answer is still wanted
_SECOND: Final = 1_000_000_000
_KINDS: Final = {stat.S_IFDIR: "directory", stat.S_IFLNK: "link"}


class StoreRelation(Struct, kw_only=True):
    """One child, and all below it: the numbers of entries a rollback would add, change and remove.

    `about`: contents were not read. Of an entry only in the store `kind` is its type, with its size
    in bytes and its mode; `kind` is empty for an entry of the archive.
    """

    path: str
    comes: int = 0
    changes: int = 0
    goes: int = 0
    same: int = 0
    about: bool = False
    kind: str = ""
    size: int = 0
    mode: int | None = None


def selection_of(contents: ArchiveContents, store: Store) -> Selection:
    """Return the part of the store that the archive is of. Raises UsageError."""
    kind, manifest = contents.backup.kind, contents.backup.manifest
    if kind is None or kind is Kind.DB:
        raise UsageError(f"{contents.name} holds several kinds at once, and is not compared.")
    choose = code_selection if kind is Kind.CODE else media_selection
    return choose(store, exclude=() if manifest is None else manifest.excluded)


class Standings:
    """Compares one archive with the store; `stop` is polled and ends the comparison."""

    def __init__(
        self, contents: ArchiveContents, store: Store, *, stop: Callable[[], bool]
    ) -> None:
        self._contents = contents
        self._selection = selection_of(contents, store)
        self._stop = stop
        self._left = 0 if contents.is_elsewhere else ALL_READ
        self._passed = 0

    def of(self, directory: str) -> Iterator[StoreRelation]:
        """Yield the children of a directory, "" being the top, in our order, as they are known.

        Raises DamagedBackup, Cancelled.
        """
        top = os.fsencode(directory)
        prefix = top + b"/" if top else b""
        now: StoreRelation | None = None
        for path, located, found in self._both(prefix):
            child = os.fsdecode(prefix + path[len(prefix) :].partition(b"/")[0])
            if now is None or now.path != child:
                if now is not None:
                    yield now
                now = StoreRelation(path=child)
            self._count(now, path, located, found)
        if now is not None:
            yield now

    def _both(self, prefix: bytes) -> Iterator[tuple[bytes, Located | None, Found | None]]:
        """Yield each path of either side below `prefix`, in our order, with both entries."""
        then = (
            one for one in self._contents.members(prefix[:-1]) if one.row.path.startswith(prefix)
        )
        now = (one for one in self._live(prefix) if one.path.startswith(prefix))
        located, found = next(then, None), next(now, None)
        while located is not None or found is not None:
            self._passed += 1
            if self._passed % _OFTEN == 0 and self._stop():
                raise Cancelled("Nobody waits for this comparison any more.")
            first = None if located is None else key_of(located.row.path)
            second = None if found is None else key_of(found.path)
            if located is not None and (second is None or (first or b"") < second):
                yield located.row.path, located, None
                located = next(then, None)
            elif found is not None and first != second:
                yield found.path, None, found
                found = next(now, None)
            elif located is not None:
                yield located.row.path, located, found
                located, found = next(then, None), next(now, None)

    def _live(self, prefix: bytes) -> Iterator[Found]:
        selection = self._selection
        if prefix and not selection.prefix.startswith(prefix):
            selection = replace(selection, chosen=(quoted(os.fsdecode(prefix[:-1])),))
        return walk(selection, problem=_nothing)

    def _count(
        self, child: StoreRelation, path: bytes, located: Located | None, found: Found | None
    ) -> None:
        if located is None:
            assert found is not None  # noqa: S101 - one side has it
            child.goes += 1
            if os.fsencode(child.path) == path:
                mode = found.status.st_mode
                child.kind = _KINDS.get(stat.S_IFMT(mode), "file")
                child.size, child.mode = found.status.st_size, stat.S_IMODE(mode)
        elif found is None:
            # The root of the walk, and the directories above it, are no entries of the walk.
            if self._selection.prefix.startswith(path + b"/"):
                child.same += 1
            else:
                child.comes += 1
        elif self._is_same(child, located, found):
            child.same += 1
        else:
            child.changes += 1

    def _is_same(self, child: StoreRelation, located: Located, found: Found) -> bool:
        if located.row.type == HARD_LINK:
            target = self._contents.find_path(located.row.link)
            if target is None:
                return False
            located = target
        row, status = located.row, found.status
        if stat.S_IFMT(status.st_mode) != FORMATS.get(row.type):
            return False
        if row.type == SYMLINK:
            return _link_of(found) == row.link
        if row.mode != UNKNOWN and stat.S_IMODE(status.st_mode) != row.mode & 0o7777:
            return False
        if row.type == DIRECTORY:
            return True
        if row.size != status.st_size:
            return False
        if _is_same_time(row.mtime_ns, status.st_mtime_ns):
            return True
        if not self._is_quick(row.size):
            child.about = True
            return False
        self._left -= row.size
        return self._is_same_content(located, found)

    def _is_quick(self, size: int) -> bool:
        return self._contents.index.subject.ordered and size <= min(LARGEST_READ, self._left)

    def _is_same_content(self, located: Located, found: Found) -> bool:
        try:
            fd = open_to_read(found.name, OPEN_FILE, found.dir_fd)
        except OSError:
            return False
        try:
            now = b"".join(iter(lambda: os.read(fd, LARGEST_READ), b""))
        except OSError:
            return False
        finally:
            os.close(fd)
        return now == b"".join(self._contents.content(located))


def _nothing(_path: bytes, _error: OSError) -> None:
    """Skip vanished and unreadable entries: the plan names them."""


def _link_of(found: Found) -> bytes | None:
    try:
        return readlink(found.name, found.dir_fd)
    except OSError:
        return None


def _is_same_time(then_ns: int, now_ns: int) -> bool:
    """Compare two times; archives of other programs have whole seconds."""
    return then_ns == now_ns or (then_ns % _SECOND == 0 and then_ns == now_ns // _SECOND * _SECOND)


def hits(contents: ArchiveContents, word: str, *, stop: Callable[[], bool]) -> Iterator[Located]:
    """Yield the members with a word in their path, in our order; case does not matter."""
    wanted = os.fsencode(word.casefold())
    for number, located in enumerate(contents.members(b"")):
        if number % _OFTEN == 0 and stop():
            raise Cancelled("Nobody waits for these any more.")
        if wanted in located.row.path.lower():
            yield located
