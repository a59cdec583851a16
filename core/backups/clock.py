"""Decides whether this machine's clock is trusted, before anything is deleted by its time.

Every backup and every pruning leaves an anchor in the state of the store: the time, and how long
the machine had been up. Within one run of a machine both grow alike, whatever the clock is set to;
over a restart the clock may only go forward, and not by years. A clock in doubt deletes nothing
until a person says that it is right.

The anchor of each host is its own: machines that share a `var` do not judge each other.
"""

from __future__ import annotations

import json
import math
import os
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import asdict

from core.backups.verification_records import open_state
from core.directories import Directory
from core.durable import translate
from core.errors import MALFORMED, MagerewindError

_NAME: Final = "clock.json"
_PROBE: Final = "clock.probe"
_LIMIT: Final = 64 << 10
_HOSTS: Final = 32  # of which the anchors are kept
BACK_S: Final = 3600.0
"""How far a clock may go back, as one that is set by the network does at its start."""
AHEAD_S: Final = 8 * 86400.0
"""How far a clock may run ahead of the machine's own uptime."""
AWAY_S: Final = 400 * 86400.0
"""How long a machine may have been away between two runs."""


class Anchor(Struct, frozen=True, kw_only=True):
    """A moment at which the clock was believed: `run` tells one run of a machine from another."""

    run: str
    uptime_s: float
    wall_s: float


def present_anchor(now_s: float) -> Anchor:
    """Return the anchor of this moment. `uptime_s` is 0 where the kernel does not tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            boot = file.read().strip()
        with open("/proc/1/stat", "rb") as file:  # a container has runs of its own
            started = file.read().rpartition(b")")[2].split()[19].decode("ascii")
        with open("/proc/uptime", encoding="ascii") as file:
            uptime_s = float(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        return Anchor(run="", uptime_s=0.0, wall_s=now_s)
    return Anchor(run=f"{boot} {started}", uptime_s=uptime_s, wall_s=now_s)


def clock_shift(before: Anchor, now: Anchor) -> tuple[str, float]:
    """Return how the clock has moved, in a word, and by how many seconds; an empty word if well."""
    passed_s = now.wall_s - before.wall_s
    if before.run and before.run == now.run:
        passed_s -= max(0.0, now.uptime_s - before.uptime_s)
        limit_s = AHEAD_S
    else:
        limit_s = AWAY_S
    if passed_s < -BACK_S:
        return "back", -passed_s
    return ("ahead", passed_s) if passed_s > limit_s else ("", 0.0)


def _anchor(row: object) -> Anchor | None:
    try:
        anchor = Anchor(
            run=str(row["run"]),  # type: ignore[index]
            uptime_s=float(row["uptime_s"]),  # type: ignore[index]
            wall_s=float(row["wall_s"]),  # type: ignore[index]
        )
    except MALFORMED:
        return None
    return anchor if math.isfinite(anchor.uptime_s) and math.isfinite(anchor.wall_s) else None


def _anchors(state: Directory) -> dict[str, Any]:
    try:
        rows = json.loads(state.read(_NAME, limit=_LIMIT))
    except (OSError, MagerewindError, *MALFORMED):
        return {}
    return rows if isinstance(rows, dict) else {}


def _days(seconds: float) -> str:
    days = seconds / 86400
    return f"{days:,.0f} days" if days >= 2 else f"{seconds / 3600:,.1f} hours"


def clock_problem(directory: str, *, host: str, now_s: float, probe: bool = True) -> str:
    """Return one line on why the clock is in doubt, nothing where it can be believed.

    `directory` is var/backups, beside which the anchors lie. `probe`: also ask the file system for
    its time, by a file that is removed at once.
    """
    state = open_state(directory)
    if state is None:
        return ""
    with state:
        before = _anchor(_anchors(state).get(host))
        there_s = _written_at(state) if probe else None
    if there_s is not None and abs(there_s - now_s) > BACK_S:
        apart = _days(abs(there_s - now_s))
        return f"The clock of this machine and that of the disk with var are {apart} apart."
    if before is None:
        return ""
    word, by_s = clock_shift(before, present_anchor(now_s))
    if word == "back":
        return f"The clock of this machine went back by {_days(by_s)} since it was last believed."
    if word == "ahead":
        return (
            f"The clock of this machine is {_days(by_s)} ahead of where it must be since it was "
            "last believed."
        )
    return ""


def clock_behind(path: str, now_s: float) -> str:
    """Return one line where the clock is before the last change of a file of the store, else "".

    It finds the clock that was wrong from the first backup on, of which there is no anchor.
    """
    try:
        written_s = os.stat(path).st_mtime
    except OSError:
        return ""
    if written_s - now_s <= BACK_S:
        return ""
    behind = _days(written_s - now_s)
    return f"The clock of this machine is {behind} before the last change of {path}."


def _written_at(state: Directory) -> float | None:
    """Return the time that the file system gives a new file, None where it takes none."""
    try:
        state.remove(_PROBE)
        fd = state.create(_PROBE)
    except (OSError, MagerewindError):
        return None
    try:
        os.write(fd, b"\n")
        return os.fstat(fd).st_mtime
    except OSError:
        return None
    finally:
        os.close(fd)
        state.remove(_PROBE)


def trust_clock(directory: str, *, host: str, now_s: float) -> None:
    """Leave an anchor: from here on the clock is judged by this moment. Raises StorageError."""
    state = open_state(directory, make=True)
    if state is None:
        return
    with state:
        rows = {name: row for name, row in _anchors(state).items() if name != host}
        kept = dict(list(rows.items())[-(_HOSTS - 1) :])
        kept[host] = asdict(present_anchor(now_s))
        try:
            state.write(_NAME, json.dumps(kept).encode())
        except OSError as error:
            raise translate(error, f"writing {state.path_of(_NAME)}") from error
