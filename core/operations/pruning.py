"""The backups of a store that retention would delete, and their deletion.

list the files of var/backups, and the names that jobs and undos need
decide by the policy (`core.backups.retention`); foreign files are left alone
with the clock in doubt, nothing is deleted
delete the sets that go, oldest first, each file before its manifest

A crash in between leaves whole backups only, and the next pruning takes the rest of a set.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from core.backups.catalog import (
    Backup,
    BackupSet,
    Health,
    delete_backup,
    find_any_backup,
    list_backups,
)
from core.backups.changing import changing
from core.backups.clock import clock_behind, clock_problem
from core.backups.order import times_in_doubt
from core.backups.place import open_backups
from core.backups.retention import Candidate, Decision, RetentionPolicy, SoundState, decide
from core.backups.stripped import STRIPPED, tables_without_rows
from core.directories import Directory
from core.errors import BackupNotFound
from core.magento.store import Store
from core.operations.backup_origin import is_of_release
from core.operations.findings import Finding, warn
from core.operations.needed_backups import needed_backups

CLOCK_BEHIND: Final = "clock-behind"
_SOUND_STATES: Mapping[Health, SoundState] = {
    Health.VERIFIED: SoundState.SOUND,
    Health.SOUND: SoundState.SOUND,
    Health.UNVERIFIED: SoundState.UNCHECKED,
}
CLOCK_HINT: Final = "Look at the time and date; --trust-clock takes them for right from now on."
Deleted = Callable[[Backup, int], None]


class SetDecision(Struct, frozen=True, kw_only=True):
    """A set and the decision on it."""

    backups: BackupSet
    decision: Decision

    @property
    def keep(self) -> bool:
        """Whether it stays."""
        return self.decision.keep


class PrunePlan(Struct, frozen=True, kw_only=True):
    """The decision on each set, newest first."""

    sets: tuple[SetDecision, ...]

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
    sets = {one.key: one for one in list_backups(store.backups).sets}
    doubted = times_in_doubt(
        (backup.manifest.sequence, one.timestamp)
        for one in sets.values()
        for backup in one.backups
        if backup.manifest is not None and _is_ours(store, backup)
    )
    doubted |= {
        one.timestamp
        for one in sets.values()
        if any(
            backup.manifest is not None and backup.manifest.clock_behind for backup in one.backups
        )
    }
    candidates = [
        replace(_candidate(store, one, needed, foreign=foreign), in_doubt=one.timestamp in doubted)
        for one in sets.values()
    ]
    decisions = decide(candidates, policy, now_s=now_s)
    return PrunePlan(
        sets=tuple(SetDecision(backups=sets[one.candidate.id], decision=one) for one in decisions)
    )


def clock_doubt(store: Store, *, host: str, now_s: float, probe: bool = False) -> str:
    """Return one line on why the clock is in doubt, nothing where it can be believed."""
    behind = clock_behind(store.env_php, now_s)
    return behind or clock_problem(store.backups, host=host, now_s=now_s, probe=probe)


def clock_findings(store: Store) -> list[Finding]:
    """Return a warning where the clock is behind the store's own files."""
    behind = clock_behind(store.env_php, time.time())
    return [warn(CLOCK_BEHIND, f"{behind} A new backup gets a wrong time.")] if behind else []


def _candidate(
    store: Store, backups: BackupSet, needed: Mapping[str, str], *, foreign: bool
) -> Candidate:
    others = () if foreign else tuple(one for one in backups.backups if not _is_ours(store, one))
    ours = [one for one in backups.backups if one not in others]
    why = (needed[one.name.text] for one in backups.backups if one.name.text in needed)
    return Candidate(
        id=backups.key,
        time_s=backups.timestamp,
        kinds=_standings(ours),
        marked=backups.keep,
        needed_by=next(why, ""),
        foreign=tuple(dict.fromkeys(map(_kind_of, others))),
    )


def _clock_was_behind(backups: BackupSet) -> bool:
    manifests = (backup.manifest for backup in backups.backups)
    return any(manifest is not None and manifest.clock_behind for manifest in manifests)


def _standings(backups: list[Backup]) -> dict[str, SoundState]:
    """Return the known state of each kind; of two files of one kind, the better."""
    found: dict[str, SoundState] = {}
    order = list(SoundState)
    for backup in backups:
        standing = _standing(backup)
        known = found.get(_kind_of(backup), standing)
        found[_kind_of(backup)] = min(standing, known, key=order.index)
    return found


def _kind_of(backup: Backup) -> str:
    if tables_without_rows(backup.manifest):
        return STRIPPED
    return backup.name.variant if backup.kind is None else backup.kind.value


def _standing(backup: Backup) -> SoundState:
    tried = backup.remarks.tried
    if tried is not None and not tried.restorable:
        return SoundState.DAMAGED
    return _SOUND_STATES.get(backup.health, SoundState.DAMAGED)


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
        for backup, freed_bytes in _delete_set(doomed):
            freed += freed_bytes
            deleted(backup, freed_bytes)
    return freed


def _delete_set(doomed: BackupSet) -> list[tuple[Backup, int]]:
    """Delete the rest of a set without a mark by now; return it with its bytes."""
    gone: list[tuple[Backup, int]] = []
    try:
        directory = open_backups(doomed.backups[0].directory)
    except FileNotFoundError:
        return gone
    with directory, changing(directory):
        if _is_marked(doomed):
            return gone
        for backup in doomed.backups:
            with suppress(BackupNotFound):  # deleted meanwhile
                gone.append((backup, delete_backup(backup.directory, backup.name.text)))
    return gone


def _is_marked(doomed: BackupSet) -> bool:
    """Tell whether a person has marked the set since the plan was made."""
    for backup in doomed.backups:
        with suppress(BackupNotFound):
            if find_any_backup(backup.directory, backup.name.text).remarks.keep:
                return True
    return False
