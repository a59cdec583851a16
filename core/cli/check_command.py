"""`info:store --check`: one line and an exit code, as monitoring expects of a plugin."""

from __future__ import annotations

from msgspec.structs import replace

from core.backups.duration import parse_duration
from core.cli.commands import CommandSession
from core.cli.due_view import check_line, due_json, judge
from core.cli.schedule_commands import due_for
from core.errors import UsageError
from core.jobs.listing import interrupted_error
from core.magento.store import refuse_stranger
from core.schedule.due import Due


def _age(text: str, option: str, now_s: float) -> float:
    """Return an age in seconds. Raises UsageError."""
    try:
        return now_s - parse_duration(text).before(now_s)
    except ValueError as error:
        raise UsageError(f"{option}: {error}") from None


def _limited(session: CommandSession, due: Due) -> Due:
    line, now_s = session.line, session.clock()
    if line.warning_age is not None:
        warning_s = _age(line.warning_age, "--warning", now_s)
        due = replace(due, warning_s=warning_s, critical_s=max(due.critical_s, warning_s))
    if line.critical_age is not None:
        critical_s = _age(line.critical_age, "--critical", now_s)
        due = replace(due, critical_s=critical_s, warning_s=min(due.warning_s, critical_s))
    return replace(due, limited=True)


def check_command(session: CommandSession) -> int:
    """Say whether the backups are recent; the exit code is a plugin's."""
    client = session.client(session.store())
    now_s = session.clock()
    due = _limited(session, due_for(session, client.store))
    interrupted = client.interrupted()
    problem = ""
    if interrupted is not None and interrupted.unreadable:
        refuse_stranger(client.store)  # unknown to this account, and no fault of the store
    if interrupted is not None:
        problem = interrupted_error(interrupted, host=client.host).message
    state = judge(due, now_s, problem=problem)
    if session.console.as_json:
        row = due_json(due, now_s)
        session.console.print_json({**row, "type": "Check", "state": state, "problem": problem})
    else:
        session.console.print(check_line(due, now_s, problem=problem))
    return state
