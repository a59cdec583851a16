"""Files in var/backups that are no backups: unfinished files, and files of others, as lines."""

from __future__ import annotations

from datetime import tzinfo
from typing import Final

from textual.content import Content

from core.backups.names import backup_beside
from tui.render import text
from tui.render.job import Canvas
from tui.render.listing import SetRow
from tui.render.plan import labelled
from tui.render.text import Glyphs, assemble

NOT_OURS: Final = "It is not a backup, so nothing here reads, moves or deletes it."


def left_over_line(item: SetRow, width: int, glyphs: Glyphs) -> Content:
    """Return the row of an unfinished file, or of one that is no backup."""
    unfinished = item.unfinished
    what = "not a backup" if backup_beside(item.other) is None else "left over"
    what = "unfinished" if unfinished is not None else what
    name = unfinished.file_name if unfinished is not None else item.other
    size = "" if unfinished is None else text.right(text.column_size(unfinished.size_bytes), 8)
    shown = text.fit(f"{what:<13} {text.clean(name)}", max(20, width - len(size)), glyphs)
    return assemble((f"{shown}{size}", "$foreground-muted"))


def left_over_details(
    item: SetRow, place: Canvas, zone: tzinfo | None, *, running: bool
) -> list[Content]:
    """Return the facts of the row, and its possible actions."""
    unfinished = item.unfinished
    if unfinished is None:
        backup = backup_beside(item.other)
        if backup is not None:
            return [
                assemble(("Left of a backup that is gone", "bold $title")),
                *labelled("Name", item.other, place),
                *labelled("", f"It belongs to {backup}, and is used again if that is back.", place),
            ]
        return [
            assemble(("Not a backup", "bold $title")),
            *labelled("Name", item.other, place),
            *labelled("", NOT_OURS, place),
            *labelled("", "Backups are named like 1700000000_filesystem.tgz.", place),
        ]
    when = text.local_time(unfinished.modified_s, zone)
    ago = text.age(unfinished.modified_s, place.now_s)
    words = (
        "A job is running: it may be its file. It cannot be deleted now."
        if running
        else "No job runs that could finish it. [d] deletes it and frees its space."
    )
    return [
        assemble(("An unfinished backup: it cannot be rolled back to", "bold $title")),
        *labelled("Name", unfinished.file_name, place),
        *labelled("Size", text.size(unfinished.size_bytes), place),
        *labelled("Written", f"{when}, {ago}", place),
        *labelled("", words, place),
    ]
