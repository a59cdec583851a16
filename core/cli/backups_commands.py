"""The commands about the store and the files in var/backups."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from core.backups.catalog import (
    Backup,
    PartialBackup,
    find_any_backup,
    is_partial,
    list_backups,
)
from core.backups.unfinished import find_partial
from core.backups.verification import VerifyResult, verify_backup
from core.cli.commands import CommandSession
from core.cli.store_view import stop_lines, store_json, store_lines
from core.errors import MagerewindError
from core.events import Kind, Report, encode_text
from core.jobs.deleting import delete_named, refuse_deletion
from core.magento.store import Store
from core.text import numbers
from core.text.lines import NAMES_SHOWN, error, error_lines, name_lines, plain, success, warning
from core.text.printable import printable


def store_command(session: CommandSession) -> int:
    """`info:store`."""
    if session.line.check:
        from core.cli.check_command import check_command  # noqa: PLC0415 - only where asked for

        return check_command(session)
    client = session.client(session.store())
    interrupted = session.warn_of_interrupted(client)
    facts = client.examine()
    if session.console.as_json:
        session.console.print_json({**store_json(facts), "due": _due_json(session, facts.store)})
    else:
        session.console.print(*store_lines(facts), *_due_lines(session, facts.store))
        session.console.say(*stop_lines(facts, shown=None if session.line.verbose else NAMES_SHOWN))
    stopped = facts.stops_backup or facts.stops_rollback or interrupted is not None
    return 1 if stopped else 0


def _due_lines(session: CommandSession, store: Store) -> Iterator[str]:
    """Yield lines on due backups of a store with a limit; broken configurations pass in silence."""
    from core.cli.due_view import due_rows  # noqa: PLC0415 - only where it is shown
    from core.cli.schedule_commands import due_for  # noqa: PLC0415

    with suppress(MagerewindError):
        due = due_for(session, store)
        if due.limited:
            for label, text in due_rows(due, session.clock()):
                yield f"{label:<14}{text}"


def _due_json(session: CommandSession, store: Store) -> dict[str, Any] | None:
    from core.cli.due_view import due_json  # noqa: PLC0415 - as above
    from core.cli.schedule_commands import due_for  # noqa: PLC0415

    with suppress(MagerewindError):
        return due_json(due_for(session, store), session.clock())
    return None


def _chosen(session: CommandSession, directory: str) -> list[Backup]:
    if session.line.names:
        return [find_any_backup(directory, name) for name in session.line.names]
    return list(list_backups(directory).backups)


def _doomed(session: CommandSession, directory: str) -> list[Backup | PartialBackup]:
    """Return the backups to delete: all are found before anything goes."""
    return [
        find_partial(directory, name) if is_partial(name) else find_any_backup(directory, name)
        for name in dict.fromkeys(session.line.names)
    ]


def _name_of(doomed: Backup | PartialBackup) -> str:
    return doomed.name.text if isinstance(doomed, Backup) else doomed.file_name


def _question(doomed: list[Backup | PartialBackup]) -> str:
    backups = sum(1 for one in doomed if isinstance(one, Backup))
    unfinished = len(doomed) - backups
    parts = [numbers.counted(backups, "backup")] if backups else []
    if unfinished:
        parts.append(numbers.counted(unfinished, "unfinished file"))
    total = numbers.size(sum(one.size_bytes for one in doomed))
    return f"You are about to delete {' and '.join(parts)} ({total}). Are you sure?"


def delete_command(session: CommandSession) -> int:
    """`info:backups:delete`."""
    session.require_answerable()
    store = session.writable_store()
    client = session.client(store)
    session.warn_of_interrupted(client)
    doomed = _doomed(session, store.backups)
    session.refuse_while_running(client)
    if not all(isinstance(one, Backup) for one in doomed):
        session.refuse_interrupted(client)  # its unfinished files are its recovery's to remove
    names = tuple(map(_name_of, doomed))
    refuse_deletion(client, names)
    session.console.say(*name_lines(names, None))
    if not session.agreed(_question(doomed)):
        return 1

    def deleted(name: str, freed_bytes: int) -> None:
        if session.console.as_json:
            session.console.print_json(
                {"type": "Deleted", "file_name": encode_text(name), "freed_bytes": freed_bytes}
            )
        session.console.say(success(f"{name} deleted."))

    delete_named(client, names, deleted, clock=session.clock)
    return 0


def _reporter(session: CommandSession, backup: Backup) -> Report:
    width = shutil.get_terminal_size().columns
    name = printable(backup.name.text)

    def report(done_bytes: int, _items: int, _current: str) -> None:
        share = numbers.percent(done_bytes, backup.size_bytes)
        session.console.progress(f"{name}: verifying  {share}", width=width)

    return report


def _result_json(result: VerifyResult) -> dict[str, Any]:
    return {
        "type": "Verified",
        "file_name": result.backup.name.text,
        "sound": result.sound,
        "refused": result.refused,
        "problem": encode_text(result.problem),
        "against_manifest": result.against_manifest,
        "sha256": result.sha256,
        "items": result.items,
        "content_bytes": result.content_bytes,
        "warnings": [encode_text(one.message) for one in result.warnings],
    }


def _say_result(session: CommandSession, result: VerifyResult) -> None:
    name = result.backup.name.text
    console = session.console
    if not result.sound:
        word = "refused" if result.refused else "damaged"
        console.say(error(f"{name} is {word}: {result.problem}"))
        return
    things = ("table", None) if result.backup.kind is Kind.DB else ("member", None)
    told = f"{numbers.counted(result.items, *things)}, {numbers.size(result.content_bytes)}"
    how = "as its manifest says" if result.against_manifest else "by its structure; no manifest"
    console.say(success(f"{name} is sound, {how} ({told})."))
    shown = None if session.line.verbose else NAMES_SHOWN
    for one in result.warnings:
        console.say(warning(f"Warning: {one.message}"), *name_lines(one.names, shown))


def verify_command(session: CommandSession) -> int:
    """`info:backups:verify`."""
    store = session.store()
    session.warn_of_interrupted(session.client(store))
    backups = _chosen(session, store.backups)
    if not backups:
        session.console.say(plain("No backup files found."))
    failed = False
    for backup in backups:
        try:
            result = verify_backup(
                backup, report=_reporter(session, backup), remember=not session.line.read_only
            )
        except MagerewindError as failure:  # it cannot be read, and the others still can
            session.console.say(*error_lines(failure))
            failed = True
            continue
        session.console.end_progress()
        failed = failed or not result.sound
        if session.console.as_json:
            session.console.print_json(_result_json(result))
        if not session.console.as_json or not result.sound:
            _say_result(session, result)
    return 1 if failed else 0
