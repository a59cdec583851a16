"""Install, find and remove a schedule: systemd's units, or lines of cron.

Files are replaced whole. Foreign units and lines are never overwritten or removed: a unit or a
block is ours when it describes a schedule of exactly this store.
"""

from __future__ import annotations

import datetime as dt
import os
import pwd
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from core import durable
from core.errors import MagerewindError, PreflightRefused, StorageError
from core.schedule import crontab
from core.schedule.programs import LOOK_S, cron_runs, has, run_program, systemd_runs
from core.schedule.units import (
    Schedule,
    find_in,
    schedule_name,
    service_text,
    timer_text,
)

_LIMIT: Final = 1 << 20
_UNIT_MODE: Final = 0o644
_OURS: Final = "# Written by magerewind"
_CRON_HEADER: Final = (
    b"SHELL=/bin/sh\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n"
)


class Way(StrEnum):
    """How a schedule is run."""

    SYSTEM = "system"  # by the machine's systemd
    USER = "user"  # by the account's own
    CRON = "cron"


class SchedulePlaces(Struct, frozen=True, kw_only=True):
    """Where schedules lie; `table`: root's lines are in a file of cron.d, others' in a crontab."""

    system: str = "/etc/systemd/system"
    user: str = ""
    cron: str = "/etc/cron.d"

    @classmethod
    def of(cls, environ: Mapping[str, str]) -> SchedulePlaces:
        """Return the places of this account."""
        home = environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir
        config = environ.get("XDG_CONFIG_HOME") or os.path.join(home, ".config")
        return cls(user=os.path.join(config, "systemd/user"))


class Installed(Struct, frozen=True, kw_only=True):
    """A schedule that is in place.

    `active`: its systemd or cron runs it; False also where there is none here, None for unknown.
    """

    schedule: Schedule
    way: Way
    places: tuple[str, ...]
    active: bool | None = None
    next_s: float | None = None

    @property
    def words(self) -> str:
        """What it is, with its name: `the timer NAME`."""
        return f"the {'schedule' if self.way is Way.CRON else 'timer'} {self.schedule.name}"


def default_way() -> Way:
    """Return how this account is best served here. Raises PreflightRefused where nothing runs."""
    if systemd_runs():
        return Way.SYSTEM if os.geteuid() == 0 else Way.USER
    if has("crontab"):
        return Way.CRON
    raise PreflightRefused(
        "Neither systemd nor cron runs here.",
        hint="--system or --user writes the units all the same, --cron the lines of cron.",
    )


def files_of(schedule: Schedule, way: Way, places: SchedulePlaces) -> list[tuple[str, bytes]]:
    """Return the files of a schedule by their paths; of a crontab, the lines without a path."""
    if way is Way.CRON:
        if os.geteuid() == 0:
            path = os.path.join(places.cron, schedule.name)
            return [(path, _CRON_HEADER + crontab.block(schedule, account=_named(schedule)))]
        return [("", crontab.block(schedule))]
    directory = places.system if way is Way.SYSTEM else places.user
    base = os.path.join(directory, schedule.name)
    service = service_text(schedule, system=way is Way.SYSTEM)
    return [
        (f"{base}.service", service.encode()),
        (f"{base}.timer", timer_text(schedule).encode()),
    ]


def _named(schedule: Schedule) -> str:
    if schedule.account.isdigit():
        raise PreflightRefused(f"cron knows no account {schedule.account} by a name.")
    return schedule.account


def install(
    schedule: Schedule, way: Way, places: SchedulePlaces, environ: Mapping[str, str]
) -> tuple[str, ...]:
    """Install a schedule; return the steps left to do by hand. Raises MagerewindError."""
    if way is Way.SYSTEM and os.geteuid() != 0:
        raise PreflightRefused(
            "Only root installs units of the system.", hint="Run it with sudo, or with --user."
        )
    files = files_of(schedule, way, places)
    for path, _ in files:
        _refuse_other(path, schedule.root)
    for path, content in files:
        if path:
            _write(path, content)
        else:
            _change_crontab(crontab.with_block(_crontab(environ), schedule), environ)
    if way is Way.CRON:
        return ()
    return _enable(schedule, way, environ)


def _enable(schedule: Schedule, way: Way, environ: Mapping[str, str]) -> tuple[str, ...]:
    control = _control(way)
    timer = f"{schedule.name}.timer"
    if not _manager_runs(way, environ):
        by_hand = " ".join(control)
        reload = f"{by_hand} daemon-reload && {by_hand} enable --now {timer}"
        return (f"systemd does not run here. Once it does: {reload}",)
    for words in (("daemon-reload",), ("enable", timer), ("restart", timer)):
        answer = run_program([*control, *words], environ)
        if not answer.well:
            raise PreflightRefused(
                f"The units are written, and systemctl {words[0]} failed: {answer.problem}"
            )
    if way is Way.USER:
        return (f"So that it runs while nobody is logged in: loginctl enable-linger {_me()}",)
    return ()


def _me() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return str(os.geteuid())


def _control(way: Way) -> list[str]:
    return ["systemctl", "--user"] if way is Way.USER else ["systemctl"]


def _manager_runs(way: Way, environ: Mapping[str, str]) -> bool:
    if not systemd_runs() or not has("systemctl"):
        return False
    runtime = environ.get("XDG_RUNTIME_DIR", "")
    return way is Way.SYSTEM or os.path.exists(os.path.join(runtime, "systemd/private"))


