"""The commands of schedules: install, remove, status."""

from __future__ import annotations

import datetime as dt
import math
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, Final

from core.account.ids import ids_named
from core.cli.commands import CommandSession
from core.cli.due_view import due_json, due_lines
from core.cli.retention_policy import policy_of
from core.cli.store_view import owner_name
from core.config.load import DEFAULT, Effective
from core.config.types import seconds_of
from core.errors import AccountRefused, PreflightRefused, UsageError
from core.events import Kind, encode_text
from core.magento.store import Store, linked_parts, refuse_stranger, shown
from core.program import command_of
from core.schedule.calendar import interval_s, parse_times
from core.schedule.due import Due, due_of
from core.schedule.install import (
    Installed,
    SchedulePlaces,
    Way,
    default_way,
    files_of,
    find_installed,
    install,
    remove,
)
from core.schedule.programs import has, refusal_as, run_program
from core.schedule.units import Schedule
from core.text.lines import note, plain, success, warning
from core.text.printable import printable

_CALENDAR: Final = "daily"
_DAY_S: Final = 86400.0
_OF_SHELL: Final = ("MAGENTO_DC_", "MAGE_", "MAGEREWIND_")


def program() -> tuple[str, ...]:
    """Return the words by which this very program is started again."""
    started = os.path.abspath(sys.argv[0])
    if os.path.basename(started).startswith("magerewind") and os.access(started, os.X_OK):
        return (started,)
    return command_of("core")


def _command(session: CommandSession, store: Store, name: str, *words: str) -> tuple[str, ...]:
    line = session.line
    where = ("--store", line.store) if line.store else ("--root", store.root)
    file = session.configuration.file
    config = ("--config", os.path.abspath(file)) if file else ()
    none = () if line.use_config else ("--no-config",)
    return (*program(), name, *where, *config, *none, *words, "--no-interaction", "--no-ansi")


def _schedule(session: CommandSession, store: Store, way: Way) -> Schedule:
    line = session.line
    effective = session.settings(store)
    settings = effective.settings
    chosen = line.kinds or settings.kinds or tuple(Kind)
    kinds = tuple(kind for kind in Kind if kind in chosen)
    said = () if settings.kinds and not line.kinds else tuple(f"--{kind.value}" for kind in kinds)
    rules = tuple(f"--keep-{rule}" for rule in policy_of(line, settings).words if line.keep_rules)
    # cron sends all output by mail: then only errors are printed.
    quiet = ("--quiet",) if way is Way.CRON else ()
    commands = [_command(session, store, "setup:backup", *said, *rules, *quiet)]
    if line.drill:
        commands.append(_command(session, store, "info:backups:drill", "--newest", *quiet))
    asked = line.on_calendar if line.on_calendar is not None else settings.schedule.on_calendar
    calendar = " ".join(asked.split()) or _CALENDAR
    return Schedule(
        root=store.root,
        on_calendar=calendar,
        kinds=tuple(kind.value for kind in kinds),
        commands=tuple(commands),
        account=line.account or owner_name(store.owner_uid),
        writable=_writable(store, effective),
        interval_s=_interval(session, calendar),
        delay_s=seconds_of(settings.schedule.randomized_delay) or 0,
    )


def _writable(store: Store, effective: Effective) -> tuple[str, ...]:
    """Return the store, the real places of its parts, and those of its metrics and copies."""
    real = [target for _, target in linked_parts(store) if target is not None]
    backups = os.path.realpath(store.backups)
    settings = effective.settings
    metrics = () if settings.metrics_file is None else (os.path.dirname(settings.metrics_file),)
    urls = (effective.repositories[name].url for name in settings.repositories)
    copies = (url for url in (one.removeprefix("local:") for one in urls) if url.startswith("/"))
    return tuple(dict.fromkeys((store.root, *real, backups, *metrics, *copies)))


def _interval(session: CommandSession, calendar: str) -> float:
    """Return how long it is between two runs at most. Raises UsageError for no calendar event."""
    check_calendar(calendar, session.environ)
    times = parse_times(calendar)
    return _DAY_S if times is None else interval_s(times, _local(session.clock()))


def check_calendar(calendar: str, environ: Mapping[str, str]) -> None:
    """Raise UsageError for a text that is no calendar event of systemd."""
    if has("systemd-analyze"):
        answer = run_program(["systemd-analyze", "calendar", "--", calendar], environ)
        if not answer.well:
            raise UsageError(
                f"systemd knows no such calendar event: {calendar}",
                hint="Such as: daily, weekly, 02:30, Mon..Fri 03:00, *-*-01 04:00.",
            )
    elif parse_times(calendar) is None:
        raise UsageError(f"{calendar} is not understood, and systemd-analyze is not installed.")


