"""The service and the timer of a store: their text, and the schedule parsed back from it.

The service may write to the store and nothing else. It gets no more hardening than php, restic and
a database behind a socket work with: no private /tmp, since the socket may lie there, and no option
that needs capabilities, which an account's own manager lacks.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from core.errors import MALFORMED, PreflightRefused
from core.events import Kind
from core.schedule.escaping import unit_command, unit_path, unit_text, unit_words

SECTION: Final = "X-Magerewind"
_DESCRIBED: Final = "Schedule="
_STOP_S: Final = 900  # for a job that puts everything back
_HARDENING: Final = (
    "ProtectSystem=strict",
    "PrivateDevices=yes",
    "ProtectKernelTunables=yes",
    "ProtectKernelModules=yes",
    "ProtectKernelLogs=yes",
    "ProtectControlGroups=yes",
    "ProtectClock=yes",
    "ProtectHostname=yes",
    "RestrictNamespaces=yes",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "SystemCallArchitectures=native",
)
_OF_ANY: Final = ("NoNewPrivileges=yes", "RestrictRealtime=yes", "LockPersonality=yes")


class Schedule(Struct, frozen=True, kw_only=True):
    """A schedule: command, store and times. Times in seconds, `interval_s` between two runs."""

    root: str
    on_calendar: str
    kinds: tuple[str, ...]
    commands: tuple[tuple[str, ...], ...]
    account: str  # whose the store is
    writable: tuple[str, ...]
    interval_s: float
    delay_s: int = 900

    @property
    def name(self) -> str:
        """The name of its units."""
        return schedule_name(self.root)

    def described(self) -> str:
        """Return it as one line of JSON, from which `from_line` makes it again."""
        return json.dumps(asdict(self))


def schedule_name(root: str) -> str:
    """Return the name of the units of the store at this root: of letters, digits and `-`."""
    base = re.sub(r"[^0-9A-Za-z]+", "-", os.path.basename(root)).strip("-")[:40]
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:8]
    return f"magerewind-{base or 'store'}-{digest}"


def from_line(line: str) -> Schedule | None:
    """Return the schedule that a line describes, None for any other line."""
    try:
        row: Mapping[str, Any] = json.loads(line)
        return Schedule(
            root=str(row["root"]),
            on_calendar=str(row["on_calendar"]),
            kinds=tuple(Kind(kind).value for kind in row["kinds"]),
            commands=tuple(tuple(map(str, words)) for words in row["commands"]),
            account=str(row["account"]),
            writable=tuple(map(str, row["writable"])),
            interval_s=float(row["interval_s"]),
            delay_s=int(row["delay_s"]),
        )
    except MALFORMED:
        return None


def find_in(text: str) -> Schedule | None:
    """Return the schedule that a unit of ours describes, None for any other text."""
    _, _, rest = text.partition(f"[{SECTION}]\n")
    for line in rest.splitlines():
        if line.startswith(_DESCRIBED):
            return from_line(line.removeprefix(_DESCRIBED))
    return None


def service_text(schedule: Schedule, *, system: bool) -> str:
    """Return the service. `system`: of the machine's manager, else of the account's own."""
    return "\n".join(_service(schedule, system=system)) + "\n"


def _service(schedule: Schedule, *, system: bool) -> Iterator[str]:
    yield "# Written by magerewind schedule:install; magerewind schedule:remove takes it away."
    yield "[Unit]"
    yield f"Description=Backup of {unit_words(schedule.root)}"
    if system:
        yield "Wants=network-online.target"
        yield "After=network-online.target mariadb.service mysql.service"
    yield ""
    yield "[Service]"
    yield "Type=oneshot"
    if system:
        yield f"User={unit_text(schedule.account)}"
    yield from (f"ExecStart={unit_command(words)}" for words in schedule.commands)
    yield "# A job that is stopped puts everything back first."
    yield f"TimeoutStopSec={_STOP_S}"
    yield "UMask=0077"
    yield from _OF_ANY
    if system:
        yield from _HARDENING
        if schedule.account not in {"root", "0"}:
            yield "CapabilityBoundingSet="
        yield "# /tmp is not private: the socket of the database may lie there."
        paths = (*schedule.writable, "/tmp", "/var/tmp")  # noqa: S108 - named, not used
        yield f"ReadWritePaths={' '.join(map(unit_path, paths))}"


def timer_text(schedule: Schedule) -> str:
    """Return the timer."""
    if "\n" in schedule.on_calendar:
        raise PreflightRefused("A calendar event is one line.")
    return "\n".join(
        (
            "# Written by magerewind schedule:install; magerewind schedule:remove takes it away.",
            "[Unit]",
            f"Description=Backups of {unit_words(schedule.root)}",
            "",
            "[Timer]",
            f"OnCalendar={unit_text(schedule.on_calendar)}",
            "Persistent=true",
            f"RandomizedDelaySec={schedule.delay_s}",
            "AccuracySec=1min",
            "",
            "[Install]",
            "WantedBy=timers.target",
            "",
            f"[{SECTION}]",
            _DESCRIBED + schedule.described(),
            "",
        )
    )
