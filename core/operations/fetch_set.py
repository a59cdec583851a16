"""Makes the files of setup:backup in var/backups out of a set in a repository.

The dump comes as it is, byte for byte. An archive of a tree is made by our own writer, from a copy
in the state of the store that is deleted afterwards.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from msgspec import Struct
from msgspec.structs import replace

from core.archive.create.write_archive import write_archive
from core.archive.tar.verify import verify_archive
from core.archive.tree.remove import remove_tree
from core.archive.tree.selection import Selection
from core.backups.manifest import Manifest, identity_of, write_manifest
from core.backups.names import index_name, new_name
from core.backups.place import make_backups
from core.directories import Directory
from core.durable import PartialFile, partial_file, translate
from core.errors import DiskFull, MagerewindError, RepositoryError, UsageError
from core.events import Kind, Report
from core.magento.store import Store
from core.operations.findings import megabytes
from core.operations.job_files import open_state
from core.operations.preflight import space_of
from core.operations.remote_sources import Remote
from core.repository.fetching import fetch_all, fetch_file
from core.repository.sets import DUMP_FILE, PartManifest

_PLACE = "fetching"

Reporter = Callable[[Kind, str], Report]
"""Returns the receiver of a kind's progress; the text names the present activity."""


class Fetched(Struct, frozen=True, kw_only=True):
    """A file that was made in var/backups."""

    kind: Kind
    file_name: str
    path: str
    size_bytes: int


def fetch_set(
    store: Store, remote: Remote, kinds: tuple[Kind, ...], reporter: Reporter
) -> Iterator[Fetched]:
    """Make the files of these kinds, one after the other; the caller holds the store.

    Raises UsageError for a file that is there already, DiskFull before anything is fetched.
    """
    timestamp = remote.chosen.timestamp
    with make_backups(store.backups) as backups:
        names = {kind: new_name(timestamp, kind) for kind in kinds}
        for name in names.values():
            if backups.has(name):
                raise UsageError(
                    f"{name} is in var/backups already.",
                    hint="Nothing is overwritten: delete it first, or choose other kinds.",
                )
        _refuse_too_much(store, remote, kinds)
        for kind, name in names.items():
            part = remote.part(kind)
            with partial_file(backups.path, name, dir_fd=backups.fd) as partial:
                make = _dump if kind is Kind.DB else _archive
                manifest = make(store, remote, part, partial, kind, reporter)
                if kind is Kind.DB and part.index:
                    backups.write(index_name(name), part.index)
                partial.commit()
            write_manifest(backups, replace(manifest, file_name=name, timestamp=timestamp))
            yield Fetched(
                kind=kind, file_name=name, path=partial.path, size_bytes=manifest.size_bytes
            )


def _refuse_too_much(store: Store, remote: Remote, kinds: tuple[Kind, ...]) -> None:
    # Of a tree there are, for a while, the copy and the archive.
    sizes = {kind: remote.part(kind).facts.size_bytes for kind in kinds}
    needed = sum(size if kind is Kind.DB else 2 * size for kind, size in sizes.items())
    free_bytes, _total = space_of(store.backups)
    if needed > free_bytes:
        raise DiskFull(
            f"Up to {megabytes(needed)} are needed in {store.backups} and {store.state_directory}, "
            f"and {megabytes(free_bytes)} are free."
        )


def _dump(
    _store: Store,
    remote: Remote,
    part: PartManifest,
    partial: PartialFile,
    kind: Kind,
    reporter: Reporter,
) -> Manifest:
    fetch_file(
        remote.restic,
        part.snapshot,
        f"/{DUMP_FILE}",
        partial.fd,
        size=part.facts.size_bytes,
        report=reporter(kind, "fetching"),
    )
    partial.flush()
    with open(partial.fd, "rb", buffering=0, closefd=False) as file:
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != part.facts.sha256:
        raise RepositoryError("The dump in the repository is not what its manifest says.")
    return replace(part.facts, verified=True)


def _archive(
    store: Store,
    remote: Remote,
    part: PartManifest,
    partial: PartialFile,
    kind: Kind,
    reporter: Reporter,
) -> Manifest:
    with _copied(store) as copy:
        fetch_all(remote.restic, part, copy.fd, reporter(kind, "fetching"))
        selection = Selection(
            kind=kind,
            root=os.fsencode(copy.path),
            prefix=part.prefix,
            state=os.fsencode(store.state_directory),
        )
        summary = write_archive(selection, partial.fd, report=reporter(kind, "writing"))
    partial.flush()
    size_bytes = os.fstat(partial.fd).st_size
    verify_archive(
        partial.partial_path,
        report=reporter(kind, "verifying"),
        sha256=summary.sha256,
        members=summary.members,
    )
    manifest = replace(
        part.facts,
        size_bytes=size_bytes,
        sha256=summary.sha256,
        members=summary.members,
        content_bytes=summary.content_bytes,
        index_sha256="",
        verified=True,
        warnings=(*part.facts.warnings, *summary.warnings),
    )
    return replace(manifest, looked_at=identity_of(manifest))


@contextmanager
def _copied(store: Store) -> Iterator[Directory]:
    """Give a private empty directory in the store's state, which goes at the end."""
    state = open_state(store, make=True)
    if state is None:
        raise MagerewindError("The store has no place for state.")
    with state:
        remove_tree(_PLACE.encode(), dir_fd=state.fd)  # of one that was killed
        try:
            with state.make_directory(_PLACE) as directory:
                yield directory
        except OSError as error:
            raise translate(error, f"fetching into {state.path_of(_PLACE)}") from error
        finally:
            with suppress(MagerewindError):
                remove_tree(_PLACE.encode(), dir_fd=state.fd)
