"""The restic of this machine: its path, its version, and the features that it has."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from typing import Final

from core.account.environment import path_of
from core.errors import ResticMissing

Version = tuple[int, int, int]
NEEDED: Final[Version] = (0, 17, 1)
"""Since this version: exit codes by kind of error, and a dump that ends with its command."""
OLDEST: Final[Version] = (0, 14, 0)
_ANSWER_S: Final = 20
_CURE: Final = (
    "Debian 13 has 0.18, one static program that runs on older releases; restic's own page has "
    "the newest (docs/offsite.md says how)."
)


def shown(version: Version) -> str:
    """Return a version as restic writes it."""
    return ".".join(map(str, version))


def find_restic(environ: Mapping[str, str], *, backup_only: bool = False) -> tuple[str, Version]:
    """Return the path of restic and its version.

    Raises ResticMissing where there is none, or one too old. `backup_only`: for taking copies an
    older one will do.
    """
    path = shutil.which("restic", path=path_of(environ))
    if path is None:
        raise ResticMissing(
            "There is no restic on this machine, which keeps the copies elsewhere.",
            hint="apt install restic, or see docs/offsite.md. Local backups need none.",
        )
    version = _version(path)
    if version < (OLDEST if backup_only else NEEDED):
        needed = shown(OLDEST if backup_only else NEEDED)
        only = " (from 0.14 on it can be sent to)" if version >= OLDEST else ""
        raise ResticMissing(
            f"{path} is restic {shown(version)}; {needed} or newer is needed{only}.", hint=_CURE
        )
    return os.path.abspath(path), version


@functools.lru_cache(maxsize=8)
def _version(path: str) -> Version:
    try:
        answer = subprocess.run(
            [path, "version"],
            env={"PATH": os.defpath, "HOME": "/nonexistent"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_ANSWER_S,
            check=False,
        ).stdout[:4096]
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ResticMissing(f"{path} does not run: {error}") from error
    match = re.match(rb"restic (\d+)\.(\d+)(?:\.(\d+))?", answer)
    if match is None:
        raise ResticMissing(f"{path} is not the restic that keeps backups.", hint=_CURE)
    return int(match[1]), int(match[2]), int(match[3] or 0)
