"""Forgets whole sets, by the ids of their snapshots: never by a rule of restic's own.

restic groups by host and path, and would keep the code of one day with the database of another. The
manifests go first: a half forgotten set is no set any more, and its rest is forgotten later with
other unfinished snapshots.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from core.errors import RepositoryError
from core.repository.calls import CHECK, LIST
from core.repository.restic import Restic
from core.repository.sets import Holdings, RemoteSet, SetSnapshot

UNFINISHED_FOR_S: Final = 86_400
_AT_ONCE: Final = 500


def old_unfinished(holdings: Holdings, now_s: float) -> tuple[SetSnapshot, ...]:
    """Return the snapshots of no set that no send can be at work on any more."""
    return tuple(one for one in holdings.unfinished if one.time_s < now_s - UNFINISHED_FOR_S)


def forget(restic: Restic, sets: Sequence[RemoteSet], rest: Iterable[SetSnapshot]) -> None:
    """Forget these sets and snapshots; the data stays until a prune.

    Raises RepositoryError where the repository takes nothing back.
    """
    if restic.repository.append_only:
        raise RepositoryError(
            f"The repository {restic.repository.name} is append-only: nothing is forgotten there.",
            hint="Forget and prune it from the machine that holds it, with restic's own commands.",
        )
    manifests = [one.manifest.id for one in sets]
    parts = [part.id for one in sets for part in one.parts.values()]
    parts += [one.id for one in rest]
    for ids in (manifests, parts):
        for at in range(0, len(ids), _AT_ONCE):
            _forget(restic, ids[at : at + _AT_ONCE])


def _forget(restic: Restic, ids: Sequence[str]) -> None:
    def act() -> None:
        for _ in restic.lines(("forget", *ids), limits=LIST):
            pass

    restic.exclusive(act)


def prune(restic: Restic) -> None:
    """Free data that no snapshot needs. Others cannot use the repository meanwhile."""

    def act() -> None:
        for _ in restic.lines(("prune",), limits=CHECK):
            pass

    restic.exclusive(act)
