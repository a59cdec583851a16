"""The directory that parts of a backup are taken out into.

It owns the rule that nothing is written into a store: not by its path, through a link, a mount or
from above. All is written through descriptors; a directory on the way is entered only where it is
this account's, a file gets its name when it is whole, and an existing entry is never replaced.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Iterator
from typing import Final, NoReturn, Self

from msgspec import Struct

from core.durable import (
    create_exclusive,
    rename_noreplace,
    translate,
    unlink_if_there,
    way_hint,
    write_all,
)
from core.errors import UsageError
from core.magento.store import Store, shown
from core.owned_files import account_name

_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_LOOK: Final = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_TOP: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MODE: Final = 0o700
_LEVELS: Final = 4096  # of directories above one


class Refused(Exception):
    """An entry cannot be written where it belongs; the message says why, without its name."""


class ExtractedMetadata(Struct, frozen=True, kw_only=True):
    """The metadata of an entry: mode, time, account and group (-1: those of a new file)."""

    mode: int
    mtime_ns: int
    uid: int = -1
    gid: int = -1


def _key(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _protected(store: Store) -> frozenset[tuple[int, int]]:
    """Return the directories of a store, by device and inode, as far as they are there.

    Those at its top have their own, for one that is mounted elsewhere too.
    """
    found = set()
    paths = [store.root, store.media, store.media_target, store.var, store.static, store.backups]
    with contextlib.suppress(OSError):
        paths += [os.path.join(store.root, name) for name in os.listdir(store.root)]
    for path in paths:
        with contextlib.suppress(OSError):
            found.add(_key(os.stat(path)))
    return frozenset(found)


class Target:
    """An open directory outside a store. Raises StorageError; `Refused` for a single entry."""

    def __init__(self, path: str, store: Store) -> None:
        self.path = path
        self._store = frozenset(_protected(store))
        self._partial = f".magerewind-{os.getpid()}.partial"
        above, name = os.path.split(os.path.abspath(path))
        try:
            self._fd = self._opened(above, name)
            try:
                self._refuse_store(self._fd)
            except BaseException:
                os.close(self._fd)
                raise
        except OSError as error:
            failed = translate(error, f"opening {shown(path)}")
            # What is missing or in the way is above it, unless it is no directory itself.
            hint = way_hint(above) or (way_hint(path) if os.path.lexists(path) else None)
            raise type(failed)(failed.message, hint=failed.hint or hint) from error
        self._way: list[tuple[bytes, int]] = []  # open directories below, by name
        self._settling: list[tuple[list[bytes], ExtractedMetadata]] = []

    def _opened(self, above: str, name: str) -> int:
        """Open the directory; make it if it was missing at the check."""
        fd = os.open(above, _TOP)
        try:
            with contextlib.suppress(FileNotFoundError):
                there = self._entrance(name or ".", fd)
                self._refuse_stranger(there)
                return there
            self._refuse_store(fd)
            os.mkdir(name, _MODE, dir_fd=fd)
            made = os.open(name, _DIRECTORY, dir_fd=fd)
            os.fchmod(made, _MODE)
            return made
        finally:
            os.close(fd)

    def _entrance(self, name: str, above: int) -> int:
        """Open the directory that is there; a link to it is root's or this account's."""
        look = os.open(name, _LOOK, dir_fd=above)
        try:
            status = os.fstat(look)
            if not stat.S_ISLNK(status.st_mode):
                return os.open(name, _DIRECTORY, dir_fd=above)
            if status.st_uid in (0, os.geteuid()):
                return os.open(os.readlink("", dir_fd=look), _TOP, dir_fd=above)
            self._refuse(f"is a link of {account_name(status.st_uid)}'s")
        finally:
            os.close(look)

    def _refuse_stranger(self, fd: int) -> None:
        """Raise UsageError for a directory whose account could read or exchange its files."""
        status = os.fstat(fd)
        if status.st_uid not in (0, os.geteuid()):
            os.close(fd)
            self._refuse(f"belongs to {account_name(status.st_uid)}")

    def _refuse(self, why: str) -> NoReturn:
        raise UsageError(
            f"{shown(self.path)} {why}: nothing is extracted there.",
            hint="Name a directory of this account's, or one that is not there yet.",
        )

    def _refuse_store(self, fd: int) -> None:
        """Raise UsageError for a directory inside the store, by any path to it."""
        here = os.dup(fd)
        try:
            for _ in range(_LEVELS):
                status = os.fstat(here)
                if _key(status) in self._store:
                    raise UsageError(
                        f"{shown(self.path)} is inside the store, and nothing is extracted there.",
                        hint="Name a directory elsewhere; setup:rollback changes the store.",
                    )
                above = os.open("..", _TOP, dir_fd=here)
                os.close(here)
                here = above
                if _key(os.fstat(here)) == _key(status):
                    return
        except PermissionError:
            return  # directories further up cannot be seen, those of the store can
        finally:
            os.close(here)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._leave(0)
        os.close(self._fd)

    def _leave(self, depth: int) -> None:
        while len(self._way) > depth:
            os.close(self._way.pop()[1])

    def _enter(self, names: list[bytes]) -> int:
        """Return the descriptor of a directory below, made where it is missing."""
        depth = 0
        while depth < min(len(names), len(self._way)) and self._way[depth][0] == names[depth]:
            depth += 1
        self._leave(depth)
        for name in names[depth:]:
            above = self._way[-1][1] if self._way else self._fd
            self._way.append((name, self._entered(name, above)))
        return self._way[-1][1] if self._way else self._fd

    def _entered(self, name: bytes, above: int) -> int:
        try:
            os.mkdir(name, _MODE, dir_fd=above)
        except FileExistsError:
            if os.fsdecode(name) not in os.listdir(above):
                raise Refused("another name stands for it, by upper and lower case") from None
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=above)
        except OSError as error:
            if error.errno in {errno.ENOTDIR, errno.ELOOP}:
                raise Refused("what is no directory stands in its way") from None
            raise
        status = os.fstat(fd)
        reason = ""
        if _key(status) in self._store:
            reason = "its place is inside the store"
        elif status.st_uid != os.geteuid():
            reason = f"a directory of {account_name(status.st_uid)} stands in its way"
        if reason:
            os.close(fd)
            raise Refused(reason)
        return fd

    @contextlib.contextmanager
    def _placing(self, path: bytes) -> Iterator[tuple[int, bytes]]:
        """Give the directory and name of an entry; errors of the disk are raised as ours."""
        *above, name = path.split(b"/")
        try:
            yield self._enter(above), name
        except FileExistsError:
            raise Refused("it exists already, and is left as it is") from None
        except OSError as error:
            raise translate(error, f"writing {shown(path)} to {shown(self.path)}") from error

    def directory(self, path: bytes, look: ExtractedMetadata) -> None:
        """Make a directory; its metadata follows in `apply_metadata`, after its children."""
        names = path.split(b"/")
        with self._placing(path):
            self._enter(names)
        self._settling.append((names, look))

    def link(self, path: bytes, leads_to: bytes) -> None:
        """Make a symbolic link, which nothing here ever follows."""
        with self._placing(path) as (fd, name):
            os.symlink(leads_to, name, dir_fd=fd)

    def file(self, path: bytes, pieces: Iterable[bytes], look: ExtractedMetadata) -> None:
        """Write a file; it gets its name when it is complete."""
        with self._placing(path) as (fd, name):
            if _is_there(name, fd):
                raise FileExistsError
            unlink_if_there(self._partial, dir_fd=fd)
            out = create_exclusive(self._partial, dir_fd=fd)
            try:
                for piece in pieces:
                    write_all(out, piece)
                _give(out, look)
                rename_noreplace(self._partial, name, source_fd=fd, target_fd=fd)
            except BaseException:
                unlink_if_there(self._partial, dir_fd=fd)
                raise
            finally:
                os.close(out)

    def apply_metadata(self) -> None:
        """Give the directories their modes and times, those below first."""
        while self._settling:
            names, look = self._settling.pop()
            with contextlib.suppress(Refused), self._placing(b"/".join(names)):
                _give(self._enter(names), look)


def _is_there(name: bytes, fd: int) -> bool:
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def _give(fd: int, look: ExtractedMetadata) -> None:
    if look.uid != -1 or look.gid != -1:
        with contextlib.suppress(PermissionError):
            os.fchown(fd, look.uid, look.gid)
    # Write and enter stay with the owner of a directory, so that a next run can go on in it.
    keep = stat.S_IRWXU if stat.S_ISDIR(os.fstat(fd).st_mode) else 0
    os.fchmod(fd, look.mode | keep)
    if look.mtime_ns >= 0:
        with contextlib.suppress(OverflowError):
            os.utime(fd, ns=(look.mtime_ns, look.mtime_ns))
