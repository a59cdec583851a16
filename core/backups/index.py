"""The index beside a backup: found, held against the manifest, opened.

An index lies in a directory that others may write to. It is believed only as a file of this
account, closed to all others, with the checksum that a manifest of ours names. Its content is the
matter of the packages that know archives and dumps.
"""

from __future__ import annotations

import hashlib
import os
from typing import Final

from core.backups.catalog import Backup
from core.backups.names import index_name
from core.backups.place import open_backups
from core.errors import ForeignState, MagerewindError
from core.owned_files import open_file

_PIECE: Final = 1 << 20


def open_index(backup: Backup) -> int | str:
    """Return a descriptor of the index that a backup's manifest names, or why there is none.

    The reason is one line, without the name of the backup.
    """
    manifest = backup.manifest
    if backup.repository:  # tables that stay would need it for an undo, and then it is gone
        return "it comes from a repository, and an undo has it no more"
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
    digest, at = hashlib.sha256(), 0
    while piece := os.pread(fd, _PIECE, at):
        digest.update(piece)
        at += len(piece)
    return digest.hexdigest()
