"""Plans for the eye and for scripts: what a backup will take, a rollback or an undo will change.

The same plan that is shown is the one that is confirmed and run; nothing here changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from core.archive.plan.plan_file import DirectoryTotals, FilePlan, PlannedEntry
from core.backups.catalog import Backup
from core.cli.store_view import finding_json
from core.events import Kind, encode_text
from core.operations.findings import Finding
from core.operations.preflight import BackupPreflight
from core.operations.rollback_plan import DatabasePlan, RollbackPlan
from core.operations.undo_plan import UndoPlan
from core.text import numbers
from core.text.lines import TITLES
from core.text.printable import printable

if TYPE_CHECKING:  # of a database: not loaded for a plan of files
    from core.database.load.server_check import ServerCheck

DIRECTORIES_SHOWN: Final = 5
TABLES_SHOWN: Final = 10


def backup_lines(preflight: BackupPreflight) -> Iterator[str]:
    """Yield what a backup would take, kind by kind."""
    for kind, estimate in preflight.estimates.items():
        things = numbers.counted(estimate.items, "row" if kind is Kind.DB else "file")
        about = "" if estimate.measured else " (by a rule of thumb)"
        took = "" if estimate.seconds is None else f", about {numbers.roughly(estimate.seconds)}"
        yield (
            f"{TITLES[kind]}: {things}, {numbers.size(estimate.content_bytes)}; "
            f"the backup takes about {numbers.size(estimate.file_bytes)}{about}{took}."
        )
    needed, free = numbers.size(preflight.needed_bytes), numbers.size(preflight.free_bytes)
    yield f"Space: about {needed} needed, {free} free."


def backup_json(preflight: BackupPreflight) -> dict[str, Any]:
    """Return what a backup would take as a JSON object."""
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
        f"{printable(backup.name.text)}, {numbers.moment(backup.name.timestamp)}, "
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


def _database_lines(plan: DatabasePlan, shown: int | None) -> Iterator[str]:
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
    if plan.server is not None:
        needed = numbers.size(plan.server.space_needed)
        free = plan.server.space_free
        known = "it is not known how much is free" if free is None else f"{numbers.size(free)} free"
        yield f"  about {needed} needed on the database server, {known}"
        yield from _table_lines(plan.server, shown)


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
    """Yield what a rollback would change, in short; what it loses is among its findings."""
    for kind, backup in plan.backups.items():
        yield f"{TITLES[kind]} from {_from(backup, now_s)}"
        files = plan.files.get(kind)
        if files is not None:
            yield from _file_lines(files)
        elif plan.database is not None:
            yield from _database_lines(plan.database, shown)


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
    }


def _database_json(plan: DatabasePlan) -> dict[str, Any]:
    check, losses, server = plan.check, plan.losses, plan.server
    return {
        "tables": [encode_text(name) for name in check.tables],
        "content_bytes": check.content_bytes,
        "whole_store": check.whole_store,
        "server_bytes_needed": None if server is None else server.space_needed,
        "server_bytes_free": None if server is None else server.space_free,
        "tables_missing": _names(server.added if server is not None else ()),
        "tables_changed": _names(server.changed if server is not None else ()),
        "tables_extra": _names(server.removed if server is not None else ()),
        "rows_now_about": sum(server.rows_now.values()) if server is not None else None,
        "uncounted": list(losses.uncounted) if losses is not None else [],
        "orders_lost": None if losses is None else losses.orders,
        "customers_lost": None if losses is None else losses.customers,
    }


def _names(names: Iterable[str]) -> list[Any]:
    return [encode_text(name) for name in names]


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


def undo_lines(plan: UndoPlan) -> Iterator[str]:
    """Yield what an undo would change, in short."""
    for kind in plan.kinds:
        yield f"{TITLES[kind]} as before the rollback {plan.job_id}"
        files = plan.files.get(kind)
        if files is not None:
            yield from _file_lines(files)


def undo_json(plan: UndoPlan) -> Iterator[dict[str, Any]]:
    """Yield what an undo would change as one JSON object, then one for each entry."""
    losses = plan.losses
    yield {
        "type": "UndoPlan",
        "job_id": plan.job_id,
        "kinds": [kind.value for kind in plan.kinds],
        "files": {kind.value: _files_json(files) for kind, files in plan.files.items()},
        "uncounted": [] if losses is None else list(losses.uncounted),
        "orders_newer": None if losses is None else losses.orders,
        "customers_newer": None if losses is None else losses.customers,
        "findings": _findings(plan.findings),
    }
    yield from _entries_json(plan.files)
