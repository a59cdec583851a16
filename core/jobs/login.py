"""Whether this machine kills a user's processes at log-out, which would end a job with it."""

from __future__ import annotations

import configparser
import glob
import os
import pwd
from collections.abc import Mapping
from typing import Final

_PLACES: Final = (
    "/usr/lib/systemd/logind.conf",
    "/etc/systemd/logind.conf",
    "/usr/lib/systemd/logind.conf.d/*.conf",
    "/run/systemd/logind.conf.d/*.conf",
    "/etc/systemd/logind.conf.d/*.conf",
)


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


def in_login_session(cgroup_path: str = "/proc/self/cgroup") -> bool:
    """Tell whether this process belongs to a log-in session of systemd."""
    try:
        with open(cgroup_path, encoding="utf-8", errors="replace") as file:
            return "/session-" in file.read()
    except OSError:
        return False


def lingering_note(environ: Mapping[str, str]) -> str | None:
    """Return what to do where a log-out would kill the job, or None where it would not."""
    if os.geteuid() == 0 and "XDG_SESSION_ID" not in environ:
        return None
    name = pwd.getpwuid(os.geteuid()).pw_name if os.geteuid() else "root"
    lingers = os.path.exists(f"/var/lib/systemd/linger/{name}")
    # KillExcludeUsers= is "root" by default.
    if name == "root" or lingers or not kills_at_logout() or not in_login_session():
        return None
    return (
        "This machine kills your processes when you log out, and with them this job. "
        f"Before you leave: loginctl enable-linger {name}"
    )
