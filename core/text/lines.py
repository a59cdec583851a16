"""Events as the documented lines: the wording of Magento's own commands, word for word.

A `Line` is safe text (see `printable`) and a style; the headless commands colour it and the
application's log pane shows it. Magento's own lines go to stdout; ours (warnings, errors, notes,
follow-ups) go to stderr, so stdout is exactly what is documented. Quirks are kept: `Code rollback
is starting ...` has a space before its dots, `DB rollback is starting...` has none.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from core.errors import MagerewindError
from core.events import (
    BackupCompleted,
    BackupSent,
    BackupStarted,
    CancelRequested,
    Event,
    Failed,
    FollowUp,
    HookRan,
    JobEnded,
    Kind,
    MaintenanceDisabled,
    MaintenanceEnabled,
    Noted,
    Operation,
    Outcome,
    PermissionReminder,
    RecoveryBegan,
    RollbackCompleted,
    RollbackPlanned,
    RollbackStarted,
    SetSent,
    Stamped,
    Warned,
)
from core.jobs.state import JobState, advance
from core.text import numbers
from core.text.printable import printable

TITLES: Final = {Kind.CODE: "Code", Kind.MEDIA: "Media", Kind.DB: "DB"}
_SEVEN_ZIP: Final = " (The archive can be uncompressed with 7-Zip on Windows systems)"
NAMES_SHOWN: Final = 10


class Style(StrEnum):
    """How a line is meant."""

    PLAIN = "plain"
    SUCCESS = "success"
    NOTE = "note"
    WARNING = "warning"
    ERROR = "error"


class Line(Struct, frozen=True):
    """One line for a person, without a line end and safe for any terminal."""

    text: str
    style: Style = Style.PLAIN

    @property
    def is_narration(self) -> bool:
        """Return whether the line is Magento's own, for stdout."""
        return self.style in {Style.PLAIN, Style.SUCCESS}


def plain(text: str) -> Line:
    """Return a line of the narration."""
    return Line(printable(text))


def success(text: str) -> Line:
    """Return Magento's line of success."""
    return Line(f"[SUCCESS]: {printable(text)}", Style.SUCCESS)


def note(text: str) -> Line:
    """Return a line of ours that needs no action."""
    return Line(printable(text), Style.NOTE)


def warning(text: str) -> Line:
    """Return a line that deserves a look."""
    return Line(printable(text), Style.WARNING)


def error(text: str) -> Line:
    """Return a line about the failure."""
    return Line(printable(text), Style.ERROR)


def error_lines(failure: MagerewindError) -> tuple[Line, ...]:
    """Return the failure and, where it helps, its cure."""
    return _failure(failure.message, failure.hint)


def _failure(message: str, hint: str | None) -> tuple[Line, ...]:
    return (error(message), note(hint)) if hint else (error(message),)


def name_lines(names: tuple[str, ...], shown: int | None = NAMES_SHOWN) -> tuple[Line, ...]:
    """Return the named paths or tables, indented; at most `shown` of them, and how many more."""
    lines = [Line(f"  {printable(name)}", Style.NOTE) for name in names[:shown]]
    if shown is not None and len(names) > shown:
        lines.append(Line(f"  ... and {numbers.count(len(names) - shown)} more", Style.NOTE))
    return tuple(lines)


def _backup_lines(event: BackupCompleted) -> tuple[Line, ...]:
    title = TITLES[event.kind]
    hint = "" if event.kind is Kind.DB else _SEVEN_ZIP
    return (
        plain(f"{title} backup filename: {event.file_name}{hint}"),
        plain(f"{title} backup path: {event.path}"),
        success(f"{title} backup completed successfully."),
    )


def _rollback_lines(event: RollbackStarted) -> tuple[Line, ...]:
    title = TITLES[event.kind]
    files = event.kind is not Kind.DB
    only = ", ".join(printable(name) for name in event.only)
    return (
        plain(f"{title} rollback is starting{' ...' if files else '...'}"),
        plain(f"{title} rollback filename: {event.file_name}"),
        plain(f"{title} rollback {'file path' if files else 'path'}: {event.path}"),
        *([plain(f"{title} rollback of only: {only}")] if only else []),
    )


def _sent_line(event: BackupSent) -> Line:
    size, added = numbers.size(event.content_bytes), numbers.size(event.added_bytes)
    took = numbers.duration(event.elapsed_s)
    return plain(
        f"{TITLES[event.kind]} backup sent to {event.repository}: {size}, {added} of it new there, "
        f"in {took} (snapshot {event.snapshot[:8]})."
    )


def _set_line(event: SetSent) -> Line:
    kinds = ", ".join(event.kinds)
    return success(f"Backup set {event.timestamp} ({kinds}) is complete in {event.repository}.")