def _read(path: str) -> str | None:
    """Return a file's text, None where there is none. Raises StorageError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise durable.translate(error, f"reading {path}") from error
    with os.fdopen(fd, "rb") as file:
        try:
            return file.read(_LIMIT).decode("utf-8", "surrogateescape")
        except OSError as error:
            raise durable.translate(error, f"reading {path}") from error


def _refuse_other(path: str, root: str) -> None:
    """Raise PreflightRefused for a file of that name that is not ours."""
    text = _read(path) if path else None
    if text is None or (path.endswith(".service") and text.startswith(_OURS)):
        return
    found = _described(text, path)
    if found is None or found.root != root:
        raise PreflightRefused(f"{path} is there and not of this store; it is left as it is.")


def _described(text: str, path: str) -> Schedule | None:
    if path.endswith((".timer", ".service")):
        return find_in(text)
    return crontab.find_block(text.encode("utf-8", "surrogateescape"), os.path.basename(path))


def _write(path: str, content: bytes) -> None:
    directory = os.path.dirname(path)
    try:
        os.makedirs(directory, exist_ok=True)
    except OSError as error:
        raise durable.translate(error, f"making the directory {directory}") from error
    durable.write_file(path, content, mode=_UNIT_MODE)


def _crontab(environ: Mapping[str, str]) -> bytes:
    answer = run_program(["crontab", "-l"], environ, limit_s=LOOK_S)
    if answer.well:
        return answer.out
    if "no crontab" in answer.problem:
        return b""
    raise PreflightRefused(f"The table of cron cannot be read: {answer.problem}")


def _change_crontab(table: bytes, environ: Mapping[str, str]) -> None:
    answer = run_program(["crontab", "-"], environ, given=table)
    if not answer.well:
        raise PreflightRefused(f"The table of cron cannot be written: {answer.problem}")


def find_installed(
    root: str, places: SchedulePlaces, environ: Mapping[str, str]
) -> tuple[Installed, ...]:
    """Return the schedules of the store at this root, wherever they are. Never raises."""
    return tuple(_found(root, places, environ))


def _found(root: str, places: SchedulePlaces, environ: Mapping[str, str]) -> Iterator[Installed]:
    name = schedule_name(root)
    for way, directory in ((Way.SYSTEM, places.system), (Way.USER, places.user)):
        timer = os.path.join(directory, f"{name}.timer")
        found = find_in(_safely(timer))
        if found is not None and found.root == root:
            active, next_s = _running(way, name, environ)
            paths = (os.path.join(directory, f"{name}.service"), timer)
            yield Installed(schedule=found, way=way, places=paths, active=active, next_s=next_s)
    path = os.path.join(places.cron, name)
    found = crontab.find_block(_safely(path).encode("utf-8", "surrogateescape"), name)
    if found is not None and found.root == root:
        yield Installed(schedule=found, way=Way.CRON, places=(path,), active=cron_runs())
    if os.geteuid() != 0 and has("crontab"):
        try:
            found = crontab.find_block(_crontab(environ), name)
        except MagerewindError:
            return
        if found is not None and found.root == root:
            active = cron_runs()
            yield Installed(schedule=found, way=Way.CRON, places=("crontab",), active=active)


def _safely(path: str) -> str:
    try:
        return _read(path) or ""
    except StorageError:
        return ""


def _running(way: Way, name: str, environ: Mapping[str, str]) -> tuple[bool | None, float | None]:
    """Return whether the manager runs a timer, and when it fires next, in unix seconds."""
    if not systemd_runs():
        return False, None
    if not _manager_runs(way, environ):
        return None, None
    words = ["show", f"{name}.timer", "-p", "ActiveState", "-p", "NextElapseUSecRealtime"]
    environ = {**environ, "TZ": "UTC"}  # --timestamp=unix holds for no time of a timer
    try:
        answer = run_program([*_control(way), *words], environ, limit_s=LOOK_S)
    except MagerewindError:
        return None, None
    if not answer.well:
        return None, None
    rows = dict(
        line.split("=", 1)
        for line in answer.out.decode("utf-8", "replace").splitlines()
        if "=" in line
    )
    return rows.get("ActiveState") == "active", moment_of(rows.get("NextElapseUSecRealtime", ""))


def moment_of(text: str) -> float | None:
    """Return the time that systemctl prints of a timer in UTC, in unix seconds; None for none."""
    try:
        return dt.datetime.strptime(f"{text} +0000", "%a %Y-%m-%d %H:%M:%S UTC %z").timestamp()
    except ValueError:
        return None


def remove(installed: Installed, environ: Mapping[str, str]) -> None:
    """Take a schedule away. Raises MagerewindError."""
    name = installed.schedule.name
    if installed.places == ("crontab",):
        _change_crontab(crontab.without_block(_crontab(environ), name), environ)
        return
    runs = installed.way is not Way.CRON and _manager_runs(installed.way, environ)
    if runs:
        run_program([*_control(installed.way), "disable", "--now", f"{name}.timer"], environ)
    for path in installed.places:
        try:
            durable.unlink_if_there(path)
        except OSError as error:
            raise durable.translate(error, f"removing {path}") from error
    if runs:
        run_program([*_control(installed.way), "daemon-reload"], environ)
