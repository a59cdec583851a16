"""The findings of a verification of a backup without a manifest, kept in the state of the store.

A manifest says who made a backup, so one that Magento made, or that was copied here, gets none. Its
findings lie in `var/.magerewind/looks`, believed only when it is this account's, and only of the
very file that was read: by its inode, size and times. The remarks of people and drills lie there
too, and outlive a change of the file's owner or mode.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from typing import Any, Final

from msgspec import Struct

from core.backups.place import open_backups
from core.backups.remarks import Remarks, trial_from_json, trial_to_json
from core.directories import Directory
from core.errors import MALFORMED, MagerewindError
from core.events import decode_text, encode_text

_STATE: Final = ".magerewind"
_LOOKS: Final = "looks"
_ENDING: Final = ".json"
_LIMIT: Final = 64 << 10


class VerificationRecord(Struct, frozen=True):
    """A finding: `problem` is empty for a sound backup."""

    sha256: str
    problem: str = ""


def open_state(directory: str, *, make: bool = False) -> Directory | None:
    """Return the state of the store beside a directory of backups, None where there is none.

    None as well for state that is not ours; `make` makes it where `var` is this account's.
    """
    try:
        with open_backups(os.path.dirname(os.path.abspath(directory))) as var:
            if make and os.fstat(var.fd).st_uid == os.geteuid():
                return var.make_directory(_STATE)
            return var.open_directory(_STATE)
    except (FileNotFoundError, MagerewindError):
        return None


def open_looks(directory: str, *, make: bool = False) -> Directory | None:
    """Return the directory of looks in the state of the store. As `open_state`."""
    state = open_state(directory, make=make)
    if state is None:
        return None
    try:
        return state.make_directory(_LOOKS) if make else state.open_directory(_LOOKS)
    except (FileNotFoundError, MagerewindError):
        return None


def _identity(status: os.stat_result) -> list[int]:
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _contents(status: os.stat_result) -> list[int]:
    return [status.st_ino, status.st_size, status.st_mtime_ns]


def _file_of(name: str) -> str:
    return name + _ENDING


def _row(looks: Directory | None, name: str) -> dict[str, Any]:
    """Return the record of this name, empty where it cannot be read or believed."""
    if looks is None:
        return {}
    try:
        row = json.loads(looks.read(_file_of(name), limit=_LIMIT))
    except (OSError, MagerewindError, *MALFORMED):
        return {}
    return row if isinstance(row, dict) else {}


def find_record(
    looks: Directory | None, name: str, status: os.stat_result
) -> VerificationRecord | None:
    """Return the finding on this file, None where none describes its present state."""
    row = _row(looks, name)
    try:
        if row["file"] != _identity(status):
            return None
        return VerificationRecord(str(row["sha256"]), decode_text(row["problem"]))
    except MALFORMED:
        return None


def find_remarks(looks: Directory | None, name: str, status: os.stat_result) -> Remarks:
    """Return the remarks of people and drills on this file."""
    row = _row(looks, name).get("remarks")
    try:
        if not isinstance(row, dict) or row["of"] != _contents(status):
            return Remarks()
        return Remarks(
            note=decode_text(row["note"]),
            keep=row["keep"] is True,
            tried=trial_from_json(row["tried"]),
        )
    except MALFORMED:
        return Remarks()


def remember_record(
    directory: str, name: str, status: os.stat_result, look: VerificationRecord
) -> None:
    """Store the finding on a file whose state is `status`. Raises StorageError."""
    _remember(
        directory,
        name,
        {
            "file": _identity(status),
            "sha256": look.sha256,
            "problem": encode_text(look.problem),
        },
    )


def remember_remarks(directory: str, name: str, status: os.stat_result, remarks: Remarks) -> bool:
    """Store the remarks on a file; return False where this account has no state directory for them.

    Raises StorageError.
    """
    row = {
        "of": _contents(status),
        "note": encode_text(remarks.note),
        "keep": remarks.keep,
        "tried": trial_to_json(remarks.tried),
    }
    return _remember(directory, name, {"remarks": row})


def _remember(directory: str, name: str, found: dict[str, Any]) -> bool:
    looks = open_looks(directory, make=True)
    if looks is None:
        return False
    with looks, open_backups(directory) as backups:
        looks.write(_file_of(name), json.dumps({**_row(looks, name), **found}).encode())
        for other in looks.names():
            if not backups.has(other.removesuffix(_ENDING)):
                looks.remove(other)
    return True


def forget_record(directory: str, name: str) -> None:
    """Forget a deleted backup; a finding that cannot be removed means nothing without its file."""
    looks = open_looks(directory)
    if looks is not None:
        with looks, suppress(OSError):
            looks.remove(_file_of(name))
