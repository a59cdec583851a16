"""The findings of a verification of a backup without a manifest, kept in the state of the store.

A manifest says who made a backup, so one that Magento made, or that was copied here, gets none.
Its findings lie in `var/.magerewind/looks`, believed only when it is this account's, and
of no file but the very one that was read: by its inode, size and times.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from core.backups.place import open_backups
from core.errors import MagerewindError
from core.events import decode_text, encode_text
from core.held import Directory

_STATE: Final = ".magerewind"
_LOOKS: Final = "looks"
_ENDING: Final = ".json"
_LIMIT: Final = 64 << 10


@dataclass(frozen=True, slots=True)
class Look:
    """A finding: `problem` is empty for a sound backup."""

    sha256: str
    problem: str = ""


def open_looks(directory: str, *, make: bool = False) -> Directory | None:
    """Return the directory of looks beside a directory of backups, None where there is none.

    None as well for state that is not ours; `make` makes it where `var` is this account's.
    """
    try:
        with open_backups(os.path.dirname(os.path.abspath(directory))) as var:
            if make and os.fstat(var.fd).st_uid == os.geteuid():
                return var.make_directory(_STATE).make_directory(_LOOKS)
            return var.open_directory(_STATE).open_directory(_LOOKS)
    except (FileNotFoundError, MagerewindError):
        return None


def _identity(status: os.stat_result) -> list[int]:
    return [status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns]


def _file_of(name: str) -> str:
    return name + _ENDING


def find_look(looks: Directory | None, name: str, status: os.stat_result) -> Look | None:
    """Return the finding about this file, None where nothing is known of its present state."""
    if looks is None:
        return None
    try:
        row = json.loads(looks.read(_file_of(name), limit=_LIMIT))
        if row["file"] != _identity(status):
            return None
        return Look(str(row["sha256"]), decode_text(row["problem"]))
    except (OSError, MagerewindError, ValueError, KeyError, TypeError, RecursionError):
        return None


def remember_look(directory: str, name: str, status: os.stat_result, look: Look) -> None:
    """Remember the finding about a file of this `status`. Raises StorageError."""
    looks = open_looks(directory, make=True)
    if looks is None:
        return
    row = {
        "file": _identity(status),
        "sha256": look.sha256,
        "problem": encode_text(look.problem),
    }
    with looks, open_backups(directory) as backups:
        looks.write(_file_of(name), json.dumps(row).encode())
        for other in looks.names():
            if not backups.has(other.removesuffix(_ENDING)):
                looks.remove(other)


def forget_look(directory: str, name: str) -> None:
    """Forget a deleted backup; a finding that cannot be removed means nothing without its file."""
    looks = open_looks(directory)
    if looks is not None:
        with looks, suppress(OSError):
            looks.remove(_file_of(name))
