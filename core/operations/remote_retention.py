"""Which sets of a repository stay by the rules of retention, as for sets in var/backups.

A dump without rows of value counts by itself, and a set of another store for nothing, as there. The
tags of a manifest tell both; of sets that older versions sent, the manifest is read.
"""

from __future__ import annotations

from core.backups.catalog import list_backups
from core.backups.retention import Candidate, Decision, RetentionPolicy, SoundState, decide
from core.backups.stripped import STRIPPED
from core.errors import SetDamaged
from core.events import Kind
from core.magento.store import Store
from core.operations.job_files import open_jobs
from core.operations.needed_backups import needed_backups
from core.operations.remote_kept import kept_manifest
from core.operations.sent_set import origin_in, origin_of, rows_in
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
    foreign: bool = False,
) -> list[tuple[RemoteSet, Decision]]:
    """Return for each set whether it stays: a mark of the local set counts as well.

    So does the undo of a rollback to it, which may have to fetch tables that stayed. Sets of a
    store of the same name at another root stay, and count for nothing, unless `foreign`. Raises
    RepositoryError, and as `needed_backups`.
    """
    marked = {one.key for one in list_backups(store.backups).sets if one.keep}
    needed = {name.partition("_")[0]: why for name, why in needed_backups(open_jobs(store)).items()}
    known = {one.manifest.id: one for one in holdings.sets}
    ours = origin_of(store.root)
    candidates: list[Candidate] = []
    for one in holdings.sets:
        rows, origin = _told(store, restic, one)
        kinds = _standings(one, rows, seen)
        is_ours = foreign or origin in {"", ours}
        candidates.append(
            Candidate(
                id=one.manifest.id,
                time_s=one.timestamp,
                kinds=kinds if is_ours else {},
                marked=str(one.timestamp) in marked,
                needed_by=needed.get(str(one.timestamp), ""),
                foreign=() if is_ours else tuple(kinds),
            )
        )
    decisions = decide(candidates, policy, now_s=now_s)
    return [(known[one.candidate.id], one) for one in decisions]


def _told(store: Store, restic: Restic, one: RemoteSet) -> tuple[str | None, str]:
    """Return what the dump of a set has, None for a damaged one, and the origin of the set."""
    rows, origin = one.manifest.rows, one.manifest.origin
    if one.is_whole and (not origin or (Kind.DB in one.parts and not rows)):
        try:
            parts = kept_manifest(store, restic, one).parts
        except SetDamaged:
            return None, ""
        return rows_in(parts), origin_in(parts)
    return rows, origin


def _standings(one: RemoteSet, rows: str | None, seen: Seen | None) -> dict[str, SoundState]:
    """Return the state of each kind of a set; a dump without rows of value is a kind of its own."""
    checked = seen is not None and seen.is_checked(one)
    there = SoundState.SOUND if checked else SoundState.UNCHECKED
    found = {
        kind.value: there if kind in one.parts and rows is not None else SoundState.DAMAGED
        for kind in one.manifest.names
    }
    if rows == SOME_ROWS:
        found[STRIPPED] = found.pop(Kind.DB)
    return found
