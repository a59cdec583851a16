"""`repo:fetch` and `repo:forget`: files out of a set, and old sets that go."""

from __future__ import annotations

import shutil
from collections.abc import Mapping

from core.backups.retention import Decision
from core.cli.commands import CommandSession
from core.cli.repositories import chosen_repository
from core.cli.repository_view import decision_json, decision_lines
from core.cli.retention_policy import needed_policy
from core.cli.tables import table
from core.errors import PreflightRefused
from core.events import Kind, Report, encode_text
from core.jobs.exclusive import holding
from core.operations.pruning import CLOCK_HINT, clock_doubt
from core.operations.remote import look_at, open_restic, seen_of, store_name
from core.operations.remote_retention import decide_sets
from core.operations.requests import RollbackRequest
from core.repository.forgetting import forget, old_unfinished, prune
from core.repository.restic import Restic
from core.repository.sets import RemoteSet, choose_set
from core.text import numbers
from core.text.lines import note, plain, success

_WORDS: Mapping[Kind, str] = {Kind.CODE: "code", Kind.MEDIA: "media", Kind.DB: "database"}


def _reporter(session: CommandSession, kind: Kind, doing: str) -> Report:
    width = shutil.get_terminal_size().columns

    def report(done_bytes: int, _items: int, _current: str) -> None:
        text = f"{_WORDS[kind]}: {doing}  {numbers.size(done_bytes)}"
        session.console.progress(text, width=width)

    return report


def fetch_command(session: CommandSession) -> int:
    """`repo:fetch`."""
    from core.backups.names import new_name  # noqa: PLC0415 - with the next one
    from core.operations.fetch_set import fetch_set  # noqa: PLC0415 - loads the archive writer
    from core.operations.remote_sources import open_remote  # noqa: PLC0415

    line = session.line
    client = session.client(session.writable_store())
    store = client.store
    effective = session.settings(store)
    repository = chosen_repository(effective, line.repository, session.environ)
    name = store_name(store, effective.label)
    restic = open_restic(store, repository, environ=session.environ)
    holdings = look_at(store, restic, name=name, now_s=session.clock())
    chosen = choose_set(
        holdings, line.backup_set or "", repository=repository.name, kinds=line.kinds, torn=True
    )
    kinds = line.kinds or tuple(kind for kind in Kind if kind in chosen.parts)
    files = {kind: new_name(chosen.timestamp, kind) for kind in kinds}
    request = RollbackRequest(
        code_file=files.get(Kind.CODE),
        media_file=files.get(Kind.MEDIA),
        db_file=files.get(Kind.DB),
        repository=repository,
        store=name,
    )
    with holding(client, "repo:fetch", clock=session.clock):
        remote = open_remote(store, request, environ=session.environ)
        for kind in kinds:
            remote.part(kind)
        for made in fetch_set(
            store, remote, kinds, lambda kind, doing: _reporter(session, kind, doing)
        ):
            session.console.end_progress()
            if session.console.as_json:
                session.console.print_json(
                    {
                        "type": "Fetched",
                        "kind": made.kind.value,
                        "file_name": made.file_name,
                        "path": encode_text(made.path),
                        "size_bytes": made.size_bytes,
                    }
                )
            session.console.say(success(f"{made.path} ({numbers.size(made.size_bytes)})."))
    return 0


def forget_command(session: CommandSession) -> int:
    """`repo:forget`."""
    line = session.line
    if not line.dry_run:
        session.require_answerable()
    client = session.client(session.store() if line.dry_run else session.writable_store())
    store = client.store
    policy = needed_policy(session.line, session.settings(store).settings)
    effective = session.settings(store)
    repository = chosen_repository(effective, line.repository, session.environ)
    restic = open_restic(store, repository, environ=session.environ)
    name, now_s = store_name(store, effective.label), session.clock()
    holdings = look_at(store, restic, name=name, now_s=now_s)
    seen = seen_of(store, repository.name)
    decided = decide_sets(store, restic, holdings, policy, seen, now_s=now_s, foreign=line.foreign)
    rest = old_unfinished(holdings, now_s)
    _show(session, decided, len(rest))
    doomed = [one for one, decision in decided if not decision.keep]
    if line.dry_run:
        return 0
    if not doomed and not rest:
        session.console.say(plain("There is nothing to forget."))
    else:
        doubt = "" if line.trust_clock else clock_doubt(store, host=client.host, now_s=now_s)
        if doubt:
            raise PreflightRefused(doubt, hint=CLOCK_HINT)
        total = numbers.counted(len(doomed), "set")
        question = f"You are about to forget {total} in {repository.name}. Are you sure?"
        if not session.agreed(question):
            return 1
        forget(restic, doomed, rest)
        look_at(store, restic, name=name, now_s=now_s)
        session.console.say(success(f"{total} forgotten in {repository.name}."))
    return _prune(session, restic)


def _prune(session: CommandSession, restic: Restic) -> int:
    if session.line.prune_data:
        prune(restic)
        session.console.say(success(f"{restic.repository.name} is pruned."))
    else:
        session.console.say(note("The space is freed by repo:forget --prune, or restic prune."))
    return 0


def _show(
    session: CommandSession, decided: list[tuple[RemoteSet, Decision]], unfinished: int
) -> None:
    if session.console.as_json:
        for one, decision in decided:
            session.console.print_json(decision_json(one, decision))
        return
    rows = [decision_lines(one, decision) for one, decision in decided]
    if rows:
        headers = ("Set", "Date", "Kinds", "Size", "", "Why")
        session.console.print(*table(headers, rows, right=frozenset({3})))
    if unfinished:
        count = numbers.counted(unfinished, "snapshot")
        session.console.print(f"Unfinished, and older than a day: {count}, to be forgotten.")
