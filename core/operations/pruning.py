"""The backups of a store that retention would delete, and their deletion.

list the files of var/backups, and the names that jobs and undos need
decide by the policy (`core.backups.retention`); foreign files are left alone
with the clock in doubt, nothing is deleted
delete the sets that go, oldest first, each file before its manifest

A crash in between leaves whole backups only, and the next pruning takes the rest of a set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from core.backups.catalog import Backup, BackupSet, Health, delete_backup, list_backups
from core.backups.clock import clock_problem
from core.backups.retention import Candidate, Decision, RetentionPolicy, Standing, decide
from core.errors import BackupNotFound
from core.held import Directory
from core.magento.store import Store
from core.operations.elsewhere import is_of_release
from core.operations.needed import needed_backups

_STANDINGS: Mapping[Health, Standing] = {
    Health.VERIFIED: Standing.SOUND,
    Health.SOUND: Standing.SOUND,
    Health.UNVERIFIED: Standing.UNCHECKED,
}
CLOCK_HINT: Final = "Look at the time and date; --trust-clock takes them for right from now on."
Deleted = Callable[[Backup, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A set and the decision on it."""

    backups: BackupSet
    decision: Decision

    @property
    def keep(self) -> bool:
        """Whether it stays."""
        return self.decision.keep


@dataclass(frozen=True, slots=True, kw_only=True)
class PrunePlan:
    """The decision on each set, newest first."""

    sets: tuple[Judged, ...]

    @property
    def doomed(self) -> tuple[BackupSet, ...]:
        """The sets that go, oldest first."""
        return tuple(one.backups for one in reversed(self.sets) if not one.keep)

    @property
    def freed_bytes(self) -> int:
        """The bytes that their deletion frees."""
        return sum(one.size_bytes for one in self.doomed)


def plan_prune(
    store: Store,
    policy: RetentionPolicy,
    *,
    jobs: Directory | None,
    now_s: float,
    foreign: bool = False,
    besides: str = "",
) -> PrunePlan:
    """Return the decision on each set. `foreign`: others' files count and go as ours.

    `besides` is a job whose needs do not count. Raises StoreUnreadable, and as `needed_backups`.
    """
    needed = needed_backups(jobs, besides=besides)
    sets = {str(one.timestamp): one for one in list_backups(store.backups).sets}
    candidates = [_candidate(store, one, needed, foreign=foreign) for one in sets.values()]
    decisions = decide(candidates, policy, now_s=now_s)
    return PrunePlan(
        sets=tuple(Judged(backups=sets[one.candidate.id], decision=one) for one in decisions)
    )


def clock_doubt(store: Store, *, host: str, now_s: float, probe: bool = False) -> str:
    """Return one line on why the clock is in doubt, nothing where it can be believed."""
    return clock_problem(store.backups, host=host, now_s=now_s, probe=probe)


def _candidate(
    store: Store, backups: BackupSet, needed: Mapping[str, str], *, foreign: bool
) -> Candidate:
    others = () if foreign else tuple(one for one in backups.backups if not _is_ours(store, one))
    ours = [one for one in backups.backups if one not in others]
    why = (needed[one.name.text] for one in backups.backups if one.name.text in needed)
    return Candidate(
        id=str(backups.timestamp),
        time_s=backups.timestamp,
        kinds=_standings(ours),
        marked=backups.keep,
        needed_by=next(why, ""),
        foreign=tuple(dict.fromkeys(map(_kind_of, others))),
    )


def _standings(backups: list[Backup]) -> dict[str, Standing]:
    """Return the known state of each kind; of two files of one kind, the better."""
    found: dict[str, Standing] = {}
    order = list(Standing)
    for backup in backups:
        standing = _standing(backup)
        known = found.get(_kind_of(backup), standing)
        found[_kind_of(backup)] = min(standing, known, key=order.index)
    return found


def _kind_of(backup: Backup) -> str:
    return backup.name.variant if backup.kind is None else backup.kind.value


def _standing(backup: Backup) -> Standing:
    tried = backup.remarks.tried
    if tried is not None and not tried.restorable:
        return Standing.DAMAGED
    return _STANDINGS.get(backup.health, Standing.DAMAGED)


def _is_ours(store: Store, backup: Backup) -> bool:
    """Tell whether we made it, and of this store; an unknown origin is none of ours."""
    manifest = backup.manifest
    if manifest is None:
        return False
    return not manifest.root or is_of_release(store, manifest.root)


def delete_sets(plan: PrunePlan, deleted: Deleted) -> int:
    """Delete the sets that go, and call `deleted` with each file and the bytes that it freed.

    The caller holds the store. Returns the bytes freed. Raises StorageError.
    """
    freed = 0
    for doomed in plan.doomed:
        for backup in doomed.backups:
            try:
                freed_bytes = delete_backup(backup.directory, backup.name.text)
            except BackupNotFound:  # somebody was faster
                continue
            freed += freed_bytes
            deleted(backup, freed_bytes)
    return freed
