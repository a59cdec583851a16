"""The lines of a store in a table of cron: a block with marks, and nothing else is touched."""

from __future__ import annotations

from core.errors import PreflightRefused
from core.schedule.calendar import parse_times
from core.schedule.escaping import cron_command
from core.schedule.units import Schedule, from_line

_BEGIN = "# BEGIN "
_END = "# END "
_DESCRIBED = "# SCHEDULE "


def cron_fields(on_calendar: str) -> str:
    """Return the five fields of a calendar event. Raises PreflightRefused where cron has none."""
    times = parse_times(on_calendar)
    fields = times.cron if times is not None else None
    if fields is None:
        raise PreflightRefused(
            f"cron cannot express {on_calendar}.",
            hint="Such as: daily, weekly, 02:30, Mon..Fri 03:00, *-*-01 04:00.",
        )
    return fields


def block(schedule: Schedule, *, account: str | None = None) -> bytes:
    """Return the lines of a store; with `account` for a table that names accounts."""
    fields = cron_fields(schedule.on_calendar)
    who = f" {account}" if account else ""
    commands = " && ".join(cron_command(words) for words in schedule.commands)
    if len(commands.encode("utf-8", "surrogateescape")) > 990:
        raise PreflightRefused("The command is too long for a line of cron.")
    lines = (
        f"{_BEGIN}{schedule.name} (magerewind schedule:remove takes these lines away)",
        _DESCRIBED + schedule.described(),
        f"{fields}{who} {commands}",
        f"{_END}{schedule.name}",
        "",
    )
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def without_block(table: bytes, name: str) -> bytes:
    """Return a table without the block of this name; every other line stays as it is.

    Raises PreflightRefused for a block whose end is missing.
    """
    begin, end = f"{_BEGIN}{name} ".encode(), f"{_END}{name}\n".encode()
    kept: list[bytes] = []
    inside = False
    for line in table.splitlines(keepends=True):
        if not inside and line.startswith(begin):
            inside = True
        elif inside:
            inside = line.rstrip(b"\n") + b"\n" != end
        else:
            kept.append(line)
    if inside:
        raise PreflightRefused(
            f"The lines of {name} in the table of cron have no end.",
            hint=f"Mend them by hand: they end with {_END}{name}",
        )
    return b"".join(kept)


def with_block(table: bytes, schedule: Schedule, *, account: str | None = None) -> bytes:
    """Return a table with the store's block as it is to be, at the end."""
    kept = without_block(table, schedule.name)
    if kept and not kept.endswith(b"\n"):
        kept += b"\n"
    return kept + block(schedule, account=account)


def find_block(table: bytes, name: str) -> Schedule | None:
    """Return the schedule that a table has for this name."""
    lines = table.decode("utf-8", "surrogateescape").splitlines()
    for number, line in enumerate(lines):
        if line.startswith(f"{_BEGIN}{name} ") and number + 1 < len(lines):
            described = lines[number + 1]
            if described.startswith(_DESCRIBED):
                return from_line(described.removeprefix(_DESCRIBED))
    return None
