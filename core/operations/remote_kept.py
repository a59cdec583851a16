"""Local copies of facts on snapshots: manifests, listings, indexes. A snapshot never changes.

All lies in the store's state, readable by its owner alone, under the id of its snapshot. A file
gets its name when it is whole. Only the newest are kept, by number and by bytes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

from core.directories import Directory, StateFile
from core.errors import MagerewindError
from core.magento.store import Store
from core.operations.job_files import open_state
from core.repository.restic import Restic
from core.repository.seen import listings_in
from core.repository.sets import (
    LARGEST_MANIFEST,
    MANIFEST_FILE,
    RemoteSet,
    SetManifest,
    manifest_of_set,
)

_MOST = 24
_MOST_BYTES = 512 << 20


@contextmanager
def kept_file(store: Store, name: str) -> Iterator[StateFile | None]:
    """Give the file that keeps something of a snapshot; None where there is no place for it."""
    with ExitStack() as stack:
        file: StateFile | None = None
        with suppress(MagerewindError, OSError):
            state = open_state(store)
            if state is not None:
                stack.enter_context(state)
                file = StateFile(stack.enter_context(listings_in(state)), name)
        if file is not None and not file.exists():
            _drop_old(file.directory)
        yield file


def write_whole(file: StateFile, write: Callable[[StateFile], object]) -> None:
    """Have a file written, which gets its name when that has succeeded."""
    partial = file.beside(f".{os.getpid()}.partial")
    try:
        write(partial)
        file.directory.rename(partial.name, file.name)
    except BaseException:
        with suppress(OSError):
            partial.remove()
        raise


def _drop_old(kept: Directory) -> None:
    with suppress(MagerewindError, OSError):
        ages = {name: os.stat(name, dir_fd=kept.fd, follow_symlinks=False) for name in kept.names()}
        taken = 0
        newest = sorted(ages, key=lambda name: ages[name].st_mtime, reverse=True)
        for number, name in enumerate(newest):
            taken += ages[name].st_size
            if number >= _MOST - 1 or taken > _MOST_BYTES:
                kept.remove(name)


def keep_manifest(store: Store, snapshot: str, content: bytes) -> None:
    """Keep the manifest of a set; that it cannot be is no matter."""
    with suppress(MagerewindError, OSError), kept_file(store, snapshot) as kept:
        if kept is not None:
            kept.directory.write(kept.name, content)


def kept_manifest(store: Store, restic: Restic, chosen: RemoteSet) -> SetManifest:
    """Return the manifest of a set, from here when it was read before. Raises RepositoryError."""
    with kept_file(store, chosen.manifest.id) as kept:
        if kept is not None and kept.exists():
            with suppress(MagerewindError, OSError):
                return manifest_of_set(kept.read(limit=LARGEST_MANIFEST), chosen)
    content = restic.dump(chosen.manifest.id, f"/{MANIFEST_FILE}", limit=LARGEST_MANIFEST)
    manifest = manifest_of_set(content, chosen)
    keep_manifest(store, chosen.manifest.id, content)
    return manifest