def _local(now_s: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(now_s, dt.UTC).astimezone().replace(tzinfo=None)


def _way(session: CommandSession) -> Way:
    return Way(session.line.way) if session.line.way else default_way()


def _print_files(session: CommandSession, files: Iterable[tuple[str, bytes]]) -> None:
    for path, content in files:
        text = content.decode("utf-8", "surrogateescape")
        if session.console.as_json:
            session.console.print_json(
                {"type": "ScheduleFile", "path": encode_text(path), "content": encode_text(text)}
            )
        elif session.console.writes_to_terminal:
            lines = (f"# {path or 'crontab'}", *text.rstrip("\n").split("\n"), "")
            session.console.print(*map(printable, lines))
        else:  # as it is written, also where a path is no text
            session.console.write_bytes(os.fsencode(f"# {path or 'crontab'}\n") + content + b"\n")


def install_command(session: CommandSession) -> int:
    """`schedule:install`."""
    store = session.store(for_rollback=False)
    if os.geteuid() != 0 and not session.line.dry_run:  # its runs would be refused, one by one
        session.writable_store(for_rollback=False)
        refuse_stranger(store)
    places = SchedulePlaces.of(session.environ)
    way = _way(session)
    schedule = _schedule(session, store, way)
    if session.line.dry_run:
        _print_files(session, files_of(schedule, way, places))
        return 0
    _refuse_unreadable(schedule.commands[0][0], store.owner_uid, schedule.account)
    _refuse_unknown(session, store, schedule.account)
    for one in find_installed(store.root, places, session.environ):
        if one.way is not way:
            raise PreflightRefused(
                f"This store has a schedule already ({one.way}: {', '.join(one.places)}).",
                hint="magerewind schedule:remove takes it away.",
            )
    by_hand = install(schedule, way, places, session.environ)
    for one in find_installed(store.root, places, session.environ):
        _say_installed(session, one)
    for line in by_hand:
        session.console.say(note(line))
    lacking = sorted(name for name in session.environ if name.startswith(_OF_SHELL))
    if lacking:
        words = f"The runs do not have this shell's {', '.join(map(printable, lacking))}."
        session.console.say(warning(words))
    return 0


def _refuse_unreadable(started: str, uid: int, account: str) -> None:
    """Raise AccountRefused where root has an installation that the store's owner cannot reach."""
    if os.geteuid() != 0 or uid == 0:
        return
    for part in (started, sys.executable, os.path.join(sys.base_prefix, "lib"), __file__):
        above = os.path.dirname(os.path.realpath(part))
        while above != "/":
            status = os.stat(above)
            if not status.st_mode & 0o001 and status.st_uid != uid:
                raise AccountRefused(
                    f"{account} cannot read this installation: {shown(above)} is closed to it.",
                    hint="Install it for all: pipx install --global magerewind",
                )
            above = os.path.dirname(above)


def _refuse_unknown(session: CommandSession, store: Store, account: str) -> None:
    """Raise PreflightRefused where root reads a configuration that the runs could not read."""
    if os.geteuid() != 0 or not session.line.use_config:
        return
    ids = ids_named(account, None)
    problem = "" if ids.uid == 0 else refusal_as(ids, _command(session, store, "config:show"))
    if problem:
        raise PreflightRefused(
            f"The runs are {account}'s, and would be refused: {printable(problem)}",
            hint="Let that account read the configuration (chgrp, chmod 640), or give --no-config.",
        )


def _say_installed(session: CommandSession, one: Installed) -> None:
    if session.console.as_json:
        session.console.print_json(installed_json(one))
    where = ", ".join(one.places)
    calendar = one.schedule.on_calendar
    if one.active is False:
        of = "cron" if one.way is Way.CRON else "systemd"
        session.console.say(
            warning(f"Written for {of}, which does not run it now ({calendar}: {where}).")
        )
    else:
        session.console.say(success(f"Scheduled {calendar} ({one.way}: {where})."))


def installed_json(one: Installed) -> dict[str, Any]:
    """Return a schedule as a JSON object."""
    return {
        "type": "Schedule",
        "way": one.way.value,
        "places": [encode_text(place) for place in one.places],
        "on_calendar": one.schedule.on_calendar,
        "kinds": list(one.schedule.kinds),
        "interval_s": one.schedule.interval_s,
        "delay_s": one.schedule.delay_s,
        "commands": [list(map(encode_text, words)) for words in one.schedule.commands],
        "active": one.active,
    }


def remove_command(session: CommandSession) -> int:
    """`schedule:remove`."""
    store = session.store()
    found = find_installed(store.root, SchedulePlaces.of(session.environ), session.environ)
    if not found:
        session.console.say(plain("This store has no schedule."))
        return 0
    for one in found:
        remove(one, session.environ)
        if session.console.as_json:
            session.console.print_json({**installed_json(one), "type": "ScheduleRemoved"})
        session.console.say(success(f"Schedule removed ({one.way}: {', '.join(one.places)})."))
    return 0


def status_command(session: CommandSession) -> int:
    """`schedule:status`."""
    store = session.store()
    due = due_for(session, store)
    if session.console.as_json:
        for one in due.installed:
            session.console.print_json(installed_json(one))
        session.console.print_json(due_json(due, session.clock()))
    else:
        session.console.print(*due_lines(due, session.clock()))
    for one in due.installed:
        if one.active is False:
            session.console.say(warning(f"{one.words[0].upper()}{one.words[1:]} is not active."))
    return 1 if due.overdue(session.clock()) else 0


def due_for(session: CommandSession, store: Store) -> Due:
    """Return the due kinds of a store, by its schedule and its configuration."""
    effective = session.settings(store)
    settings = effective.settings
    limit_s = seconds_of(settings.schedule.overdue_after)
    said = effective.origins.get("schedule.overdue_after", DEFAULT) != DEFAULT
    return due_of(
        store,
        environ=session.environ,
        now_s=session.clock(),
        kinds=settings.kinds,
        limit_s=None if not said else math.inf if limit_s is None else limit_s,
    )
