"""The only place that writes a file which must survive a crash.

The rule for each of them: write beside, fsync the file, rename, fsync the directory (the order that
restic's local backend and OSDI'14 "ALICE" argue for). An error of fsync is final: the kernel may
have dropped the pages, so a second fsync that succeeds proves nothing, and the file is discarded.

Everything here opens without following links, and works relative to one directory descriptor from
the first step to the last. The meaning of the files is not known here.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from typing import Final

from core.errors import DiskFull, StorageError
from core.owned_files import open_directory

RENAME_NOREPLACE: Final = 1
AT_FDCWD: Final = -100
_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_BEGUN: Final = 8 << 20  # bytes
_NOT_SUPPORTED: Final = frozenset({errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP})

_libc = ctypes.CDLL(None, use_errno=True)

StrOrBytesPath = str | bytes


def printable(path: StrOrBytesPath) -> str:
    """Return a path as text, its bytes kept as surrogate escapes."""
    return os.fsdecode(path)


def translate(error: OSError, doing: str) -> StorageError:
    """Return the error of this application for one of the operating system."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    if error.errno in _FULL:
        return DiskFull(
            f"No space left while {doing}: {reason}", hint="Free some space, then run it again."
        )
    return StorageError(f"Failed while {doing}: {reason}")


def way_hint(path: str) -> str | None:
    """Return the cure for a path that leads to no directory: what of it is missing or in the way.

    None where it leads to a directory, or where that cannot be seen. For words only: nothing is
    opened by it.
    """
    here = "/"
    for name in filter(None, os.path.abspath(path).split("/")):
        here = os.path.join(here, name)
        try:
            if not stat.S_ISDIR(os.stat(here).st_mode):
                return f"{here} is no directory: move away what stands there."
        except FileNotFoundError:
            with contextlib.suppress(OSError):
                there = os.readlink(here)
                cure = "mount it, or remove the link"
                return f"{here} is a link to {there}, which is not there: {cure}."
            return f"There is no {here}: make that directory first."
        except OSError as error:
            loops = error.errno == errno.ELOOP
            return f"{here} is a link that leads back to itself: remove it." if loops else None
    return None


def fsync(fd: int) -> None:
    """Flush a file, or a directory, to its disk. Errors are final."""
    os.fsync(fd)


def fsync_directory(path: StrOrBytesPath, *, dir_fd: int | None = None) -> None:
    """Flush a directory's entries to disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=dir_fd)
    try:
        fsync(fd)
    finally:
        os.close(fd)


def rename_noreplace(
    source: StrOrBytesPath,
    target: StrOrBytesPath,
    *,
    source_fd: int | None = None,
    target_fd: int | None = None,
) -> None:
    """Rename, or raise FileExistsError: never replace an entry of that name.

    Where the file system has no RENAME_NOREPLACE (NFS, some FUSE), the target is looked for first;
    there the store's lock alone keeps others away.
    """
    done = _libc.renameat2(
        AT_FDCWD if source_fd is None else source_fd,
        os.fsencode(source),
        AT_FDCWD if target_fd is None else target_fd,
        os.fsencode(target),
        RENAME_NOREPLACE,
    )
    if done == 0:
        return
    code = ctypes.get_errno()
    if code not in _NOT_SUPPORTED:
        raise OSError(code, os.strerror(code), printable(source), None, printable(target))
    try:
        os.lstat(target, dir_fd=target_fd)
    except FileNotFoundError:
        os.rename(source, target, src_dir_fd=source_fd, dst_dir_fd=target_fd)
        return
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), printable(target))


def write_all(fd: int, content: bytes | memoryview) -> None:
    """Write every byte; a short write goes on where it stopped."""
    view = memoryview(content)
    while view:
        view = view[os.write(fd, view) :]


class FlushBegun:
    """Starts the write-back of a file's new bytes, so that little is left to flush.

    Otherwise a system with much memory keeps all of a backup for the flush at its end, for which
    the store stays closed.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._begun = 0

    def up_to(self, size: int) -> None:
        """Begin for the first `size` bytes, where that is worth a call; nothing is waited for."""
        if size - self._begun < _BEGUN:
            return
        # The only way to it that Python has: dirty pages are given to the disk, and stay in memory.
        with contextlib.suppress(OSError):
            os.posix_fadvise(self._fd, self._begun, size - self._begun, os.POSIX_FADV_DONTNEED)
        self._begun = size


def make_directory(path: StrOrBytesPath, *, mode: int = 0o700, dir_fd: int | None = None) -> None:
    """Make a directory if it is missing.

    One that is there must be ours and no more open than `mode`. Raises ForeignState, StorageError.
    """
    try:
        os.mkdir(path, mode, dir_fd=dir_fd)
        made = True
    except FileExistsError:
        made = False
    except OSError as error:
        raise translate(error, f"making the directory {printable(path)}") from error
    fd = open_directory(path, what=printable(path), dir_fd=dir_fd, mode=mode | 0o2000)
    try:
        if not made:
            return
        os.fchmod(fd, mode)  # with any umask
        fsync(fd)
    finally:
        os.close(fd)
    parent = os.path.dirname(path) or (b"." if isinstance(path, bytes) else ".")
    fsync_directory(parent, dir_fd=dir_fd)


