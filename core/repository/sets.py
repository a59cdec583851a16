"""Sets in a repository: their snapshots, their completeness, and their manifests.

A set is up to three snapshots (code, media, database) and a small one that holds its manifest and
was written last: the commit. Tags identify each snapshot; those of the manifest name the others, so
that one list of snapshots tells the complete sets.

    magerewind   store=NAME   set=TIMESTAMP   kind=code|media|db|manifest   and of a manifest
    code=ID   media=ID   db=ID   rows=all|some   of=DIGEST

`rows` tells whether the dump has the rows of all tables of value, `of` the root of the store; older
sets have no such tags.
"""

from __future__ import annotations

import base64
import json
import os
import re
import zlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, field

from core.archive.tree.xattrs import LARGEST_VALUE, LONGEST_NAME, is_kept
from core.backups import manifest as manifests
from core.backups.manifest import Manifest
from core.errors import MALFORMED, SetDamaged, SetNotFound
from core.events import Kind, decode_text, encode_text

TAG: Final = "magerewind"
MANIFEST: Final = "manifest"
MANIFEST_FILE: Final = "manifest.json"
DUMP_FILE: Final = "db.sql"
_HINTED: Final = 5
ALL_ROWS: Final = "all"
SOME_ROWS: Final = "some"
FORMAT: Final = 1
LARGEST_MANIFEST: Final = 64 << 20
LARGEST_INDEX: Final = 24 << 20
"""Bytes of the index of a dump that a manifest takes; it has a line for each MB of rows."""
LARGEST_ATTRIBUTES: Final = 96 << 20
"""Bytes of the list of attributes, unpacked: of half a million directories with ACLs."""
_ID: Final = re.compile(r"[0-9a-f]{64}")
_STORE: Final = re.compile(r"[^A-Za-z0-9._-]+")


def store_tag(name: str) -> str:
    """Return a store's name as a tag can hold it."""
    return _STORE.sub("-", name).strip("-")[:64] or "store"


def host_of(store: str) -> str:
    """Return the host that restic is told, fixed for a store: it chooses the parent by it."""
    return f"{TAG}-{store}"


def tags_of(store: str, timestamp: int, kind: str) -> tuple[str, ...]:
    """Return the tags of a snapshot."""
    return TAG, f"store={store}", f"set={timestamp}", f"kind={kind}"


class SetSnapshot(Struct, frozen=True, kw_only=True):
    """A snapshot of ours, by its tags. `bytes` is the content, `root` the path that was taken.

    `names`, `rows` and `origin` are those of a manifest: ids by kind, and what its dump has and
    whose it is, empty for unknown.
    """

    id: str
    store: str
    timestamp: int
    kind: str
    time_s: float
    bytes: int = 0
    entries: int = 0
    root: str = ""
    names: Mapping[Kind, str] = field(default_factory=dict)
    rows: str = ""
    origin: str = ""


