"""Plans for the eye and for scripts: the size of a backup, the changes of a rollback or an undo.

The same plan that is shown is the one that is confirmed and run; nothing here changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from core.archive.plan.rows import DirectoryTotals
from core.archive.plan.summary import FilePlan, PlannedEntry
from core.backups.catalog import Backup
from core.cli.store_view import finding_json
from core.events import Kind, encode_text
from core.operations.findings import Finding
from core.operations.preflight import BackupPreflight
from core.operations.requests import BackupRequest, UndoRequest
from core.operations.rollback_plan import DatabasePlan, RollbackPlan
from core.operations.undo_plan import UndoPlan
from core.text import numbers
from core.text.lines import TITLES
from core.text.orders import backup_order, numbered, rollback_order
from core.text.printable import printable
from core.text.steps import items_words

if TYPE_CHECKING:  # of a database: not loaded for a plan of files
    from core.database.load.server_check import ServerCheck

DIRECTORIES_SHOWN: Final = 5
TABLES_SHOWN: Final = 10


def backup_lines(preflight: BackupPreflight, request: BackupRequest) -> Iterator[str]:
    """Yield the size of a backup, kind by kind, and its work."""
    for kind, estimate in preflight.estimates.items():
        about_rows = "about " if kind is Kind.DB else ""  # which the server guesses
        things = f"{about_rows}{items_words(estimate.items, kind)}"
        about = "" if estimate.measured else " (by a rule of thumb)"
        took = "" if estimate.seconds is None else f", about {numbers.roughly(estimate.seconds)}"
        yield (
            f"{TITLES[kind]}: {things}, {numbers.size(estimate.content_bytes)}; "
            f"the backup takes about {numbers.size(estimate.file_bytes)}{about}{took}."
        )
    needed, free = numbers.size(preflight.needed_bytes), numbers.size(preflight.free_bytes)
    yield f"Space: about {needed} needed, {free} free."
    yield f"Closed: {_closed_for(preflight, request)}."
    steps = backup_order(request.kinds, verify=request.verify, keep_open=request.keep_open)
    yield f"Order: {numbered(steps)}"


def _closed_for(preflight: BackupPreflight, request: BackupRequest) -> str:
    took = [estimate.seconds for estimate in preflight.estimates.values()]
    if request.keep_open:
        return "not at all"
    if not took or None in took:
        return "how long is not known yet, earlier backups tell"
    return f"for about {numbers.roughly(sum(seconds or 0.0 for seconds in took))}"


def backup_json(preflight: BackupPreflight) -> dict[str, Any]:
    """Return the size of a backup as a JSON object."""
    return {
        "type": "BackupPlan",
        "estimates": {
            kind.value: asdict(estimate) for kind, estimate in preflight.estimates.items()
        },
        "needed_bytes": preflight.needed_bytes,
        "free_bytes": preflight.free_bytes,
        "findings": _findings(preflight.findings),
    }


def _findings(findings: Iterable[Finding]) -> list[dict[str, Any]]:
    return [finding_json(finding) for finding in findings]


def _from(backup: Backup, now_s: float) -> str:
    return (
        f"{printable(backup.name.text)}, {numbers.moment(backup.name.timestamp, named=True)}, "
        f"{numbers.age(backup.name.timestamp, now_s)}, {numbers.size(backup.size_bytes)}, "
        f"{backup.health}"
    )


def _counts(plan: FilePlan | DirectoryTotals) -> str:
    counts = (
        ("added", plan.added),
        ("changed", plan.changed),
        ("removed", plan.removed),
        ("with another mode or owner", plan.mode_only),
    )
    return ", ".join(f"{numbers.count(number)} {what}" for what, number in counts if number)


def _file_lines(plan: FilePlan) -> Iterator[str]:
    if plan.chosen:
        yield f"  only {', '.join(map(printable, plan.chosen))}"
    if not plan.differs:
        yield f"  nothing differs: {numbers.counted(plan.identical, 'entry', 'entries')} identical"
        return
    yield (
        f"  {_counts(plan)}, {numbers.count(plan.identical)} identical; "
        f"{numbers.size(plan.bytes_to_write)} to write"
    )
    most = sorted(plan.by_directory, key=_weight, reverse=True)
    for totals in most[:DIRECTORIES_SHOWN]:
        size = f"; {numbers.size(totals.bytes_to_write)}" if totals.bytes_to_write else ""
        yield f"    {printable(totals.path) or '.'}: {_counts(totals)}{size}"
    if len(most) > DIRECTORIES_SHOWN:
        more = numbers.counted(len(most) - DIRECTORIES_SHOWN, "more directory", "more directories")
        yield f"    and {more}"


def _weight(totals: DirectoryTotals) -> tuple[int, int]:
    entries = totals.added + totals.changed + totals.removed + totals.mode_only
    return (totals.bytes_to_write, entries)


def _database_lines(plan: DatabasePlan, rows_then: int | None, shown: int | None) -> Iterator[str]:
    check = plan.check
    objects = (
        ("view", len(check.views)),
        ("trigger", len(check.triggers)),
        ("routine", len(check.routines)),
        ("event", len(check.events)),
        ("sequence", len(check.sequences)),
    )
    told = ", ".join(numbers.counted(number, what) for what, number in objects if number)
    tables = numbers.counted(len(check.tables), "table")
    size = numbers.size(check.content_bytes)
    yield f"  {tables} in the dump{', ' + told if told else ''}; {size}"
    server = plan.server
    if server is None:
        return
    counts = (("replaced", server.replaced), ("added", server.added), ("set aside", server.removed))
    told = ", ".join(f"{numbers.count(len(names))} {what}" for what, names in counts if names)
    yield f"  {told or 'no table changes'}"
    yield from _table_lines(server, shown)
    if server.rows_now and rows_then is not None:
        now = numbers.count(sum(server.rows_now.values()))
        yield f"  rows: about {now} now, {numbers.count(rows_then)} then"
    free = server.space_free
    known = "it is not known how much is free" if free is None else f"{numbers.size(free)} free"
    yield f"  about {numbers.size(server.space_needed)} needed on the database server, {known}"


def _table_lines(server: ServerCheck, shown: int | None) -> Iterator[str]:
    """Yield which tables are missing now, defined otherwise, or not in the dump."""
    for names, one, more in (
        (server.added, "is missing now and comes back", "are missing now and come back"),
        (server.changed, "is defined otherwise now", "are defined otherwise now"),
        (server.removed, "is not in the dump and goes aside", "are not in the dump and go aside"),
    ):
        if names:
            listed = ", ".join(printable(name) for name in names[:shown])
            rest = "" if shown is None or len(names) <= shown else ", …"
            verb = one if len(names) == 1 else more
            yield f"  {numbers.counted(len(names), 'table')} {verb}: {listed}{rest}"


def rollback_lines(
    plan: RollbackPlan, now_s: float, *, shown: int | None = TABLES_SHOWN
) -> Iterator[str]:
    """Yield the changes of a rollback, in short; its losses are among its findings."""
    for kind, backup in plan.backups.items():
        yield f"{TITLES[kind]} from {_from(backup, now_s)}"
        files = plan.files.get(kind)
        if files is not None:
            yield from _file_lines(files)
        elif plan.database is not None:
            rows = backup.manifest.rows if backup.manifest is not None else None
            yield from _database_lines(plan.database, sum(rows.values()) if rows else None, shown)
    needed = plan.bytes_to_write
    if plan.database is not None and plan.database.server is not None:
        needed += plan.database.server.space_needed
    yield f"Space: about {numbers.size(needed)} needed, {numbers.size(plan.free_bytes)} free."
    yield f"Order: {numbered(rollback_order(plan.request, plan.request.kinds))}"


def entry_line(entry: PlannedEntry) -> str:
    """Return one line of the list of a plan."""
    sizes = [numbers.size(size) for size in (entry.size_now, entry.size_then) if size is not None]
    return f"  {entry.action.value:<8}{printable(entry.path)}  ({' -> '.join(sizes)})"


def entry_lines(plans: Mapping[Kind, FilePlan]) -> Iterator[str]:
    """Yield the whole list of a plan, kind by kind; memory stays flat."""
    for kind, files in plans.items():
        if files.differs:
            yield f"{TITLES[kind]}, every entry:"
            yield from map(entry_line, files.entries())


def _files_json(plan: FilePlan) -> dict[str, Any]:
    return {
        "identical": plan.identical,
        "added": plan.added,
        "changed": plan.changed,
        "removed": plan.removed,
        "mode_only": plan.mode_only,
        "bytes_to_write": plan.bytes_to_write,
        "by_directory": [
            asdict(totals) | {"path": encode_text(totals.path)} for totals in plan.by_directory
        ],
        "unrestorable": [encode_text(name) for name in plan.unrestorable],
        "only": [encode_text(pattern) for pattern in plan.chosen],
    }


def _database_json(plan: DatabasePlan) -> dict[str, Any]:
    check, losses, server = plan.check, plan.losses, plan.server
    return {
        "tables": [encode_text(name) for name in check.tables],
        "content_bytes": check.content_bytes,
        "whole_store": check.whole_store,
        "rows_now_about": sum(server.rows_now.values()) if server is not None else None,
        "orders_lost": None if losses is None else losses.orders,
        "customers_lost": None if losses is None else losses.customers,
        "uncounted": [] if losses is None else [encode_text(text) for text in losses.uncounted],
        "replaced": None if server is None else [encode_text(name) for name in server.replaced],
        "added": None if server is None else [encode_text(name) for name in server.added],
        "set_aside": None if server is None else [encode_text(name) for name in server.removed],
        "changed": None if server is None else [encode_text(name) for name in server.changed],
        "space_needed": None if server is None else server.space_needed,
        "space_free": None if server is None else server.space_free,
    }


def rollback_json(plan: RollbackPlan) -> Iterator[dict[str, Any]]:
    """Yield the plan as one JSON object, then one for each entry of its lists."""
    yield {
        "type": "RollbackPlan",
        "fingerprint": plan.fingerprint,
        "backups": {
            kind.value: encode_text(backup.name.text) for kind, backup in plan.backups.items()
        },
        "files": {kind.value: _files_json(files) for kind, files in plan.files.items()},
        "database": None if plan.database is None else _database_json(plan.database),
        "env_keys": [encode_text(key) for key in plan.env_keys],
        "bytes_to_write": plan.bytes_to_write,
        "free_bytes": plan.free_bytes,
        "findings": _findings(plan.findings),
    }
    yield from _entries_json(plan.files)


def _entries_json(plans: Mapping[Kind, FilePlan]) -> Iterator[dict[str, Any]]:
    for kind, files in plans.items():
        for entry in files.entries():
            yield {"type": "PlannedEntry", "kind": kind.value, **_entry_json(entry)}


def _entry_json(entry: PlannedEntry) -> dict[str, Any]:
    return {
        "action": entry.action.value,
        "path": encode_text(entry.path),
        "size_now": entry.size_now,
        "size_then": entry.size_then,
    }


def undo_lines(plan: UndoPlan, *, flush: bool) -> Iterator[str]:
    """Yield the changes of an undo, in short."""
    for kind in plan.kinds:
        yield f"{TITLES[kind]} as before the rollback {plan.job_id}"
        files = plan.files.get(kind)
        if files is not None:
            yield from _file_lines(files)
        elif kind is Kind.DB:
            yield "  the tables that were set aside come back, the present ones are set aside"
    order = rollback_order(UndoRequest(job_id=plan.job_id, flush=flush), plan.kinds)
    yield f"Order: {numbered(order)}"


def undo_json(plan: UndoPlan) -> Iterator[dict[str, Any]]:
    """Yield the changes of an undo as one JSON object, then one for each entry."""
    losses = plan.losses
    yield {
        "type": "UndoPlan",
        "job_id": plan.job_id,
        "kinds": [kind.value for kind in plan.kinds],
        "files": {kind.value: _files_json(files) for kind, files in plan.files.items()},
        "orders_newer": None if losses is None else losses.orders,
        "customers_newer": None if losses is None else losses.customers,
        "uncounted": [] if losses is None else [encode_text(text) for text in losses.uncounted],
        "findings": _findings(plan.findings),
    }
    yield from _entries_json(plan.files)
