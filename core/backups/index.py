"""The index beside a backup: found, compared with the manifest, opened.

An index lies in a directory that others may write to. It is believed only as a file of this
account, closed to all others, with the checksum that a manifest of ours names. Its content is the
matter of the packages that know archives and dumps.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from typing import Final

from core.backups.catalog import Backup
from core.backups.names import index_name
from core.backups.place import open_backups
from core.directories import Directory
from core.durable import create_exclusive, fsync, unlink_if_there, write_all
from core.errors import ForeignState, MagerewindError
from core.owned_files import open_file

_PIECE: Final = 1 << 20


def stamp_of(path: str) -> str:
    """Return a stamp that distinguishes a file from all others, and from its own changed state."""
    status = os.stat(path, follow_symlinks=False)
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"


def open_beside(backup: Backup) -> int:
    """Return a descriptor of the index beside a backup, of this account and closed to others.

    Raises OSError, ForeignState, MagerewindError.
    """
    name = index_name(backup.name.text)
    with open_backups(backup.directory) as directory:
        return open_file(name, what=name, dir_fd=directory.fd)


def put_index(directory: Directory, name: str, pieces: Iterable[bytes]) -> None:
    """Write an index under its name, whole and durably. Raises OSError, MagerewindError."""
    partial = f".{name}.{os.getpid()}.partial"
    unlink_if_there(partial, dir_fd=directory.fd)
    fd = create_exclusive(partial, dir_fd=directory.fd)
    try:
        for piece in pieces:
            write_all(fd, piece)
        fsync(fd)
        directory.rename(partial, name)
        directory.flush()
    except BaseException:
        unlink_if_there(partial, dir_fd=directory.fd)
        raise
    finally:
        os.close(fd)


def pieces_of(fd: int) -> Iterable[bytes]:
    """Yield the bytes of a whole open file, a mebibyte at a time."""
    at = 0
    while piece := os.pread(fd, _PIECE, at):
        yield piece
        at += len(piece)


def open_index(backup: Backup) -> int | str:
    """Return a descriptor of the index that a backup's manifest names, or why there is none.

    The reason is one line, without the name of the backup.
    """
    manifest = backup.manifest
    if backup.repository:  # tables that stay would need it for an undo, and then it is gone
        return "its set in the repository was sent without the definitions beside it"
    if manifest is None:
        return "it has no manifest of ours"
    if not manifest.index_sha256:
        return "it was taken without an index"
    try:
        with open_backups(backup.directory) as directory:
            fd = open_file(index_name(backup.name.text), what="Its index", dir_fd=directory.fd)
    except FileNotFoundError:
        return "its index is missing"
    except ForeignState as error:
        return f"its index is not believed: it {error.reason}"
    except OSError as error:
        return f"its index cannot be read: {error.strerror}"
    except MagerewindError as error:
        return f"its index cannot be read: {error.message}"
    try:
        if sha256_of(fd) == manifest.index_sha256:
            return fd
        reason = "its index is not the one of its manifest"
    except OSError as error:
        reason = f"its index cannot be read: {error.strerror}"
    os.close(fd)
    return reason


def sha256_of(fd: int) -> str:
    """Return the SHA-256 of a whole open file."""
    digest = hashlib.sha256()
    for piece in pieces_of(fd):
        digest.update(piece)
    return digest.hexdigest()