class RemoteSet(Struct, frozen=True, kw_only=True):
    """A set of which the manifest is there. `missing` are kinds whose snapshots are not."""

    repository: str
    store: str
    timestamp: int
    manifest: SetSnapshot
    parts: Mapping[Kind, SetSnapshot]
    missing: tuple[Kind, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether all that the manifest names is there."""
        return not self.missing

    @property
    def bytes(self) -> int:
        """The content of all parts."""
        return sum(part.bytes for part in self.parts.values())

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of all its snapshots, the manifest's first: without it, it is no set."""
        return self.manifest.id, *(part.id for part in self.parts.values())


class Holdings(Struct, frozen=True, kw_only=True):
    """The content of a repository: sets, newest first, and snapshots of no set."""

    sets: tuple[RemoteSet, ...] = ()
    unfinished: tuple[SetSnapshot, ...] = ()


def _snapshot(row: Mapping[str, Any]) -> SetSnapshot | None:
    found = row.get("tags")
    tags = [str(tag) for tag in found] if isinstance(found, list) else []
    said = dict(tag.split("=", 1) for tag in tags if "=" in tag)
    number = said.get("set", "")
    kind, identity = said.get("kind", ""), str(row.get("id", ""))
    is_known = kind == MANIFEST or kind in {one.value for one in Kind}
    if TAG not in tags or not is_known or not number.isdecimal() or not _ID.fullmatch(identity):
        return None
    summary = row.get("summary")
    facts = summary if isinstance(summary, dict) else {}
    paths = row.get("paths")
    return SetSnapshot(
        id=identity,
        store=said.get("store", ""),
        timestamp=int(number[:12]),
        kind=kind,
        time_s=_seconds(row.get("time")),
        bytes=_whole(facts.get("total_bytes_processed")),
        entries=_whole(facts.get("total_files_processed")),
        root=str(paths[0]) if isinstance(paths, list) and paths else "",
        names={one: said[one.value] for one in Kind if _ID.fullmatch(said.get(one.value, ""))},
        rows=said["rows"] if said.get("rows") in {ALL_ROWS, SOME_ROWS} else "",
        origin=said.get("of", "")[:64],
    )


def _whole(value: object) -> int:
    return value if isinstance(value, int) and 0 < value < 1 << 63 else 0


def _seconds(value: object) -> float:
    """Return unix seconds of restic's time, which has nanoseconds."""
    text = re.sub(r"(\.\d{6})\d+", r"\1", str(value or ""))
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def read_holdings(
    rows: Iterable[Mapping[str, Any]], repository: str, *, store: str | None = None
) -> Holdings:
    """Group restic's list of snapshots into sets; `store` None: of all stores."""
    found = [one for one in map(_snapshot, rows) if one is not None]
    known = {one.id: one for one in found if store is None or one.store == store}
    sets: list[RemoteSet] = []
    used: set[str] = set()
    for one in known.values():
        if one.kind != MANIFEST:
            continue
        parts = {
            kind: known[name]
            for kind, name in one.names.items()
            if name in known and known[name].kind == kind
        }
        used |= {one.id, *(part.id for part in parts.values())}
        sets.append(
            RemoteSet(
                repository=repository,
                store=one.store,
                timestamp=one.timestamp,
                manifest=one,
                parts=parts,
                missing=tuple(kind for kind in one.names if kind not in parts),
            )
        )
    sets.sort(key=lambda one: (-one.timestamp, -one.manifest.time_s))
    rest = [one for one in known.values() if one.id not in used]
    return Holdings(sets=tuple(sets), unfinished=tuple(sorted(rest, key=lambda one: -one.time_s)))


def choose_set(
    holdings: Holdings,
    wanted: str,
    *,
    repository: str,
    kinds: Iterable[Kind] = (),
    torn: bool = False,
) -> RemoteSet:
    """Return the set that a word means: `latest`, or the number that begins its names.

    The latest is the newest one that has these kinds. With `torn` a set that is named, and lacks
    other kinds only, will do.

    Raises SetNotFound, which lists the existing sets, also for an incomplete one.
    """
    whole = [one for one in holdings.sets if one.is_whole]
    hint, asked = _named(holdings.sets), set(kinds)
    if wanted == "latest":
        fitting = [one for one in whole if asked <= one.parts.keys()]
        if not fitting:
            of = f" with {' and '.join(sorted(asked))}" if asked and whole else ""
            raise SetNotFound(f"The repository {repository} holds no complete set{of}.", hint=hint)
        return fitting[0]
    found = [one for one in holdings.sets if str(one.timestamp) == wanted]
    if not found:
        raise SetNotFound(f"The repository {repository} holds no set {wanted}.", hint=hint)
    chosen = next((one for one in found if one.is_whole), found[0])
    if not chosen.is_whole and not (torn and asked and asked <= chosen.parts.keys()):
        raise SetNotFound(
            f"The set {wanted} in {repository} is not whole: the snapshot of "
            f"{', '.join(chosen.missing)} is missing.",
            hint=hint,
        )
    return chosen


def _named(sets: Iterable[RemoteSet]) -> str | None:
    """Return the newest sets as a hint, None where there is none."""
    stamps = list(dict.fromkeys(f"{one.timestamp}{_state(one)}" for one in sets))
    more = f", and {len(stamps) - _HINTED} more" if len(stamps) > _HINTED else ""
    return f"There are: {', '.join(stamps[:_HINTED])}{more}." if stamps else None


def _state(one: RemoteSet) -> str:
    return f" (without its {' and '.join(one.missing)})" if one.missing else ""


Attributes = dict[bytes, bytes]
"""Extended attributes by name."""


class PartManifest(Struct, frozen=True, kw_only=True):
    """What is remembered of one part: the facts of a backup, and what restic's listing lacks.

    `index` is that of a dump (`core.database.index`), whose SHA-256 the facts name; empty for none.
    """

    snapshot: str
    facts: Manifest
    prefix: bytes = b""  # the prefix of its paths in an archive
    mode: int = 0o755  # of the directory that was taken, of which a snapshot says nothing
    odd: tuple[bytes, ...] = ()
    links: Mapping[bytes, bytes] = field(default_factory=dict)
    attributes: Mapping[bytes, Attributes] = field(default_factory=dict)  # of directories, by path
    index: bytes = b""


class SetManifest(Struct, frozen=True, kw_only=True):
    """The manifest of a set. `differs` are paths that changed between a local set and its copy."""

    store: str
    timestamp: int
    made_by: str
    parts: Mapping[Kind, PartManifest]
    note: str = ""
    differs: tuple[str, ...] = ()
    format: int = FORMAT


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def to_json(manifest: SetManifest) -> bytes:
    """Return the manifest as JSON."""
    parts = {
        kind.value: {
            "snapshot": part.snapshot,
            "facts": json.loads(manifests.to_json(part.facts)),
            "prefix": _text(part.prefix),
            "mode": part.mode,
            "odd": [_text(name) for name in part.odd],
            "links": {_text(name): _text(target) for name, target in part.links.items()},
            "attributes": _packed_attributes(part.attributes),
            "index": _text(zlib.compress(part.index)) if part.index else "",
        }
        for kind, part in manifest.parts.items()
    }
    row = {
        "format": manifest.format,
        "store": manifest.store,
        "timestamp": manifest.timestamp,
        "made_by": manifest.made_by,
        "note": encode_text(manifest.note),
        "differs": [encode_text(name) for name in manifest.differs],
        "parts": parts,
    }
    return json.dumps(row, indent=1).encode("ascii") + b"\n"


def from_json(content: bytes) -> SetManifest:
    """Return the manifest that `to_json` wrote. Raises SetDamaged for anything else."""
    try:
        row = json.loads(content)
        if row["format"] > FORMAT:
            raise ValueError(f"made by a later version (format {row['format']})")
        return SetManifest(
            store=str(row["store"]),
            timestamp=int(row["timestamp"]),
            made_by=str(row["made_by"]),
            note=decode_text(row["note"]),
            differs=tuple(map(decode_text, row["differs"])),
            parts={Kind(kind): _part(part) for kind, part in row["parts"].items()},
        )
    except MALFORMED as error:
        raise SetDamaged(f"The manifest of the set cannot be read: {error}") from error


def manifest_of_set(content: bytes, chosen: RemoteSet) -> SetManifest:
    """Return the manifest that was read for a set. Raises SetDamaged for one of another set.

    Tags and manifests are written by whoever has the key: they have to say the same.
    """
    manifest = from_json(content)
    parts = {kind: part.snapshot for kind, part in manifest.parts.items()}
    tagged = {**chosen.manifest.names}  # also those that are missing
    kinds = {kind: part.facts.kind for kind, part in manifest.parts.items()}
    whose = (manifest.store, manifest.timestamp)
    if whose != (chosen.store, chosen.timestamp) or any(k is not v for k, v in kinds.items()):
        raise SetDamaged(f"The manifest of the set {chosen.timestamp} is one of another set.")
    if parts != tagged:
        raise SetDamaged(
            f"The manifest of the set {chosen.timestamp} names other snapshots than its tags."
        )
    return manifest


def _part(row: Mapping[str, Any]) -> PartManifest:
    decode = base64.b64decode
    snapshot = str(row["snapshot"])
    if not _ID.fullmatch(snapshot):
        raise ValueError("a snapshot in it has no id")
    prefix = decode(row["prefix"])
    *names, last = prefix.split(b"/")
    if last or {b"", b".", b".."} & {*names} or b"\0" in prefix:
        raise ValueError("a part in it belongs nowhere")
    return PartManifest(
        snapshot=snapshot,
        facts=manifests.from_json(json.dumps(row["facts"]).encode()),
        prefix=prefix,
        mode=int(row["mode"]) & 0o3777,
        odd=tuple(decode(name) for name in row["odd"]),
        links={decode(name): decode(target) for name, target in row["links"].items()},
        attributes=_attributes(decode(row.get("attributes", ""))),
        index=_inflated(decode(row.get("index", "")), LARGEST_INDEX, "index"),
    )


def _inflated(content: bytes, most: int, what: str) -> bytes:
    """Return a packed text in a manifest. Raises ValueError for one that is cut or too large."""
    if not content:
        return b""
    inflater = zlib.decompressobj()
    try:
        text = inflater.decompress(content, most)
    except zlib.error as error:
        raise ValueError(f"its {what} is damaged: {error}") from error
    if not inflater.eof:
        raise ValueError(f"its {what} is damaged")
    return text


def _packed_attributes(attributes: Mapping[bytes, Attributes]) -> str:
    """Return attributes of directories packed: with default ACLs, each directory has the same."""
    if not attributes:
        return ""
    rows = {
        os.fsdecode(path): {os.fsdecode(name): value.hex() for name, value in found.items()}
        for path, found in attributes.items()
    }
    text = json.dumps(rows).encode("ascii")
    return _text(zlib.compress(text)) if len(text) < LARGEST_ATTRIBUTES else ""


def _attributes(content: bytes) -> dict[bytes, Attributes]:
    text = _inflated(content, LARGEST_ATTRIBUTES, "list of attributes")
    rows = json.loads(text) if text else {}
    found = {
        os.fsencode(path): {os.fsencode(name): bytes.fromhex(value) for name, value in row.items()}
        for path, row in rows.items()
    }
    for one in filter(None, found.values()):
        if not all(map(is_kept, one)) or max(map(len, one)) > LONGEST_NAME:
            raise ValueError("an attribute in it is none")
        if max(map(len, one.values())) > LARGEST_VALUE:
            raise ValueError("an attribute in it is too large")
    return found
