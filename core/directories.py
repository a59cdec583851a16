"""Directories held by their descriptors, and files in them.

A job holds `var/.magerewind` and its own directory from beginning to end: if the paths are renamed
meanwhile, or exchanged for a link, every read, write and removal is in the directories that were
opened. Paths are kept for people only. `core.owned_files` decides about the owner; the meaning of
the files is not known here.
"""

from __future__ import annotations

import contextlib
import os
import stat

from msgspec import Struct

from core import durable, owned_files
from core.closeable import Closeable
from core.owned_files import SMALL, UNLIMITED


class Directory(Closeable):
    """An open directory. `path` is its path when it was opened, `shown` its name in messages.

    `ours`: it is of this account and closed to others, and so is all that is made in it.
    """

    __slots__ = ("fd", "ours", "parent", "path", "shown")

    def __init__(
        self,
        fd: int,
        path: str,
        *,
        shown: str | None = None,
        parent: Directory | None = None,
        ours: bool = True,
    ) -> None:
        self.fd = fd
        self.path = path
        self.shown = path if shown is None else shown
        self.parent = parent
        self.ours = ours

    @classmethod
    def scratch(cls, path: str) -> Directory:
        """Open a directory that the caller answers for. Raises StorageError."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            raise durable.translate(error, f"opening {path}") from error
        return cls(fd, path, ours=False)

    def close(self) -> None:
        """Let go of it."""
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            os.close(fd)

    def __del__(self) -> None:
        with contextlib.suppress(Exception):  # the interpreter may be on its way out
            self.close()

    @property
    def is_removed(self) -> bool:
        """Whether the directory itself was removed since it was opened."""
        return os.fstat(self.fd).st_nlink == 0

    @property
    def is_in_place(self) -> bool:
        """Whether its path still leads to it."""
        try:
            status = os.stat(self.path, follow_symlinks=False)
        except OSError:
            return False
        held = os.fstat(self.fd)
        return (status.st_dev, status.st_ino) == (held.st_dev, held.st_ino)

    @property
    def name(self) -> str:
        """The last component of its path."""
        return os.path.basename(self.path)

    def _what(self, name: str) -> str:
        return os.path.join(self.shown, name)

    def path_of(self, name: str) -> str:
        """Return the path of an entry, for people."""
        return os.path.join(self.path, name)

    def open_directory(self, name: str, *, shown: str | None = None) -> Directory:
        """Open a directory of ours in it. Raises FileNotFoundError, ForeignState, StorageError."""
        what = shown or self._what(name)
        try:
            fd = owned_files.open_directory(name, what=what, dir_fd=self.fd)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise durable.translate(error, f"opening {self.path_of(name)}") from error
        return Directory(fd, self.path_of(name), shown=self._what(name), parent=self)

    def make_directory(self, name: str, *, shown: str | None = None) -> Directory:
        """Open a directory of ours in it, made where it is missing. Raises as `open_directory`."""
        with contextlib.suppress(FileNotFoundError):
            return self.open_directory(name, shown=shown)
        durable.make_directory(name, dir_fd=self.fd)
        return self.open_directory(name, shown=shown)

    def open_file(self, name: str, flags: int = os.O_RDONLY, *, limit: int = UNLIMITED) -> int:
        """Return a descriptor of a file of ours in it.

        Raises FileNotFoundError, ForeignState, StorageError.
        """
        try:
            return owned_files.open_file(
                name, what=self._what(name), dir_fd=self.fd, flags=flags, limit=limit
            )
        except FileNotFoundError:
            raise
        except OSError as error:
            raise durable.translate(error, f"opening {self.path_of(name)}") from error

    def read(self, name: str, *, limit: int = SMALL) -> bytes:
        """Return the contents of a file of ours. Raises as `open_file`."""
        fd = self.open_file(name, limit=limit)
        try:
            return owned_files.read_all(fd, limit, what=self._what(name))
        except OSError as error:
            raise durable.translate(error, f"reading {self.path_of(name)}") from error
        finally:
            os.close(fd)

    def create(self, name: str) -> int:
        """Return a descriptor of a new file of ours. Raises StorageError."""
        try:
            return durable.create_exclusive(name, dir_fd=self.fd)
        except OSError as error:
            raise durable.translate(error, f"making {self.path_of(name)}") from error

    def write(self, name: str, content: bytes) -> None:
        """Put a whole file in place, durably. Raises StorageError."""
        durable.write_file(name, content, dir_fd=self.fd)

    def remove(self, name: str) -> None:
        """Remove a file; a missing one is no error. Raises OSError."""
        durable.unlink_if_there(name, dir_fd=self.fd)

    def rename(self, old: str, new: str) -> None:
        """Rename a file in it. Raises OSError."""
        os.rename(old, new, src_dir_fd=self.fd, dst_dir_fd=self.fd)

    def flush(self) -> None:
        """Bring its entries to disk. Raises OSError."""
        durable.fsync(self.fd)

    def has(self, name: str) -> bool:
        """Tell whether an entry of any type has this name."""
        try:
            os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise durable.translate(error, f"looking at {self.path_of(name)}") from error
        return True

    def names(self) -> list[str]:
        """Return the names in it, sorted. Raises StorageError."""
        try:
            return sorted(os.listdir(self.fd))
        except OSError as error:
            raise durable.translate(error, f"reading {self.path}") from error

    def remove_tree(self, name: str) -> None:
        """Remove a directory and all in it, as far as that can be; no link is followed."""
        with contextlib.suppress(OSError):
            if not stat.S_ISDIR(os.stat(name, dir_fd=self.fd, follow_symlinks=False).st_mode):
                return
            for _, directories, files, fd in os.fwalk(name, topdown=False, dir_fd=self.fd):
                for one in (*directories, *files):
                    _remove(one, fd)
            os.rmdir(name, dir_fd=self.fd)


def _remove(name: str, directory: int) -> None:
    with contextlib.suppress(OSError):
        if stat.S_ISDIR(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            os.rmdir(name, dir_fd=directory)
        else:
            os.unlink(name, dir_fd=directory)


class StateFile(Struct, frozen=True):
    """A file by its directory and name."""

    directory: Directory
    name: str

    @property
    def path(self) -> str:
        """Where it is, for people."""
        return self.directory.path_of(self.name)

    def __str__(self) -> str:
        return self.path

    def beside(self, suffix: str) -> StateFile:
        """Return the file of the same directory whose name has more at its end."""
        return StateFile(self.directory, self.name + suffix)

    def open(self, flags: int = os.O_RDONLY, *, limit: int = UNLIMITED) -> int:
        """Return a descriptor of it. Raises FileNotFoundError, ForeignState, StorageError."""
        return self.directory.open_file(self.name, flags, limit=limit)

    def read(self, *, limit: int = SMALL) -> bytes:
        """Return its contents. Raises as `open`."""
        return self.directory.read(self.name, limit=limit)

    def create(self) -> int:
        """Return a descriptor of it, new. Raises StorageError."""
        return self.directory.create(self.name)

    def remove(self) -> None:
        """Remove it; a missing one is no error. Raises OSError."""
        self.directory.remove(self.name)

    def exists(self) -> bool:
        """Tell whether an entry of any type is there."""
        return self.directory.has(self.name)


def state_file(place: str | StateFile) -> StateFile:
    """Return a file by its path, whose directory the caller answers for, or as it is given."""
    if isinstance(place, StateFile):
        return place
    directory, name = os.path.split(place)
    return StateFile(Directory.scratch(directory or "."), name)
