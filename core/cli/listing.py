"""Backups and jobs as lists: the table of `info:backups:list`, and their JSON objects."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from core.backups.catalog import Backup, Health, Listing
from core.backups.names import FOREIGN, backup_beside
from core.backups.remarks import Trial
from core.backups.stripped import tables_without_rows
from core.cli.copies import StoreCopies
from core.cli.tables import table
from core.events import Kind, encode_text
from core.jobs.listing import JobSummary
from core.text import numbers
from core.text.printable import printable, shortened

NOWHERE = StoreCopies(())
_LONGEST_NOTE = 120
_LAST = 6  # columns from here on may be empty
_HEADERS: tuple[str, ...] = (
    "Backup Filename",
    "Backup Type",
    "Date",
    "Age",
    "Size",
    "Health",
    "Kept",
    "Note",
    "Where",
)
EMPTY = "No backup files found."
_SIGNS = {
    Health.VERIFIED: "verified",
    Health.SOUND: "sound, no manifest",
    Health.UNVERIFIED: "unverified",
    Health.PARTIAL: "PARTIAL",
    Health.REFUSED: "REFUSED",
    Health.DAMAGED: "DAMAGED",
}


def _type_of(backup: Backup) -> str:
    return backup.name.variant if backup.kind is None else backup.kind.value


def _note_of(backup: Backup) -> str:
    """Return a person's note, else the words in a name that Magento or we have made."""
    if backup.remarks.note or backup.name.variant == FOREIGN:
        return backup.remarks.note
    return backup.name.label.replace("_", " ")


def tried_text(trial: Trial, now_s: float) -> str:
    """Return the result of the last drill: `restorable, tried 3 days ago`."""
    words = "restorable" if trial.restorable else "NOT RESTORABLE"
    return f"{words}, tried {numbers.age(trial.at_s, now_s)}"


def _health_of(backup: Backup, now_s: float) -> str:
    tried = backup.remarks.tried
    words = _SIGNS[backup.health]
    without = tables_without_rows(backup.manifest)
    if without:
        words += f", no rows of {numbers.counted(len(without), 'table')}"
    return words if tried is None else f"{words}; {tried_text(tried, now_s)}"


def _backup_row(backup: Backup, now_s: float, copies: StoreCopies) -> tuple[str, ...]:
    return (
        printable(backup.name.text),
        _type_of(backup),
        numbers.moment(backup.name.timestamp),
        numbers.age(backup.name.timestamp, now_s),
        numbers.size(backup.size_bytes),
        _health_of(backup, now_s),
        "kept" if backup.remarks.keep else "",
        shortened(_note_of(backup), _LONGEST_NOTE),
        ", ".join(copies.places(backup)) if copies else "",
    )


def listing_lines(listing: Listing, now_s: float, copies: StoreCopies = NOWHERE) -> Iterator[str]:
    """Yield the list as Magento prints it, with further facts beside and below."""
    there = list(copies.rows(listing.backups, now_s))
    if listing.backups or there:
        yield f"Showing backup files in {printable(listing.directory)}."
        headers = _HEADERS
        timed = [(one.name.timestamp, _backup_row(one, now_s, copies)) for one in listing.backups]
        timed += [(timestamp, (*row[:_LAST], "", "", row[_LAST])) for timestamp, row in there]
        timed.sort(key=lambda one: -one[0])
        rows = [row for _, row in timed]
        # Without marks and notes: a narrower table.
        shown = [at for at in range(len(headers)) if at < _LAST or any(row[at] for row in rows)]
        headers, *rows = [tuple(row[at] for at in shown) for row in (headers, *rows)]
        yield from table(headers, rows, right=frozenset({4}))
        yield f"Times are {numbers.zone()}."
    else:
        yield EMPTY
    yield from copies.ages(now_s)
    for backup in listing.backups:
        if backup.problem:
            refused = " is refused" if backup.health is Health.REFUSED else ""
            yield f"{printable(backup.name.text)}{refused}: {printable(backup.problem)}"
        tried = backup.remarks.tried
        if tried is not None and tried.problem:
            yield f"{printable(backup.name.text)}: not restorable: {printable(tried.problem)}"
    for partial in listing.partial:
        size = numbers.size(partial.size_bytes)
        yield f"Unfinished: {printable(partial.file_name)} ({size})"
    left = [name for name in listing.unknown if backup_beside(name) is not None]
    if left:
        yield f"Left of backups that are not here: {', '.join(map(printable, left))}"
    unknown = [name for name in listing.unknown if name not in left]
    if unknown:
        yield f"Not backups: {', '.join(map(printable, unknown))}"


