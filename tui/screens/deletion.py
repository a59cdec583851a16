"""The questions before backups, unfinished files or an undo are deleted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo

from core.backups.catalog import PartialBackup
from core.events import Kind
from core.jobs.listing import JobSummary
from tui.engine.port import Engine
from tui.engine.views import BAD, BackupsView, BackupView
from tui.render import text
from tui.screens.ask import Ask

_SHOWN = 6


def needs_typing(backups: BackupsView, chosen: tuple[BackupView, ...]) -> tuple[Kind, ...]:
    """Return the kinds of which nothing good would be left without the chosen backups."""
    names = {backup.name for backup in chosen}
    kinds = {backup.kind for backup in chosen if backup.health not in BAD}
    return tuple(
        kind
        for kind in Kind
        if kind in kinds and all(good.name in names for good in backups.good(kind))
    )


def deletion_question(
    backups: BackupsView, chosen: tuple[BackupView, ...], zone: tzinfo | None
) -> Ask:
    """Return the question before these backups are deleted; the last good ones need a name typed.

    The typed name is the file name of one, the timestamp of a set, `delete 3 sets` for several.
    """
    moments = sorted({backup.timestamp for backup in chosen})
    when = text.local_time(moments[0], zone)
    size = text.size(sum(backup.size_bytes for backup in chosen))
    if len(moments) > 1:
        what, typed = f"{len(moments)} sets, {size}", f"delete {len(moments)} sets"
    elif len(chosen) > 1:
        what, typed = f"this set of {when}, {size}", str(moments[0])
    else:
        what, typed = f"this backup of {when}, {size}", chosen[0].name
    lines = [f"{backup.name}  {text.size(backup.size_bytes)}" for backup in chosen[:_SHOWN]]
    if len(chosen) > _SHOWN:
        lines.append(f"and {len(chosen) - _SHOWN} more files")
    lines.append("")
    last = needs_typing(backups, chosen)
    if last:
        kinds = " and ".join(kind.value for kind in last)
        lines.append(f"No other good backup of {kinds} is left then.")
    lines.append("What is deleted cannot be brought back.")
    return Ask(
        title=f"Delete {what}?",
        lines=lines,
        do="Delete",
        typed=typed if last else "",
        danger=True,
    )


def unfinished_question(unfinished: PartialBackup | None) -> Ask:
    """Return the question before an unfinished file is deleted."""
    size = text.size(unfinished.size_bytes if unfinished is not None else None)
    name = "" if unfinished is None else unfinished.file_name
    return Ask(
        title=f"Delete this unfinished file, {size}?",
        lines=[
            name,
            "",
            "It is what a backup that died has left: nothing can be rolled back to it.",
        ],
        do="Delete",
        danger=True,
    )


def discard_question(job: JobSummary, zone: tzinfo | None) -> Ask:
    """Return the question before the undo of a rollback is given up."""
    freed = f" It frees {text.size(job.undo_bytes)}." if job.undo_bytes else ""
    return Ask(
        title=f"Give up the undo of the rollback of {text.local_time(job.began_s, zone)}?",
        lines=[
            f"What that rollback replaced is deleted and cannot be brought back.{freed}",
            "The store itself is not touched.",
        ],
        do="Delete the undo",
        typed="discard",
    )


def deleting(
    engine: Engine, chosen: Sequence[BackupView | PartialBackup | None]
) -> Callable[[], None]:
    """Return the work of deleting these, to be run in a background thread."""

    def work() -> None:
        for one in chosen:
            if isinstance(one, PartialBackup):
                engine.delete_unfinished(one)
            elif one is not None:
                engine.delete(one)

    return work
