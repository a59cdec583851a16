"""The dump that a job fetched into its directory; removed when the job no longer needs it."""

from __future__ import annotations

from contextlib import suppress

from core.backups.names import parse_name
from core.directories import Directory
from core.errors import MagerewindError


def forget_dump(directory: Directory) -> None:
    """Remove a dump that was fetched into a job's directory."""
    with suppress(OSError, MagerewindError):
        for name in directory.names():
            if parse_name(name) is not None:
                directory.remove(name)
