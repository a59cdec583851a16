"""The remembered content of a repository, in the store's state: lists are shown without waiting.

A cache: correct at its timestamp, never used to delete or roll back. It also remembers the time of
the last successful check of the repository.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct, structs

from core.directories import Directory
from core.errors import MALFORMED, MagerewindError
from core.events import Kind
from core.repository.sets import Holdings, RemoteSet, SetSnapshot

_DIRECTORY: Final = "repositories"
_LISTINGS: Final = "listings"
_ENDING: Final = ".json"
_LIMIT: Final = 16 << 20
_FORMAT: Final = 1


class Seen(Struct, frozen=True, kw_only=True):
    """The content of a repository at `seen_s` (unix seconds); `checked_s`: 0 for never."""

    repository: str
    seen_s: float
    holdings: Holdings
    checked_s: float = 0.0
    problem: str = ""  # the fault found by the last check

    def is_checked(self, one: RemoteSet) -> bool:
        """Tell whether a set was there, and whole, when the repository was last found sound."""
        newest = max(part.time_s for part in (one.manifest, *one.parts.values()))
        return one.is_whole and not self.problem and self.checked_s > newest


def _row_of(snapshot: SetSnapshot) -> dict[str, Any]:
    row = structs.asdict(snapshot)
    return {**row, "names": {kind.value: name for kind, name in snapshot.names.items()}}


def _snapshot(row: Mapping[str, Any]) -> SetSnapshot:
    names = {Kind(kind): str(name) for kind, name in row["names"].items()}
    return SetSnapshot(
        id=str(row["id"]), store=str(row["store"]), timestamp=int(row["timestamp"]),
        kind=str(row["kind"]), time_s=float(row["time_s"]), bytes=int(row["bytes"]),
        entries=int(row["entries"]), root=str(row["root"]), names=names,
        rows=str(row.get("rows", "")), origin=str(row.get("origin", "")),
    )  # fmt: skip


def remember(state: Directory, seen: Seen) -> None:
    """Store the content in a store's state. Raises StorageError, ForeignState."""
    sets = [
        {
            "manifest": _row_of(one.manifest),
            "parts": {kind.value: _row_of(part) for kind, part in one.parts.items()},
        }
        for one in seen.holdings.sets
    ]
    row = {
        "format": _FORMAT,
        "seen_s": seen.seen_s,
        "checked_s": seen.checked_s,
        "problem": seen.problem,
        "sets": sets,
        "unfinished": [_row_of(one) for one in seen.holdings.unfinished],
    }
    with state.make_directory(_DIRECTORY) as directory:
        directory.write(f"{seen.repository}{_ENDING}", json.dumps(row).encode("ascii"))


def last_seen(state: Directory | None, repository: str) -> Seen | None:
    """Return the remembered content of a repository, None where it is unknown."""
    if state is None:
        return None
    try:
        with state.open_directory(_DIRECTORY) as directory:
            row = json.loads(directory.read(f"{repository}{_ENDING}", limit=_LIMIT))
        sets = tuple(_set(one, repository) for one in row["sets"])
        return Seen(
            repository=repository,
            seen_s=float(row["seen_s"]),
            checked_s=float(row["checked_s"]),
            problem=str(row["problem"]),
            holdings=Holdings(
                sets=sets, unfinished=tuple(_snapshot(one) for one in row["unfinished"])
            ),
        )
    except (OSError, MagerewindError, *MALFORMED):
        return None


def all_seen(state: Directory) -> tuple[Seen, ...]:
    """Return the remembered content of every repository, by their names."""
    with suppress(FileNotFoundError), state.open_directory(_DIRECTORY) as directory:
        names = [name.removesuffix(_ENDING) for name in directory.names() if name[0] != "."]
        found = (last_seen(state, name) for name in names)
        return tuple(seen for seen in found if seen is not None)
    return ()


def listings_in(state: Directory) -> Directory:
    """Open the directory of kept listings, made where it is missing."""
    return state.make_directory(_LISTINGS)


def _set(row: Mapping[str, Any], repository: str) -> RemoteSet:
    manifest = _snapshot(row["manifest"])
    parts = {Kind(kind): _snapshot(part) for kind, part in row["parts"].items()}
    return RemoteSet(
        repository=repository,
        store=manifest.store,
        timestamp=manifest.timestamp,
        manifest=manifest,
        parts=parts,
        missing=tuple(kind for kind in manifest.names if kind not in parts),
    )
