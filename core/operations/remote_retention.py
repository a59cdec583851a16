"""Which sets of a repository stay by the rules of retention, as for sets in var/backups.

A dump without rows of value counts by itself, as it does there. The tags of a manifest tell it; of
sets that older versions sent, the manifest is read.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.backups.catalog import list_backups
from core.backups.retention import Candidate, Decision, RetentionPolicy, SoundState, decide
from core.backups.stripped import STRIPPED
from core.errors import SetDamaged
from core.events import Kind
from core.magento.store import Store
from core.operations.job_files import open_jobs
from core.operations.needed_backups import needed_backups
from core.operations.remote_kept import kept_manifest
from core.operations.sent_set import rows_in
from core.repository.restic import Restic
from core.repository.seen import Seen
from core.repository.sets import SOME_ROWS, Holdings, RemoteSet


def decide_sets(
    store: Store,
    restic: Restic,
    holdings: Holdings,
    policy: RetentionPolicy,
    seen: Seen | None,
    *,
    now_s: float,
) -> list[tuple[RemoteSet, Decision]]:
    """Return for each set whether it stays: a mark of the local set counts as well.

    So does the undo of a rollback to it, which may have to fetch tables that stayed. Raises
    RepositoryError, and as `needed_backups`.
    """
    marked = {one.key for one in list_backups(store.backups).sets if one.keep}
    needed = {name.partition("_")[0]: why for name, why in needed_backups(open_jobs(store)).items()}
    known = {one.manifest.id: one for one in holdings.sets}
    candidates = [
        Candidate(
            id=one.manifest.id,
            time_s=one.timestamp,
            kinds=_standings(store, restic, one, seen),
            marked=str(one.timestamp) in marked,
            needed_by=needed.get(str(one.timestamp), ""),
        )
        for one in holdings.sets
    ]
    decisions = decide(candidates, policy, now_s=now_s)
    return [(known[one.candidate.id], one) for one in decisions]


def _standings(
    store: Store, restic: Restic, one: RemoteSet, seen: Seen | None
) -> Mapping[str, SoundState]:
    """Return the state of each kind of a set; a dump without rows of value is a kind of its own."""
    checked = seen is not None and seen.is_checked(one)
    there = SoundState.SOUND if checked else SoundState.UNCHECKED
    found = {
        kind.value: there if kind in one.parts else SoundState.DAMAGED
        for kind in one.manifest.names
    }
    if Kind.DB in one.parts:
        rows = one.manifest.rows
        if not rows:
            try:
                rows = rows_in(kept_manifest(store, restic, one).parts)
            except SetDamaged:
                found[Kind.DB] = SoundState.DAMAGED
        if rows == SOME_ROWS:
            found[STRIPPED] = found.pop(Kind.DB)
    return found
