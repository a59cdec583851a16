"""The index of a dump: the one beside it, or one that is built by reading it.

The index whose checksum the manifest names is used. Without a manifest of ours, and for a dump that
was taken without an index, one is built; it is kept beside the dump where `var/backups` belongs to
this account, and found again by inode, size and times of the dump. A built index has no digests: it
serves browsing only, never a decision.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from core.backups.catalog import Backup
from core.backups.index import open_beside, open_index, pieces_of, put_index, sha256_of, stamp_of
from core.backups.names import index_name
from core.backups.place import open_backups
from core.database.index.read_index import DumpIndex
from core.directories import Directory
from core.durable import translate
from core.errors import DamagedBackup, MagerewindError
from core.events import Report, no_report

_PIECE = 1 << 20
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def dump_index_of(
    backup: Backup, *, report: Report = no_report, keep: bool = True
) -> Iterator[DumpIndex]:
    """Give the index of a dump; one that has to be made is kept with `keep`.

    `report` gets bytes of the dump while it is read. Raises DamagedBackup, StatementRefused,
    StorageError.
    """
    manifest = backup.manifest
    if manifest is not None and manifest.size_bytes != backup.size_bytes:
        raise DamagedBackup(f"{backup.name.text} is not of the size that its manifest says.")
    found = open_index(backup)
    fd = found if isinstance(found, int) else _made_before(backup)
    if fd is None:
        fd = _made(backup, report, keep=keep)
    try:
        yield DumpIndex(fd)
    except ValueError as error:
        raise DamagedBackup(f"The index of {backup.name.text} is damaged: {error}.") from error
    finally:
        os.close(fd)


def _made_before(backup: Backup) -> int | None:
    """Return the index that was made of this very file."""
    try:
        fd = open_beside(backup)
    except (OSError, MagerewindError):
        return None
    with suppress(OSError, ValueError):
        if DumpIndex(fd).about.get("identity") == stamp_of(backup.path):
            return fd
    os.close(fd)
    return None


def _made(backup: Backup, report: Report, *, keep: bool) -> int:
    import tempfile  # noqa: PLC0415 - loaded at its first use

    from core.database.load.rebuild_index import make_index  # noqa: PLC0415 - as above

    manifest = backup.manifest
    try:
        about = {"identity": stamp_of(backup.path)}
        with tempfile.TemporaryFile() as scratch:
            make_index(
                backup.path,
                scratch.fileno(),
                sha256=None if manifest is None else manifest.sha256,
                content_bytes=None if manifest is None else manifest.content_bytes,
                about=about,
                report=report,
            )
            if stamp_of(backup.path) != about["identity"]:
                raise DamagedBackup(f"{backup.name.text} changed while it was read: try again.")
            fd = os.dup(scratch.fileno())
    except OSError as error:
        raise translate(error, f"making the index of {backup.name.text}") from error
    if keep:
        with suppress(OSError, MagerewindError):  # a directory of others, or a full disk
            _keep(backup, fd)
    return fd


def _is_to_be_left(name: str, directory: Directory, backup: Backup) -> bool:
    """Tell whether the index that is there is better than one without digests.

    That is the one of the manifest, which is not believed for its mode alone, as after a copy.
    """
    try:
        fd = os.open(name, _LOOK, dir_fd=directory.fd)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return True
        return backup.manifest is not None and sha256_of(fd) == backup.manifest.index_sha256
    finally:
        os.close(fd)


def _keep(backup: Backup, made: int) -> None:
    name = index_name(backup.name.text)
    with open_backups(backup.directory) as directory:
        if os.fstat(directory.fd).st_uid != os.geteuid():
            return
        if _is_to_be_left(name, directory, backup):
            return
        put_index(directory, name, pieces_of(made))
