"""Whether this machine kills a user's processes at log-out, which would end a job with it."""

from __future__ import annotations

import configparser
import glob
import os
import pwd
import re
from typing import Final

_PLACES: Final = (
    "/usr/lib/systemd/logind.conf",
    "/etc/systemd/logind.conf",
    "/usr/lib/systemd/logind.conf.d/*.conf",
    "/run/systemd/logind.conf.d/*.conf",
    "/etc/systemd/logind.conf.d/*.conf",
)
_CGROUP: Final = "/proc/self/cgroup"
_UNIT: Final = re.compile(r"/user-(?P<uid>\d+)\.slice/(?P<unit>session-|user@)")


def kills_at_logout(root: str = "/") -> bool:
    """Tell whether logind is configured with KillUserProcesses=yes."""
    kills = False
    for place in _PLACES:
        for path in sorted(glob.glob(os.path.join(root, place.lstrip("/")))):
            parser = configparser.ConfigParser(strict=False, interpolation=None)
            try:
                parser.read(path)
                kills = parser.getboolean("Login", "KillUserProcesses", fallback=kills)
            except (OSError, ValueError, configparser.Error):
                continue
    return kills


def login_note(root: str = "/", cgroup_path: str = _CGROUP) -> str | None:
    """Return the cure where a log-out would kill this process, or None where it would not.

    Who counts is the account that logged in, also under sudo. Lingering keeps that account's own
    service manager, but no process of the session itself (logind does not look at it there), so
    a process that shall stay has to be started by that service manager.
    """
    try:
        with open(cgroup_path, encoding="utf-8", errors="replace") as file:
            found = _UNIT.search(file.read())
        name = pwd.getpwuid(int(found["uid"])).pw_name if found is not None else ""
    except (OSError, KeyError):
        return None
    if found is None or name == "root":  # KillExcludeUsers= is "root" by default
        return None
    steps: list[str] = []
    if not os.path.exists(os.path.join(root, "var/lib/systemd/linger", name)):
        steps.append(f"loginctl enable-linger {name}")
    if found["unit"] == "session-":
        if not kills_at_logout(root):
            return None
        steps.append("start it with: systemd-run --user --scope magerewind ...")
    if not steps:
        return None
    return (
        f"This machine kills the processes of {name} at log-out, and with them this job. "
        f"To log out meanwhile: {', then '.join(steps)}"
    )
