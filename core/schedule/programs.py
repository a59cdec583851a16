"""The programs of the system that a schedule needs: called with a time limit and a plain locale."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from msgspec import Struct

from core.account.ids import Ids
from core.errors import PreflightRefused

_LIMIT_S: Final = 20.0
LOOK_S: Final = 5.0
"""Limit for a query that a person waits for."""
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CRONS: Final = frozenset({b"cron", b"crond", b"fcron"})
_PASSED: Final = (
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "HOME",
    "XDG_CONFIG_HOME",
    "USER",
    "TZ",
)


class ProgramResult(Struct, frozen=True):
    """The result of a program: its exit code and its output."""

    code: int
    out: bytes
    problem: str

    @property
    def well(self) -> bool:
        """Whether the program succeeded."""
        return self.code == 0


def has(program: str) -> bool:
    """Tell whether a program is installed."""
    return shutil.which(program, path=_PATH) is not None


def run_program(
    words: Sequence[str],
    environ: Mapping[str, str],
    *,
    given: bytes | None = None,
    limit_s: float = _LIMIT_S,
) -> ProgramResult:
    """Run a program to its end. Raises PreflightRefused where it is missing or does not end."""
    program = shutil.which(words[0], path=_PATH)
    if program is None:
        raise PreflightRefused(f"{words[0]} is not installed.")
    passed = {name: environ[name] for name in _PASSED if name in environ}
    passed |= {"PATH": _PATH, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            [program, *words[1:]],
            input=given,
            stdin=subprocess.DEVNULL if given is None else None,
            capture_output=True,
            timeout=limit_s,
            env=passed,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise PreflightRefused(f"{words[0]} did not answer within {limit_s:.0f} seconds.") from None
    except OSError as error:
        raise PreflightRefused(f"{words[0]} could not be run: {error.strerror}") from error
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return ProgramResult(done.returncode, done.stdout, said[-1] if said else "")


def refusal_as(ids: Ids, words: Sequence[str]) -> str:
    """Return the first line that a program of root's complains with when an account runs it.

    Empty where it ends well. It has a session of its own, so no terminal of root's to type into.
    """
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_LIMIT_S,
            env={"PATH": _PATH, "LC_ALL": "C.UTF-8", "HOME": ids.home, "USER": ids.name},
            cwd="/",
            user=ids.uid,
            group=ids.gid,
            extra_groups=ids.groups,
            start_new_session=True,
            umask=0o077,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"it did not end within {_LIMIT_S:.0f} seconds."
    except OSError as error:
        return f"{error.strerror}."
    said = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return (said[0] if said else f"exit code {done.returncode}.") if done.returncode else ""


def systemd_runs() -> bool:
    """Tell whether this machine was started by systemd."""
    return os.path.isdir("/run/systemd/system")


def cron_runs() -> bool | None:
    """Tell whether a daemon of cron runs; None where that cannot be seen.

    An account may not see root's processes, and systemd-cron has no daemon.
    """
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with suppress(OSError), open(f"/proc/{pid}/comm", "rb") as file:
            if file.read(64).strip() in _CRONS:
                return True
    if systemd_runs():
        return None
    return False if os.geteuid() == 0 or not any(map(has, ("cron", "crond"))) else None