def create_exclusive(path: StrOrBytesPath, *, mode: int = 0o600, dir_fd: int | None = None) -> int:
    """Return a descriptor (read and write) of a new file; an existing name or link is refused."""
    fd = os.open(
        path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=dir_fd
    )
    try:
        os.fchmod(fd, mode)
    except OSError:
        os.close(fd)
        raise
    return fd


def unlink_if_there(path: StrOrBytesPath, *, dir_fd: int | None = None) -> None:
    """Remove a file; a missing one is no error."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path, dir_fd=dir_fd)


@contextlib.contextmanager
def _directory_of(path: str, dir_fd: int | None) -> Iterator[tuple[int, str]]:
    """Give the descriptor of the directory of `path` and the name in it."""
    directory, name = os.path.split(path)
    if dir_fd is not None and not directory:
        yield dir_fd, name
        return
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
    fd = os.open(directory or ".", flags, dir_fd=dir_fd)
    try:
        yield fd, name
    finally:
        os.close(fd)


def write_file(path: str, content: bytes, *, mode: int = 0o600, dir_fd: int | None = None) -> None:
    """Replace the file at `path`: it is the old one or the new one at any moment, never a part."""
    try:
        with _directory_of(path, dir_fd) as (directory, name):
            _replace(directory, name, content, mode)
    except OSError as error:
        raise translate(error, f"writing {path}") from error


def _replace(directory: int, name: str, content: bytes, mode: int) -> None:
    partial = f".{name}.{os.getpid()}.partial"
    try:
        unlink_if_there(partial, dir_fd=directory)
        fd = create_exclusive(partial, mode=mode, dir_fd=directory)
        try:
            write_all(fd, content)
            fsync(fd)
        finally:
            os.close(fd)
        os.rename(partial, name, src_dir_fd=directory, dst_dir_fd=directory)
        fsync(directory)
    except OSError:
        with contextlib.suppress(OSError):
            unlink_if_there(partial, dir_fd=directory)
        raise


class PartialFile:
    """A file that has its final name only when it is whole.

    It grows as `.<name>.partial` in the directory of its final name; `commit` flushes it and gives
    it the name (an existing one is never replaced), `abandon` removes it. `dir_fd` is that
    directory's descriptor, held by the caller; without it `directory` is opened once, here.
    """

    def __init__(self, directory: str, name: str, *, dir_fd: int | None = None) -> None:
        self.name = name
        self.partial_path = os.path.join(directory, partial_name(name))
        self.path = os.path.join(directory, name)
        self._fd: int | None = None
        try:
            self._directory = (
                os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                if dir_fd is None
                else os.dup(dir_fd)
            )
            try:
                self._fd = create_exclusive(partial_name(name), dir_fd=self._directory)
            except OSError:
                os.close(self._directory)
                raise
        except OSError as error:
            raise translate(error, f"making {self.partial_path}") from error

    @property
    def fd(self) -> int:
        """The descriptor to write to, and to read from again."""
        if self._fd is None:
            raise ValueError("the partial file is closed")
        return self._fd

    def flush(self) -> None:
        """Flush the written bytes to the disk."""
        try:
            fsync(self.fd)
        except OSError as error:
            raise translate(error, f"writing {self.path}") from error

    def commit(self) -> None:
        """Give the flushed file its final name."""
        self.flush()
        try:
            rename_noreplace(
                partial_name(self.name),
                self.name,
                source_fd=self._directory,
                target_fd=self._directory,
            )
            fsync(self._directory)
        except OSError as error:
            raise translate(error, f"naming {self.path}") from error
        self._close()

    def abandon(self) -> None:
        """Remove the unfinished file. Raises StorageError where the directory refuses that."""
        if self._fd is None:
            return
        try:
            unlink_if_there(partial_name(self.name), dir_fd=self._directory)
        except OSError as error:
            raise translate(error, f"removing {self.partial_path}") from error
        finally:
            self._close()

    def _close(self) -> None:
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.close(fd)
            os.close(self._directory)


@contextlib.contextmanager
def partial_file(directory: str, name: str, *, dir_fd: int | None = None) -> Iterator[PartialFile]:
    """Open a `PartialFile` that is abandoned unless it was committed.

    An error in between is raised, also where the directory then keeps the unfinished file.
    """
    partial = PartialFile(directory, name, dir_fd=dir_fd)
    try:
        yield partial
    except BaseException:
        with contextlib.suppress(StorageError):
            partial.abandon()
        raise
    else:
        partial.abandon()


def partial_name(name: str) -> str:
    """Return the hidden name under which `name` grows."""
    return f".{name}.partial"
