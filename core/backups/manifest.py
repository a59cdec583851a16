"""The description beside a backup: size, checksum, contents, how it was taken.

A manifest is written last, so a backup without one is merely unverified: made by Magento, copied
from elsewhere, or committed in the moment of a crash. A manifest never holds a password, and a
broken one is treated as missing, with a word about why.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct, field

from core.backups.names import manifest_name
from core.backups.remarks import Remarks, Trial, trial_from_json, trial_to_json
from core.directories import Directory
from core.durable import write_file
from core.errors import MALFORMED, ForeignState
from core.events import Kind, Warned, decode_text, encode_text
from core.field_types import field_types
from core.owned_files import MANIFEST_MODE, open_file, read_all

FORMAT: Final = 1
_LARGEST: Final = 64 << 20  # a manifest of a thousand tables takes some ten kilobytes


class Manifest(Struct, frozen=True, kw_only=True):
    """The facts of one backup, as its maker and later verifications found them."""

    file_name: str
    kind: Kind
    timestamp: int
    size_bytes: int
    sha256: str
    made_by: str  # "magerewind 0.1.0"
    host: str
    root: str
    created: str  # ISO 8601, UTC
    elapsed_s: float
    verified: bool  # read again, and equal to the written bytes
    magento_version: str | None = None
    kept_open: bool = False  # taken without maintenance mode
    note: str = ""
    members: int | None = None  # archives
    content_bytes: int | None = None  # before compression
    excluded: tuple[str, ...] = ()
    level: int | None = None
    compress: str = "none"  # dumps: none, gzip, zstd
    rows: Mapping[str, int] | None = None  # dumps: rows of each table
    snapshot: str | None = None  # how the dump came to be of one instant
    schema_bytes: int | None = None  # dumps: the size of its tables by the server
    server: str | None = None
    database: str | None = None  # name of the schema that a dump is of
    stripped: tuple[str, ...] = ()
    max_statement_bytes: int | None = None
    warnings: tuple[Warned, ...] = ()
    problem: str = ""  # the fault that a later verification found
    looked_at: str = ""  # the state of an archive when a whole look found it sound
    keep: bool = False  # retention leaves it alone
    tried: Trial | None = None  # the last drill
    index_sha256: str = ""  # of the index beside it, where one was written with it
    sequence: int = 0  # the number of its set, in the order in which they were made; 0: unknown
    clock_behind: bool = False  # its time is too early: the clock was behind the store's files
    format: int = field(default=FORMAT)


def remarks_of(manifest: Manifest) -> Remarks:
    """Return the remarks of people and drills on the backup."""
    return Remarks(note=manifest.note, keep=manifest.keep, tried=manifest.tried)


def identity_of(manifest: Manifest) -> str:
    """Return `looked_at` of an archive that agrees with its manifest."""
    return f"{manifest.sha256} {manifest.members} {manifest.content_bytes}"


class ManifestFound(Struct, frozen=True):
    """A manifest, or None with the problem of a broken one."""

    manifest: Manifest | None
    problem: str = ""


def _encode(value: object) -> Any:  # noqa: ANN401 - a JSON value
    match value:
        case str():
            return encode_text(value)
        case Warned():
            return {
                "code": value.code,
                "message": encode_text(value.message),
                "names": [encode_text(name) for name in value.names],
            }
        case tuple():
            return [_encode(item) for item in value]
        case Trial():
            return trial_to_json(value)
        case Mapping():
            return dict(value)
        case _:
            return value


def to_json(manifest: Manifest) -> bytes:
    """Return the manifest as JSON, one field a line."""
    row = {name: _encode(getattr(manifest, name)) for name in manifest.__struct_fields__}
    # Surrogate escapes may be left in keys (table names are text); \udcXX is read back by json.
    return json.dumps(row, indent=1).encode("ascii") + b"\n"


def _decode_warning(row: Mapping[str, Any]) -> Warned:
    return Warned(
        code=str(row["code"]),
        message=decode_text(row["message"]),
        names=tuple(decode_text(name) for name in row["names"]),
    )


def _decode(name: str, value: Any) -> Any:  # noqa: ANN401 - a JSON value
    if name == "warnings":
        return tuple(_decode_warning(row) for row in value)
    if name == "tried":
        return trial_from_json(value)
    if name == "rows":
        return None if value is None else {str(table): int(rows) for table, rows in value.items()}
    if isinstance(value, list):
        return tuple(decode_text(item) for item in value)
    if isinstance(value, str | dict):
        text = decode_text(value)
        return Kind(text) if name == "kind" else text
    return value


def from_json(content: bytes) -> Manifest:
    """Return the manifest that `to_json` wrote; raises ValueError for anything else."""
    try:
        row = json.loads(content)
        known = _FIELD_TYPES.keys() & row.keys()
        manifest = Manifest(**{name: _decode(name, row[name]) for name in known})
        _check_types(manifest)
    except MALFORMED as error:
        raise ValueError(str(error)) from error
    return manifest


_FIELD_TYPES: Final = field_types(Manifest)
_NONE: Final = type(None)
_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "str": (str,),
    "str | None": (str, _NONE),
    "int": (int,),
    "int | None": (int, _NONE),
    "float": (int, float),
    "bool": (bool,),
    "Kind": (Kind,),
    "tuple[str, ...]": (tuple,),
    "tuple[Warned, ...]": (tuple,),
}
_TEXTS: Final = frozenset({"excluded", "stripped"})


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _check_types(manifest: Manifest) -> None:
    for name, kind in _FIELD_TYPES.items():
        expected, value = _TYPES.get(kind), getattr(manifest, name)
        # True is a number to Python, and no path holds a NUL.
        wrong = expected is not None and (
            not isinstance(value, expected)
            or (isinstance(value, bool) and bool not in expected)
            or (isinstance(value, str) and "\0" in value)
            or (isinstance(value, float) and not math.isfinite(value))
            or (isinstance(value, tuple) and name in _TEXTS and not all(map(_is_text, value)))
        )
        if wrong:
            raise ValueError(f"{name} is of another type")
    if manifest.format > FORMAT:
        raise ValueError(f"made by a later version (format {manifest.format})")


def _read(directory: Directory, name: str) -> bytes:
    # Others may write to var/backups, the web server's account among them: a statement about a
    # backup is believed only of a file that no other account could have made, or changed.
    fd = open_file(name, what="It", dir_fd=directory.fd, limit=_LARGEST, mode=MANIFEST_MODE)
    try:
        return read_all(fd, _LARGEST, what="It")
    finally:
        os.close(fd)


def find_manifest(directory: Directory, name: str) -> ManifestFound:
    """Return the manifest of the backup `name`, or why there is none that can be used."""
    try:
        manifest = from_json(_read(directory, manifest_name(name)))
    except FileNotFoundError:
        return ManifestFound(None)
    except ForeignState as error:
        return ManifestFound(None, f"the manifest is not believed: {error.reason}")
    except OSError as error:
        return ManifestFound(None, f"the manifest cannot be read: {error.strerror}")
    except ValueError as error:
        return ManifestFound(None, f"the manifest is damaged: {error}")
    if manifest.file_name != name:
        return ManifestFound(None, "the manifest belongs to another file")
    return ManifestFound(manifest)


def write_manifest(directory: Directory, manifest: Manifest) -> None:
    """Write the manifest durably beside its backup, readable by its owner only."""
    write_file(manifest_name(manifest.file_name), to_json(manifest), dir_fd=directory.fd)
