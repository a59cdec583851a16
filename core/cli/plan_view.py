"""Plans for the eye and for scripts: the changes of a rollback or an undo.

The same plan that is shown is the one that is confirmed and run; nothing here changes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import asdict

from core.archive.plan.summary import FilePlan, PlannedEntry
from core.archive.plan.tree import PlannedNode
from core.backups.catalog import Backup
from core.cli.plan_tables import chosen_lines, named_lines, row_lines, tie_json
from core.cli.plan_tree import counts, tree_lines
from core.cli.store_view import finding_json
from core.events import Kind, Operation, encode_text
from core.operations.findings import Finding
from core.operations.requests import UndoRequest
from core.operations.rollback_plan import DatabasePlan, RollbackPlan
from core.operations.table_plans import table_plans
from core.operations.undo_plan import UndoPlan
from core.text import numbers
from core.text.lines import TITLES
from core.text.orders import numbered, older_undo, rollback_order
from core.text.printable import printable

if TYPE_CHECKING:  # of a database: not loaded for a plan of files
    from core.database.load.server_check import ServerCheck
    from core.operations.difference import Difference
    from core.operations.undo_tables import UndoTables

TABLES_SHOWN: Final = 10


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
    plan: DatabasePlan,
    rows_then: Mapping[str, int] | None,
    shown: int | None,
    *,
    load_open: bool,
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
        yield from chosen_lines(plan.chosen, shown)
    if plan.left is not None:
        yield from named_lines("left as now", plan.left.tables, shown)
    tables = numbers.counted(len(check.tables), "table")
    size = numbers.size(check.content_bytes)
    of = "chosen" if plan.chosen is not None else "in the dump"
    yield f"  {tables} {of}{', ' + told if told else ''}; {size}"
    server = plan.server
    if server is None:
        return
    kept = plan.difference.kept if plan.difference is not None else ()
    counts = (
        ("the same", kept),
        ("replaced", server.replaced),
        ("added", server.added),
        ("set aside", server.removed),
    )
    told = ", ".join(f"{numbers.count(len(names))} {what}" for what, names in counts if names)
    yield f"  {told or 'no table changes'}"
    yield from _table_lines(server, plan.difference, shown)
    if server.rows_now and rows_then:
        now = numbers.count(sum(server.rows_now.values()))
        yield f"  rows: about {now} now, {numbers.count(sum(rows_then.values()))} then"
        yield from row_lines(table_plans(plan, rows_then), shown)
    if plan.unchanged:
        return
    free = server.space_free
    known = "it is not known how much is free" if free is None else f"{numbers.size(free)} free"
    yield f"  about {numbers.size(server.space_needed)} needed on the database server, {known}"
    if plan.difference is not None:
        yield from _closed_lines(plan.difference, load_open=load_open)


def _closed_lines(difference: Difference, *, load_open: bool) -> Iterator[str]:
    """Yield the undo's space on the server, and the time of the closed store, both ways."""
    if difference.undo_bytes:
        yield f"  about {numbers.size(difference.undo_bytes)} stay there for the undo"
    if not difference.loaded:
        return
    closed, opened = (numbers.roughly(difference.closed_s(load_open=way)) for way in (False, True))
    if load_open:
        yield f"  closed for about {opened}, as the load comes before; about {closed} otherwise"
        yield "  what comes in during the load is lost with all that is newer than the backup"
    else:
        yield f"  closed for about {closed}; with --load-open for about {opened}"


def _table_lines(
    server: ServerCheck, difference: Difference | None, shown: int | None
) -> Iterator[str]:
    """Yield the tables that differ, and those missing now, defined otherwise or not in the dump."""
    compared = difference if difference is not None and not difference.reason else None
    differing = compared.of("differs") if compared is not None else ()
    unknown = compared.of("unknown") if compared is not None else ()
    for names, one, more in (
        (differing, "has other rows now", "have other rows now"),
        (unknown, "cannot be compared and is loaded", "cannot be compared and are loaded"),
        (server.added, "is missing now and comes back", "are missing now and come back"),
        (server.changed, "is defined otherwise now", "are defined otherwise now"),
        (server.removed, "is not in the dump and goes aside", "are not in the dump and go aside"),
    ):
        if names:
            listed = ", ".join(printable(name) for name in names[:shown])
            rest = "" if shown is None or len(names) <= shown else ", ..."
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
            yield from _database_lines(
                plan.database, _rows_then(backup), shown, load_open=plan.request.load_open
            )
    if plan.changes_nothing:
        return
    needed = plan.bytes_to_write
    if plan.database is not None and plan.database.server is not None:
        needed += plan.database.server.space_needed
    yield f"Space: about {numbers.size(needed)} needed, {numbers.size(plan.free_bytes)} free."
    yield f"Order: {numbered(rollback_order(plan.request, plan.request.kinds))}"
    for one in plan.older:
        yield older_undo(one, numbers.moment(one.began_s, named=True))


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
        **_difference_json(plan),
        "space_needed": None if server is None else server.space_needed,
        "space_free": None if server is None else server.space_free,
        "only_tables": None
        if plan.chosen is None
        else [encode_text(name) for name in plan.chosen.tables],
        "left_tables": []
        if plan.left is None
        else [encode_text(name) for name in plan.left.tables],
        "related": [] if plan.chosen is None else [*map(encode_text, plan.chosen.related)],
        "ties": [tie_json(tie) for tie in plan.ties],
        "table_plans": [
            asdict(one) | {"name": encode_text(one.name)} for one in table_plans(plan, rows_then)
        ],
    }


