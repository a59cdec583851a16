"""Plans for the eye and for scripts: the size of a backup, the changes of a rollback or an undo.

The same plan that is shown is the one that is confirmed and run; nothing here changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from core.archive.plan.summary import FilePlan, PlannedEntry
from core.archive.plan.tree import PlannedNode
from core.backups.catalog import Backup
from core.cli.plan_tree import counts, tree_lines
from core.cli.store_view import finding_json
from core.events import Kind, encode_text
from core.operations.findings import Finding
from core.operations.preflight import BackupPreflight
from core.operations.requests import BackupRequest, UndoRequest
from core.operations.rollback_plan import DatabasePlan, RollbackPlan
from core.operations.table_plans import TablePlan, most_changed, table_plans
from core.operations.undo_plan import UndoPlan
from core.text import numbers
from core.text.lines import TITLES
from core.text.orders import backup_order, numbered, rollback_order
from core.text.printable import printable
from core.text.steps import items_words

if TYPE_CHECKING:  # of a database: not loaded for a plan of files
    from core.database.load.dangling import Dangling
    from core.database.load.server_check import ServerCheck
    from core.operations.chosen_tables import ChosenTables

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


def _file_lines(plan: FilePlan) -> Iterator[str]:
    if plan.chosen:
        yield f"  only {', '.join(map(printable, plan.chosen))}"
    if not plan.differs:
        yield f"  nothing differs: {numbers.counted(plan.identical, 'entry', 'entries')} identical"
        return
    yield (
        f"  {counts(plan.tree.sums())}, {numbers.count(plan.identical)} identical; "
        f"{numbers.size(plan.bytes_to_write)} to write"
    )
    yield from tree_lines(plan.tree)


def _rows_then(backup: Backup) -> Mapping[str, int] | None:
    return backup.manifest.rows if backup.manifest is not None else None


def _database_lines(
    plan: DatabasePlan, rows_then: Mapping[str, int] | None, shown: int | None
) -> Iterator[str]:
    check = plan.check
    objects = (
        ("view", len(check.views)),
        ("trigger", len(check.triggers)),
        ("routine", len(check.routines)),
        ("event", len(check.events)),
        ("sequence", len(check.sequences)),
    )
    told = ", ".join(numbers.counted(number, what) for what, number in objects if number)
    if plan.chosen is not None:
        yield from _chosen_lines(plan.chosen, shown)
    tables = numbers.counted(len(check.tables), "table")
    size = numbers.size(check.content_bytes)
    of = "chosen" if plan.chosen is not None else "in the dump"
    yield f"  {tables} {of}{', ' + told if told else ''}; {size}"
    server = plan.server
    if server is None:
        return
    counts = (("replaced", server.replaced), ("added", server.added), ("set aside", server.removed))
    told = ", ".join(f"{numbers.count(len(names))} {what}" for what, names in counts if names)
    yield f"  {told or 'no table changes'}"
    yield from _table_lines(server, shown)
    if server.rows_now and rows_then:
        now = numbers.count(sum(server.rows_now.values()))
        yield f"  rows: about {now} now, {numbers.count(sum(rows_then.values()))} then"
        yield from _row_lines(table_plans(plan, rows_then), shown)
    free = server.space_free
    known = "it is not known how much is free" if free is None else f"{numbers.size(free)} free"
    yield f"  about {numbers.size(server.space_needed)} needed on the database server, {known}"


def _chosen_lines(chosen: ChosenTables, shown: int | None) -> Iterator[str]:
    """Yield the tables that alone are rolled back, and those among them that nobody asked for."""
    for what, names in (("only", chosen.tables), ("related", chosen.related)):
        if names:
            listed = ", ".join(printable(name) for name in names[:shown])
            left = 0 if shown is None else len(names) - shown
            yield f"  {what} {listed}" + (f" and {numbers.count(left)} more" if left > 0 else "")


def _row_lines(tables: Iterable[TablePlan], shown: int | None) -> Iterator[str]:
    """Yield the tables of which rows come or go, those with most of them first."""
    changed = most_changed(tables)
    for one in changed[:shown]:
        signs = ((one.rows_added, "+"), (one.rows_removed, "-"), (one.rows_changed, "~"))
        told = ", ".join(f"{sign}{numbers.count(number)}" for number, sign in signs if number)
        about = "" if one.exact else "about "
        yield f"    {printable(one.name)}: {about}{told}"
    if shown is not None and len(changed) > shown:
        yield f"    and {numbers.counted(len(changed) - shown, 'more table')}"


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
            yield from _database_lines(plan.database, _rows_then(backup), shown)
    needed = plan.bytes_to_write
    if plan.database is not None and plan.database.server is not None:
        needed += plan.database.server.space_needed
    yield f"Space: about {numbers.size(needed)} needed, {numbers.size(plan.free_bytes)} free."
    yield f"Order: {numbered(rollback_order(plan.request, plan.request.kinds))}"


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


def _database_json(plan: DatabasePlan, rows_then: Mapping[str, int] | None) -> dict[str, Any]:
    check, losses, server = plan.check, plan.losses, plan.server
    return {
        "tables": [encode_text(name) for name in check.tables],
        "content_bytes": check.content_bytes,
        "whole_store": check.whole_store,
        "rows_now_about": sum(server.rows_now.values()) if server is not None else None,
        "orders_lost": None if losses is None else losses.orders,
        "order_numbers": [] if losses is None else [*map(encode_text, losses.order_numbers)],
        "customers_lost": None if losses is None else losses.customers,
        "uncounted": [] if losses is None else [encode_text(text) for text in losses.uncounted],
        "replaced": None if server is None else [encode_text(name) for name in server.replaced],
        "added": None if server is None else [encode_text(name) for name in server.added],
        "set_aside": None if server is None else [encode_text(name) for name in server.removed],
        "changed": None if server is None else [encode_text(name) for name in server.changed],
        "space_needed": None if server is None else server.space_needed,
        "space_free": None if server is None else server.space_free,
        "only_tables": None
        if plan.chosen is None
        else [encode_text(name) for name in plan.chosen.tables],
        "related": [] if plan.chosen is None else [*map(encode_text, plan.chosen.related)],
        "ties": [] if plan.chosen is None else [_tie_json(tie) for tie in plan.chosen.ties],
        "table_plans": [
            asdict(one) | {"name": encode_text(one.name)} for one in table_plans(plan, rows_then)
        ],
    }


def _tie_json(tie: Dangling) -> dict[str, Any]:
    """Return a foreign key between a chosen table and one that stays."""
    return {
        "child": encode_text(tie.child),
        "parent": encode_text(tie.parent),
        "columns": [encode_text(name) for name in tie.columns],
        "child_is_restored": tie.child_is_restored,
        "rows_without_parent": tie.rows,
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
        "database": None
        if plan.database is None
        else _database_json(plan.database, _rows_then(plan.backups[Kind.DB])),
        "env_keys": [encode_text(key) for key in plan.env_keys],
        "bytes_to_write": plan.bytes_to_write,
        "free_bytes": plan.free_bytes,
        "findings": _findings(plan.findings),
    }
    yield from _entries_json(plan.files)


def _entries_json(plans: Mapping[Kind, FilePlan]) -> Iterator[dict[str, Any]]:
    for kind, files in plans.items():
        for node in files.tree.directories():
            yield {"type": "PlannedDirectory", "kind": kind.value, **_directory_json(node)}
        for entry in files.entries():
            yield {"type": "PlannedEntry", "kind": kind.value, **_entry_json(entry)}


def _directory_json(node: PlannedNode) -> dict[str, Any]:
    """Return everything below a directory; the root has an empty path."""
    sums = {} if node.sums is None else asdict(node.sums)
    return {"path": encode_text(node.path), **sums}


def _entry_json(entry: PlannedEntry) -> dict[str, Any]:
    return {
        "action": entry.action.value,
        "path": encode_text(entry.path),
        "size_now": entry.size_now,
        "size_then": entry.size_then,
        "mode_now": entry.mode_now,
        "mode_then": entry.mode_then,
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
        "order_numbers": [] if losses is None else [*map(encode_text, losses.order_numbers)],
        "customers_newer": None if losses is None else losses.customers,
        "uncounted": [] if losses is None else [encode_text(text) for text in losses.uncounted],
        "findings": _findings(plan.findings),
    }
    yield from _entries_json(plan.files)
