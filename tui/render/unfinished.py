"""What lies in var/backups and is no backup: unfinished files, and files of others, as lines."""

from __future__ import annotations

from datetime import tzinfo

from textual.content import Content

from core.backups.catalog import PartialBackup
from tui.engine.views import BackupsView
from tui.render import text
from tui.render.job import Place
from tui.render.plan import labelled
from tui.render.row import Row
from tui.render.text import Glyphs, assemble

NOT_OURS = "It is not a backup, so nothing here reads, moves or deletes it."


def left_over_rows(backups: BackupsView, term: str, glyphs: Glyphs) -> list[Row]:
    """Return a row for each, as far as its name matches; they come behind all sets."""

    def matches(name: str) -> bool:
        return all(word in name.casefold() for word in term.casefold().split())

    rows = [
        _row(f"unfinished {one.file_name}", "unfinished", one.file_name, one.size_bytes, glyphs)
        for one in backups.partial
        if matches(f"unfinished {one.file_name}")
    ]
    rows.extend(
        _row(f"other {name}", "not a backup", name, None, glyphs)
        for name in backups.unknown
        if matches(f"not a backup {name}")
    )
    return rows


def _row(key: str, what: str, name: str, size_bytes: int | None, glyphs: Glyphs) -> Row:
    def draw(width: int) -> Content:
        size = "" if size_bytes is None else text.right(text.size(size_bytes), 9)
        line = f" {glyphs.warning} {what:<12} {text.clean(name)}"
        shown = text.fit(line, max(20, width - len(size) - 1), glyphs)
        return assemble((f"{shown}{size}", "$foreground-muted"))

    return Row(key, draw)


def unfinished_under(backups: BackupsView, key: str) -> PartialBackup | None:
    """Return the unfinished file that a row stands for."""
    return next((one for one in backups.partial if key == f"unfinished {one.file_name}"), None)


def left_over_details(
    backups: BackupsView, key: str, place: Place, zone: tzinfo | None, *, running: bool
) -> list[Content]:
    """Return what is known of the row, and what may be done with it."""
    unfinished = unfinished_under(backups, key)
    if unfinished is not None:
        when = text.local_time(unfinished.modified_s, zone)
        ago = text.age(unfinished.modified_s, place.now_s)
        words = (
            "A job is running: it may be its file. It cannot be deleted now."
            if running
            else "No job runs that could finish it. d deletes it and frees its space."
        )
        return [
            assemble((" An unfinished backup: it cannot be rolled back to", "bold $text-accent")),
            *labelled("Name", unfinished.file_name, place),
            *labelled("Size", text.size(unfinished.size_bytes), place),
            *labelled("Written", f"{when}, {ago}", place),
            *labelled("", words, place),
        ]
    if key.startswith("other "):
        return [
            assemble((" Not a backup", "bold $text-accent")),
            *labelled("Name", key.removeprefix("other "), place),
            *labelled("", NOT_OURS, place),
            *labelled("", "Backups are named like 1700000000_filesystem.tgz.", place),
        ]
    return []
