"""The commands of retention: sets that no rule keeps are deleted, marked ones stay."""

from __future__ import annotations

from msgspec.structs import replace

from core.backups.catalog import Backup, find_any_backup, list_backups
from core.backups.clock import trust_clock
from core.backups.edit_remarks import change_set, find_set
from core.backups.remarks import Remarks
from core.backups.retention import RetentionPolicy
from core.cli.backup_request import refuse_long_note
from core.cli.commands import CommandSession
from core.cli.listing import backup_json
from core.cli.retention_policy import needed_policy
from core.cli.retention_view import judged_json, plan_lines
from core.errors import PreflightRefused, UsageError
from core.events import Kind, encode_text
from core.jobs.client import Client
from core.jobs.exclusive import holding
from core.operations.job_files import open_jobs
from core.operations.pruning import (
    CLOCK_HINT,
    PrunePlan,
    clock_doubt,
    delete_sets,
    plan_prune,
)
from core.operations.requests import DrillRequest
from core.schedule.due import is_usable
from core.text import numbers
from core.text.lines import plain, success, warning
from core.text.printable import printable


def _plan(session: CommandSession, client: Client, policy: RetentionPolicy) -> PrunePlan:
    return plan_prune(
        client.store,
        policy,
        jobs=open_jobs(client.store),
        now_s=session.clock(),
        foreign=session.line.foreign,
    )


def _show(session: CommandSession, plan: PrunePlan) -> None:
    if session.console.as_json:
        for one in plan.sets:
            session.console.print_json(judged_json(one))
    else:
        session.console.print(*plan_lines(plan))


def _doubt(session: CommandSession, client: Client, *, probe: bool) -> str:
    if session.line.trust_clock:
        return ""
    now_s = session.clock()
    return clock_doubt(client.store, host=client.host, now_s=now_s, probe=probe)


def prune_command(session: CommandSession) -> int:
    """`info:backups:prune`."""
    if session.line.dry_run:
        client = session.client(session.store())
        policy = needed_policy(session.line, session.settings(client.store).settings)
        session.warn_of_interrupted(client)
        _show(session, _plan(session, client, policy))
        doubt = _doubt(session, client, probe=False)
        if doubt:
            session.console.say(warning(f"Nothing would be deleted: {doubt}"))
        return 0
    session.require_answerable()
    client = session.client(session.writable_store())
    policy = needed_policy(session.line, session.settings(client.store).settings)
    session.refuse_interrupted(client)
    session.refuse_while_running(client)
    shown = _plan(session, client, policy)
    _show(session, shown)
    if not shown.doomed and not session.line.trust_clock:
        session.console.say(plain("There is nothing to delete."))
        return 0
    doubt = _doubt(session, client, probe=True)
    if doubt:
        raise PreflightRefused(doubt, hint=CLOCK_HINT)
    total = f"{numbers.counted(len(shown.doomed), 'set')} ({numbers.size(shown.freed_bytes)})"
    if shown.doomed and not session.agreed(f"You are about to delete {total}. Are you sure?"):
        return 1
    _delete(session, client, policy, shown)
    return 0


def _delete(
    session: CommandSession, client: Client, policy: RetentionPolicy, shown: PrunePlan
) -> None:
    """Delete the shown sets that are still to be deleted, with the store held."""
    agreed = {one.key for one in shown.doomed}

    def deleted(backup: Backup, freed_bytes: int) -> None:
        name = backup.name.text
        if session.console.as_json:
            session.console.print_json(
                {"type": "Deleted", "file_name": encode_text(name), "freed_bytes": freed_bytes}
            )
        session.console.say(success(f"{name} deleted."))

    with holding(client, "info:backups:prune", clock=session.clock):
        now = _plan(session, client, policy)
        still = tuple(one for one in now.sets if one.keep or one.backups.key in agreed)
        freed = delete_sets(replace(now, sets=still), deleted)
        trust_clock(client.store.backups, host=client.host, now_s=session.clock())
    session.console.say(plain(f"{numbers.size(freed)} freed."))


def drill_command(session: CommandSession) -> int:
    """`info:backups:drill`."""
    line = session.line
    if line.newest and line.names:
        raise UsageError("--newest and the name of a backup exclude each other.")
    client = session.client(session.writable_store())
    session.refuse_interrupted(client)
    names = _drilled(client.store.backups, line.names, session.clock())
    if not names:
        session.console.say(plain("No backup files found."))
        return 1
    seed = int(session.clock())
    request = DrillRequest(names=names, seed=seed, strict=line.strict)
    return session.follow(client, client.start(request))


def _drilled(directory: str, names: tuple[str, ...], now_s: float) -> tuple[str, ...]:
    """Return the backups that are meant: those named, or the newest usable one of each kind."""
    found: dict[str, None] = {}
    for name in names:
        if name.isdigit():
            found |= {one.name.text: None for one in find_set(directory, name).backups}
        else:
            found[find_any_backup(directory, name).name.text] = None
    if names:
        return tuple(found)
    backups = [one for one in list_backups(directory).backups if one.name.timestamp <= now_s]
    newest = {
        kind: next((one for one in backups if one.kind is kind and is_usable(one)), None)
        for kind in Kind
    }
    return tuple(one.name.text for one in newest.values() if one is not None)


def note_command(session: CommandSession) -> int:
    """`info:backups:note`."""
    text, mark = session.line.text, session.line.mark
    if text is None and mark is None:
        raise UsageError(
            "Nothing is to be written.", hint="Give a note, --keep or --no-keep after the name."
        )
    refuse_long_note(text)
    store = session.writable_store()
    found = find_set(store.backups, session.line.names[0])

    def change(remarks: Remarks) -> Remarks:
        return replace(
            remarks,
            note=remarks.note if text is None else text,
            keep=remarks.keep if mark is None else mark,
        )

    changed = change_set(found, change)
    for backup in changed.backups:
        if session.console.as_json:
            session.console.print_json(backup_json(backup))
    words = {None: "noted", True: "kept by retention", False: "no longer kept by a mark"}[mark]
    session.console.say(success(f"Set {printable(found.key)}: {words}."))
    return 0
