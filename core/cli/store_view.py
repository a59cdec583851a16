"""`info:store`: the known facts of the store, and the obstacles of a backup or a rollback."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from core.events import encode_text
from core.magento.settings import DatabaseConnection
from core.operations.findings import Finding, Level
from core.text import numbers
from core.text.lines import Line, Style, error, name_lines, note, warning
from core.text.printable import printable

if TYPE_CHECKING:  # not loaded for a line about a finding
    from core.operations.preflight import StoreFacts

_LABEL_WIDTH = 14


def owner_name(uid: int) -> str:
    """Return an account by name where it has one."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def owner_text(uid: int, gid: int) -> str:
    """Return account and group by name where they have one."""
    account = owner_name(uid)
    try:
        group = grp.getgrgid(gid).gr_name
    except KeyError:
        group = str(gid)
    return f"{account}:{group}"


def connection_text(connection: DatabaseConnection) -> str:
    """Return the address and the account of a connection, never the password."""
    place = connection.socket or f"{connection.host}:{connection.port}"
    return f"{connection.schema} on {place} as {connection.username}"


def connection_json(connection: DatabaseConnection) -> dict[str, Any]:
    """Return a connection as a JSON object, without its password."""
    return {
        "name": encode_text(connection.name),
        "host": None if connection.socket else encode_text(connection.host),
        "port": None if connection.socket else connection.port,
        "socket": None if connection.socket is None else encode_text(connection.socket),
        "dbname": encode_text(connection.schema),
        "username": encode_text(connection.username),
    }


def finding_lines(finding: Finding, *, shown: int | None) -> tuple[Line, ...]:
    """Return a finding, its names, and its cure."""
    make = {Level.STOP: error, Level.WARN: _warn, Level.NOTE: note}[finding.level]
    hint = (note(finding.hint),) if finding.hint else ()
    names = name_lines(finding.names, shown)
    if finding.level is Level.STOP:  # a quiet command shows errors, and these belong to one
        names = tuple(Line(line.text, Style.ERROR) for line in names)
    return (make(finding.message), *names, *hint)


def _warn(text: str) -> Line:
    return warning(f"Warning: {text}")


def finding_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as a JSON object."""
    return {
        "level": finding.level.value,
        "code": finding.code,
        "message": encode_text(finding.message),
        "hint": None if finding.hint is None else encode_text(finding.hint),
        "names": [encode_text(name) for name in finding.names],
    }


def _rows(facts: StoreFacts) -> Iterator[tuple[str, str]]:
    store = facts.store
    yield "Root", store.root
    yield "Owner", owner_text(store.owner_uid, store.owner_gid)
    yield "Layout", ", ".join(store.markers) or "only var/backups"
    for path, target in facts.links:
        name = os.path.basename(path).capitalize()
        yield name, f"{path} -> {target if target is not None else 'not followed'}"
    edition = f" ({facts.edition})" if facts.edition else ""
    yield "Magento", f"{facts.version}{edition}" if facts.version else "version unknown"
    yield "Installed", {True: "yes", False: "no", None: "unknown"}[facts.installed]
    yield "Mode", facts.mode or "unknown"
    yield "State", state_text(facts)
    maintenance = facts.maintenance
    allowed = f", open for {maintenance.addresses}" if maintenance.addresses else ""
    yield "Maintenance", ("on" if maintenance.on else "off") + allowed
    for connection in facts.connections:
        yield "Database", f"{connection.name}: {connection_text(connection)}"
    if facts.database is not None:
        size = "" if facts.database_bytes is None else f", {numbers.size(facts.database_bytes)}"
        yield "Server", f"{facts.database}, {numbers.counted(facts.tables or 0, 'table')}{size}"
    yield "Free space", f"{numbers.size(facts.free_bytes)} of {numbers.size(facts.total_bytes)}"
    yield "Time zone", numbers.zone()
    for process in facts.processes:
        yield "Running", process.label


def state_text(facts: StoreFacts) -> str:
    """Return whether the store serves customers: `open` only where nothing is known against it."""
    closed = "closed: maintenance mode is on" if facts.maintenance.on else ""
    broken = facts.health.words
    return "; ".join(part for part in (closed, broken) if part) or "open"


def store_lines(facts: StoreFacts) -> Iterator[str]:
    """Yield the known facts, one a line."""
    for label, text in _rows(facts):
        yield f"{label:<{_LABEL_WIDTH}}{printable(text)}"


def stop_lines(facts: StoreFacts, *, shown: int | None) -> Iterator[Line]:
    """Yield warnings, and the obstacles of a backup or a rollback; nothing without any."""
    for finding in facts.warnings:
        yield from finding_lines(finding, shown=shown)
    both = [finding for finding in facts.stops_backup if finding in facts.stops_rollback]
    groups = (
        ("A backup and a rollback would be stopped:", both),
        ("A backup would be stopped:", _without(facts.stops_backup, both)),
        ("A rollback would be stopped:", _without(facts.stops_rollback, both)),
    )
    for title, findings in groups:
        if findings:
            yield note(title)
            for finding in findings:
                yield from finding_lines(finding, shown=shown)


def _without(findings: Iterable[Finding], others: list[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding not in others]


def store_json(facts: StoreFacts) -> dict[str, Any]:
    """Return the known facts as a JSON object. Sizes in bytes; an unknown fact is null."""
    store = facts.store
    return {
        "type": "Store",
        "root": encode_text(store.root),
        "owner": owner_text(store.owner_uid, store.owner_gid),
        "layout": list(store.markers),
        "media": encode_text(store.media),
        "media_target": encode_text(store.media_target),
        "backups": encode_text(store.backups),
        "links": [
            {
                "path": encode_text(path),
                "target": None if target is None else encode_text(target),
            }
            for path, target in facts.links
        ],
        "version": facts.version,
        "edition": facts.edition,
        "mode": facts.mode,
        "installed": facts.installed,
        "state": state_text(facts),
        "broken": list(facts.health.broken),
        "maintenance": facts.maintenance.on,
        "maintenance_addresses": facts.maintenance.addresses,
        "connections": [connection_json(connection) for connection in facts.connections],
        "server": facts.database,
        "tables": facts.tables,
        "database_bytes": facts.database_bytes,
        "free_bytes": facts.free_bytes,
        "total_bytes": facts.total_bytes,
        "processes": [
            {"pid": process.pid, "what": encode_text(process.what), "seen_s": process.seen_s}
            for process in facts.processes
        ],
        "stops_backup": [finding_json(finding) for finding in facts.stops_backup],
        "warnings": [finding_json(finding) for finding in facts.warnings],
        "stops_rollback": [finding_json(finding) for finding in facts.stops_rollback],
    }
