"""The index beside a backup of files: found, compared with its manifest, rebuilt where needed.

An index is used if it belongs to this account and to exactly the file beside it: by the digest in
the manifest, or without one by inode, size and times. Any other is rebuilt by reading the backup,
and kept where `var/backups` and the manifest belong to this account; else it is used once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from msgspec.structs import replace

from core.archive.index.blocks import Broken
from core.archive.index.reader import IndexReader
from core.backups.catalog import Backup
from core.backups.changing import change_manifest
from core.backups.index import open_beside, put_index, stamp_of
from core.backups.names import index_name
from core.backups.place import open_backups
from core.durable import translate
from core.errors import ForeignState, MagerewindError
from core.events import Report, no_report

_PIECE = 1 << 20


def find_index(backup: Backup) -> IndexReader | None:
    """Return the index that is there and fits; None for none, and for any other."""
    try:
        index = IndexReader(open_beside(backup))
    except (OSError, ForeignState, Broken):
        return None
    with suppress(Broken):
        if _fits(index, backup):
            index.check()  # some milliseconds: a damaged block must not end a list in its middle
            return index
    index.close()
    return None


def _fits(index: IndexReader, backup: Backup) -> bool:
    manifest, subject = backup.manifest, index.subject
    if subject.size_bytes != backup.size_bytes:
        return False
    if manifest is None:
        return subject.identity == stamp_of(backup.path)
    return subject.sha256 == manifest.sha256 and manifest.index_sha256 in {"", index.digest}


@contextmanager
def index_of(
    backup: Backup, *, report: Report = no_report, keep: bool = True
) -> Iterator[IndexReader]:
    """Give the index of a backup of files; one that has to be made is kept with `keep`.

    `report` gets compressed bytes of the backup while it is read. Raises DamagedBackup,
    HostileArchive, StorageError; while it is read `Broken`, where somebody changed the file.
    """
    index = find_index(backup)
    if index is None:
        index = _made(backup, report, keep=keep)
    with index:
        yield index


def _made(backup: Backup, report: Report, *, keep: bool) -> IndexReader:
    import tempfile  # noqa: PLC0415 - loaded at its first use

    from core.archive.index.rebuild_index import make_index  # noqa: PLC0415 - as above

    manifest = backup.manifest
    try:
        identity = stamp_of(backup.path)
        with tempfile.TemporaryFile() as scratch:
            make_index(
                backup.path,
                scratch.fileno(),
                sha256=None if manifest is None else manifest.sha256,
                members=None if manifest is None else manifest.members,
                identity=identity,
                report=report,
            )
            index = IndexReader(os.dup(scratch.fileno()))
    except OSError as error:
        raise translate(error, f"making the index of {backup.name.text}") from error
    if keep:
        with suppress(OSError, MagerewindError):  # a directory of others, or a full disk
            _keep(backup, index)
    return index


def _keep(backup: Backup, index: IndexReader) -> None:
    name = backup.name.text
    with open_backups(backup.directory) as directory:
        put_index(directory, index_name(name), index.raw(_PIECE))
        if backup.manifest is None:
            return
        try:
            change_manifest(directory, name, lambda now: replace(now, index_sha256=index.digest))
        except MagerewindError:
            directory.remove(index_name(name))  # it would be made again each time
            raise
