"""A set that was just sent: the tags of its manifest, and the set as the repository lists it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping

from msgspec.structs import replace

from core.backups.stripped import tables_without_rows
from core.events import Kind
from core.operations.backup_origin import is_release
from core.repository.sets import (
    ALL_ROWS,
    MANIFEST,
    SOME_ROWS,
    PartManifest,
    RemoteSet,
    SetSnapshot,
    tags_of,
)

Parts = Mapping[Kind, PartManifest]


def rows_in(parts: Parts) -> str:
    """Return whether the dump of a set has the rows of all tables of value; empty for no dump."""
    if Kind.DB not in parts:
        return ""
    return SOME_ROWS if tables_without_rows(parts[Kind.DB].facts) else ALL_ROWS


def origin_of(root: str) -> str:
    """Return what stands for the root of a store; releases of one store have the same."""
    place = os.path.dirname(root) if is_release(root) else root
    return hashlib.sha256(os.fsencode(place)).hexdigest()[:16]


def origin_in(parts: Parts) -> str:
    """Return the origin of a set by its manifest, empty for an unknown one."""
    roots = [part.facts.root for part in parts.values() if part.facts.root]
    return origin_of(roots[0]) if roots else ""


def manifest_tags(store: str, timestamp: int, parts: Parts) -> tuple[str, ...]:
    """Return the tags of the manifest of a set."""
    named = [f"{kind.value}={part.snapshot}" for kind, part in parts.items()]
    told = {"rows": rows_in(parts), "of": origin_in(parts)}
    named += [f"{name}={value}" for name, value in told.items() if value]
    return *tags_of(store, timestamp, MANIFEST), *named


def set_as_listed(
    repository: str, store: str, timestamp: int, parts: Parts, *, manifest: str, now_s: float
) -> RemoteSet:
    """Return a set as a list of the repository would have it; `manifest` is the snapshot's id."""

    def snapshot(identity: str, kind: str, size: int) -> SetSnapshot:
        return SetSnapshot(
            id=identity, store=store, timestamp=timestamp, kind=kind, time_s=now_s, bytes=size
        )

    names = {kind: part.snapshot for kind, part in parts.items()}
    return RemoteSet(
        repository=repository,
        store=store,
        timestamp=timestamp,
        manifest=replace(
            snapshot(manifest, MANIFEST, 0),
            names=names,
            rows=rows_in(parts),
            origin=origin_in(parts),
        ),
        parts={
            kind: snapshot(part.snapshot, kind.value, part.facts.size_bytes)
            for kind, part in parts.items()
        },
    )