def _documented(event: Event) -> tuple[Line, ...] | None:
    """Return the lines that Magento's commands print too; None for other events."""
    match event:
        case MaintenanceEnabled(already=already):
            return (
                plain(
                    "Maintenance mode already enabled" if already else "Enabling maintenance mode"
                ),
            )
        case MaintenanceDisabled(skipped=skipped):
            return (
                plain(
                    "Skipped disabling maintenance mode"
                    if skipped
                    else "Disabling maintenance mode"
                ),
            )
        case BackupStarted(kind=kind):
            return (plain(f"{TITLES[kind]} backup is starting..."),)
        case BackupCompleted():
            return _backup_lines(event)
        case RollbackStarted():
            return _rollback_lines(event)
        case RollbackCompleted(kind=kind):
            return (success(f"{TITLES[kind]} rollback completed successfully."),)
        case BackupSent():
            return (_sent_line(event),)
        case SetSent():
            return (_set_line(event),)
        case PermissionReminder(already_executable=done):
            done_already = " (already executable)" if done else ""
            return (
                plain(f"Please set file permission of bin/magento to executable{done_already}"),
            )
        case _:
            return None


def _ended(event: JobEnded, state: JobState) -> tuple[Line, ...]:
    operation = None if state.began is None else state.began.operation
    took = f"after {numbers.duration(event.elapsed_s)}"
    match event.outcome:
        case Outcome.DONE | Outcome.WARNINGS if operation in {Operation.UNDO, Operation.DISCARD}:
            done = "Undo" if operation is Operation.UNDO else "Discarding the undo"
            lines = [success(f"{done} completed successfully.")]
        case Outcome.DONE | Outcome.WARNINGS:
            lines = []
        case Outcome.CANCELLED if operation is Operation.BACKUP:
            left = "backups that were finished stay, and nothing else was changed"
            lines = [warning(f"Cancelled {took}; {left}.")]
        case Outcome.CANCELLED:
            lines = [warning(f"Cancelled {took}; nothing was changed.")]
        case Outcome.REVERTED:
            lines = [warning(f"Reverted {took}: the store is as it was before.")]
        case Outcome.CLOSED:
            lines = [error("The store stays in maintenance mode.")]
        case _:
            lines = []
    if event.outcome is Outcome.WARNINGS:
        found = numbers.counted(len(state.warnings), "warning")
        lines.append(
            warning(f"Complete with {found}." if state.warnings else "Complete, with warnings.")
        )
    if event.undo_kept:
        lines.append(
            note("An undo is kept: magerewind job:undo, or job:discard to free its space.")
        )
    return tuple(lines)


def _plan_line(event: RollbackPlanned) -> Line:
    things = "tables" if event.kind is Kind.DB else "entries"
    counts = (
        ("added", event.added),
        ("changed", event.changed),
        ("removed", event.removed),
        ("with another mode", event.mode_only),
        ("identical", event.identical),
    )
    told = ", ".join(f"{numbers.count(number)} {what}" for what, number in counts if number)
    size = numbers.size(event.bytes_to_write)
    return note(f"{TITLES[event.kind]} plan: {things} {told or 'none'}; {size} to write.")


def _hook_line(event: HookRan) -> Line:
    took = numbers.duration(event.elapsed_s)
    if event.outcome is Outcome.DONE:
        return note(f"Hook {event.moment}: {event.command} ended well after {took}.")
    if event.exit_code is not None:
        how = f"failed (exit code {event.exit_code}) after {took}"
    elif event.started:
        how = f"was ended after {took}"
    else:
        how = "was not run"
    return note(f"Hook {event.moment}: {event.command} {how}.")


def _ours(event: Event, state: JobState, shown: int | None) -> tuple[Line, ...]:  # noqa: C901
    match event:
        case Warned(message=message, names=names):
            return (warning(f"Warning: {message}"), *name_lines(names, shown))
        case Noted(message=message, names=names):
            return (note(message), *name_lines(names, shown))
        case HookRan():
            return (_hook_line(event),)
        case FollowUp(message=message):
            return (note(f"To do: {message}"),)
        case RollbackPlanned():
            return (_plan_line(event),)
        case CancelRequested(too_late=True):
            return (warning("Too late to cancel: past the commit point, finishing."),)
        case CancelRequested():
            return (warning("Cancelling: what was begun is being put back."),)
        case Failed(message=message, hint=hint):
            return _failure(message, hint)
        case RecoveryBegan(way="forward"):
            return (note("Recovering: the job was past its commit point and is being completed."),)
        case RecoveryBegan():
            return (note("Recovering: what the job had begun is being put back."),)
        case JobEnded():
            return _ended(event, state)
        case _:
            return ()


def lines_of(
    event: Event, state: JobState | None = None, *, names_shown: int | None = NAMES_SHOWN
) -> tuple[Line, ...]:
    """Return an event's lines; most events of progress have none.

    `state` is the job's state with this event taken in; `names_shown` limits the names under a
    warning (None: all of them).
    """
    documented = _documented(event)
    if documented is not None:
        return documented
    return _ours(event, JobState() if state is None else state, names_shown)


class Narrator:
    """Turns a stream of events into lines, and keeps the folded state for who needs it."""

    def __init__(self, *, names_shown: int | None = NAMES_SHOWN) -> None:
        self.state = JobState()
        self._names_shown = names_shown

    def tell(self, stamped: Stamped) -> tuple[Line, ...]:
        """Return the lines of the next event."""
        self.state = advance(self.state, stamped)
        return lines_of(stamped.event, self.state, names_shown=self._names_shown)
