"""The time of the last backup of each kind, and whether the kind is overdue.

Only a store with a schedule, or with a limit in its configuration, can be overdue; a store backed
up by hand has no limit. A dump without rows of value is no backup of the database here.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping

from msgspec import Struct

from core.backups.catalog import Backup, Health, list_backups
from core.backups.names import FOREIGN
from core.backups.stripped import tables_without_rows
from core.events import Kind
from core.magento.store import Store
from core.schedule.calendar import parse_times
from core.schedule.install import Installed, SchedulePlaces, find_installed

LIMIT_S = 26 * 3600.0
"""How old a backup may be where nothing says when the next one is due."""
_SLACK_S = 2 * 3600.0


class Due(Struct, frozen=True, kw_only=True):
    """Ages and times in unix seconds. `last_s` has None for a kind without a backup.

    `warning_s` and `critical_s` are the ages from which a kind is overdue; infinity is never.
    `limited` tells whether a schedule, a configuration or a person has said so.
    """

    last_s: Mapping[Kind, float | None]
    warning_s: float
    critical_s: float
    limited: bool
    installed: tuple[Installed, ...] = ()
    next_s: float | None = None
    tried_s: float | None = None  # of the newest drill
    not_restorable: tuple[str, ...] = ()  # names whose last drill has failed
    stripped_s: float | None = None  # of a newer dump that does not count: rows of value lack

    @property
    def idle(self) -> tuple[str, ...]:
        """The timers, in words with their names, that are in place and that nothing runs."""
        return tuple(one.words for one in self.installed if one.active is False)

    def overdue(self, now_s: float) -> tuple[Kind, ...]:
        """Return the kinds that are overdue, where anything says when they are."""
        return self.older_than(self.warning_s, now_s) if self.limited else ()

    def older_than(self, limit_s: float, now_s: float) -> tuple[Kind, ...]:
        """Return the kinds without a backup of at most this age."""
        return tuple(
            kind
            for kind, last_s in self.last_s.items()
            if limit_s < math.inf and (last_s is None or now_s - last_s > limit_s)
        )


def due_of(
    store: Store,
    *,
    environ: Mapping[str, str],
    now_s: float,
    kinds: Iterable[Kind] = (),
    limit_s: float | None = None,
) -> Due:
    """Return the due kinds of a store. `kinds` and `limit_s` are the configuration's.

    Raises StoreUnreadable.
    """
    installed = find_installed(store.root, SchedulePlaces.of(environ), environ)
    backups = list_backups(store.backups).backups
    full = [one for one in backups if not tables_without_rows(one.manifest)]
    last_s = {kind: _last(full, kind, now_s) for kind in Kind}
    newest_s = {kind: _last(backups, kind, now_s) for kind in Kind}
    wanted = set(kinds) or {Kind(kind) for one in installed for kind in one.schedule.kinds}
    wanted = wanted or {kind for kind, moment in newest_s.items() if moment is not None}
    interval_s = min((one.schedule.interval_s for one in installed), default=0.0)
    delay_s = max((one.schedule.delay_s for one in installed), default=0)
    scheduled_s = interval_s + delay_s + _SLACK_S if interval_s else LIMIT_S
    warning_s = scheduled_s if limit_s is None else limit_s
    tried = [one.remarks.tried for one in backups if one.remarks.tried is not None]
    return Due(
        last_s={kind: last_s[kind] for kind in Kind if kind in (wanted or set(Kind))},
        warning_s=warning_s,
        critical_s=warning_s + (interval_s or warning_s),
        limited=bool(installed) or limit_s is not None,
        installed=installed,
        next_s=next_run(installed, now_s),
        stripped_s=newest_s[Kind.DB] if newest_s[Kind.DB] != last_s[Kind.DB] else None,
        tried_s=max((trial.at_s for trial in tried), default=None),
        not_restorable=tuple(
            one.name.text
            for one in backups
            if one.remarks.tried is not None and not one.remarks.tried.restorable
        ),
    )


def _last(backups: Iterable[Backup], kind: Kind, now_s: float) -> float | None:
    """Return when the newest usable backup of a kind was taken, None where there is none."""
    times = [
        float(backup.name.timestamp)
        for backup in backups
        if backup.kind is kind and backup.name.timestamp <= now_s and is_timed(backup)
    ]
    return max(times, default=None)


def is_usable(backup: Backup) -> bool:
    """Tell whether a backup counts: read and found sound, or ours and not known to be bad."""
    if backup.health is Health.UNVERIFIED:
        return backup.manifest is not None
    return backup.health in {Health.VERIFIED, Health.SOUND}


def is_timed(backup: Backup) -> bool:
    """Tell whether a backup counts and has a time in its name."""
    return is_usable(backup) and backup.name.variant != FOREIGN


def next_run(installed: Iterable[Installed], now_s: float) -> float | None:
    """Return when a schedule runs next, as far as that is known."""
    found = [_next(one, now_s) for one in installed if one.active is not False]
    return min((moment for moment in found if moment is not None), default=None)


def _next(installed: Installed, now_s: float) -> float | None:
    if installed.next_s is not None:
        return installed.next_s
    times = parse_times(installed.schedule.on_calendar)
    if times is None:
        return None
    moment = next(
        times.after(dt.datetime.fromtimestamp(now_s, dt.UTC).astimezone().replace(tzinfo=None)),
        None,
    )
    return None if moment is None else moment.timestamp()