def _difference_json(plan: DatabasePlan) -> dict[str, Any]:
    """Return each table of the dump and of the schema with its state and its treatment."""
    difference, server = plan.difference, plan.server
    if difference is None or server is None:
        return {"compared": False, "not_compared": None, "states": None, "kept": None}
    states = {name: verdict.value for name, verdict in difference.verdicts.items()}
    states |= dict.fromkeys(server.added, "missing") | dict.fromkeys(server.removed, "extra")
    return {
        "compared": not difference.reason,
        "not_compared": encode_text(difference.reason) if difference.reason else None,
        "states": [
            {"table": encode_text(name), "state": state} for name, state in sorted(states.items())
        ],
        "kept": [encode_text(name) for name in difference.kept],
        "loaded": [encode_text(name) for name in difference.loaded],
        "kept_are_locked": difference.held,
        "undo_bytes": difference.undo_bytes,
        "closed_about_s": round(difference.closed_s(load_open=False), 1),
        "closed_about_s_with_load_open": round(difference.closed_s(load_open=True), 1),
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
        "changes_nothing": plan.changes_nothing,
        "undos_given_up": [
            {
                "job_id": one.job_id,
                "operation": one.operation.value,
                "began": numbers.iso(one.began_s),
                "bytes": one.bytes,
            }
            for one in plan.older
        ],
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


def undo_lines(plan: UndoPlan, undone: Operation, *, flush: bool) -> Iterator[str]:
    """Yield the changes of an undo of a rollback, or of an undo, in short."""
    for kind in plan.kinds:
        yield f"{TITLES[kind]} as before the {undone} {plan.job_id}"
        files = plan.files.get(kind)
        if files is not None:
            yield from _file_lines(files)
        elif kind is Kind.DB:
            if plan.tables is None or plan.tables.swapped:
                yield "  the tables that were set aside come back, the present ones are set aside"
            yield from _undone_table_lines(plan)
    if plan.changes_nothing:
        return
    order = rollback_order(UndoRequest(job_id=plan.job_id, flush=flush), plan.kinds)
    yield f"Order: {numbered(order)}"


def _undone_table_lines(plan: UndoPlan) -> Iterator[str]:
    """Yield the treatment of the tables that stayed in the rollback."""
    tables = plan.tables
    if tables is None:
        return
    if tables.stayed:
        same = numbers.counted(tables.stayed, "table")
        yield f"  {same} stayed in the rollback and did not change since"
    if tables.loaded:
        listed = ", ".join(map(printable, tables.loaded[:TABLES_SHOWN]))
        rest = "" if len(tables.loaded) <= TABLES_SHOWN else ", ..."
        changed = numbers.counted(len(tables.loaded), "table")
        yield f"  {changed} that stayed changed since, loaded from {tables.backup}: {listed}{rest}"


def _undone_tables_json(tables: UndoTables | None) -> dict[str, Any] | None:
    if tables is None:
        return None
    return {
        "back": tables.back,
        "stayed": tables.stayed,
        "loaded": [encode_text(name) for name in tables.loaded],
        "left": [encode_text(name) for name in tables.left],
        "backup": tables.backup or None,
    }


def undo_json(plan: UndoPlan) -> Iterator[dict[str, Any]]:
    """Yield the changes of an undo as one JSON object, then one for each entry."""
    losses = plan.losses
    yield {
        "type": "UndoPlan",
        "job_id": plan.job_id,
        "kinds": [kind.value for kind in plan.kinds],
        "files": {kind.value: _files_json(files) for kind, files in plan.files.items()},
        "tables": _undone_tables_json(plan.tables),
        "orders_newer": None if losses is None else losses.orders,
        "order_numbers": [] if losses is None else [*map(encode_text, losses.order_numbers)],
        "customers_newer": None if losses is None else losses.customers,
        "uncounted": [] if losses is None else [encode_text(text) for text in losses.uncounted],
        "changes_nothing": plan.changes_nothing,
        "findings": _findings(plan.findings),
    }
    yield from _entries_json(plan.files)
