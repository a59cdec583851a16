"""A repository as an operation uses it: opened, looked at, and remembered in the store's state."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from msgspec import Struct
from msgspec.structs import replace

from core.directories import Directory
from core.errors import MagerewindError, RepositoryLocked
from core.magento.store import Store
from core.operations.job_files import open_state
from core.repository.calls import Call
from core.repository.restic import Restic
from core.repository.seen import Seen, all_seen, last_seen, remember
from core.repository.sets import (
    LARGEST_MANIFEST,
    MANIFEST_FILE,
    TAG,
    Holdings,
    RemoteSet,
    SetManifest,
    manifest_of_set,
    read_holdings,
    store_tag,
)
from core.repository.settings import Repository

_CACHE = "restic"
JUST_S = 120.0
"""Seconds for which a repository need not be asked again by the one who was shown its sets."""


def store_name(store: Store, name: str) -> str:
    """Return the name of a store in its repositories: the configured one, or its root's."""
    return store_tag(name or os.path.basename(store.root))


def open_restic(
    store: Store,
    repository: Repository,
    *,
    environ: Mapping[str, str],
    backup_only: bool = False,
) -> Restic:
    """Open a repository. Raises ResticMissing, ConfigurationError; asks nothing of it yet."""
    return Restic(repository, environ=environ, cache=_cache_of(store), backup_only=backup_only)


def _cache_of(store: Store) -> str | None:
    """Return the directory of restic's cache, in the store's state where that is this account's.

    None for its own choice: the home of the account.
    """
    with suppress(MagerewindError, OSError):
        state = open_state(store, make=os.access(store.var, os.W_OK))
        if state is not None:
            with state, state.make_directory(_CACHE) as cache:
                return cache.path
    return None


class Asked(Struct, frozen=True, kw_only=True):
    """A repository that is being asked for the sets of the store `name`."""

    restic: Restic
    name: str
    call: Call


@contextmanager
def asked_to_send(restic: Restic, name: str) -> Iterator[Asked]:
    """Begin to ask a repository for its sets, as one who is to send there."""
    call = _ask(restic, name, lock=True)
    try:
        yield Asked(restic=restic, name=name, call=call)
    finally:
        call.end()


def answer_of(store: Store, asked: Asked, *, now_s: float) -> Holdings:
    """Return the sets of a repository that was asked; locks that are stale are removed first.

    Raises RepositoryError: RepositoryLocked where somebody has the repository alone.
    """
    restic, name = asked.restic, asked.name
    try:
        return look_at(store, restic, name=name, now_s=now_s, asked=asked.call)
    except RepositoryLocked:  # perhaps by a process of this host that is dead
        restic.unlock()
        again = _ask(restic, name, lock=True)
        return look_at(store, restic, name=name, now_s=now_s, asked=again)


def _ask(restic: Restic, name: str | None, *, lock: bool = False) -> Call:
    tags = (TAG,) if name is None else (TAG, f"store={name}")
    return restic.ask_snapshots(*tags, lock=lock)


def look_at(
    store: Store,
    restic: Restic,
    *,
    name: str | None,
    now_s: float | None,
    asked: Call | None = None,
) -> Holdings:
    """Return the sets of a store in a repository, of all stores for None.

    Those of a store are remembered as seen at `now_s`, unless that is None. `asked` is a call that
    was begun for the same.

    Raises RepositoryError.
    """
    repository = restic.repository.name
    rows = restic.asked_snapshots(asked or _ask(restic, name))
    holdings = read_holdings(rows, repository, store=name)
    if name is not None and now_s is not None:
        with suppress(MagerewindError, OSError):
            state = open_state(store)
            if state is not None:
                with state:
                    _remember(state, repository, holdings, now_s)
    return holdings


def _remember(state: Directory, repository: str, holdings: Holdings, now_s: float) -> None:
    before = last_seen(state, repository)
    remember(
        state,
        Seen(
            repository=repository,
            seen_s=now_s,
            holdings=holdings,
            checked_s=0.0 if before is None else before.checked_s,
            problem="" if before is None else before.problem,
        ),
    )


def remember_set(store: Store, one: RemoteSet, *, now_s: float) -> None:
    """Add a set that was just sent to the remembered content; a failure is ignored."""
    with suppress(MagerewindError, OSError):
        state = open_state(store)
        if state is not None:
            with state:
                before = last_seen(state, one.repository)
                if before is None:
                    return
                sent = {part.id for part in one.parts.values()}
                rest = tuple(part for part in before.holdings.unfinished if part.id not in sent)
                holdings = Holdings(sets=(one, *before.holdings.sets), unfinished=rest)
                remember(state, replace(before, seen_s=now_s, holdings=holdings))


def remember_check(store: Store, repository: str, *, now_s: float, problem: str) -> None:
    """Remember how a check of a repository went."""
    with suppress(MagerewindError, OSError):
        state = open_state(store, make=True)
        if state is not None:
            with state:
                before = last_seen(state, repository)
                remember(
                    state,
                    Seen(
                        repository=repository,
                        seen_s=0.0 if before is None else before.seen_s,
                        holdings=Holdings() if before is None else before.holdings,
                        checked_s=now_s,
                        problem=problem,
                    ),
                )


def seen_of(store: Store, repository: str) -> Seen | None:
    """Return the remembered content of a repository, without a request to it."""
    with suppress(MagerewindError, OSError):
        state = open_state(store)
        if state is not None:
            with state:
                return last_seen(state, repository)
    return None


def seen_everywhere(store: Store) -> tuple[Seen, ...]:
    """Return the remembered content of every repository of a store, without a request to any."""
    with suppress(MagerewindError, OSError):
        state = open_state(store)
        if state is not None:
            with state:
                return all_seen(state)
    return ()


def just_seen(
    seen: Seen | None, store: str, timestamp: str, *, now_s: float, within_s: float = JUST_S
) -> RemoteSet | None:
    """Return the set `timestamp` if it is whole and was seen at most `within_s` ago."""
    if seen is None or not 0 <= now_s - seen.seen_s <= within_s:
        return None
    found = [one for one in seen.holdings.sets if one.is_whole and str(one.timestamp) == timestamp]
    return next((one for one in found if one.store == store), None)


def manifest_of(restic: Restic, chosen: RemoteSet) -> SetManifest:
    """Return the manifest of a set. Raises RepositoryError."""
    content = restic.dump(chosen.manifest.id, f"/{MANIFEST_FILE}", limit=LARGEST_MANIFEST)
    return manifest_of_set(content, chosen)