def _tried_json(backup: Backup) -> dict[str, Any] | None:
    tried = backup.remarks.tried
    if tried is None:
        return None
    return {
        "time": numbers.iso(tried.at_s),
        "at_s": round(tried.at_s, 3),
        "restorable": tried.restorable,
        "compared": tried.how,
        "problem": encode_text(tried.problem),
    }


def backup_json(backup: Backup) -> dict[str, Any]:
    """Return a backup as a JSON object. Sizes in bytes, times in unix seconds."""
    manifest = backup.manifest
    row: dict[str, Any] = {
        "type": "Backup",
        "file_name": encode_text(backup.name.text),
        "kind": None if backup.kind is None else backup.kind.value,
        "variant": backup.name.variant,
        "timestamp": backup.name.timestamp,
        "label": backup.name.label,
        "path": encode_text(backup.path),
        "size_bytes": backup.size_bytes,
        "modified_s": round(backup.modified_s, 3),
        "health": backup.health.value,
        "problem": encode_text(backup.problem),
        "note": encode_text(backup.remarks.note),
        "keep": backup.remarks.keep,
        "tried": _tried_json(backup),
    }
    if manifest is not None:
        row |= {
            "sha256": manifest.sha256,
            "made_by": manifest.made_by,
            "magento_version": manifest.magento_version,
            "verified": manifest.verified,
            "kept_open": manifest.kept_open,
            "members": manifest.members,
            "content_bytes": manifest.content_bytes,
            "compress": manifest.compress,
            "rows": None if manifest.rows is None else sum(manifest.rows.values()),
            "stripped": [encode_text(name) for name in manifest.stripped],
            "without_rows": [encode_text(name) for name in tables_without_rows(manifest)],
            "warnings": len(manifest.warnings),
        }
    return row


def listing_json(listing: Listing, copies: StoreCopies = NOWHERE) -> Iterator[dict[str, Any]]:
    """Yield one JSON object for each backup, then for each other entry."""
    for backup in listing.backups:
        yield {**backup_json(backup), "where": list(copies.places(backup))}
    yield from copies.json(listing.backups)
    for partial in listing.partial:
        yield {
            "type": "PartialBackup",
            "file_name": encode_text(partial.file_name),
            "size_bytes": partial.size_bytes,
        }
    for name in listing.unknown:
        row = {"type": "UnknownFile", "file_name": encode_text(name)}
        left_of = backup_beside(name)
        yield row if left_of is None else {**row, "left_of": encode_text(left_of)}


def job_result(job: JobSummary) -> str:
    """Return the state of a job, in a word or two."""
    if job.unreadable:
        return "UNREADABLE"
    if job.interrupted:
        return "INTERRUPTED"
    if job.running:
        return "running"
    return "unknown" if job.outcome is None else job.outcome.value


def _kinds(kinds: tuple[Kind, ...]) -> str:
    return " ".join(kind.value for kind in kinds)


def job_lines(jobs: tuple[JobSummary, ...], now_s: float, *, forgotten: int = 0) -> Iterator[str]:
    """Yield the table of jobs, and how many there were that are forgotten."""
    if not jobs:
        yield "No job has run on this store yet."
        return
    headers = ("Job", "Operation", "Kinds", "Began", "Age", "Took", "Result", "Undo", "Who")
    rows = [
        (
            job.job_id,
            job.operation.value,
            _kinds(job.kinds),
            "unreadable" if job.unreadable else numbers.moment(job.began_s),
            "" if job.unreadable else numbers.age(job.began_s, now_s),
            "" if job.elapsed_s is None else numbers.clock(job.elapsed_s),
            job_result(job),
            numbers.size(job.undo_bytes) if job.undo_kept else "",
            "" if job.unreadable else printable(f"{job.user}@{job.host}"),
        )
        for job in jobs
    ]
    yield from table(headers, rows)
    yield f"{numbers.of_all(len(jobs), forgotten)}. Times are {numbers.zone()}."


def job_json(job: JobSummary) -> dict[str, Any]:
    """Return a job as a JSON object."""
    return {
        "type": "Job",
        "job_id": job.job_id,
        "operation": job.operation.value,
        "kinds": [kind.value for kind in job.kinds],
        "began_s": None if job.unreadable else job.began_s,
        "unreadable": job.unreadable,
        "elapsed_s": job.elapsed_s,
        "closed_s": job.closed_s,
        "running": job.running,
        "interrupted": job.interrupted,
        "outcome": None if job.outcome is None else job.outcome.value,
        "exit_code": job.exit_code,
        "message": encode_text(job.message),
        "undo_kept": job.undo_kept,
        "undo_bytes": job.undo_bytes,
        "host": encode_text(job.host),
        "user": encode_text(job.user),
        "pid": job.pid,
    }
