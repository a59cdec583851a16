"""The first screen's blocks of facts as rows: store, space, changes, jobs. Pure functions.

A fact that is not known yet is an ellipsis, an unknown one a question mark and the reason, folded
and never cut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

from msgspec import Struct
from textual.content import Content

from core.events import Kind
from core.jobs.listing import JobSummary
from tui.engine.port import TimeLimit
from tui.engine.views import (
    BackupsView,
    ChangedPart,
    DatabaseView,
    NewerView,
    SpaceView,
    StoreView,
)
from tui.render import text
from tui.render.job import Canvas
from tui.render.sets import changed_head, changed_line
from tui.render.text import assemble

LABEL: Final = 12
BAR: Final = 40
GAP: Final = 3  # cells between the end of a job and its account
_MUTED: Final = "$foreground-muted"
_WARNING: Final = "$text-warning"


class Known(Struct, frozen=True, kw_only=True):
    """Answers of the engine as far as they came; None: still asked, an exception: why not."""

    store: StoreView | Exception | None = None
    database: DatabaseView | Exception | None = None
    space: SpaceView | Exception | None = None
    backups: BackupsView | Exception | None = None
    maintenance: bool | None = None
    broken: bool | None = None  # whether the store is known to be down
    undo_bytes: int = 0
    told: tuple[str, ...] = ()  # reasons that are on the screen already


def fact(label: str, value: str, place: Canvas, style: str = "") -> list[Content]:
    """Return a label and its value, folded beside it."""
    return [
        assemble((f"{'' if number else label:<{LABEL}}", _MUTED), (row, style))
        for number, row in enumerate(text.fold(text.clean(value), place.width - LABEL))
    ]


def unknown(label: str, value: Exception | None, place: Canvas) -> list[Content]:
    """Return that a fact is not known, and why."""
    if value is None:
        return fact(label, place.glyphs.ellipsis, place, _MUTED)
    if isinstance(value, TimeLimit):
        return fact(label, "? no answer within the time limit", place, _WARNING)
    said = [getattr(value, "message", str(value)), getattr(value, "hint", None) or ""]
    return fact(label, f"? {' '.join(filter(None, said))}", place, _WARNING)


def store_lines(known: Known, place: Canvas) -> list[Content]:
    """Return the facts of the store: version, mode, owner, maintenance, database."""
    store = known.store
    if isinstance(store, StoreView):
        version = " ".join(part for part in (store.version, store.edition) if part)
        mode = f", {store.mode}" if store.mode else ""
        rows = fact("Magento", f"{version or 'version not known'}{mode}", place)
        rows += fact("Owner", store.owner, place)
    else:
        rows = unknown("Magento", store, place)
    return [*rows, *_maintenance(known, place), *_database(known, place)]


def _maintenance(known: Known, place: Canvas) -> list[Content]:
    if known.maintenance is None:
        return fact("Maintenance", place.glyphs.ellipsis, place, _MUTED)
    if not known.maintenance:
        return fact("Maintenance", "off, but the store is DOWN" if known.broken else "off", place)
    value = "ON: the store is closed to customers"
    if isinstance(known.store, StoreView) and known.store.addresses:
        value += f", except {known.store.addresses}"
    return fact("Maintenance", value, place, "bold $text-warning")


def _not_told(known: Known, value: Exception | None, label: str, place: Canvas) -> list[Content]:
    """Return the reason why a fact is unknown, unless it is shown above already."""
    if value is not None and getattr(value, "message", "") in known.told:
        words = f"? for the reason above. {getattr(value, 'hint', None) or ''}".strip()
        return fact(label, words, place, _WARNING)
    return unknown(label, value, place)


def _database(known: Known, place: Canvas) -> list[Content]:
    database = known.database
    if not isinstance(database, DatabaseView):
        return _not_told(known, database, "Database", place)
    if database.problem is not None:
        return [
            *fact("Database", database.where, place),
            *fact("", f"? {database.problem}", place, _WARNING),
        ]
    tables = text.plural(database.tables or 0, "table")
    size = f"{text.size(database.size_bytes)} in {tables}"
    return [*fact("Database", size, place), *fact("", database.where, place, _MUTED)]


def space_lines(known: Known, place: Canvas) -> list[Content]:
    """Return the bar of the file system, and its shares: free, backups, undo."""
    space = known.space
    if not isinstance(space, SpaceView):
        return unknown("Space", space, place)
    used = 1 - space.free_bytes / space.total_bytes if space.total_bytes else 0.0
    told = f"  {used * 100:.0f} % used"
    bar = text.bar(used, min(BAR, place.width - len(told)), place.glyphs)
    full = bar.rstrip(place.glyphs.empty)
    return [
        assemble((full, "$text-accent"), (bar[len(full) :], "$line"), told),
        *_amounts(known, space, place.width),
    ]


def _amounts(known: Known, space: SpaceView, width: int) -> list[Content]:
    """Return the amounts in as many rows as they need: none is cut."""
    free = assemble(("free ", _MUTED), (text.size(space.free_bytes), "bold"), (" of ", _MUTED),
                    text.size(space.total_bytes))  # fmt: skip
    amounts = [free]
    if isinstance(known.backups, BackupsView) and known.backups.sets:
        amounts.append(assemble(("backups ", _MUTED), text.size(known.backups.size_bytes)))
    if known.undo_bytes:
        amounts.append(assemble(("undo ", _MUTED), (text.size(known.undo_bytes), _WARNING)))
    rows = amounts[:1]
    for one in amounts[1:]:
        if rows[-1].cell_length + 3 + one.cell_length <= width:
            rows[-1] = assemble(rows[-1], "   ", one)
        else:
            rows.append(one)
    return rows


def changed_lines(
    parts: Mapping[Kind, ChangedPart | Exception | None],
    newer: NewerView | Exception | None,
    place: Canvas,
) -> list[Content]:
    """Return the changes since the newest backup, a row a kind of file and one for the rest."""
    rows = [changed_line(kind, part, place) for kind, part in parts.items()]
    return [changed_head(), *rows, newer_line(newer, place)]


def newer_line(newer: NewerView | Exception | None, place: Canvas) -> Content:
    """Return the orders and customers that are newer."""
    label = f"{'db':<8}"
    if newer is None:
        return assemble(label, (place.glyphs.ellipsis, _MUTED))
    if isinstance(newer, Exception):
        return assemble(label, ("? the database does not answer", _WARNING))
    if newer.words:
        return assemble(label, (f"  {newer.words} newer", _WARNING))
    if newer.uncounted:
        why = text.fit(text.clean(f"? {newer.uncounted[0]}"), place.width - 8, place.glyphs)
        return assemble(label, (why.rstrip(), _WARNING))
    return assemble(label, ("  no new order, no new customer", _MUTED))


def changed_brief(
    parts: Mapping[Kind, ChangedPart | Exception | None],
    newer: NewerView | Exception | None,
    place: Canvas,
) -> str:
    """Return the same in one line of words."""
    found = []
    for kind, part in parts.items():
        if not isinstance(part, ChangedPart):
            found.append(f"{kind.value} {place.glyphs.ellipsis if part is None else '?'}")
            continue
        numbers = (("~", part.changed), ("+", part.new), ("-", part.gone))
        told = " ".join(f"{sign}{text.count(number)}" for sign, number in numbers if number)
        found.append(f"{kind.value} {told or 'nothing'}")
    if isinstance(newer, NewerView):
        found.append(newer.words or "no new order")
    return ", ".join(found)


def brief_lines(known: Known, place: Canvas) -> list[Content]:
    """Return store and space in three rows, for a narrow terminal; more only for faults."""
    store, database, space = known.store, known.database, known.space
    rows: list[Content] = []
    if isinstance(store, StoreView):
        parts = [" ".join(part for part in (store.version, store.edition) if part)]
        parts += [store.mode or "", f"owner {store.owner}"]
        rows += fact("STORE", f"Magento {', '.join(part for part in parts if part)}", place)
    else:
        rows += unknown("STORE", store, place)
    if isinstance(database, DatabaseView) and database.problem is None:
        tables = text.plural(database.tables or 0, "table")
        rows += fact("", f"{text.size(database.size_bytes)} in {tables}, {database.where}", place)
    elif isinstance(database, DatabaseView):
        rows += fact("", f"? {database.problem}", place, _WARNING)
    else:
        rows += _not_told(known, database, "", place)
    if isinstance(space, SpaceView):
        value = f"{text.size(space.free_bytes)} of {text.size(space.total_bytes)} free"
        if isinstance(known.backups, BackupsView) and known.backups.sets:
            value += f"; backups {text.size(known.backups.size_bytes)}"
        if known.undo_bytes:
            value += f", undo {text.size(known.undo_bytes)}"
        rows += fact("", value, place)
    else:
        rows += unknown("", space, place)
    return rows


def job_head(width: int, zone: tzinfo | None) -> Content:
    """Return the heads of the columns of jobs."""
    zone_words = f"WHEN {text.zone_name(zone)}"[:12]
    return assemble((f"  {zone_words:<12} {'WHAT':<9}{'PARTS':<14}{'TOOK':>6} END"[:width], _MUTED))


def job_line(job: JobSummary, width: int, now_s: float, zone: tzinfo | None) -> Content:
    """Return one job in the columns of `job_head` less its first two cells."""
    when = "unreadable  " if job.unreadable else text.when(job.began_s, now_s, zone)
    kinds = " ".join(kind.value for kind in job.kinds)
    took = "" if job.elapsed_s is None else text.duration(job.elapsed_s)
    end = text.job_outcome(job).lower() if job.outcome is not None else text.job_outcome(job)
    style = "" if job.outcome is None else text.OUTCOME_STYLES[job.outcome]
    if job.interrupted:
        style = "bold $text-error"
    more = f", undo kept {text.size(job.undo_bytes)}" if job.undo_kept else ""
    line = f"{when} {text.OPERATION_SHORT[job.operation]:<9}{kinds:<14}{took:>6} "
    more = more if len(line) + len(end) + len(more) <= width else ""
    who = f"{text.clean(job.user)}@{text.clean(job.host)}" if job.user else ""
    gap = width - len(line) - len(end) - len(more) - len(who)  # accounts end in one column
    beside = f"{' ' * gap}{who}" if who and gap >= GAP else ""
    return assemble(line, (end, style), (f"{more}{beside}", _MUTED))


def jobs_brief(jobs: Sequence[JobSummary], place: Canvas, zone: tzinfo | None) -> Content:
    """Return the newest jobs in one row."""
    parts: list[text.Part] = [(f"{'JOBS':<{LABEL}}", _MUTED)]
    room = place.width - LABEL
    for job in jobs:
        if job.unreadable:
            continue
        took = "" if job.elapsed_s is None else f" {text.duration(job.elapsed_s)}"
        end = text.job_outcome(job).lower()
        when = text.when(job.began_s, place.now_s, zone).strip()
        words = f"{when} {text.OPERATION_SHORT[job.operation]}{took} {end}"
        if len(words) > room:
            break
        parts += [words, "   "]
        room -= len(words) + 3
    return assemble(*parts) if len(parts) > 1 else assemble(*parts, ("none yet", _MUTED))
