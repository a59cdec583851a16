"""The commands `repo:…`: look at a repository, make one, check it, and mend its locks.

They ask restic themselves and start no job: none of them touches the store.
"""

from __future__ import annotations

import json
from typing import Any

from core.cli.commands import CommandSession
from core.cli.repositories import chosen_repository
from core.cli.repository_view import (
    holdings_lines,
    set_json,
    sheet_json,
    sheet_lines,
    unfinished_json,
)
from core.errors import MALFORMED, RepositoryError, RepositoryMissing
from core.magento.store import Store
from core.operations.remote import (
    look_at,
    open_restic,
    remember_check,
    seen_of,
    store_name,
)
from core.repository.calls import CHECK, LIST
from core.repository.restic import Restic
from core.text import numbers
from core.text.lines import error, note, plain, success


def _open(session: CommandSession, *, backup_only: bool = False) -> tuple[Store, Restic, str]:
    """Return the store, the repository that is meant, and the store's name in it.

    Raises ResticMissing; with `backup_only` an older restic will do.
    """
    store = session.store()
    effective = session.settings(store)
    chosen = chosen_repository(effective, session.line.repository, session.environ)
    restic = open_restic(store, chosen, environ=session.environ, backup_only=backup_only)
    return store, restic, store_name(store, effective.label)


def init_command(session: CommandSession) -> int:
    """`repo:init`."""
    _store, restic, name = _open(session, backup_only=True)
    repository = restic.repository
    try:
        restic.look()
        session.console.say(note(f"There is a repository at {repository.shown_url} already."))
    except RepositoryMissing:
        identity = restic.init()
        session.console.say(note(f"Made the repository {repository.name} (id {identity[:10]})."))
    if session.console.as_json:
        session.console.print_json(sheet_json(repository, name))
    else:
        session.console.print(*sheet_lines(repository, name, session.clock()))
    return 0


def list_command(session: CommandSession) -> int:
    """`repo:list`."""
    store, restic, name = _open(session)
    wanted = None if session.line.all_of else name
    holdings = look_at(store, restic, name=wanted, now_s=session.clock())
    seen = seen_of(store, restic.repository.name)
    if session.console.as_json:
        for one in holdings.sets:
            session.console.print_json(set_json(one, seen))
        for part in holdings.unfinished:
            session.console.print_json(unfinished_json(part, restic.repository.name))
    else:
        lines = holdings_lines(holdings, restic.repository, seen, session.clock())
        session.console.print(*lines)
    return 0


def check_command(session: CommandSession) -> int:
    """`repo:check`."""
    store, restic, name = _open(session)
    repository = restic.repository.name
    subset = session.line.read_data_subset
    words = ["check", *([f"--read-data-subset={subset}"] if subset else [])]
    holdings = look_at(store, restic, name=name, now_s=session.clock())
    broken = [one for one in holdings.sets if not one.is_whole]
    problem = ""
    try:
        restic.exclusive(lambda: _drain(restic, words))
    except RepositoryError as failure:
        if type(failure) is not RepositoryError:
            raise
        problem = failure.message
    if broken and not problem:
        problem = f"Set {broken[0].timestamp} lacks its {', '.join(broken[0].missing)}."
    remember_check(store, repository, now_s=session.clock(), problem=problem)
    if session.console.as_json:
        row = {"type": "RepositoryChecked", "repository": repository, "problem": problem}
        session.console.print_json({**row, "sets": len(holdings.sets), "read_data": subset})
    elif problem:
        session.console.say(error(problem))
    else:
        sets = numbers.counted(len(holdings.sets), "set")
        session.console.say(success(f"The repository {repository} is sound; {sets} of {name}."))
    return 1 if problem else 0


def _drain(restic: Restic, words: list[str]) -> None:
    for _ in restic.lines(words, limits=CHECK):
        pass


def unlock_command(session: CommandSession) -> int:
    """`repo:unlock`."""
    _store, restic, _name = _open(session)
    before = len(_locks(restic))
    restic.unlock()
    left = len(_locks(restic))
    repository = restic.repository.name
    if session.console.as_json:
        row = {"type": "Unlocked", "repository": repository, "removed": before - left}
        session.console.print_json({**row, "left": left})
        return 0
    removed = numbers.counted(before - left, "stale lock")
    session.console.say(plain(f"Removed {removed} of {repository}; {left} in use."))
    return 0


def _locks(restic: Restic) -> list[bytes]:
    return [line for line in restic.lines(("list", "locks", "--no-lock"), limits=LIST) if line]


def stats_command(session: CommandSession) -> int:
    """`repo:stats`."""
    store, restic, name = _open(session)
    holdings = look_at(store, restic, name=name, now_s=session.clock())
    answer = restic.answer(("stats", "--no-lock", "--mode=raw-data"), limits=LIST)
    facts: dict[str, Any] = _facts(answer)
    stored = int(facts.get("total_size", 0))
    content = sum(one.bytes for one in holdings.sets)
    if session.console.as_json:
        session.console.print_json(
            {
                "type": "RepositoryStats",
                "repository": restic.repository.name,
                "sets": len(holdings.sets),
                "unfinished": len(holdings.unfinished),
                "content_bytes": content,
                "stored_bytes": stored,
                "snapshots": facts.get("snapshots_count"),
            }
        )
        return 0
    session.console.print(
        f"Repository: {restic.repository.name}",
        f"Sets of {name}: {len(holdings.sets)}, {numbers.size(content)} of content",
        f"Stored: {numbers.size(stored)} in {facts.get('snapshots_count', '?')} snapshots "
        "of all stores",
    )
    return 0


def _facts(answer: bytes) -> dict[str, Any]:
    try:
        row = json.loads(answer)
    except MALFORMED as failure:
        raise RepositoryError("The numbers of restic cannot be read.") from failure
    return row if isinstance(row, dict) else {}
