"""The release that a job or a backup is of, where `current` leads to another one by now.

Releases of one store share `var`, and so the state of jobs and the backups; each has files of its
own. Files of one release are never moved into another.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from core.directories import Directory, StateFile
from core.errors import NothingToUndo
from core.events import Kind
from core.journal import read_journal
from core.magento.store import Store, shown
from core.operations.findings import Finding, note, warn
from core.operations.job_files import JOURNAL, undo_kinds
from core.operations.records import begin_of

if TYPE_CHECKING:  # an undo does not need the readers of archives
    from core.operations.sources import Sources


def other_root(store: Store, directory: Directory) -> str | None:
    """Return the root that a job worked on, None where it is that of this store or not known."""
    records = read_journal(StateFile(directory, JOURNAL))
    try:
        begin = begin_of(records)
    except ValueError:  # the list of jobs says so
        return None
    return begin.root if begin is not None and begin.root not in {"", store.root} else None


def undoable_kinds(store: Store, directory: Directory) -> tuple[tuple[Kind, ...], list[Finding]]:
    """Return the kinds of a job's undo that can be put back, and the warnings.

    Raises NothingToUndo when there are none.
    """
    kinds = undo_kinds(directory)
    root = other_root(store, directory)
    if root is None:
        return kinds, []
    was = f"The rollback was of {shown(root)}"
    if kinds == (Kind.DB,):
        return kinds, [note("release", f"{was}; this store is {shown(store.root)}.")]
    if os.path.isdir(root):
        raise NothingToUndo(
            f"{was}, and this store is {shown(store.root)}.",
            hint=f"magerewind job:undo --root {shown(root)} undoes it there.",
        )
    if Kind.DB not in kinds:
        raise NothingToUndo(f"{was}, which is gone: its files cannot be put back.")
    message = f"{was}, which is gone: its files cannot be put back, only the database is."
    return (Kind.DB,), [warn("release-gone", message)]


def release_findings(store: Store, sources: Sources) -> list[Finding]:
    """Name the root that a rollback acts on where its backups are of another release."""
    roots = {
        backup.manifest.root
        for backup in sources.backups.values()
        if backup.manifest is not None
        and backup.manifest.root
        and backup.name.text not in sources.elsewhere
    }
    return [
        note("release", f"Rolled back is {shown(store.root)}; a backup is of {shown(root)}.")
        for root in sorted(roots - {store.root})
    ]
